"""List operators (CQL Reference, Appendix B, section 11): a list is rows of a relation, or literals known one by one.

Nulls in lists are kept, `exists` ignores them; First and Last break ties by the row's position, the same in every
engine; only union, intersect, except and distinct drop duplicates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from salus.elm.nodes import Operator, TypeOperator
from salus.elm.types import ListOf
from salus.logic import frame as frames
from salus.logic.context import Context
from salus.logic.expr import (
    FALSE,
    NULL,
    TRUE,
    Const,
    E,
    Op,
    and_,
    case,
    coalesce,
    compare,
    eq,
    is_null,
    is_true,
    not_,
    op,
    or_,
)
from salus.logic.frame import Rows
from salus.logic.literals import literal_list, text_rows
from salus.logic.operators.comparison import CODES, compared, equal, equivalent, same_of_any
from salus.logic.operators.registry import operator
from salus.logic.operators.sorting import pick_key
from salus.logic.operators.strings import character, text
from salus.logic.values import (
    DECIMAL,
    EMPTY,
    INTEGER,
    NOTHING,
    STRING,
    Choice,
    Empty,
    ListLiteral,
    Nothing,
    Point,
    Quantity,
    Resource,
    Texts,
    Tuple,
    Value,
    boolean,
    present,
    remap,
    type_of,
)  # fmt: skip

LISTS = (Rows, ListLiteral, Texts)


def in_list_value(cx: Context, node: Operator, item: Value, container: Value) -> Value:
    """B.11 In: whether an element equals the item."""
    if isinstance(container, ListLiteral):
        return boolean(_in_literals(cx, node, item, container.items))
    if isinstance(container, Rows):
        return boolean(_in_rows(cx, node, item, container))
    cx.fail(node, f"{node.op} of {type_of(item)} in {type_of(container)} is not supported")


def _in_literals(cx: Context, node: Operator, item: Value, items: Sequence[Value]) -> E:
    return or_(*(_is_member(cx, node, item, other) for other in items))


def _is_member(cx: Context, node: Operator, item: Value, other: Value) -> E:
    """Whether a value is a member of a list: equal, where nulls are equal to each other and to nothing else (B.11)."""
    if isinstance(item, Nothing) or isinstance(other, Nothing):
        return not_(or_(present(item), present(other)))
    same = equivalent(cx, item, other) if isinstance(item, CODES) else equal(item, other)
    if isinstance(item, Choice) or isinstance(other, Choice):
        same = same_of_any(cx, node, item, other)
    if same is None:
        cx.fail(node, f"{node.op}: {type_of(other)} cannot be compared with {type_of(item)}")
    blanks = not_(present(item)), not_(present(other))
    if FALSE in blanks:
        return same if blanks == (FALSE, FALSE) else and_(*map(not_, blanks), same)
    return case([(and_(*blanks), TRUE), (or_(*blanks), FALSE)], same)


def _in_rows(cx: Context, node: Operator, item: Value, rows: Rows) -> E:
    """Whether a list has the item; null where that hangs on a comparison that cannot be told."""
    rows = frames.instance(rows, cx.frame)
    same = _is_member(cx, node, item, rows.element)
    if _is_certain(item) and _is_certain(rows.element):
        rows.frame.filter(same)
        return frames.member(rows, cx.frame)
    return any_of(cx, rows, same)


def _is_certain(value: Value) -> bool:
    """Whether it can always be told if such a value equals another that is there."""
    return isinstance(value, (Nothing, Resource, *CODES)) or (isinstance(value, Point) and value.high is None)


def any_of(cx: Context, rows: Rows, condition: E) -> E:
    """Whether a condition holds for some row, three-valued; false of no rows."""
    rows.frame.reach(condition)  # first: what it needs of the rows around must not come after they are joined with this
    _, aggregate = frames.grouped(rows, cx.frame)
    some = aggregate(Op("some", (condition,)))
    unknown = aggregate(Op("some", (is_null(condition),)))
    return case([(is_true(some), TRUE), (is_true(unknown), NULL)], FALSE)


def all_of(cx: Context, rows: Rows, condition: E) -> E:
    """Whether a condition holds for every row, three-valued; true of no rows."""
    return not_(any_of(cx, rows, not_(condition)))


def includes_list(cx: Context, node: Operator, outer: Value, inner: Value) -> E:
    """B.11 Includes: every element of the inner list is in the outer one."""
    wide, narrow_ = as_rows(cx, node, outer), as_rows(cx, node, inner)
    if narrow_ is None:
        return TRUE
    narrow_ = frames.instance(narrow_, cx.frame)
    if wide is None:
        return not_(frames.member(narrow_, cx.frame))
    return all_of(cx, narrow_, _in_rows(cx.within(narrow_.frame), node, narrow_.element, wide))


def properly_includes_list(cx: Context, node: Operator, outer: Value, inner: Value) -> E:
    """B.11 Properly Includes: includes, and has more that is different."""
    held = includes_list(cx, node, outer, inner)
    counts = [_distinct_count(cx, node, value) for value in (outer, inner)]
    return and_(held, compare("gt", *counts))


def _distinct_count(cx: Context, node: Operator, value: Value) -> E:
    rows = as_rows(cx, node, value)
    if rows is None:
        return Const(0)
    rows = frames.settle(replace(frames.instance(rows, cx.frame), distinct=True), cx.frame)
    return _length(cx, rows)


def _length(cx: Context, rows: Rows) -> E:
    _, aggregate = frames.grouped(rows, cx.frame)
    return coalesce(aggregate(Op("count", ())), Const(0))


def lists_alike(cx: Context, node: Operator, a: Value, b: Value, same: Callable[[Value, Value], E | None]) -> E:
    """B.4 Equal and Equivalent of lists: as long, and alike element by element; the first unlike decides."""
    sides = [as_rows(cx, node, value) for value in (a, b)]
    settled = [r and frames.own(r, cx.frame) for r in sides]
    lengths = [Const(0) if r is None else _length(cx, frames.instance(r, cx.frame)) for r in settled]
    left, right = settled
    if left is None or right is None:
        return eq(*lengths)
    return case([(compare("ne", *lengths), FALSE)], _pairs_alike(cx, node, left, right, same))


def _pairs_alike(cx: Context, node: Operator, a: Rows, b: Rows, same: Callable[[Value, Value], E | None]) -> E:
    first, second = frames.numbered(a, cx.frame), frames.numbered(b, cx.frame)
    alike = same(first.rows.element, second.rows.element)
    if alike is None:
        cx.fail(node, f"{node.op} cannot compare lists of {type_of(a.element)} and of {type_of(b.element)}")
    left, right = first.frame, second.frame
    owner = first.rows.link.outer or cx.frame.pid
    if (second.rows.link.outer or cx.frame.pid) != owner:
        cx.fail(node, f"{node.op} of lists that belong to different rows is not supported")
    on = and_(eq(first.rows.link.inner, second.rows.link.inner), eq(first.number, second.number))
    left.select.join("inner", right.select, on)
    blanks = [not_(present(side.rows.element)) for side in (first, second)]
    left.filter(op("not_true", or_(and_(*blanks), alike)))
    _, aggregate = frames.grouped(first.rows, cx.frame)
    decided = aggregate(Op("arg_min", (alike, first.number)))
    return case([(compare("gt", coalesce(aggregate(Op("count", ())), Const(0)), Const(0)), decided)], TRUE)


def as_rows(cx: Context, node: Operator, value: Value) -> Rows | None:
    """A list operand as rows; None for null and for the empty list; refuses what is not a list."""
    if isinstance(value, Nothing) or (isinstance(value, ListLiteral) and not value.items):
        return None
    if isinstance(value, ListLiteral):
        return literal_list(cx, value)
    if isinstance(value, Texts):
        return text_rows(cx, value)
    if not isinstance(value, Rows):
        cx.fail(node, f"{node.op} of {type_of(value)} is not supported")
    return value


@operator("Equal", "NotEqual", "Equivalent")
def compare_operator(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.4 Equal, Not Equal, Equivalent; of lists B.11."""
    if not (isinstance(a, LISTS) and isinstance(b, LISTS)):
        return boolean(compared(cx, node, a, b))
    if node.op == "Equivalent":
        return boolean(is_true(lists_alike(cx, node, a, b, lambda x, y: equivalent(cx, x, y))))
    alike = lists_alike(cx, node, a, b, equal)
    return boolean(not_(alike) if node.op == "NotEqual" else alike)


