"""Frames: the rows an expression is being evaluated for, and how rows of one frame reach another's columns.

A define is evaluated in a frame of patients, the inside of a query in a frame of its source's rows. When an expression
inside needs a column from outside, the outer frame is staged (materialised with a key) and joined: a nested query
becomes a relation keyed by the row around it, never a correlated subquery. What comes back is joined by that key.
Row units are explicit: a `Rows` value is many rows per key of its `link`; anything else is one value per row.
Leaves to others: operators, and which source a query reads (`compiler`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from salus.elm.types import ListOf, Type
from salus.logic.data import Data
from salus.logic.expr import FALSE, NULL, TRUE, Col, Const, E, InRel, Op, and_, columns_of, eq, not_null, or_, truth
from salus.logic.relation import Select, Table, Union, Use, clone, is_plain, is_small, renumber
from salus.logic.values import (
    Choice,
    Combine,
    Element,
    Mismatch,
    Resource,
    Row,
    Value,
    combine,
    leaves_of,
    present,
    register,
    remap,
    type_of,
)  # fmt: skip


class TableRow:
    """A row of a stored table in a FROM. A column that the population lacks is null at compile time."""

    def __init__(self, data: Data, source: Table, key: str) -> None:
        self._data, self._source, self._key = data, source, key
        self.table = source.name

    @property
    def key(self) -> E:
        return self._source.col(self._key)

    def col(self, name: str) -> E:
        if self._data.fact(self.table, name) == "absent":
            return NULL
        return self._source.col(name)


class NoRow:
    """A row of a table that the population does not have."""

    def __init__(self, table: str) -> None:
        self.table = table

    @property
    def key(self) -> E:
        return NULL

    def col(self, name: str) -> E:
        return NULL


class Link(Struct, frozen=True, eq=False):
    """Which rows belong to a row of the outer frame: `inner` here equals `outer` there; None means the patient."""

    inner: E
    outer: E | None = None


class Frame(Struct, eq=False):
    """Rows under evaluation: their select, the patient each belongs to, and the way to the frame around."""

    data: Data
    select: Select
    pid: E
    parent: Frame | None = None
    link: Link | None = None
    key: E | None = None
    position: tuple[E, ...] = ()
    _stages: list[Select] = field(default_factory=list)
    linked: Select | None = None
    _rows: dict[tuple[str, E], Row] = field(default_factory=dict)
    _dictionaries: dict[tuple[str, E], Table] = field(default_factory=dict)
    _uses: dict[Select, Use] = field(default_factory=dict)

    def reach(self, e: E) -> E:
        """Make every column of `e` available here, joining the frames around where needed."""
        missing = [col for col in columns_of(e) if not self.select.covers([col])]
        if missing:
            self._correlate(missing)
        return e

    def chain(self) -> Iterator[Frame]:
        """This frame and those around it, from the inside out."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.parent

    def _correlate(self, cols: Sequence[Col]) -> None:
        if self.parent is None or self.link is None:
            raise Mismatch("a list of lists that come from different rows is not supported here")
        for col in cols:
            self.parent.reach(col)
        if self.link.outer is not None:
            self.parent.reach(self.link.outer)
        stage = self.parent.stage([*cols, *columns_of(self.link.outer or self.parent.pid)])
        key = self.parent.key
        assert key is not None
        if self.linked is None:
            self.select.join("inner", stage, eq(self.link.inner, self.link.outer or self.parent.pid))
        else:
            self.select.join("inner", stage, eq(self.linked.col(key), stage.col(key)))
        self.linked = stage
        self.link = Link(stage.col(key), key)
        self.multiplied()

    def multiplied(self) -> None:
        """Each row may now stand several times, once per row it was joined with: its key names it no longer."""
        self.key = None
        self._stages.clear()

    def stage(self, cols: Iterable[Col]) -> Select:
        """These rows, materialised with a key, able to put out `cols`; an earlier stage serves when it covers them."""
        wanted = list(cols)
        for stage in self._stages:
            if stage.covers(wanted):
                return stage
        inner = self.select
        if self.key is None:
            self.key = inner.col(Op("row_number", ()))
        else:
            inner.export(self.key)
        inner.materialised = "stage"
        self.select = Select()
        self.select.join("from", inner)
        self._stages.append(inner)
        return inner

    def filter(self, condition: E) -> None:
        """Keep the rows for which `condition` is true."""
        self.select.filter(self.reach(truth(condition)))

    def bind(self, e: E) -> E:
        """`e` computed once per row: a column of the rows so far, for expressions used several times."""
        if isinstance(e, Col) or not columns_of(e):
            return e
        self.reach(e)
        inner = self.select
        self.select = Select()
        self.select.join("from", inner)
        return inner.col(e)

    def spread(self, items: E) -> E:
        """A row for each item of a list that each row computes; the item."""
        self.reach(items)
        inner = self.select
        self.select = Select()
        self.select.join("from", inner)
        return inner.col(Op("each", (items,)))

    def joined_row(self, table: str, key: E) -> Row:
        """The row of a resource table with this key, joined once."""
        if (table, key) not in self._rows:
            self._rows[table, key] = self._join_row(table, key)
        return self._rows[table, key]

    def _join_row(self, table: str, key: E) -> Row:
        if key == NULL or not self.data.has_table(table):
            return NoRow(table)
        if (own := self._own_row(table, key)) is not None:
            return own
        source = Table(table)
        self.select.join("left", source, eq(source.col("rid"), self.reach(key)))
        return TableRow(self.data, source, "rid")

    def _own_row(self, table: str, key: E) -> Row | None:
        """The row that the frame itself is of, where that is the one looked for; a patient's key is the pid."""
        base = self.select.joins[0].source
        if not (isinstance(base, Table) and base.name == table and isinstance(key, Col) and key.source == base.id):
            return None
        same = key.name == "rid" or (table == "Patient" and key.name == "pid")
        return TableRow(self.data, base, "rid") if same else None

    def join_dictionary(self, table: str, key_column: str, key: E, column: str, *, first: bool = False) -> E:
        """A column of a dictionary table for the row's `key` (of the first entry where a key has several)."""
        if (table, key) not in self._dictionaries:
            source = Table(table)
            on = eq(source.col(key_column), self.reach(key))
            self.select.join("left", source, and_(on, eq(source.col("ord"), Const(0))) if first else on)
            self._dictionaries[table, key] = source
        return self._dictionaries[table, key].col(column)

    def join_per_patient(self, relation: Select, pid: E, of: E | None = None) -> Use:
        """A relation of one row per patient, joined once by patient; with `of`, by that one patient."""
        if relation not in self._uses:
            use = Use(relation)
            self.select.join("left", use, eq(Col(use.id, relation.export(pid)), of or self.pid))
            self._uses[relation] = use
        return self._uses[relation]

    def has_joined(self, relation: Select) -> bool:
        return relation in self._uses

    def holds_for(self, relation: Select, pid: E, test: E) -> E:
        """Whether a test, which is never null, holds in a relation of one row per patient: the few it holds for are
        looked up in half the time that it takes to join them all.
        """
        use, true = Use(relation), Select()
        true.join("from", use)
        true.filter(Col(use.id, relation.export(test)))
        return InRel((self.pid,), true, (true.export(Col(use.id, relation.export(pid))),))


