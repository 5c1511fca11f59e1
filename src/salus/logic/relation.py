"""Relations: tables, selects over them, unions; columns are exported when somebody asks for them.

A `Select` under construction gathers sources, filters and, on demand, output columns: nothing is computed or carried
that no one reads. A column of any table deep inside can be asked for from outside (`resolve`): each select on the way
exports it. A select may be materialised (a temporary table, computed once) or stand inline.
Leaves to others: which rows to gather (`frame`, `compiler`), and SQL text (`salus.engine`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import count

from msgspec import Struct, field

from salus.logic.expr import Col, E, InRel, Op, map_columns, parts_of
from salus.logic.shared import remembered

_numbers = count(1)


class Table(Struct, eq=False):
    """A stored table. `only` names a coded column and the ids a retrieve looks for: rows outside it do not matter."""

    name: str
    only: tuple[str, frozenset[int]] | None = None
    id: int = field(default_factory=lambda: next(_numbers))
    used: set[str] = field(default_factory=set)

    def holds(self, source: int) -> bool:
        return source == self.id

    def col(self, name: str) -> Col:
        self.used.add(name)
        return Col(self.id, name)

    def provide(self, col: Col) -> Col:
        return col


class Join(Struct, eq=False):
    """One source in a FROM: `kind` is from, inner or left."""

    kind: str
    source: Source
    on: E | None


class Select(Struct, eq=False):
    """SELECT under construction. `grouped` selects export keys and aggregates only."""

    joins: list[Join] = field(default_factory=list)
    where: list[E] = field(default_factory=list)
    group: list[E] = field(default_factory=list)
    distinct: bool = False
    materialised: str | None = None
    exports: dict[str, E] = field(default_factory=dict)
    id: int = field(default_factory=lambda: next(_numbers))
    _names: dict[E, str] = field(default_factory=dict)

    def holds(self, source: int) -> bool:
        """Whether a column of the source numbered so can be had from here."""
        if source == self.id:
            return True
        return not (self.group or self.distinct) and any(j.source.holds(source) for j in self.joins)

    def join(self, kind: str, source: Source, on: E | None = None) -> None:
        """Add a source; `on` is resolved against the sources, the new one included."""
        self.joins.append(Join(kind, source, None))
        if on is not None:
            self.joins[-1].on = self.resolve(on)

    def covers(self, cols: Iterable[Col]) -> bool:
        """Whether every column can be had from the sources of this select."""
        return all(any(j.source.holds(source) for j in self.joins) for source in {col.source for col in cols})

    def resolve(self, e: E) -> E:
        """`e` in terms of the columns of this select's direct sources."""
        return map_columns(e, self._find)

    def _find(self, col: Col) -> Col:
        for join in self.joins:
            if join.source.id == col.source:
                return col
        for join in self.joins:
            if join.source.holds(col.source):
                return join.source.provide(col)
        raise AssertionError(f"column {col} is out of reach")

    def provide(self, col: Col) -> Col:
        return col if col.source == self.id else Col(self.id, self.export(col))

    def export(self, e: E) -> str:
        """The name under which `e` (in terms of anything this select can reach) is put out."""
        if isinstance(e, Col) and e.source == self.id:
            return e.name
        if e not in self._names:
            found = self.resolve(e)
            if found not in self._names:
                self._names[found] = f"c{len(self.exports)}"
                self.exports[self._names[found]] = found
            self._names[e] = self._names[found]
        return self._names[e]

    def col(self, e: E) -> Col:
        return Col(self.id, self.export(e))

    def filter(self, condition: E) -> None:
        self.where.append(self.resolve(condition))


