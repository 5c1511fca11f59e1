"""Interval operators (CQL Reference, Appendix B, section 9).

A closed null bound is the end of the type's range; an open null bound is unknown, but lies between the other bound and
the end of the range. An interval with neither bound is null.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from salus.elm.nodes import Operator
from salus.elm.types import IntervalOf, Named
from salus.logic import calendar
from salus.logic.context import Context
from salus.logic.expr import FALSE, NULL, TRUE, Const, E, Op, and_, case, coalesce, eq, given, is_true, not_, not_null, op, or_
from salus.logic.operators import points
from salus.logic.operators.datetimes import add_time
from salus.logic.operators.registry import operator
from salus.logic.operators.units import as_point, common_unit, compare_quantities
from salus.logic.values import (
    DECIMAL, Choice, Interval, ListLiteral, Nothing, Point, Quantity, Value, boolean, combine, present, remap, type_of,
)  # fmt: skip

_RANGE: dict[str, tuple[object, object]] = {
    "System.DateTime": (calendar.MIN_DATETIME, calendar.MAX_DATETIME),
    "System.Date": (calendar.MIN_DATETIME, datetime(9999, 12, 31)),
    "System.Integer": (-(2**31), 2**31 - 1),
    "System.Long": (-(2**63), 2**63 - 1),
    "System.Decimal": (Decimal(-(10**20)) + Decimal("1e-8"), Decimal(10**20) - Decimal("1e-8")),
}


def extreme(type_: Named, *, top: bool) -> Point:
    """B.10 minimum and maximum of a type."""
    bounds = _RANGE.get(type_.name, (None, None))
    return Point(type_, Const(bounds[1 if top else 0]))  # type: ignore[arg-type]


def _step(point: Point, sign: int) -> Point:
    """B.9 successor and predecessor: one millisecond, day or unit."""
    match point.type.name:
        case "System.DateTime":
            return _moved(point, lambda e: add_time(e, Const(sign), "millisecond"))
        case "System.Date":
            return _moved(point, lambda e: add_time(e, Const(sign), "day"))
        case "System.Decimal":
            return _moved(point, lambda e: _add(e, Decimal(sign) * Decimal("1e-8")))
    return _moved(point, lambda e: _add(e, sign))


def _moved(point: Point, move: object) -> Point:
    fn = move
    assert callable(fn)
    return Point(point.type, fn(point.low), None if point.high is None else fn(point.high), point.precision)


def _add(e: E, amount: int | Decimal) -> E:
    if isinstance(e, Const):
        return NULL if e.value is None else Const(e.value + amount)  # type: ignore[operator]
    return op("add_decimal" if isinstance(amount, Decimal) else "add_integer", e, Const(amount))


def _point_type(interval: Interval) -> Named:
    for bound in (interval.low, interval.high):
        if isinstance(bound, Point):
            return bound.type
        if isinstance(bound, Quantity):
            return DECIMAL
    point = interval.type.point
    return point if isinstance(point, Named) else Named("System.Any")


def start(value: Value) -> Value:
    """B.9 Start: the first point; the type's minimum for a closed null, uncertain for an open one."""
    return _bound(value, top=False)


def end(value: Value) -> Value:
    """B.9 End: the last point; the type's maximum for a closed null, uncertain for an open one."""
    return _bound(value, top=True)


def _bound(value: Value, *, top: bool) -> Value:
    if not isinstance(value, Interval):
        return Nothing()
    quantities = [b for b in (value.low, value.high) if isinstance(b, Quantity)]
    if quantities:
        return _quantity_bound(value, common_unit(quantities), top=top)
    return _point_bound(value, value.low, value.high, top=top)


def _quantity_bound(value: Interval, unit: str, *, top: bool) -> Value:
    """A bound of quantities, in one unit; an unknown one is null."""
    low, high = (as_point(b, unit) if isinstance(b, Quantity) else b for b in (value.low, value.high))
    found = _point_bound(value, low, high, top=top)
    assert isinstance(found, Point)
    certain = found.low if found.high is None else case([(eq(found.low, found.high), found.low)])
    return Quantity(certain, Const(unit), frozenset({unit}))


