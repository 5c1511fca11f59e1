"""List operators (CQL Reference, Appendix B, section 11): a list is rows of a relation, or literals known one by one.

Nulls in lists are kept, `exists` ignores them; First and Last break ties by the row's position, the same in every
engine; only union, intersect, except and distinct drop duplicates.
"""

from __future__ import annotations

from collections.abc import Sequence

from salus.elm.nodes import Operator
from salus.logic import frame as frames
from salus.logic.context import Context
from salus.logic.expr import (
    FALSE,
    NULL,
    TRUE,
    Const,
    E,
    Op,
    case,
    coalesce,
    eq,
    in_list,
    is_true,
    not_,
    op,
    or_,
)
from salus.logic.frame import Rows
from salus.logic.operators.comparison import CODES, equal, equivalent, order
from salus.logic.operators.registry import operator
from salus.logic.operators.sorting import order_key, pick_key
from salus.logic.operators.units import aggregated
from salus.logic.values import (
    EMPTY,
    INTEGER,
    NOTHING,
    STRING,
    ListLiteral,
    Nothing,
    Point,
    Quantity,
    Resource,
    Texts,
    Value,
    boolean,
    combine,
    present,
    remap,
    type_of,
)  # fmt: skip


def in_list_value(cx: Context, node: Operator, item: Value, container: Value) -> Value:
    """B.11 In: whether an element equals the item."""
    if isinstance(container, ListLiteral):
        return boolean(_in_literals(cx, node, item, container.items))
    if isinstance(container, Rows):
        return boolean(_in_rows(cx, node, item, container))
    cx.fail(node, f"{node.op} of {type_of(item)} in {type_of(container)} is not supported")


def _in_literals(cx: Context, node: Operator, item: Value, items: Sequence[Value]) -> E:
    if isinstance(item, Nothing):
        return NULL
    if isinstance(item, Point) and item.high is None and all(isinstance(i, Point) for i in items):
        return in_list(item.low, [i.low for i in items if isinstance(i, Point)])
    tests = [_equal(cx, item, other) for other in items]
    if any(t is None for t in tests):
        cx.fail(node, f"{node.op}: elements cannot be compared with {type_of(item)}")
    return or_(*(t for t in tests if t is not None))


def _equal(cx: Context, a: Value, b: Value) -> E | None:
    return equivalent(cx, a, b) if isinstance(a, CODES) else equal(a, b)


def _in_rows(cx: Context, node: Operator, item: Value, rows: Rows) -> E:
    rows = frames.instance(rows, cx.frame)
    same = _equal(cx, item, rows.element)
    if same is None:
        cx.fail(node, f"{node.op} of {type_of(item)} in {type_of(rows)} is not supported")
    rows.frame.filter(same)
    return frames.exists(rows, cx.frame)


def as_rows(cx: Context, node: Operator, value: Value) -> Rows | None:
    """A list operand as rows; None for null and for the empty list; refuses what is not a list."""
    if isinstance(value, Nothing) or (isinstance(value, ListLiteral) and not value.items):
        return None
    if not isinstance(value, Rows):
        cx.fail(node, f"{node.op} of {type_of(value)} is not supported")
    return value


def literal_list(cx: Context, value: ListLiteral) -> Rows:
    """A list written out, as rows of the frame it is computed in."""
    lists = [cx.compiler.literal_rows(item, cx) for item in value.items]
    return lists[0] if len(lists) == 1 else frames.union(lists, cx.frame, distinct=False)


