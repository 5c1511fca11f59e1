"""Staged rows -> the population's tables: numbered, sorted, with facts about every column.
 `number` orders the rows of child tables and gives them `eid`s (in `work`); `publish` then writes the tables
in the population. The numbering depends on the data alone, so that columns added later find the same rows.
Leaves to others: typing values (`salus.store.shred`), the transaction around it (`salus.store.population`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import duckdb

from salus.store.shred import Staged
from salus.store.sql import literal, quote
from salus.store.tree import Column

FACTS = """CREATE TABLE IF NOT EXISTS column_fact(
    table_name VARCHAR, column_name VARCHAR, present BOOLEAN, exact BOOLEAN)"""

_CHILD_KEYS = ("pid INTEGER", "rid BIGINT", "parent BIGINT", "eid BIGINT", "ord INTEGER")


class ColumnFact(NamedTuple):
    """present: some row has a value. exact: every value is one instant or day (low = high); TRUE for what is
    not a date.
    """

    present: bool
    exact: bool


Facts = Mapping[tuple[str, str], ColumnFact]


def number(con: duckdb.DuckDBPyConnection, staged: Mapping[str, Staged]) -> None:
    """Give every staged child row its `parent` and its `eid`, parents before children; leaves
    `work."<table> numbered"`.
    """
    for table, one in staged.items():
        if not one.relation.path or not one.parts:
            continue
        above = _parent_of(staged, table)
        parent, join = "s.rid", ""
        if staged[above].relation.path:
            parent, join = "p.eid", f"JOIN {_numbered(above)} p ON p.sk = s.pk"
        con.execute(
            f"""CREATE TABLE {_numbered(table)} AS
            SELECT s.sk, {parent} AS parent, row_number() OVER (ORDER BY {parent}, s.ord) AS eid
            FROM {_union(one.parts)} s {join}"""
        )


def _parent_of(staged: Mapping[str, Staged], table: str) -> str:
    for name, one in staged.items():
        if any(child.table == table for child in one.relation.children):
            return name
    raise KeyError(table)


def _numbered(table: str) -> str:
    return f"work.{quote(f'{table} numbered')}"


def _union(parts: list[str]) -> str:
    """The rows of all parts; a column that one part lacks is NULL there."""
    return "(" + " UNION ALL BY NAME ".join(f"FROM {part}" for part in parts) + ")"


def publish(con: duckdb.DuckDBPyConnection, staged: Mapping[str, Staged], known: Facts) -> None:
    """Write the staged columns that are not `known` yet into the population's tables, and the facts about
    them.
    """
    definitions: list[str] = []
    facts: dict[tuple[str, str], ColumnFact] = {}
    for table, one in staged.items():
        columns = [column for column in one.relation.columns if (table, column.name) not in known]
        if not one.relation.path:
            definitions += _extend(con, table, "rid", columns, one)
        elif (table, "") in known:
            definitions += _extend(con, table, "eid", columns, one)
        else:
            definitions += _create(con, table, columns, one)
        facts |= _facts(con, table, columns, one)
    fresh = {where: fact for where, fact in facts.items() if where not in known}
    con.execute("; ".join([*definitions, *_insert_facts(fresh)]) or "SELECT 1")


def _extend(con: duckdb.DuckDBPyConnection, table: str, key: str, columns: list[Column], one: Staged) -> list[str]:
    """Add columns to an existing table: by a sorted rewrite when any has values, else by the statements given
    back.
    """
    if not any(column.name in one.found for column in columns):
        return [f"ALTER TABLE {quote(table)} ADD COLUMN {name} {sql}" for name, sql in _physical(columns)]
    fresh = quote(f"{table} new")
    values = ", ".join(
        f"s.{name} AS {name}" if column.name in one.found else f"CAST(NULL AS {sql}) AS {name}"
        for column in columns
        for name, sql in _physical([column])
    )
    rows = _union(one.parts) if key == "rid" else _with_eid(table, one)
    con.execute(
        f"""CREATE TABLE {fresh} AS SELECT k.*, {values} FROM {quote(table)} k
        LEFT JOIN {rows} s ON s.{key} = k.{key} ORDER BY k.{key}"""
    )
    con.execute(f"DROP TABLE {quote(table)}; ALTER TABLE {fresh} RENAME TO {quote(table)}")
    return []


def _with_eid(table: str, one: Staged) -> str:
    return f"(SELECT n.eid, s.* FROM {_union(one.parts)} s JOIN {_numbered(table)} n USING (sk))"


def _definition(table: str, columns: list[Column]) -> str:
    typed = [f"{name} {sql}" for name, sql in _physical(columns)]
    return f"CREATE TABLE {quote(table)}({', '.join([*_CHILD_KEYS, *typed])})"


def _create(con: duckdb.DuckDBPyConnection, table: str, columns: list[Column], one: Staged) -> list[str]:
    """A new child table, its rows in order of `eid`; the statement that makes it when it has none."""
    definition = _definition(table, columns)
    if not one.parts:
        return [definition]
    found = [f"s.{name}" for name, _ in _physical(column for column in columns if column.name in one.found)]
    con.execute(
        f"""{definition}; INSERT INTO {quote(table)} BY NAME
        SELECT {", ".join(["s.pid", "s.rid", "n.parent", "n.eid", "s.ord", *found])}
        FROM {_union(one.parts)} s JOIN {_numbered(table)} n USING (sk) ORDER BY n.eid"""
    )
    return []


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


def _insert_facts(facts: Mapping[tuple[str, str], ColumnFact]) -> list[str]:
    values = ", ".join(
        f"({literal(table)}, {literal(name)}, {fact.present}, {fact.exact})" for (table, name), fact in facts.items()
    )
    return [f"INSERT INTO column_fact VALUES {values}"] if values else []


def drop_staged(con: duckdb.DuckDBPyConnection, staged: Mapping[str, Staged]) -> None:
    """Free the work tables of staged rows."""
    names = [part for one in staged.values() for part in one.parts]
    names += [_numbered(table) for table in staged]
    con.execute("; ".join(f"DROP TABLE IF EXISTS {name}" for name in names))
