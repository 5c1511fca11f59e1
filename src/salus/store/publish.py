"""Staged rows -> the population's tables: numbered, sorted, with facts about every column.

`publish` writes the tables in the population; `number`, before it, keeps (in `work`) the numbers of child rows that
others refer to. Numbers depend on the data alone, so that columns added later find the same rows.

Leaves to others: typing values (`salus.store.shred`), the transaction around it (`salus.store.population`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import duckdb

from salus.store.shred import Staged
from salus.store.sql import literal, quote, scalar
from salus.store.tree import Column, Relation

FACTS = """CREATE TABLE IF NOT EXISTS column_fact(
    table_name VARCHAR, column_name VARCHAR, present BOOLEAN, exact BOOLEAN)"""

ELEMENTS = "CREATE TABLE IF NOT EXISTS element(table_name VARCHAR, element VARCHAR)"
"""Which elements the rows of a table have, whether typed or not, so that no record is read for another; of tables that
were read once.
"""

KEYS = "pid INTEGER, rid BIGINT, id VARCHAR USING COMPRESSION zstd, seq BIGINT"
"""What every resource type's table begins with; `seq` is the number of its record in raw. Almost no id comes twice: the
codecs that look for repeats, which else would be tried, take twice as long to save nothing.
"""

# Zstandard is asked for: of all codecs it is twice as fast on JSON and leaves a quarter of the size.
RAW_COLUMNS = "seq BIGINT, json VARCHAR USING COMPRESSION zstd, file INTEGER, line BIGINT, entry INTEGER"
"""The records as they came: the columns of every type's table in `raw`."""

SORTED = 1 << 20
"""Rows of a table sorted at once: four million do not fit into the memory of a load, disk or no disk."""

_CHILD_KEYS = ("pid INTEGER", "rid BIGINT", "parent BIGINT", "eid BIGINT", "ord INTEGER")


class ColumnFact(NamedTuple):
    """present: some row has a value. exact: every value is one instant or day (low = high); TRUE for what is
    not a date. A dateTime's `.offset` is present when some value's is not that of UTC.
    """

    present: bool
    exact: bool


Facts = Mapping[tuple[str, str], ColumnFact]


def number(con: duckdb.DuckDBPyConnection, staged: Mapping[str, Staged], known: Facts) -> None:
    """Leave `work."<table> numbered"` (sk, parent, eid) of every staged child table whose numbers are needed outside
    it: by a child of its own, or to find its rows in the population again.
    """
    for table, one in staged.items():
        needed = (table, "") in known or any(staged[child.table].parts for child in one.relation.children)
        if one.relation.path and one.parts and needed:
            con.execute(
                f"""CREATE OR REPLACE TABLE {_numbered(table)} AS
                SELECT sk, parent, row_number() OVER (ORDER BY parent, ord) AS eid FROM {_with_parent(staged, table)}"""
            )


def _with_parent(staged: Mapping[str, Staged], table: str) -> str:
    """The staged rows of a child table with their `parent`: the resource's number, or that of the element above."""
    above = next(t for t, one in staged.items() if any(child.table == table for child in one.relation.children))
    rows = _union(staged[table].parts)
    if not staged[above].relation.path:
        return f"(SELECT rid AS parent, * FROM {rows})"
    return f"(SELECT p.eid AS parent, s.* FROM {rows} s JOIN {_numbered(above)} p ON p.sk = s.pk)"


def _numbered(table: str) -> str:
    return f"work.{quote(f'{table} numbered')}"


def _union(parts: list[str]) -> str:
    """The rows of all parts; a column that one part lacks is NULL there."""
    return "(" + " UNION ALL BY NAME ".join(f"FROM {part}" for part in parts) + ")"