@operator("Exists")
def exists_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.11 Exists: false for null."""
    if isinstance(a, ListLiteral):
        return boolean(or_(*(present(item) for item in a.items)))
    rows = as_rows(cx, node, a)
    return boolean(FALSE if rows is None else frames.exists(rows, cx.frame))


def pick(cx: Context, node: Operator, value: Value, *, latest: bool) -> Value:
    if isinstance(value, ListLiteral):
        return (value.items[-1] if latest else value.items[0]) if value.items else NOTHING
    rows = as_rows(cx, node, value)
    if rows is None:
        return NOTHING
    if len({down for down, _ in rows.order}) > 1:  # no single key sorts both ways
        rows = _by_number(cx, rows)
    if latest:
        rows = frames.settle(rows, cx.frame)
    _, aggregate = frames.grouped(rows, cx.frame)
    keys = [key for _, parts in rows.order for key in parts]
    descending = any(down for down, _ in rows.order)
    name, key = pick_key(keys, rows.frame.position, descending=descending, latest=latest)
    if not key.args:
        key = Op("row", tuple(frames.leaves(rows.element)))
    return picked(rows, lambda e: aggregate(Op(name, (e, key))))


def _by_number(cx: Context, rows: Rows) -> Rows:
    """The list with its elements numbered in its order, sorted by the number."""
    made = frames.numbered(frames.own(rows, cx.frame), cx.frame)
    return replace(made.rows, order=((False, (made.number,)),))


def picked(rows: Rows, pick: object) -> Value:
    """One element of each group: its leaves picked by the same key. A resource is its row key, joined again if read."""
    assert callable(pick)
    element = rows.element
    if isinstance(element, Resource):
        return Resource(element.type, pick(element.rid))
    return remap(element, lambda e: pick(e))


@operator("First")
def first(cx: Context, node: Operator, a: Value) -> Value:
    """B.11 First."""
    return pick(cx, node, a, latest=False)


@operator("Last")
def last(cx: Context, node: Operator, a: Value) -> Value:
    """B.11 Last."""
    if isinstance(a, Texts):
        return Point(STRING, op("split_last", a.text, a.separator))
    return pick(cx, node, a, latest=True)


@operator("Slice")
def slice_operator(cx: Context, node: Operator, a: Value, start: Value, end: Value) -> Value:
    """B.11 Skip, Tail, Take: the elements from a place up to another, from 0."""
    if isinstance(a, Nothing):
        return a
    first, stop = (v.low if isinstance(v, Point) else NULL for v in (start, end))
    if isinstance(a, ListLiteral) and isinstance(first, Const) and isinstance(stop, Const):
        begin, finish = (e.value if isinstance(e.value, int) else None for e in (first, stop))
        return ListLiteral(a.items[begin:finish])
    rows = as_rows(cx, node, a)
    if rows is None:
        return EMPTY
    numbered = _by_number(cx, rows)
    ((_, (number,)),) = numbered.order
    for name, bound in (("gt", first), ("le", stop)):
        if bound != NULL:
            numbered.frame.filter(coalesce(compare(name, number, _from_front(cx, bound, rows)), TRUE))
    return numbered


def _from_front(cx: Context, place: E, rows: Rows) -> E:
    """A place counted from the front: a negative one counts from the back."""
    if isinstance(place, Const) and isinstance(place.value, int) and place.value >= 0:
        return place
    size = _length(cx, frames.own(rows, cx.frame))
    return case([(compare("lt", place, Const(0)), op("add_integer", place, size))], place)


@operator("IndexOf")
def index_of(cx: Context, node: Operator, a: Value, item: Value) -> Value:
    """B.11 IndexOf: the place of the first element that equals the item, from 0; -1 where there is none."""
    if isinstance(a, Nothing) or isinstance(item, Nothing):
        return NOTHING
    rows = as_rows(cx, node, a)
    if rows is None:
        return Point(INTEGER, case([(present(item), Const(-1))]))
    numbered = frames.numbered(frames.own(rows, cx.frame), cx.frame)
    numbered.frame.filter(_is_member(cx, node, item, numbered.rows.element))
    _, aggregate = frames.grouped(numbered.rows, cx.frame)
    place = op("sub_integer", coalesce(aggregate(Op("min", (numbered.number,))), Const(0)), Const(1))
    return Point(INTEGER, case([(present(item), place)]))


@operator("Length")
def length(cx: Context, node: Operator, a: Value) -> Value:
    """B.7 Length of a string; B.11 Length of a list, 0 for none, and for a null whose type says that it is a list."""
    [operand] = node.operands
    if isinstance(a, Nothing) and isinstance(operand, TypeOperator) and isinstance(operand.type, ListOf):
        return Point(INTEGER, Const(0))
    if isinstance(a, LISTS):
        rows = as_rows(cx, node, a)
        if rows is None:
            return Point(INTEGER, Const(0))
        return Point(INTEGER, _length(cx, frames.own(rows, cx.frame)))
    return Point(INTEGER, op("length", text(cx, node, a)))


@operator("SingletonFrom")
def singleton_from(cx: Context, node: Operator, a: Value) -> Value:
    """B.11 SingletonFrom. More than one element: null for that patient, counted and reported with library and line."""
    if isinstance(a, ListLiteral):
        if len(a.items) > 1:
            cx.error(node, "singleton from a list of several elements")
            return NOTHING
        return a.items[0] if a.items else NOTHING
    rows = as_rows(cx, node, a)
    if rows is None:
        return NOTHING
    rows = frames.settle(rows, cx.frame)
    if found := frames.alone(rows, cx.frame):
        return picked(*found)
    group, aggregate = frames.grouped(rows, cx.frame)
    cx.compiler.check_single(group, Op("count", ()), cx.where(node))
    return picked(rows, lambda e: aggregate(Op("only", (e,))))


@operator("Indexer")
def indexer(cx: Context, node: Operator, a: Value, index: Value) -> Value:
    """B.11 Indexer: the element at a position from 0; null outside the list."""
    if not isinstance(index, Point):
        return NOTHING
    if isinstance(a, Point):
        return character(a, index.low)
    rows = as_rows(cx, node, a)
    if rows is None:
        return NOTHING
    numbered = frames.numbered(frames.settle(rows, cx.frame), cx.frame)
    place = op("add_integer", index.low, Const(1))
    numbered.frame.filter(eq(numbered.number, place))
    _, aggregate = frames.grouped(numbered.rows, cx.frame)
    return picked(numbered.rows, lambda e: aggregate(Op("only", (e,))))


def flatten_lists(values: Sequence[Value]) -> list[Value]:
    """Operands of nested unions, one level, nulls dropped."""
    return [v for v in values if not isinstance(v, Nothing)]


def union_lists(cx: Context, node: Operator, values: Sequence[Value]) -> Value:
    """B.11 Union: every element of either list, once."""
    lists = flatten_lists(values)
    if not lists:
        return EMPTY
    rows = [made for v in lists if (made := as_rows(cx, node, v)) is not None]
    if not rows:
        return EMPTY
    if len(rows) > 1:
        return frames.union(rows, cx.frame)
    element = rows[0].element
    once = isinstance(element, Resource) and rows[0].frame.key == element.rid
    return rows[0] if once else replace(rows[0], distinct=True)


def intersect_lists(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.11 Intersect: elements of both lists, once. Except: those of the first that are not in the second."""
    unknown = isinstance(b, Nothing) and not isinstance(b, Empty)
    if isinstance(a, Nothing) or (unknown and node.op == "Intersect"):
        return a if node.op == "Except" or isinstance(a, Empty) else NOTHING
    left, right = as_rows(cx, node, a), None if unknown else as_rows(cx, node, b)
    if left is None or (right is None and node.op == "Intersect"):
        return EMPTY
    if right is None:
        return replace(left, distinct=True)
    left = frames.settle(replace(left, distinct=True), cx.frame)
    there = is_true(_in_rows(cx.within(left.frame), node, left.element, right))
    left.frame.filter(there if node.op == "Intersect" else not_(there))
    return left