class Rows(Struct, eq=False):
    """A list as rows: of its frame's select, one `element` each, belonging to an outer row by the frame's link."""

    frame: Frame
    element: Value
    distinct: bool = False
    order: tuple[tuple[bool, tuple[E, ...]], ...] = ()
    element_type: Type | None = None

    @property
    def type(self) -> Type:
        return ListOf(self.element_type or type_of(self.element))

    @property
    def link(self) -> Link:
        assert self.frame.link is not None
        return self.frame.link


def _combined(values: Sequence[Value], head: Rows, fn: Combine) -> Rows:
    """A list carried along with a row: the same rows, belonging to whatever the row's key becomes."""
    lists = [v for v in values if isinstance(v, Rows)]
    for rows in lists:
        close(rows)
    if len(lists) == 1:
        key = fn([_owner(v) if isinstance(v, Rows) else NULL for v in values])
        return replace(head, frame=replace(head.frame, link=Link(head.link.inner, key)))
    parent = head.frame.parent
    if parent is None:
        raise Mismatch("choosing between lists is not supported here")
    numbers = {id(rows): f"{number}:" for number, rows in enumerate(lists)}
    tagged = [_tagged(numbers[id(v)], _owner(v)) if isinstance(v, Rows) else NULL for v in values]
    key, arms = fn(tagged), []
    for rows in lists:
        copy = instance(rows, parent)
        copy.frame.link = Link(_tagged(numbers[id(rows)], copy.link.inner), key)
        arms.append(copy)
    return union(arms, parent, distinct=False)