@operator("Exists")
def exists_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.11 Exists: false for null."""
    if isinstance(a, ListLiteral):
        return boolean(or_(*(present(item) for item in a.items)))
    rows = as_rows(cx, node, a)
    return boolean(FALSE if rows is None else frames.exists(rows, cx.frame))


def _pick(cx: Context, node: Operator, value: Value, *, latest: bool) -> Value:
    if isinstance(value, ListLiteral):
        return (value.items[-1] if latest else value.items[0]) if value.items else NOTHING
    rows = as_rows(cx, node, value)
    if rows is None:
        return NOTHING
    if latest:
        rows = frames.settle(rows, cx.frame)
    _, aggregate = frames.grouped(rows, cx.frame)
    keys = [key for _, parts in rows.order for key in parts]
    directions = {down for down, _ in rows.order}
    if len(directions) > 1:
        cx.fail(node, f"{node.op} of a list sorted in both directions is not supported")
    name, key = pick_key(keys, rows.frame.position, descending=True in directions, latest=latest)
    if not key.args:
        key = Op("row", tuple(frames.leaves(rows.element)))
    return _picked(rows, lambda e: aggregate(Op(name, (e, key))))


def _picked(rows: Rows, pick: object) -> Value:
    """One element of each group: its leaves picked by the same key. A resource is its row key, joined again if read."""
    assert callable(pick)
    element = rows.element
    if isinstance(element, Resource):
        return Resource(element.type, pick(element.rid))
    return remap(element, lambda e: pick(e))


@operator("First")
def first(cx: Context, node: Operator, a: Value) -> Value:
    """B.11 First."""
    return _pick(cx, node, a, latest=False)


@operator("Last")
def last(cx: Context, node: Operator, a: Value) -> Value:
    """B.11 Last."""
    if isinstance(a, Texts):
        return Point(STRING, op("split_last", a.text, a.separator))
    return _pick(cx, node, a, latest=True)


@operator("SingletonFrom")
def singleton_from(cx: Context, node: Operator, a: Value) -> Value:
    """B.11 SingletonFrom. More than one element: null for that patient, counted and reported with library and line."""
    if isinstance(a, ListLiteral):
        if len(a.items) > 1:
            cx.fail(node, "singleton from a list of several elements")
        return a.items[0] if a.items else NOTHING
    rows = as_rows(cx, node, a)
    if rows is None:
        return NOTHING
    rows = frames.settle(rows, cx.frame)
    group, aggregate = frames.grouped(rows, cx.frame)
    cx.compiler.check_single(group, Op("count", ()), cx.where(node))
    return _picked(rows, lambda e: aggregate(Op("only", (e,))))


@operator("Count")
def count_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.11 Count: elements that are not null; 0 for null."""
    if isinstance(a, ListLiteral):
        return Point(INTEGER, Const(len([i for i in a.items if not isinstance(i, Nothing)])))
    rows = as_rows(cx, node, a)
    if rows is None:
        return Point(INTEGER, Const(0))
    rows = frames.settle(rows, cx.frame)
    there = present(rows.element)
    _, aggregate = frames.grouped(rows, cx.frame)
    counted = aggregate(Op("count", () if there == TRUE else (there,)))
    return Point(INTEGER, coalesce(counted, Const(0)))


_AGGREGATES = {"Min": "min", "Max": "max", "Sum": "sum", "Avg": "avg", "Median": "median"}