class Union(Struct, eq=False):
    """Rows of several selects, columns aligned by `export`; `distinct` drops repeated rows."""

    arms: list[Select]
    distinct: bool = True
    materialised: str | None = None
    id: int = field(default_factory=lambda: next(_numbers))
    _names: dict[tuple[object, ...], str] = field(default_factory=dict)
    columns: list[tuple[str, ...]] = field(default_factory=list)

    def holds(self, source: int) -> bool:
        return source == self.id

    def provide(self, col: Col) -> Col:
        return col

    def export(self, parts: Sequence[E]) -> Col:
        """The column whose value is `parts[i]` in the rows of arm i."""
        key = tuple(arm.export(part) for arm, part in zip(self.arms, parts, strict=True))
        if key not in self._names:
            self._names[key] = f"c{len(self.columns)}"
            self.columns.append(key)
        return Col(self.id, self._names[key])


class Use(Struct, eq=False):
    """One use of a materialised relation, so that it can stand twice in the same FROM."""

    of: Select | Union
    id: int = field(default_factory=lambda: next(_numbers))

    def holds(self, source: int) -> bool:
        return source == self.id

    def provide(self, col: Col) -> Col:
        return col


Source = Table | Select | Union | Use


def clone(select: Select) -> tuple[Select, dict[int, int]]:
    """A copy that reads the same tables under new numbers, and the map of numbers; for plain selects (`is_plain`)."""
    fresh = Select()
    numbers: dict[int, int] = {}
    for join in select.joins:
        source = join.source
        copy = Table(source.name, source.only) if isinstance(source, Table) else Use(source.of)  # type: ignore[union-attr]
        numbers[source.id] = copy.id
        fresh.join(join.kind, copy, None)
        fresh.joins[-1].on = join.on
    for join in fresh.joins:
        join.on = None if join.on is None else renumber(join.on, numbers, fresh)
    fresh.where = [renumber(condition, numbers, fresh) for condition in select.where]
    return fresh, numbers


def renumber(e: E, numbers: dict[int, int], within: Select | None = None) -> E:
    """`e` with columns of renumbered sources; tables in `within` learn which columns are read."""
    tables = {j.source.id: j.source for j in within.joins} if within else {}

    def change(col: Col) -> Col:
        changed = Col(numbers.get(col.source, col.source), col.name)
        table = tables.get(changed.source)
        if isinstance(table, Table):
            table.used.add(changed.name)
        return changed

    return map_columns(e, change)


def is_plain(select: Select) -> bool:
    """Whether the select merely filters tables and materialised relations (so that it can be cloned)."""
    return not select.group and not select.distinct and all(isinstance(j.source, (Table, Use)) for j in select.joins)


def reads(select: Select | Union) -> Iterable[Source]:
    """The sources a relation reads, directly or in its membership tests."""
    if isinstance(select, Union):
        yield from select.arms
        return
    for join in select.joins:
        yield join.source
        if join.on is not None:
            yield from _tested(join.on)
    for e in (*select.where, *select.exports.values(), *select.group):
        yield from _tested(e)


def is_small(e: E, source: Source) -> bool:
    """Whether a number, in terms of what a source can reach, is known to count rows or places: nothing has a million
    millions of them."""
    match e:
        case Col(source=number, name=name):
            return any(_is_small_column(name, found) for found in _holders(number, source))
        case Op(op="each", args=(Op(op="range"),)) | Op(op="row_number" | "numbered"):
            return True
        case Op(op="first_seen", args=(first, *_)):
            return is_small(first, source)
    return False


def _holders(number: int, source: Source) -> Iterable[Source]:
    """The source numbered so, where it stands."""
    if source.id == number:
        yield source
    elif isinstance(source, Select):
        for join in source.joins:
            yield from _holders(number, join.source)


def _is_small_column(name: str, source: Source) -> bool:
    match source:
        case Table():
            return name in ("pid", "rid", "eid", "ord")
        case Use(of=of):
            return _is_small_column(name, of)
        case Select(exports=exports):
            return is_small(exports[name], source)
    return False


@remembered
def _tested(e: E) -> Collection[Source]:
    """The relations that an expression tests against, those of its last part first."""
    found = [relation for part in reversed(parts_of(e)) for relation in _tested(part)]
    return tuple(dict.fromkeys([e.relation, *found] if isinstance(e, InRel) else found))