def _tagged(tag: str, key: E) -> E:
    """A key told apart from the same number in another list."""
    return Op("concat", (Const(tag), Op("as_text", (key,))))


def close(rows: Rows) -> None:
    """Have the rows hold all that their elements need of the rows around, which they may be carried away from."""
    for e in (rows.frame.pid, *leaves(rows.element), *(key for _, keys in rows.order for key in keys)):
        rows.frame.reach(e)


def anchor(rows: Rows) -> None:
    """Keep only the rows that belong to a row of the frame around: they are about to be linked by patient alone."""
    if rows.link.outer is not None and rows.frame.linked is None:
        rows.frame._correlate([])


def _owner(rows: Rows) -> E:
    """The key of the row a list belongs to, where that row is."""
    if rows.link.outer is not None:
        return rows.link.outer
    return rows.frame.parent.pid if rows.frame.parent is not None else NULL


register(Rows, _combined)


def per_patient(data: Data, relation: Select, pid: E) -> Frame:
    """A frame of the rows of a relation that has one for each patient."""
    use, select = Use(relation), Select()
    select.join("from", use)
    own = Col(use.id, relation.export(pid))
    return Frame(data, select, own, None, None, own, (own,), _uses={relation: use})


def table_rows(
    data: Data, name: str, parent: Frame, only: tuple[str, frozenset[int]] | None = None
) -> tuple[Frame, Row]:
    """A frame of all rows of a resource table, linked by patient."""
    source = Table(name, only)
    select = Select()
    select.join("from", source)
    pid, rid = source.col("pid"), source.col("rid")
    frame = Frame(data, select, pid, parent, Link(pid), rid, (rid,))
    return frame, TableRow(data, source, "rid")


def child_rows(data: Data, name: str, parent: Frame, owner: E) -> tuple[Frame, Row]:
    """A frame of the rows of a child table, linked to the row that owns them."""
    source = Table(name)
    select = Select()
    select.join("from", source)
    frame = Frame(data, select, source.col("pid"), parent, Link(source.col("parent"), owner), source.col("eid"))
    frame.position = (source.col("eid"),)
    return frame, TableRow(data, source, "eid")


def dictionary_rows(data: Data, name: str, key: str, parent: Frame, owner: E) -> tuple[Frame, Table]:
    """A frame of the entries of a dictionary table (`coding`, `concept_list`) for the id `owner`."""
    source = Table(name)
    select = Select()
    select.join("from", source)
    frame = Frame(data, select, parent.pid, parent, Link(source.col(key), owner), None, (source.col("ord"),))
    return frame, source


def instance(rows: Rows, parent: Frame) -> Rows:
    """The same list, free to be filtered or joined without touching the original."""
    relation = rows.frame.select
    if not is_plain(relation):
        relation.materialised = relation.materialised or "rows"
        return over(relation, rows, parent)
    select, numbers = clone(relation)
    return _rebased(rows, select, lambda e: renumber(e, numbers, select), parent)


def over(relation: Select, rows: Rows, parent: Frame) -> Rows:
    """The list `rows`, whose select is `relation`, read from a fresh use of that materialised relation."""
    for e in (rows.frame.pid, rows.link.inner):
        rows.frame.reach(e)
    use = Use(relation)
    select = Select()
    select.join("from", use)

    def move(e: E) -> E:
        return e if not columns_of(e) else Col(use.id, relation.export(e))

    return _rebased(rows, select, move, parent)


