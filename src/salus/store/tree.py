"""Which elements are wanted, as a tree of relations: a resource type's table and those of its repeating elements.

A `Relation` knows its columns, the JSON structure to read it with and how its rows are reached from its
parent's. Pure: nothing here touches a database. Leaves to others: reading and writing the tables
(`salus.store.shred`), FHIR's facts (`salus.fhir.model`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from salus.errors import SalusError
from salus.fhir import model

_SQL = {"boolean": "BOOLEAN", "concept": "JSON"}
"""Numbers are read as text, so that what is none can be told from what is not there."""


class Need(NamedTuple):
    """One element column: the table it belongs to and its dotted path there ("" for the rows of the table as
    such).
    """

    table: str
    column: str


class Column(Struct, frozen=True):
    """One element of a relation's rows: dotted name, the JSON names that lead to it, and how it is kept."""

    name: str
    path: tuple[str, ...]
    storage: model.Storage
    many: bool
    type: str
    reference: bool

    @property
    def typed(self) -> tuple[tuple[str, str], ...]:
        """The physical columns: (name, DuckDB type)."""
        return model.value_columns(self.type, self.name)


class Node(Struct):
    """A wanted element under its parent, with the wanted elements under it."""

    name: str
    type: str
    many: bool
    kids: dict[str, Node] = {}

    @property
    def storage(self) -> model.Storage:
        return model.storage(self.type)

    @property
    def has_table(self) -> bool:
        return self.many and self.storage != "concept"


class Relation(Struct, frozen=True):
    """A table: its name, the path from the parent relation's row value to its list, its columns and its child
    tables; and the element whose rows they are.
    """

    table: str
    path: tuple[str, ...]
    columns: tuple[Column, ...]
    children: tuple[Relation, ...]
    node: Node

    def among(self, present: frozenset[str]) -> Relation:
        """The relation with those of its rows' elements that are present."""
        return relation(prune(self.node, {self.table: present}, self.table), self.table, self.path)


def canonical(table: str, column: str) -> Need:
    """The need as the tables spell it: `("Encounter", "diagnosis.condition")` is in table
    `Encounter.diagnosis`.

    A date column may be asked for whole or by `.low`, `.high`, `.prec`, `.offset`; a table of primitives by `value`.
    Raises SalusError for a type or element FHIR R4 does not have, and for what is never kept in columns
    (contained resources).
    """
    names = table.split(".") + [part for part in column.split(".") if part]
    if names[0] not in model.RESOURCES:
        raise SalusError(f"'{names[0]}' is not a FHIR R4 resource type")
    at, start, types = names[0], 1, names[0]
    for position, name in enumerate(names[1:], 1):
        found = _step(types, name)
        if found is None:
            if _is_part(types, at, names[position:]):
                break
            raise SalusError(f"FHIR R4 has no element '{name}' in {'.'.join(names[:position])}")
        types = found.types[0]
        if model.storage(types) == "resource":
            raise SalusError(f"{'.'.join(names[: position + 1])} holds a resource, which has no columns")
        if found.many and model.storage(types) != "concept":
            at, start = ".".join(names[: position + 1]), position + 1
    else:
        position = len(names)
    column = ".".join(names[start:position])
    lists_primitives = "." in at and model.kind(at) == "primitive"
    return Need(at, "value" if lists_primitives else column)


def _step(type_name: str, name: str) -> model.Element | None:
    """The element a name leads to; a primitive or a concept leads nowhere, its parts are not columns."""
    stored = model.storage(type_name)
    return model.member(type_name, name) if stored in ("complex", "resource") else None


def _is_part(type_name: str, table: str, rest: list[str]) -> bool:
    """Whether the rest of a name only says which physical column: a date's bounds, a primitive's value."""
    parts = model.parts(type_name)
    left = "." + ".".join(rest)
    primitive = model.kind(type_name) == "primitive"
    return left in parts or (primitive and left in [".value", *(f".value{part}" for part in parts)])


def grow(resource: str, needs: Iterable[Need]) -> Node:
    """The tree of the needs of one resource type."""
    root = Node(resource, resource, many=False)
    for need in needs:
        node = root
        for name in [*need.table.split(".")[1:], *(part for part in need.column.split(".") if part)]:
            if node.storage in ("complex", "resource"):
                node = node.kids.get(name) or _add(node, name)
    return root


def _add(node: Node, name: str) -> Node:
    found = model.member(node.type, name)
    assert found is not None
    node.kids[name] = Node(name, found.types[0], found.many)
    return node.kids[name]


def prune(node: Node, present: Mapping[str, frozenset[str]], table: str = "") -> Node:
    """The tree without what no row has: `present` are the elements that rows of a table have, of tables of which that
    is known. Of such a table nothing is left where nothing that is wanted is present.
    """
    table = table or node.name
    there = present.get(table)
    kids = {
        name: prune(kid, present, f"{table}.{name}")
        for name, kid in node.kids.items()
        if there is None or name in there
    }
    gone = {name for name, kid in kids.items() if f"{table}.{name}" in present and not kid.kids}
    return Node(node.name, node.type, node.many, {name: kid for name, kid in kids.items() if name not in gone})


def structure(row: Node) -> Any:
    """How DuckDB is to read a row: an object of its wanted elements, each by its type or an object of its wanted
    parts. Rows of other tables below it are left as text: they are read by themselves.
    """
    if not row.kids:
        return "JSON" if row.storage in ("complex", "resource") else _SQL.get(row.storage, "VARCHAR")
    return {name: _within(kid) for name, kid in row.kids.items()}


def _within(kid: Node) -> Any:
    if not kid.has_table:
        return structure(kid)
    return ["JSON" if kid.kids else structure(kid)]


def relation(node: Node, table: str = "", path: tuple[str, ...] = ()) -> Relation:
    """The relation of a resource type or of one of its repeating elements, with its child relations."""
    table = table or node.name
    if node.storage not in ("complex", "resource"):
        value = Column("value", (), node.storage, False, node.type, reference=False)
        return Relation(table, path, (value,), (), node)
    columns = tuple(_columns(node, ()))
    children = tuple(relation(kid, f"{table}.{'.'.join(to)}", to) for to, kid in _lists(node, ()))
    return Relation(table, path, columns, children, node)


def _columns(node: Node, prefix: tuple[str, ...]) -> Iterator[Column]:
    for name, kid in node.kids.items():
        path = (*prefix, name)
        if kid.has_table:
            continue
        reference = node.type == "Reference" and name == "reference"
        if name != "id" or node.storage != "resource":
            yield Column(".".join(path), path, kid.storage, kid.many, kid.type, reference)
        if kid.storage == "complex":
            yield from _columns(kid, path)


def _lists(node: Node, prefix: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node]]:
    for name, kid in node.kids.items():
        path = (*prefix, name)
        if kid.has_table:
            yield path, kid
        elif kid.storage == "complex":
            yield from _lists(kid, path)


def column_needs(one: Relation) -> Iterator[Need]:
    """Every need the relation and its children answer."""
    yield Need(one.table, "")
    yield from (Need(one.table, column.name) for column in one.columns)
    for child in one.children:
        yield from column_needs(child)