def _point_bound(value: Interval, low: Value, high: Value, *, top: bool) -> Value:
    here, other = (high, low) if top else (low, high)
    closed = value.high_closed if top else value.low_closed
    edge = extreme(_point_type(value), top=top)
    if isinstance(here, Nothing):
        here = Point(edge.type, NULL)
    assert isinstance(here, Point)
    known = not_null(here.low)
    inside = combine([here, _step(here, -1 if top else 1)], lambda p: case([(closed, p[0])], p[1]))
    inside = remap(inside, lambda e: given(e, {known: True, not_(known): False}))
    unknown = _unknown(edge, other, top=top)
    return _choose(value.present, known, closed, inside, edge, unknown)


def _unknown(edge: Point, other: Value, *, top: bool) -> Point:
    """Any point between the other bound and the end of the range."""
    opposite = extreme(edge.type, top=not top)
    near = opposite if not isinstance(other, Point) else other
    inner = coalesce(near.low if top else near.top, opposite.low)
    return Point(edge.type, inner, edge.low) if top else Point(edge.type, edge.low, inner)


def _choose(there: E, known: E, closed: E, inside: Value, edge: Point, unknown: Point) -> Value:
    if known == TRUE and there == TRUE:
        return inside
    if known == closed:  # closed just where it is known: a closed null cannot occur
        return combine([inside, unknown], lambda p: case([(and_(there, known), p[0]), (there, p[1])]))
    open_null = and_(not_(known), not_(closed))
    options = [inside, edge] + ([unknown] if _can_hold(known, closed) else [])
    conditions = [and_(there, known), and_(there, closed) if len(options) > 2 else there, and_(there, open_null)]
    return combine(options, lambda parts: case(list(zip(conditions, parts, strict=False))))


def _can_hold(known: E, closed: E) -> bool:
    """Whether an open null bound can occur: not when the bound is closed, or closed just when it is known."""
    return closed != TRUE


def both(cx: Context, node: Operator, a: Value, b: Value) -> tuple[Value, Value]:
    """Operands ready to compare: choices narrowed to their interval, null literals kept."""

    def ready(value: Value) -> Value:
        if isinstance(value, Choice):
            intervals = [o for o in value.options if isinstance(o, Interval)]
            return intervals[0] if len(intervals) == 1 else value
        return value

    return ready(a), ready(b)


def _unit(node: Operator) -> str | None:
    return node.precision.lower() if node.precision else None


def _compare(relation: str, a: Value, b: Value, unit: str | None) -> E:
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        return compare_quantities(relation, a, b)
    if not (isinstance(a, Point) and isinstance(b, Point)):
        return NULL
    return {"le": points.less_or_equal, "lt": points.less, "eq": points.equal}[relation](a, b, unit)


def contains_point(point: Value, interval: Interval, unit: str | None, *, proper: bool = False) -> E:
    """B.9 In: start <= point <= end."""
    relation = "lt" if proper else "le"
    inside = and_(_compare(relation, start(interval), point, unit), _compare(relation, point, end(interval), unit))
    return case([(interval.present, inside)]) if interval.present != TRUE else inside


def includes(a: Interval, b: Interval, unit: str | None) -> E:
    """B.9 Includes: b lies in a."""
    return and_(_compare("le", start(a), start(b), unit), _compare("le", end(b), end(a), unit))


def _properly(a: Interval, b: Interval, unit: str | None, inner: E) -> E:
    same = and_(_compare("eq", start(a), start(b), unit), _compare("eq", end(a), end(b), unit))
    return and_(inner, not_(same))


@operator("Start")
def start_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.9 Start."""
    return _each(cx, node, a, start)


@operator("End")
def end_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.9 End."""
    return _each(cx, node, a, end)