def _rebased(rows: Rows, select: Select, move: Callable[[E], E], parent: Frame) -> Rows:
    """The list over another select: `move` says where each of its expressions is found there."""
    frame = rows.frame
    link = Link(move(rows.link.inner), rows.link.outer)
    key = None if frame.key is None else move(frame.key)
    position = tuple(map(move, frame.position))
    copy = Frame(frame.data, select, move(frame.pid), _around(rows, parent), link, key, position)
    order = tuple((down, tuple(map(move, keys))) for down, keys in rows.order)
    return Rows(copy, remap(rows.element, move), rows.distinct, order, rows.element_type)


def _around(rows: Rows, parent: Frame) -> Frame:
    """The frame a list is evaluated in from now on: the one that uses it, which can reach the rows it belongs to."""
    belongs, outer = rows.frame.parent, rows.link.outer
    if (
        outer is None
        or belongs is None
        or any(f is belongs or f.select.covers(columns_of(outer)) for f in parent.chain())
    ):
        return parent
    return belongs


def leaves(value: Value) -> list[E]:
    """The leaves that tell a value from others: what distinct and equality by columns look at."""
    if isinstance(value, Element) and not value.path:
        return [value.row.key]
    return [value.rid] if isinstance(value, Resource) else list(dict.fromkeys(leaves_of(value)))


def settle(rows: Rows, parent: Frame) -> Rows:
    """The list with a pending `distinct` carried out: one row per link and value, each where it was seen first."""
    if not rows.distinct:
        return rows
    if not _tell_their_place(rows):
        rows = _in_place(rows, parent)
    close(rows)
    frame = rows.frame
    same = (frame.pid, rows.link.inner, *leaves(rows.element), *(k for _, keys in rows.order for k in keys))
    for e in (*same, *frame.position):
        frame.reach(e)
    inner = Select(distinct=True, materialised="distinct")
    inner.join("from", frame.select)
    settled = Frame(frame.data, inner, frame.pid, frame.parent, frame.link, None, _first_seen(frame.position, same))
    plain = Rows(settled, rows.element, False, rows.order, rows.element_type)
    return over(inner, plain, parent)


def _tell_their_place(rows: Rows) -> bool:
    """Whether elements that are the same stand at the same place of the list's sort."""
    alone = isinstance(rows.element, (Resource, Element))
    told = {e for e in leaves(rows.element) if isinstance(e, Col)}
    return alone or all(told.issuperset(columns_of(key)) for _, keys in rows.order for key in keys)


def own(rows: Rows, parent: Frame) -> Rows:
    """The same list once more, free to be changed, with nothing pending."""
    return settle(instance(rows, parent), parent)


def _first_seen(position: tuple[E, ...], same: tuple[E, ...]) -> tuple[E, ...]:
    """The position of the first of the rows that are the `same`."""
    if set(position) <= set(same):
        return position
    return tuple(Op("first_seen", (p, Op("row", position), *same)) for p in position)


def exists(rows: Rows, here: Frame) -> E:
    """Whether the list has an element that is not null, for each row of `here`."""
    frame = rows.frame
    there = present(rows.element)
    if there == FALSE or any(c == FALSE for c in frame.select.where):
        return FALSE
    if there != TRUE:
        frame.filter(there)
    return member(rows, here)


def member(rows: Rows, here: Frame, extra: Sequence[tuple[E, E]] = ()) -> E:
    """Whether the list has a row for each row of `here` (with `extra` pairs of here = there equal as well)."""
    frame = rows.frame
    for _, inner in extra:
        frame.reach(inner)
    link = rows.link
    pairs = [(link.outer if link.outer is not None else here.pid, link.inner), *extra]
    keys = tuple(here.reach(outer) for outer, _ in pairs)
    columns = tuple(frame.select.export(inner) for _, inner in pairs)
    return InRel(keys, frame.select, columns)


def grouped(rows: Rows, here: Frame) -> tuple[Select, Callable[[E], Col]]:
    """The list grouped by its link and joined to `here`; returns the group and how to put out an aggregate."""
    frame = rows.frame
    close(rows)  # may hang the rows on the frame around, which changes their link
    link = rows.link
    group = Select()
    group.join("from", frame.select)
    group.group.append(group.resolve(link.inner))
    key = Col(group.id, group.export(link.inner))
    outer = link.outer if link.outer is not None else here.pid
    here.select.join("left", group, eq(key, here.reach(outer)))

    def aggregate(e: E) -> Col:
        frame.reach(e)
        return group.col(e)

    return group, aggregate