def publish(con: duckdb.DuckDBPyConnection, staged: Mapping[str, Staged], known: Facts) -> None:
    """Write the staged columns that are not `known` yet into the population's tables, and the facts about them. A
    column in which no row has anything is a fact alone (until `absent`): empty ones cost as much as full ones.
    """
    definitions: list[str] = []
    facts: dict[tuple[str, str], ColumnFact] = {}
    for table, one in staged.items():
        columns = [column for column in one.relation.columns if (table, column.name) not in known]
        found = any(column.name in one.found for column in columns)
        if one.relation.path and (table, "") not in known:
            definitions += _create(con, table, columns, staged)
        elif found and _covers(con, table, one, known):
            _replace(con, table, columns, one)
        elif found:
            _extend(con, table, columns, one)
        facts |= _facts(con, table, columns, one)
        definitions += _insert_elements(table, one.elements)
    fresh = {where: fact for where, fact in facts.items() if where not in known}
    con.execute("; ".join([*definitions, *_insert_facts(fresh)]) or "SELECT 1")


def _covers(con: duckdb.DuckDBPyConnection, table: str, one: Staged, known: Facts) -> bool:
    """Whether the staged rows are all there is: the table has its keys alone, and they have every row of it."""
    bare = not one.relation.path and not any(typed == table for typed, _ in known)
    return bare and one.rows == scalar(con, f"SELECT count(*) FROM {quote(table)}")


def _replace(con: duckdb.DuckDBPyConnection, table: str, columns: list[Column], one: Staged) -> None:
    """A resource's table anew from staged rows alone."""
    found = _found(columns, one)
    typed = ", ".join(f"{name} {sql}" for name, sql in found)
    names = ", ".join(name for name, _ in found)
    rows = _union(one.parts)
    con.execute(f"CREATE OR REPLACE TABLE {quote(table)}({KEYS}, {typed})")
    for some in _ranges(con, "rid", rows, SORTED):
        con.execute(
            f"INSERT INTO {quote(table)} SELECT pid, rid, id, seq, {names} FROM {rows} WHERE {some} ORDER BY rid"
        )


def _ranges(con: duckdb.DuckDBPyConnection, key: str, rows: str, step: int) -> Iterator[str]:
    """Conditions on a key, one after the other, each for `step` rows."""
    for start in range(0, scalar(con, f"SELECT max({key}) FROM {rows}") + 1, step):
        yield f"{key} BETWEEN {start} AND {start + step - 1}"


def _extend(con: duckdb.DuckDBPyConnection, table: str, columns: list[Column], one: Staged) -> None:
    """A table with further columns, by a sorted rewrite."""
    key, rows = "rid", _union(one.parts)
    if one.relation.path:
        key, rows = "eid", f"(SELECT n.eid, s.* FROM {rows} s JOIN {_numbered(table)} n USING (sk))"
    fresh = quote(f"{table} new")
    values = ", ".join(f"s.{name} AS {name}" for name, _ in _found(columns, one))
    con.execute(f"CREATE TABLE {fresh} AS SELECT k.*, {values} FROM {quote(table)} k, {rows} s LIMIT 0")
    for some in _ranges(con, key, quote(table), SORTED >> 2):  # they are joined before
        con.execute(
            f"""INSERT INTO {fresh} SELECT k.*, {values} FROM (FROM {quote(table)} WHERE {some}) k
            LEFT JOIN (FROM {rows} WHERE {some}) s ON s.{key} = k.{key} ORDER BY k.{key}"""
        )
    con.execute(f"DROP TABLE {quote(table)}; ALTER TABLE {fresh} RENAME TO {quote(table)}")


def _create(
    con: duckdb.DuckDBPyConnection, table: str, columns: list[Column], staged: Mapping[str, Staged]
) -> list[str]:
    """A new child table, its rows in order of `eid`; the statement that makes it when it has none."""
    one = staged[table]
    found = _found(columns, one)
    typed = [f"{name} {sql}" for name, sql in found]
    definition = f"CREATE TABLE {quote(table)}({', '.join([*_CHILD_KEYS, *typed])})"
    if not one.parts:
        return [definition]
    names = [name for name, _ in found]
    con.execute(
        f"""{definition}; INSERT INTO {quote(table)} BY NAME
        SELECT {", ".join(["pid", "rid", "parent", "row_number() OVER () AS eid", "ord", *names])}
        FROM (SELECT * FROM {_with_parent(staged, table)} ORDER BY parent, ord)"""
    )
    return []


