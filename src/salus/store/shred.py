"""Raw resources -> typed rows of the wanted elements, one resource type at a time, in the work database.

`Shredder.stage` reads `raw."Type"` a block of rows at a time, lets DuckDB parse the JSON once against the
structure of the wanted elements, and flattens it: a staged table for the resource's own columns and one for
each repeating element below it. What no row of a block holds costs nothing further. Concepts become keys,
references are resolved, date texts become spans; what cannot be read is left empty and noted.

Leaves to others: which elements (`salus.store.tree`), notes (`salus.store.problems`), the tables of the
population (`salus.store.publish`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import count

import duckdb
from msgspec import Struct
from msgspec.structs import replace

from salus.store import contained, moments
from salus.store.intern import Dictionary
from salus.store.problems import Notes, value
from salus.store.references import FOREIGN
from salus.store.sql import GROUP, PROCESSORS, literal, one_by_one, quote, rows, scalar
from salus.store.tree import Column, Node, Relation, prune, relation, structure

BLOCK = 6 * GROUP
BLOCK_BYTES = 64 << 20
"""Rows read at once: so many, or as many as have about so much JSON. Two types are read at a time, and what was read
takes some times the room of its text.
"""
_SAMPLE = 2048

_KEY_BITS = 40

_numbers = count()
"""Numbers that make names and keys unique in this process, whatever an earlier, failed typing left behind."""


class Staged(Struct):
    """The staged rows of one relation: tables in `work` with the rows of each, a table having the columns it found; the
    columns found in any of them; and the `elements` that any row has, wanted or not.
    """

    relation: Relation
    sizes: dict[str, int] = {}
    found: set[str] = set()
    elements: set[str] = set()

    @property
    def parts(self) -> list[str]:
        return list(self.sizes)

    @property
    def rows(self) -> int:
        return sum(self.sizes.values())


class _Found(Struct, frozen=True):
    """What a block's rows of one relation hold: how many rows there are and have each column, which
    references need resolving, which child relations have rows.
    """

    size: int
    columns: dict[str, int]
    foreign: frozenset[str]
    lists: frozenset[str]


def blocks(con: duckdb.DuckDBPyConnection, resource: str) -> list[range]:
    """The records of a type, by row in raw, in parts that are read at once; where there are several there is one for
    every processor, or several for each.
    """
    raw = f"raw.{quote(resource)}"
    size = scalar(con, f"SELECT max(rowid) + 1 FROM {raw}")
    if size <= _SAMPLE:
        return [range(size)] if size else []
    mean = scalar(con, f"SELECT avg(strlen(json)) FROM {raw} WHERE rowid < {_SAMPLE}")
    most = max(_SAMPLE, min(BLOCK, BLOCK_BYTES // max(mean, 1) // _SAMPLE * _SAMPLE))
    if size > most:
        rounds = -(-size // (most * PROCESSORS))
        most = -(-size // (rounds * PROCESSORS * _SAMPLE)) * _SAMPLE
    return [range(start, min(start + most, size)) for start in range(0, size, most)]


class Shredder(Struct):
    """Stages one resource type. Every table it makes in `work` has the type in its name, so that types can be
    staged side by side.
    """

    con: duckdb.DuckDBPyConnection
    resource: str
    dictionary: Dictionary
    _staged: dict[str, Staged] = {}

    def stage(
        self,
        root: Node,
        advance: Callable[[int], None],
        present: Mapping[str, frozenset[str]],
        each: Callable[..., None] = one_by_one,
    ) -> dict[str, Staged]:
        """Stage all rows: table name -> staged rows. `advance` is told the rows done after each block. `present` are
        the elements that rows of the type's tables have, of those that were read before. `each` is how blocks are gone
        through: `one_by_one` or `side_by_side`.
        """
        self._declare(relation(root))
        root = prune(root, present)
        if not root.kids:
            return self._staged

        def one_block(con: duckdb.DuckDBPyConnection, rows: range) -> None:
            mine = replace(self, con=con)
            block = mine._kept(f"raw.{quote(self.resource)} WHERE rowid BETWEEN {rows.start} AND {rows.stop - 1}")
            mine._block(root, Notes(con, self.resource, block))
            advance(len(rows))

        each(self.con, one_block, blocks(self.con, self.resource))
        return self._staged

    def _kept(self, block: str) -> str:
        """The records of a block that are somebody's, or may be anybody's, under their numbers."""
        ((first, last),) = rows(self.con, f"SELECT coalesce(min(seq), 0), coalesce(max(seq), -1) FROM {block}")
        keys = f"SELECT pid, rid, seq FROM {quote(self.resource)} WHERE seq BETWEEN {first} AND {last}"
        return f"(SELECT pid, rid, seq, json FROM (SELECT seq, json FROM {block}) JOIN ({keys}) USING (seq))"

    def _declare(self, one: Relation) -> None:
        self._staged[one.table] = Staged(one)
        for child in one.children:
            self._declare(child)

    def _block(self, root: Node, notes: Notes) -> None:
        keys = self._keys(notes.block)
        self._staged[self.resource].elements.update(keys)
        root = prune(root, {self.resource: frozenset(keys)})
        if not root.kids:
            return
        source = self._name("rows")
        self._read_rows(root, source, notes.block, "contained" in keys)
        notes.shapes(keys, self._read(root, source), source)
        self._rows(relation(root), source, notes)

    def _read_rows(self, root: Node, source: str, block: str, holds_others: bool) -> None:
        """Read a block's JSON. Most resources say their id themselves; that of the others, and of what is contained
        (numbered below 0), is looked up.
        """
        wanted = literal(json.dumps({"id": "VARCHAR", **structure(root)}))
        text = contained.own_references("json", "seq") if holds_others else "json"
        self.con.execute(
            f"""CREATE TABLE {source} AS
            SELECT pid, rid, seq, CASE WHEN seq >= 0 THEN v.id END AS id, CAST(NULL AS BIGINT) AS pk, rid AS sk,
                0 AS ord, v
            FROM (SELECT pid, rid, seq, json_transform({text}, {wanted}) AS v FROM {block})"""
        )
        if scalar(self.con, f"SELECT count(*) FROM {source} WHERE id IS NULL"):
            self.con.execute(
                f"""UPDATE {source} SET id = k.id FROM {quote(self.resource)} k
                WHERE {source}.id IS NULL AND k.rid = {source}.rid"""
            )

    def _keys(self, objects: str) -> dict[str, int]:
        """The elements present in objects (a relation with their `json`), with the number of objects that have them."""
        query = f"SELECT k, count(*) FROM (SELECT unnest(json_keys(json)) AS k FROM {objects}) GROUP BY k"
        return {str(key): int(str(many)) for key, many in rows(self.con, query)}

    def _read(self, root: Node, source: str) -> dict[str, int]:
        counts = self._counts([f"count(v.{quote(name)})" for name in root.kids], source)
        return dict(zip(root.kids, counts, strict=True))

    def _counts(self, wanted: list[str], source: str) -> list[int]:
        row = self.con.execute(f"SELECT {', '.join(wanted)} FROM {source}").fetchone()
        return [int(number or 0) for number in row or ()]

    def _rows(self, one: Relation, source: str, notes: Notes) -> None:
        """Stage the rows of one relation from `source` (pid, rid, pk, sk, ord, v) and those of its children;
        drops `source`.
        """
        found = self._found(one, source)
        present = [column for column in one.columns if found.columns[column.name]]
        if present or one.path:
            staged, part = self._staged[one.table], self._typed(one, present, found.foreign, source)
            staged.sizes[part] = found.size
            staged.found.update(column.name for column in present)
            for column in present:
                if _is_read(column):
                    notes.unread(one, column, part, source, found.columns[column.name])
        for child in one.children:
            if child.table in found.lists:
                self._rows(*self._child(child, source), notes)
        self.con.execute(f"DROP TABLE {source}")

    def _found(self, one: Relation, source: str) -> _Found:
        references = [column for column in one.columns if column.reference]
        wanted = ["count(*)"]
        wanted += [f"count({_in_row(column)})" for column in one.columns]
        wanted += [f"count_if({FOREIGN.format(_in_row(column))})" for column in references]
        wanted += [f"sum(len({value(child.path, 'v')}))" for child in one.children]
        counts = iter(self._counts(wanted, source))
        return _Found(
            next(counts),
            {column.name: next(counts) for column in one.columns},
            frozenset(column.name for column in references if next(counts)),
            frozenset(child.table for child in one.children if next(counts)),
        )

    def _child(self, child: Relation, source: str) -> tuple[Relation, str]:
        """One row per member of the parents' lists, with those of its elements that any has; `sk` is unique over the
        blocks.
        """
        name, items, read = self._name("rows"), value(child.path, "v"), "v"
        base = next(_numbers) << _KEY_BITS
        if child.node.kids:
            keys = frozenset(self._keys(f"(SELECT unnest({items}) AS json FROM {source})"))
            self._staged[child.table].elements.update(keys)
            child = child.among(keys)
            read = f"json_transform(v, {literal(json.dumps(structure(child.node)))})"
        self.con.execute(
            f"""CREATE TABLE {name} AS
            SELECT pid, rid, pk, {base} + row_number() OVER () AS sk, ord, {read} AS v FROM (
                SELECT pid, rid, sk AS pk, unnest({items}) AS v,
                    CAST(generate_subscripts({items}, 1) - 1 AS INTEGER) AS ord
                FROM {source} WHERE len({items}) > 0)"""
        )
        return child, name

    def _typed(self, one: Relation, present: list[Column], foreign: frozenset[str], source: str) -> str:
        """The staged table of the columns that are present."""
        name = self._name("stage")
        lookups = [self._concepts(present, source, many=many) for many in (False, True)]
        lookups.append(self._targets([column for column in present if column.name in foreign], source))
        joins = " ".join(join for lookup in lookups for join in lookup.joins)
        found = {column: text for lookup in lookups for column, text in lookup.values.items()}
        columns = [f"{found.get(c.name) or _plain(c)} AS {quote(c.name)}" for c in present]
        texts = [moments.Text(c.name, c.storage == "date") for c in present if _is_date(c)]
        keys = ("pid", "rid", "pk", "sk", "ord") if one.path else ("pid", "rid", "id", "seq", "sk")
        keyed = ", ".join([*keys, *columns])
        query = moments.spans(f"(SELECT {keyed} FROM {source} {joins})", texts)
        self.con.execute(f"CREATE TABLE {name} AS {query}")
        self.con.execute("; ".join(f"DROP TABLE {lookup.table}" for lookup in lookups if lookup.joins) or ";")
        return name

    def _concepts(self, present: list[Column], source: str, *, many: bool) -> _Lookup:
        """Number the concepts, or the concept lists, of the present columns."""
        columns = [column for column in present if column.storage == "concept" and column.many == many]
        table = self._name("lists" if many else "concepts")
        if columns:
            texts = [f"SELECT {_json(column)} FROM {source}" for column in columns]
            self.dictionary.intern(self.con, texts, lists=many, into=table)
        return _Lookup.of(table, "json", "key", {column.name: _json(column) for column in columns})

    def _targets(self, columns: list[Column], source: str) -> _Lookup:
        """Resolve references that are not `Type/id` already, through the population's `reference_alias`."""
        table = self._name("targets")
        if columns:
            texts = " UNION ".join(f"SELECT {_in_row(column)} FROM {source}" for column in columns)
            self.con.execute(
                f"""CREATE TABLE {table} AS SELECT url, target FROM reference_alias
                SEMI JOIN (SELECT * FROM ({texts}) t(url)) t USING (url)"""
            )
        lookup = _Lookup.of(table, "url", "target", {column.name: _in_row(column) for column in columns})
        for column in columns:
            lookup.values[column.name] = f"coalesce({lookup.values[column.name]}, {_plain(column)})"
        return lookup

    def _name(self, role: str) -> str:
        return f"work.{quote(f'{self.resource} {role} {next(_numbers)}')}"