@operator("Distinct")
def distinct_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.11 Distinct."""
    rows = as_rows(cx, node, a)
    if rows is None:
        return a
    return Rows(rows.frame, rows.element, True, rows.order, rows.element_type)


@operator("ToList")
def to_list(cx: Context, node: Operator, a: Value) -> Value:
    """B.10 ToList: a list of one element, empty for null."""
    return NOTHING if isinstance(a, Nothing) else ListLiteral((a,))


@operator("Flatten")
def flatten_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.11 Flatten."""
    if isinstance(a, Rows):
        if isinstance(a.element, ListLiteral):
            a = replace(a, element=literal_list(cx.within(a.frame), a.element) if a.element.items else EMPTY)
        if isinstance(a.element, Empty):  # lists of an element that no record has
            return EMPTY
        flat = frames.flatten(a)
        return a if flat is None else flat
    if isinstance(a, (Nothing, Empty)):
        return a
    if isinstance(a, ListLiteral):
        a = ListLiteral(tuple(item for item in a.items if not isinstance(item, (Nothing, Empty))))
    if isinstance(a, ListLiteral) and not a.items:
        return EMPTY
    if isinstance(a, ListLiteral) and all(isinstance(i, ListLiteral) for i in a.items):
        return ListLiteral(tuple(x for i in a.items if isinstance(i, ListLiteral) for x in i.items))
    if isinstance(a, ListLiteral) and all(isinstance(i, Rows) for i in a.items):
        return frames.union([i for i in a.items if isinstance(i, Rows)], cx.frame, distinct=False)
    cx.fail(node, f"Flatten of {type_of(a)} is not supported")


@operator("Children", "Descendents")
def children_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.10 Children, Descendents of tuples and of lists written out: the values of their elements, lists expanded."""
    if isinstance(a, Nothing):
        return a
    return ListLiteral(tuple(_children(cx, node, a, deep=node.op == "Descendents")))


def _children(cx: Context, node: Operator, value: Value, *, deep: bool) -> Iterator[Value]:
    match value:
        case Tuple(fields=fields):
            parts = [part for field in fields.values() for part in _items(field)]
        case ListLiteral(items=items):
            parts = [part for item in items for part in _children(cx, node, item, deep=False)]
        case Quantity(value=number, unit=unit):
            parts = [Point(DECIMAL, number), Point(STRING, unit)]
        case Point():
            parts = []
        case _:
            cx.fail(node, f"{node.op} of {type_of(value)} is not supported")
    for part in parts:
        yield part
        if deep:
            yield from _children(cx, node, part, deep=True)


def _items(value: Value) -> Sequence[Value]:
    return value.items if isinstance(value, ListLiteral) else () if isinstance(value, Nothing) else (value,)