@operator(*_AGGREGATES)
def aggregate_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.13 Aggregate functions: nulls are ignored; null for no elements."""
    if isinstance(a, ListLiteral) and node.op in ("Min", "Max"):
        return _extreme_of(cx, node, a.items)
    if isinstance(a, ListLiteral) and a.items:
        a = literal_list(cx, a)
    rows = as_rows(cx, node, a)
    if rows is None:
        return NOTHING
    rows = frames.settle(rows, cx.frame)
    element = rows.element
    if node.op in ("Min", "Max") and not (isinstance(element, Point) and element.high is None):
        return _extreme(cx, node, rows)
    _, aggregate = frames.grouped(rows, cx.frame)
    if isinstance(element, Quantity):
        return aggregated(element, _AGGREGATES[node.op], aggregate)
    if not isinstance(element, Point):
        cx.fail(node, f"{node.op} of {type_of(element)} is not supported")
    return Point(element.type, aggregate(Op(_AGGREGATES[node.op], (element.low,))))


def _extreme_of(cx: Context, node: Operator, items: Sequence[Value]) -> Value:
    """The least or greatest of values written out."""
    found: Value = NOTHING
    for item in items:
        if isinstance(found, Nothing):
            found = item
        elif not isinstance(item, Nothing):
            first = order("le" if node.op == "Min" else "ge", found, item)
            if first is None:
                cx.fail(node, f"{node.op} of {type_of(item)} is not supported")
            keep = or_(is_true(first), not_(present(item)))
            found = combine([found, item], lambda parts, keep=keep: case([(keep, parts[0])], parts[1]))  # type: ignore[misc]
    return found


def _extreme(cx: Context, node: Operator, rows: Rows) -> Value:
    """The least or greatest element, as the first or last of those that are not null."""
    rows.frame.filter(present(rows.element))
    rows.order = ((False, order_key(cx, node, rows.element)),)
    return _pick(cx, node, rows, latest=node.op == "Max")


@operator("Indexer")
def indexer(cx: Context, node: Operator, a: Value, index: Value) -> Value:
    """B.11 Indexer: the element at a position from 0; null outside the list."""
    if isinstance(a, ListLiteral) and a.items:
        a = literal_list(cx, a)
    rows = as_rows(cx, node, a)
    if rows is None or not isinstance(index, Point):
        return NOTHING
    numbered = frames.numbered(frames.settle(rows, cx.frame), cx.frame)
    place = op("add_integer", index.low, Const(1))
    numbered.frame.filter(eq(numbered.number, place))
    _, aggregate = frames.grouped(numbered.rows, cx.frame)
    return _picked(numbered.rows, lambda e: aggregate(Op("only", (e,))))


@operator("AllTrue", "AnyTrue")
def all_any_true(cx: Context, node: Operator, a: Value) -> Value:
    """B.13 AllTrue, AnyTrue: nulls are ignored; true and false for no elements."""
    rows = as_rows(cx, node, a)
    empty = Const(node.op == "AllTrue")
    if rows is None or not isinstance(rows.element, Point):
        return boolean(empty)
    _, aggregate = frames.grouped(rows, cx.frame)
    name = "every" if node.op == "AllTrue" else "some"
    return boolean(coalesce(aggregate(Op(name, (rows.element.low,))), empty))


def flatten_lists(values: Sequence[Value]) -> list[Value]:
    """Operands of nested unions, one level, nulls dropped."""
    return [v for v in values if not isinstance(v, Nothing)]


@operator("Union")
def union_operator(cx: Context, node: Operator, *values: Value) -> Value:
    """B.11 Union: every element of either list, once."""
    lists = flatten_lists(values)
    if not lists:
        return EMPTY
    if all(isinstance(v, ListLiteral) for v in lists):
        return ListLiteral(tuple(item for v in lists if isinstance(v, ListLiteral) for item in v.items))
    rows = [v for v in lists if isinstance(v, Rows)]
    literals = [item for v in lists if isinstance(v, ListLiteral) for item in v.items]
    if literals:
        rows += [cx.compiler.literal_rows(item, cx) for item in literals]
    if len(rows) != len([v for v in lists if isinstance(v, Rows)]) + len(literals):
        cx.fail(node, "Union of these types is not supported")
    return rows[0] if len(rows) == 1 else frames.union(rows, cx.frame)


def intersect_lists(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.11 Intersect: elements of both lists, once. Except: those of the first that are not in the second."""
    if isinstance(a, Nothing) or isinstance(b, Nothing):
        return a if node.op == "Except" else NOTHING
    left, right = as_rows(cx, node, a), as_rows(cx, node, b)
    if left is None or right is None:
        return NOTHING if node.op == "Intersect" or left is None else left
    left.distinct = True
    left = frames.settle(left, cx.frame)
    pairs = list(zip(frames.leaves(left.element), frames.leaves(right.element), strict=True))
    there = frames.member(right, left.frame, pairs)
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
        flat = frames.flatten(a)
        return a if flat is None else flat
    if isinstance(a, Nothing):
        return a
    if isinstance(a, ListLiteral) and all(isinstance(i, ListLiteral) for i in a.items):
        return ListLiteral(tuple(x for i in a.items if isinstance(i, ListLiteral) for x in i.items))
    if isinstance(a, ListLiteral) and all(isinstance(i, Rows) for i in a.items):
        return frames.union([i for i in a.items if isinstance(i, Rows)], cx.frame, distinct=False)
    cx.fail(node, f"Flatten of {type_of(a)} is not supported")