class _Lookup(Struct, frozen=True):
    """Columns whose values are looked up in a table of the work database: the joins, and what they give."""

    table: str
    joins: list[str]
    values: dict[str, str]

    @classmethod
    def of(cls, table: str, key: str, result: str, columns: dict[str, str]) -> _Lookup:
        """A lookup of each column's expression under `key`."""
        joins, values = [], {}
        for name, expression in columns.items():
            alias = quote(f"{name}/{result}")
            joins.append(f"LEFT JOIN {table} {alias} ON {alias}.{key} = {expression}")
            values[name] = f"{alias}.{result}"
        return cls(table, joins, values)


def _in_row(column: Column) -> str:
    return value(column.path, "v")


def _json(column: Column) -> str:
    """A concept's JSON as the dictionary knows it; an empty list is as good as none."""
    text = f"CAST({_in_row(column)} AS VARCHAR)"
    return f"nullif({text}, '[]')" if column.many else text


def _plain(column: Column) -> str:
    """A value that needs no looking up."""
    if column.storage == "complex":
        return f"CASE WHEN {_in_row(column)} IS NOT NULL THEN TRUE END"
    if column.storage == "integer":  # a cast alone would round
        number = f"TRY_CAST({_in_row(column)} AS DOUBLE)"
        return f"CASE WHEN {number} = floor({number}) THEN TRY_CAST({_in_row(column)} AS INTEGER) END"
    if column.storage == "decimal":
        return f"TRY_CAST({_in_row(column)} AS {column.typed[0][1]})"
    if column.reference:  # few have anything to be replaced, and to look for it costs a quarter of replacing
        text = _in_row(column)
        plain = rf"regexp_replace({text}, '{contained.UNRESOLVED}|/_history/[^/]*$', '\1')"
        return f"CASE WHEN starts_with({text}, '#') OR contains({text}, '/_history/') THEN {plain} ELSE {text} END"
    return _in_row(column)


def _is_date(column: Column) -> bool:
    return column.storage in ("date", "datetime")


def _is_read(column: Column) -> bool:
    """Whether its text may turn out to mean nothing."""
    return column.storage in ("date", "datetime", "integer", "decimal")
