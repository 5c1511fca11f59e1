"""Raw resources -> typed rows of the wanted elements, one resource type at a time, in the work database.
 `stage` reads `raw."Type"` a block of rows at a time, lets DuckDB parse the JSON once against the structure
of the wanted elements, and flattens it: a staged table for the resource's own columns and one for each
repeating element below it. What no row of a block holds costs nothing further. Concepts become keys,
references are resolved, date texts become spans. An element that does not have the shape or the value FHIR
gives it is left empty and noted as a problem, by row and element, never by its value.
 Leaves to others: which elements (`salus.store.tree`), and the tables of the population
(`salus.store.publish`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

import duckdb

from salus.store import moments
from salus.store.intern import Dictionary
from salus.store.sql import literal, quote, rows, scalar
from salus.store.tree import Column, Node, Relation, prune, relation, structure

BLOCK = 2 * 122_880
"""Rows read at once: two of DuckDB's row groups, so that two threads have work."""

_RESOLVED_ELSEWHERE = "({0} LIKE 'urn:%' OR contains({0}, '://') OR contains({0}, '?'))"
_KEY_BITS = 40


@dataclass(slots=True)
class Staged:
    """The staged rows of one relation: tables in `work` (each with the columns it found) and the columns
    found in any.
    """

    relation: Relation
    parts: list[str] = field(default_factory=list)
    found: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a block's rows of one relation hold: how many have each column, which references need resolving,
    which lists rows.
    """

    columns: dict[str, int]
    foreign: frozenset[str]
    lists: frozenset[str]


@dataclass(slots=True)
class Shredder:
    """Stages one resource type; every table it makes in `work` has the type in its name, so that types can be
    staged side by side.
    """

    con: duckdb.DuckDBPyConnection
    resource: str
    dictionary: Dictionary
    staged: dict[str, Staged] = field(default_factory=dict)
    _names: Iterator[int] = field(default_factory=count)

    def stage(self, root: Node, advance: Callable[[int], None] = lambda rows: None) -> dict[str, Staged]:
        """Stage all rows; `advance` is told the number of rows done after each block. Table name -> its
        staged rows.
        """
        self._declare(relation(root))
        raw = f"raw.{quote(self.resource)}"
        size = scalar(self.con, f"SELECT max(rowid) + 1 FROM {raw}")
        for start in range(0, size, BLOCK):
            block = f"(SELECT * FROM {raw} WHERE rowid BETWEEN {start} AND {start + BLOCK - 1} AND rid IS NOT NULL)"
            self._block(root, block)
            advance(min(BLOCK, size - start))
        return self.staged

    def _declare(self, one: Relation) -> None:
        self.staged[one.table] = Staged(one)
        for child in one.children:
            self._declare(child)

    def _block(self, root: Node, block: str) -> None:
        keys = self._keys(block)
        pruned = prune(root, frozenset(keys))
        if not pruned.kids:
            return
        source = self._name("rows")
        self.con.execute(
            f"""CREATE TABLE {source} AS
            SELECT k.pid, k.rid, CAST(NULL AS BIGINT) AS pk, k.rid AS sk, 0 AS ord, json_transform(b.json,
            {literal(json.dumps(structure(pruned)))}) AS v
            FROM {block} b JOIN {quote(self.resource)} k USING (rid)"""
        )
        self._shapes(pruned, keys, block, source)
        self._rows(relation(pruned), source)

    def _keys(self, block: str) -> dict[str, int]:
        """The top elements present in a block, with the number of resources that have them."""
        query = f"SELECT k, count(*) FROM (SELECT unnest(json_keys(json)) AS k FROM {block}) GROUP BY k"
        return {str(key): int(str(many)) for key, many in rows(self.con, query)}

    def _shapes(self, root: Node, keys: dict[str, int], block: str, source: str) -> None:
        """Note the top elements that are there but could not be read as what FHIR says they are."""
        names = list(root.kids)
        counts = self.con.execute(
            f"SELECT {', '.join(f'count(v.{quote(name)})' for name in names)} FROM {source}"
        ).fetchone()
        assert counts is not None
        for name, read in zip(names, counts, strict=True):
            if read < keys[name]:
                path = literal(f'$."{name}"')
                self._problem(
                    f"""SELECT rid, {literal(name)} FROM {block} SEMI JOIN (SELECT rid FROM {source} WHERE
                    v.{quote(name)} IS NULL)
                    USING (rid) WHERE json_type(json, {path}) <> 'NULL'""",
                    "does not have the shape FHIR gives it",
                )

    def _problem(self, found: str, what: str) -> None:
        self.con.execute(
            f"""INSERT INTO work.problem SELECT {literal(self.resource)}, rid, element, {literal(what)}
            FROM ({found}) f(rid, element)"""
        )

    def _rows(self, one: Relation, source: str) -> None:
        """Stage the rows of one relation from `source` (pid, rid, pk, sk, ord, v), then those of its
        children; drops `source`.
        """
        found = self._found(one, source)
        present = [column for column in one.columns if found.columns[column.name]]
        staged = self.staged[one.table]
        if present or one.path:
            staged.parts.append(self._typed(present, found.foreign, source))
            staged.found.update(column.name for column in present)
            self._unread(present, found, source, staged.parts[-1])
        for child in one.children:
            if child.table in found.lists:
                self._rows(child, self._child(child, source))
        self.con.execute(f"DROP TABLE {source}")

    def _found(self, one: Relation, source: str) -> _Found:
        references = [column for column in one.columns if column.reference]
        wanted = [f"count({_value(column.path)})" for column in one.columns]
        wanted += [f"count_if({_RESOLVED_ELSEWHERE.format(_value(column.path))})" for column in references]
        wanted += [f"sum(len({_value(child.path)}))" for child in one.children]
        if not wanted:
            return _Found({}, frozenset(), frozenset())
        row = self.con.execute(f"SELECT {', '.join(wanted)} FROM {source}").fetchone()
        counts = iter(row or ())
        columns = {column.name: next(counts) for column in one.columns}
        foreign = frozenset(column.name for column in references if next(counts))
        lists = frozenset(child.table for child in one.children if next(counts))
        return _Found(columns, foreign, lists)

    def _child(self, child: Relation, source: str) -> str:
        """One row per member of the parents' lists; `sk` is unique over the blocks."""
        name, items = self._name("rows"), _value(child.path)
        base = next(self._names) << _KEY_BITS
        self.con.execute(
            f"""CREATE TABLE {name} AS
            SELECT pid, rid, pk, {base} + row_number() OVER () AS sk, ord, v FROM (
                SELECT pid, rid, sk AS pk, unnest({items}) AS v,
                    CAST(generate_subscripts({items}, 1) - 1 AS INTEGER) AS ord
                FROM {source} WHERE len({items}) > 0)"""
        )
        return name

    def _typed(self, present: list[Column], foreign: frozenset[str], source: str) -> str:
        """The staged table of the columns that are present."""
        name = self._name("stage")
        joins, values = self._dictionaries(present, source)
        resolved_joins, resolved = self._references(foreign, present, source)
        values |= resolved
        columns = [
            f"{values.get(column.name) or _plain(column)} AS {quote(column.name)}" for column in present
        ]
        texts = [
            moments.Text(column.name, column.storage == "date") for column in present if _is_date(column)
        ]
        base = f"(SELECT {', '.join(['pid', 'rid', 'pk', 'sk', 'ord', *columns])} FROM {source} r {joins} {resolved_joins})"
        self.con.execute(f"CREATE TABLE {name} AS {moments.spans(base, texts)}")
        self.con.execute(
            f"DROP TABLE IF EXISTS work.{self._dict(True)}; DROP TABLE IF EXISTS work.{self._dict(False)}"
        )
        self.con.execute(f"DROP TABLE IF EXISTS {self._alias()}")
        return name

    def _dictionaries(self, present: list[Column], source: str) -> tuple[str, dict[str, str]]:
        """Number the concepts of the present columns: the joins that find the numbers, and each column's
        expression.
        """
        joins, values = "", {}
        for many in (False, True):
            columns = [column for column in present if column.storage == "concept" and column.many == many]
            if not columns:
                continue
            texts = [f"SELECT {_json(column)} FROM {source}" for column in columns]
            self.dictionary.intern(self.con, texts, lists=many, into=self._dict(many))
            for column in columns:
                alias = quote(f"{column.name}/key")
                joins += f" LEFT JOIN work.{self._dict(many)} {alias} ON {alias}.json = {_json(column)}"
                values[column.name] = f"{alias}.key"
        return joins, values

    def _references(
        self, foreign: frozenset[str], present: list[Column], source: str
    ) -> tuple[str, dict[str, str]]:
        """Resolve the references that are not `Type/id` already, through the population's `reference_alias`."""
        columns = [column for column in present if column.name in foreign]
        if not columns:
            return "", {}
        texts = " UNION ".join(f"SELECT {_value(column.path)} FROM {source}" for column in columns)
        self.con.execute(
            f"""CREATE TABLE {self._alias()} AS SELECT url, target FROM reference_alias
            SEMI JOIN (SELECT * FROM ({texts}) t(url)) t USING (url)"""
        )
        joins, values = "", {}
        for column in columns:
            alias = quote(f"{column.name}/alias")
            joins += f" LEFT JOIN {self._alias()} {alias} ON {alias}.url = {_value(column.path)}"
            values[column.name] = f"coalesce({alias}.target, {_plain(column)})"
        return joins, values

    def _unread(self, present: list[Column], found: _Found, source: str, part: str) -> None:
        """Note the dates that are there but mean nothing."""
        for column in present:
            prec = quote(f"{column.name}.prec")
            if (
                not _is_date(column)
                or scalar(self.con, f"SELECT count({prec}) FROM {part}") == found.columns[column.name]
            ):
                continue
            inside = self.staged_path(part, column)
            self._problem(
                f"""SELECT s.rid, {literal(inside)} FROM {part} s JOIN {source} r USING (sk)
                WHERE s.{prec} IS NULL AND {_value(column.path, "r.v")} IS NOT NULL""",
                "is not a FHIR date or time",
            )

    def staged_path(self, part: str, column: Column) -> str:
        """The element path of a column below the resource, for messages."""
        table = next(one.relation.table for one in self.staged.values() if part in one.parts)
        return f"{table}.{column.name}".removeprefix(f"{self.resource}.")

    def _name(self, role: str) -> str:
        return f"work.{quote(f'{self.resource} {role} {next(self._names)}')}"

    def _dict(self, many: bool) -> str:
        return f"dictionary_{self.resource}_{'lists' if many else 'items'}"

    def _alias(self) -> str:
        return f"work.alias_{self.resource}"


def _value(path: tuple[str, ...], row: str = "v") -> str:
    return ".".join([row, *(quote(name) for name in path)])


def _json(column: Column) -> str:
    """A concept's JSON as the dictionary knows it; an empty list is as good as none."""
    text = f"CAST({_value(column.path)} AS VARCHAR)"
    return f"nullif({text}, '[]')" if column.many else text


def _plain(column: Column) -> str:
    value = _value(column.path)
    if column.storage == "complex":
        return f"CASE WHEN {value} IS NOT NULL THEN TRUE END"
    if column.reference:
        return f"regexp_replace({value}, '/_history/[^/]*$', '')"
    return value


def _is_date(column: Column) -> bool:
    return column.storage in ("date", "datetime")