def absent(con: duckdb.DuckDBPyConnection, relations: Iterable[Relation]) -> list[str]:
    """The statements that make the columns of typed relations in which no row has anything, so that SQL may name them
    all the same.
    """
    found = con.execute(
        """SELECT table_name, column_name FROM duckdb_columns()
        WHERE schema_name = 'main' AND database_name = current_database()"""
    )
    there = {(table, quote(name)) for table, name in found.fetchall()}
    return [
        f"ALTER TABLE {quote(one.table)} ADD COLUMN {name} {sql}"
        for one in _each(relations)
        for name, sql in _physical(one.columns)
        if (one.table, name) not in there
    ]


def _each(relations: Iterable[Relation]) -> Iterator[Relation]:
    for one in relations:
        yield one
        yield from _each(one.children)


def _found(columns: list[Column], one: Staged) -> list[tuple[str, str]]:
    """The physical columns in which some row has a value."""
    return _physical(column for column in columns if column.name in one.found)


def _physical(columns: Iterable[Column]) -> list[tuple[str, str]]:
    return [(quote(name), sql) for column in columns for name, sql in column.typed]


def _facts(
    con: duckdb.DuckDBPyConnection, table: str, columns: list[Column], one: Staged
) -> dict[tuple[str, str], ColumnFact]:
    """One per element column, and beside it one per physical column of a date; "" stands for the table
    itself, which the parent table knows under its path.
    """
    facts: dict[tuple[str, str], ColumnFact] = {}
    for column in columns:
        fact = ColumnFact(column.name in one.found, _is_exact(con, column, one))
        facts |= {(table, name): fact for name in (column.name, *(name for name, _ in column.typed))}
        if column.storage == "datetime":
            facts[table, f"{column.name}.offset"] = ColumnFact(fact.present and _is_away(con, column, one), True)
    if path := ".".join(one.relation.path):
        own = ColumnFact(bool(one.parts), True)
        facts |= {(table, ""): own, (table.removesuffix(f".{path}"), path): own}
    return facts


def _is_exact(con: duckdb.DuckDBPyConnection, column: Column, one: Staged) -> bool:
    if len(column.typed) == 1 or column.name not in one.found:
        return True
    low, high = quote(f"{column.name}.low"), quote(f"{column.name}.high")
    row = con.execute(f"SELECT bool_and({low} = {high}) FROM {_union(one.parts)}").fetchone()
    return row is None or row[0] is not False


def _is_away(con: duckdb.DuckDBPyConnection, column: Column, one: Staged) -> bool:
    """Whether any value states an offset other than that of UTC."""
    row = con.execute(f"SELECT bool_or({quote(f'{column.name}.offset')} <> 0) FROM {_union(one.parts)}").fetchone()
    return row is not None and row[0] is True


def _insert_facts(facts: Mapping[tuple[str, str], ColumnFact]) -> list[str]:
    values = ", ".join(
        f"({literal(table)}, {literal(name)}, {fact.present}, {fact.exact})" for (table, name), fact in facts.items()
    )
    return [f"INSERT INTO column_fact VALUES {values}"] if values else []


def _insert_elements(table: str, elements: Iterable[str]) -> list[str]:
    values = ", ".join(f"({literal(table)}, {literal(element)})" for element in sorted(elements))
    fresh = f"SELECT * FROM (VALUES {values}) v(table_name, element) ANTI JOIN element USING (table_name, element)"
    return [f"INSERT INTO element {fresh}"] if values else []


def present_elements(con: duckdb.DuckDBPyConnection, resource: str) -> dict[str, frozenset[str]]:
    """The elements that rows of the type's tables have, of those that were ever read."""
    query = "SELECT table_name, list(element) FROM element WHERE split_part(table_name, '.', 1) = ? GROUP BY table_name"
    return {table: frozenset(elements) for table, elements in con.execute(query, [resource]).fetchall()}


def drop_staged(con: duckdb.DuckDBPyConnection, staged: Mapping[str, Staged]) -> None:
    """Free the work tables of staged rows."""
    names = [part for one in staged.values() for part in one.parts]
    names += [_numbered(table) for table in staged]
    con.execute("; ".join(f"DROP TABLE IF EXISTS {name}" for name in names))