def _each(cx: Context, node: Operator, value: Value, fn: object) -> Value:
    assert callable(fn)
    if isinstance(value, Choice):
        made = [fn(o) for o in value.options if isinstance(o, Interval)]
        flags = [present(o) for o in value.options if isinstance(o, Interval)]
        return combine(made, lambda parts: case(list(zip(flags, parts, strict=True))))
    if not isinstance(value, (Interval, Nothing)):
        cx.fail(node, f"{node.op} needs an interval, not {type_of(value)}")
    found: Value = fn(value)
    return found


@operator("In", "ProperIn")
def in_operator(cx: Context, node: Operator, item: Value, container: Value) -> Value:
    """B.9 In (interval), B.11 In (list)."""
    return _in(cx, node, item, container)


@operator("Contains", "ProperContains")
def contains_operator(cx: Context, node: Operator, container: Value, item: Value) -> Value:
    """B.9, B.11 Contains."""
    return _in(cx, node, item, container)


def _in(cx: Context, node: Operator, item: Value, container: Value) -> Value:
    from salus.logic.operators.lists import in_list_value

    proper = node.op.startswith("Proper")
    _, container = both(cx, node, item, container)
    if isinstance(container, Interval):
        if isinstance(item, Nothing):
            return boolean(NULL)
        return boolean(contains_point(item, container, _unit(node), proper=proper))
    if isinstance(container, Nothing):
        return boolean(FALSE if not isinstance(item, Nothing) else NULL)
    return in_list_value(cx, node, item, container)


@operator("IncludedIn", "ProperIncludedIn")
def included_in(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.9 Included In (during)."""
    return _includes(cx, node, b, a)


@operator("Includes", "ProperIncludes")
def includes_operator(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.9 Includes."""
    return _includes(cx, node, a, b)


def _includes(cx: Context, node: Operator, outer: Value, inner: Value) -> Value:
    outer, inner = both(cx, node, outer, inner)
    if isinstance(outer, Nothing) or isinstance(inner, Nothing):
        return boolean(NULL)
    if isinstance(outer, Interval) and isinstance(inner, Interval):
        held = includes(outer, inner, _unit(node))
        proper = node.op.startswith("Proper")
        return boolean(_properly(outer, inner, _unit(node), held) if proper else held)
    if isinstance(outer, Interval):
        return boolean(contains_point(inner, outer, _unit(node), proper=node.op.startswith("Proper")))
    cx.fail(node, f"{node.op} of {type_of(inner)} and {type_of(outer)} is not supported")


_FACING = {
    "Overlaps": lambda a, b, u: and_(_compare("le", start(a), end(b), u), _compare("le", start(b), end(a), u)),
    "OverlapsBefore": lambda a, b, u: and_(_compare("lt", start(a), start(b), u), _compare("le", start(b), end(a), u)),
    "OverlapsAfter": lambda a, b, u: and_(_compare("le", start(a), end(b), u), _compare("lt", end(b), end(a), u)),
    "Starts": lambda a, b, u: and_(_compare("eq", start(a), start(b), u), _compare("le", end(a), end(b), u)),
    "Ends": lambda a, b, u: and_(_compare("le", start(b), start(a), u), _compare("eq", end(a), end(b), u)),
}


@operator(*_FACING)
def facing_operator(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.9 Overlaps (Before, After), Starts, Ends."""
    a, b = both(cx, node, a, b)
    if isinstance(a, Nothing) or isinstance(b, Nothing):
        return boolean(NULL)
    if not (isinstance(a, Interval) and isinstance(b, Interval)):
        cx.fail(node, f"{node.op} needs intervals, not {type_of(a)} and {type_of(b)}")
    return boolean(_FACING[node.op](a, b, _unit(node)))


def select(low: Value, high: Value, low_closed: E, high_closed: E) -> Value:
    """The interval selector: null when both bounds are null."""
    if isinstance(low, Choice) or isinstance(high, Choice):
        return Nothing()
    there = or_(present(low), present(high))
    if there == FALSE:
        return Nothing()
    kind = type_of(high if isinstance(low, Nothing) else low)
    return Interval(low, high, is_true(low_closed), is_true(high_closed), there, IntervalOf(kind))


__all__ = ["ListLiteral", "Op", "contains_point", "end", "extreme", "includes", "select", "start"]
