"""Aggregate functions (CQL Reference, Appendix B, section 12): one value of the elements of a list that are not null.

Of no such elements a count is 0, `AllTrue` true, `AnyTrue` false, and all else null.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from salus.elm.nodes import Operator
from salus.logic import frame as frames
from salus.logic.context import Context
from salus.logic.expr import TRUE, Const, E, Op, and_, case, coalesce, compare, is_true, not_, not_null, op, or_
from salus.logic.frame import Rows
from salus.logic.operators.comparison import order
from salus.logic.operators.lists import as_rows, pick
from salus.logic.operators.registry import operator
from salus.logic.operators.sorting import order_key
from salus.logic.operators.strings import text
from salus.logic.operators.units import aggregated
from salus.logic.values import (
    DECIMAL,
    INTEGER,
    LONG,
    NOTHING,
    STRING,
    ListLiteral,
    Nothing,
    Point,
    Quantity,
    Value,
    boolean,
    combine,
    present,
    type_of,
)  # fmt: skip


@operator("Count")
def count_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.12 Count: elements that are not null; 0 for null."""
    rows = as_rows(cx, node, a)
    if rows is None:
        return Point(INTEGER, Const(0))
    rows = frames.settle(rows, cx.frame)
    there = present(rows.element)
    _, aggregate = frames.grouped(rows, cx.frame)
    counted = aggregate(Op("count", () if there == TRUE else (there,)))
    return Point(INTEGER, coalesce(counted, Const(0)))


@operator("Min", "Max")
def extreme_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.12 Min, Max."""
    if isinstance(a, ListLiteral) and all(isinstance(i, Point) and i.high is None for i in a.items):
        return _extreme_of(cx, node, a.items)
    rows = as_rows(cx, node, a)
    if rows is None:
        return NOTHING
    rows = frames.settle(rows, cx.frame)
    element = rows.element
    if not (isinstance(element, Point) and element.high is None):
        return _extreme(cx, node, rows)
    _, aggregate = frames.grouped(rows, cx.frame)
    return Point(element.type, aggregate(Op(node.op.lower(), (element.low,))))


_STATISTICS = {
    "Sum": "sum",
    "Product": "product",
    "Avg": "avg",
    "Median": "median",
    "GeometricMean": "geometric_mean",
    "Variance": "var_samp",
    "PopulationVariance": "var_pop",
    "StdDev": "stddev_samp",
    "PopulationStdDev": "stddev_pop",
}


@operator(*_STATISTICS)
def statistic_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.12 Sum, Product, Avg, Median, GeometricMean, and measures of spread; a result that does not fit is null."""
    rows = as_rows(cx, node, a)
    if rows is None:
        return NOTHING
    rows = frames.settle(rows, cx.frame)
    element = rows.element
    if isinstance(element, Nothing):
        return NOTHING
    if isinstance(element, Quantity):
        return _of_quantities(cx, node, rows, element)
    if not isinstance(element, Point) or (element.high is not None and node.op == "Product"):
        cx.fail(node, f"{node.op} of {'uncertain ' * isinstance(element, Point)}{type_of(element)} is not supported")
    _, aggregate = frames.grouped(rows, cx.frame)
    whole = node.op in ("Sum", "Product") and element.type in (INTEGER, LONG)
    kind = element.type if whole else DECIMAL
    low = _statistic(node.op, element.low, kind.name, aggregate)
    if element.high is None:
        return Point(kind, low)
    if node.op not in _RISING:
        uncertain = aggregate(Op("some", (compare("ne", element.low, element.high),)))
        return Point(kind, case([(not_(is_true(uncertain)), low)]))
    high = _statistic(node.op, element.high, kind.name, aggregate)
    told = and_(not_null(low), not_null(high))
    return Point(kind, case([(told, low)]), case([(told, high)]))


_RISING = ("Sum", "Avg", "Median", "GeometricMean")
"""No less where a value is no less: of uncertain values, from that of the least to that of the greatest they can be. Of
the others it is not known then."""


def _of_quantities(cx: Context, node: Operator, rows: Rows, element: Quantity) -> Value:
    if node.op == "Product" and element.units != frozenset({"1"}):
        cx.fail(node, "Product of quantities, whose unit depends on how many there are, is not supported")
    first = _first_present(cx, node, rows)
    _, aggregate = frames.grouped(rows, cx.frame)
    return aggregated(element, first.unit, lambda e: _statistic(node.op, e, DECIMAL.name, aggregate), aggregate)


def _statistic(name: str, e: E, kind: str, aggregate: Callable[[E], E]) -> E:
    """Null where it does not fit. The two in the middle of a median are halved with all the places there are."""
    exact = op("as_fitting_decimal", e) if name == "Median" else e
    return op(f"as_fitting_{kind.removeprefix('System.').lower()}", aggregate(Op(_STATISTICS[name], (exact,))))


def _first_present(cx: Context, node: Operator, rows: Rows) -> Quantity:
    there = frames.instance(rows, cx.frame)
    there.frame.filter(present(there.element))
    found = pick(cx, node, there, latest=False)
    assert isinstance(found, Quantity)
    return found


@operator("Mode")
def mode(cx: Context, node: Operator, a: Value) -> Value:
    """B.12 Mode: the value that is there most often, the first of them."""
    rows = as_rows(cx, node, a)
    if rows is None:
        return NOTHING
    rows = frames.own(rows, cx.frame)
    rows.frame.filter(present(rows.element))
    often = rows.frame.bind(Op("how_many", (rows.link.inner, *frames.leaves(rows.element))))
    return pick(cx, node, replace(rows, order=((True, (often,)), *rows.order)), latest=False)


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
    return pick(cx, node, rows, latest=node.op == "Max")


@operator("Combine")
def combine_operator(cx: Context, node: Operator, a: Value, separator: Value = NOTHING) -> Value:
    """B.7 Combine: nulls are left out; null of no strings."""
    rows = as_rows(cx, node, a)
    if rows is None:
        return NOTHING
    rows = frames.settle(rows, cx.frame)
    between = coalesce(text(cx, node, separator), Const(""))
    _, aggregate = frames.grouped(rows, cx.frame)
    texts = aggregate(Op("collected", (text(cx, node, rows.element), *frames.in_order(rows))))
    return Point(STRING, op("joined", texts, between))


@operator("AllTrue", "AnyTrue")
def all_any_true(cx: Context, node: Operator, a: Value) -> Value:
    """B.12 AllTrue, AnyTrue: nulls are ignored; true and false for no elements."""
    rows = as_rows(cx, node, a)
    empty = Const(node.op == "AllTrue")
    if rows is None or not isinstance(rows.element, Point):
        return boolean(empty)
    rows = frames.settle(rows, cx.frame)
    assert isinstance(rows.element, Point)
    _, aggregate = frames.grouped(rows, cx.frame)
    name = "every" if node.op == "AllTrue" else "some"
    return boolean(coalesce(aggregate(Op(name, (rows.element.low,))), empty))