def alone(rows: Rows, here: Frame) -> tuple[Rows, Callable[[E], Col]] | None:
    """The list joined to `here` as it is, and how to put out what its element has, where the population shows that no
    row has more than one: nothing is to be grouped then. None where it does not show that.
    """
    close(rows)
    if not _is_alone(rows):
        return None
    rows = instance(rows, here)
    select, link = rows.frame.select, rows.link
    outer = link.outer if link.outer is not None else here.pid
    here.select.join("left", select, eq(select.col(link.inner), here.reach(outer)))
    return rows, select.col


def _is_alone(rows: Rows) -> bool:
    """Whether no two rows of a stored table that are equal to given texts belong to the same row."""
    select, key = rows.frame.select, rows.link.inner
    if not is_plain(select) or len(select.joins) > 1 or rows.frame.linked is not None:
        return False
    table = select.joins[0].source
    equal = [_equal_to(condition) for condition in select.where]
    if not (isinstance(table, Table) and isinstance(key, Col) and key.source == table.id and all(equal)):
        return False
    return rows.frame.data.increases(table.name, key.name, tuple(filter(None, equal)))


def _equal_to(condition: E) -> tuple[str, str] | None:
    """The column and the text that a condition asks it to be equal to; None where it asks for anything else."""
    match condition:
        case Op(op="eq", args=(Col(name=name), Const(value=str(text)))):
            return name, text
    return None


class Numbered(Struct, frozen=True, eq=False):
    """A list with each element's number in it, from 1."""

    rows: Rows
    number: E

    @property
    def frame(self) -> Frame:
        return self.rows.frame


def numbered(rows: Rows, parent: Frame) -> Numbered:
    """The elements numbered in the list's order, for each row it belongs to."""
    close(rows)
    frame = rows.frame
    close(rows)  # may hang the rows on the frame around, which changes what they belong to
    order = in_order(rows)
    for e in order:
        frame.reach(e)
    number = Op("numbered", (rows.link.inner, *order))
    made = frame.select.col(frame.reach(number))
    frame.select.materialised = frame.select.materialised or "numbered"
    moved = over(frame.select, replace(rows, order=()), parent)
    source = moved.frame.select.joins[0].source
    return Numbered(moved, Col(source.id, made.name))


def in_order(rows: Rows) -> tuple[E, ...]:
    """What orders the elements: the list's sort, then its place in the list (its value, where it has none)."""
    keys = [part for down, keys in rows.order for key in keys for part in _ordered(key, down=down)]
    return (*keys, *(rows.frame.position or leaves(rows.element)))


def _ordered(key: E, *, down: bool) -> tuple[E, ...]:
    """A sort key and whether it is there, nulls lowest, turned about for a descending sort."""
    there = not_null(key)
    return (Op("descending", (there,)), Op("descending", (key,))) if down else (there, key)


def flatten(rows: Rows) -> Rows | None:
    """The elements of a list of lists, belonging to whatever the outer list belongs to; None when they are no lists."""
    if not isinstance(rows.element, Rows):
        return None
    outer, inner = rows.frame, rows.element.frame
    for e in (rows.link.inner, outer.pid, *outer.position):
        inner.reach(e)
    link = Link(rows.link.inner, rows.link.outer)
    position = (*outer.position, *inner.position)
    flat = Frame(outer.data, inner.select, outer.pid, outer.parent, link, None, position, linked=outer.linked)
    return Rows(flat, rows.element.element, False, (), rows.element.element_type)


def union(lists: Sequence[Rows], here: Frame, *, distinct: bool = True) -> Rows:
    """The lists together. Retrieves from one table become one, by OR; others a union of aligned columns."""
    merged = _merge_same_table(lists) if distinct else None
    if merged is not None:
        return merged
    lists = [_in_place(settle(rows, here), here) for rows in lists]  # what is pending would be lost among others
    frames = [rows.frame for rows in lists]
    _align_links(lists, here)
    element_is_key = bool(_united_position(lists[0].element))
    drop = distinct and element_is_key  # elements that are no resources keep their first place: see settle
    made = Union([frame.select for frame in frames], distinct=drop)

    def align(parts: Sequence[E]) -> E:
        for frame, part in zip(frames, parts, strict=True):
            frame.reach(part)
        return made.export(parts)

    element = combine([rows.element for rows in lists], align)
    pid = align([frame.pid for frame in frames])
    inner = align([rows.link.inner for rows in lists])
    select = Select()
    select.join("from", made)
    position = _united_position(element) if drop else _in_turn(frames, align)
    frame = Frame(frames[0].data, select, pid, here, Link(inner, lists[0].link.outer), None, position)
    return Rows(frame, element, distinct and not drop)


def _in_place(rows: Rows, here: Frame) -> Rows:
    """The list with a pending sort carried out."""
    if not rows.order:
        return rows
    made = numbered(rows, here)
    made.frame.position = (made.number,)
    return made.rows


def _in_turn(frames: Sequence[Frame], align: Callable[[Sequence[E]], E]) -> tuple[E, ...]:
    """Positions in lists put one after the other: the list's number, then the place in it; one number, where places are
    small enough to be counted on from list to list."""
    places = [frame.position or (NULL,) for frame in frames]
    if all(len(place) == 1 and is_small(place[0], frame.select) for place, frame in zip(places, frames, strict=True)):
        return (
            align([Op("after", (Const(number), place)) if number else place for number, (place,) in enumerate(places)]),
        )
    numbers = align([Const(number) for number in range(len(frames))])
    if len({len(place) for place in places}) > 1:
        places = [place[-1:] for place in places]
    return (numbers, *(align(parts) for parts in zip(*places, strict=True)))


def _united_position(element: Value) -> tuple[E, ...]:
    """What breaks ties in a union without telling equal elements apart: the row key of a resource or element of one."""
    options = element.options if isinstance(element, Choice) else (element,)
    rows = [o.row.key for o in options if isinstance(o, Element)]
    return (*(o.rid for o in options if isinstance(o, Resource)), *rows)


def _align_links(lists: Sequence[Rows], here: Frame) -> None:
    outers = [rows.link.outer for rows in lists]
    if all(o is None for o in outers) or all(o is not None and o == outers[0] for o in outers):
        return
    for rows in lists:
        if rows.frame.parent is not None and rows.frame.linked is None:
            rows.frame._correlate([])


def _merge_same_table(lists: Sequence[Rows]) -> Rows | None:
    """Filtered rows of one and the same table, united by OR of their filters; None when they are anything else."""
    if not all(_is_filtered_table(rows) for rows in lists):
        return None
    tables = [rows.frame.select.joins[0].source for rows in lists]
    names = {t.name for t in tables if isinstance(t, Table)}
    if len(names) != 1 or len({type_of(rows.element) for rows in lists}) != 1:
        return None
    head = lists[0]
    target = head.frame.select
    base = tables[0]
    assert isinstance(base, Table)
    conditions: list[E] = []
    for rows, table in zip(lists, tables, strict=True):
        moved = [renumber(c, {table.id: base.id}, target) for c in rows.frame.select.where]
        conditions.append(and_(*moved))
    target.where = [or_(*conditions)]
    base.only = _merged_filter([t.only for t in tables if isinstance(t, Table)])
    return head


def _merged_filter(filters: Sequence[tuple[str, frozenset[int]] | None]) -> tuple[str, frozenset[int]] | None:
    columns = {f[0] if f else None for f in filters}
    if len(columns) != 1 or None in columns:
        return None
    return filters[0][0], frozenset().union(*(f[1] for f in filters if f))  # type: ignore[index]


def _is_filtered_table(rows: Rows) -> bool:
    select = rows.frame.select
    plain = len(select.joins) == 1 and isinstance(select.joins[0].source, Table) and not select.exports
    resource = isinstance(rows.element, Resource) and rows.link.outer is None
    return plain and resource and not rows.distinct and not rows.order and not select.group
