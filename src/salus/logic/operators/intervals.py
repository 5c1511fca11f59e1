"""Interval operators (CQL Reference, Appendix B, section 9), by their bounds (see `bounds`)."""

from __future__ import annotations

from collections.abc import Callable

from salus.elm.nodes import Operator
from salus.elm.types import IntervalOf
from salus.logic.context import Context
from salus.logic.expr import (
    FALSE,
    NULL,
    TRUE,
    E,
    and_,
    case,
    is_true,
    not_,
    or_,
    truth,
)
from salus.logic.operators import points
from salus.logic.operators.arithmetic import difference
from salus.logic.operators.bounds import end, neighbour, start, stated
from salus.logic.operators.lists import LISTS, in_list_value, includes_list, properly_includes_list
from salus.logic.operators.registry import operator
from salus.logic.operators.units import compare_quantities
from salus.logic.values import (
    NOTHING,
    Choice,
    Empty,
    Interval,
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


def ordered(relation: str, a: Value, b: Value, unit: str | None = None) -> E:
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        return compare_quantities(relation, a, b)
    if not (isinstance(a, Point) and isinstance(b, Point)):
        return NULL
    return {"le": points.less_or_equal, "lt": points.less, "eq": points.equal}[relation](a, b, unit)


def _like(value: Value, bound: Value) -> Value:
    """Of a choice, the alternative that is of a bound's type; more than one stay a choice, which has no order."""
    if not isinstance(value, Choice):
        return value
    fitting = [option for option in value.options if _same_kind(option, bound)]
    return fitting[0] if len(fitting) == 1 else value


def _same_kind(a: Value, b: Value) -> bool:
    if isinstance(a, Point) and isinstance(b, Point):
        return points.alike(a, b)
    return isinstance(a, Quantity) and isinstance(b, Quantity)


def contains_point(point: Value, interval: Interval, unit: str | None, *, proper: bool = False) -> E:
    """B.9 In: start <= point <= end."""
    relation, low = "lt" if proper else "le", start(interval)
    held = _like(point, low)
    inside = and_(ordered(relation, low, held, unit), ordered(relation, held, end(interval), unit))
    return inside if interval.present == TRUE else case([(interval.present, inside)], case([(present(point), FALSE)]))


def includes(a: Interval, b: Interval, unit: str | None) -> E:
    """B.9 Includes: b lies in a."""
    return and_(ordered("le", start(a), start(b), unit), ordered("le", end(b), end(a), unit))


def _properly(a: Interval, b: Interval, unit: str | None, inner: E) -> E:
    same = and_(ordered("eq", start(a), start(b), unit), ordered("eq", end(a), end(b), unit))
    return and_(inner, not_(same))


@operator("Start")
def start_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.9 Start."""
    return _each(cx, node, a, lambda value: stated(value, top=False))


@operator("End")
def end_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.9 End."""
    return _each(cx, node, a, lambda value: stated(value, top=True))


def _each(cx: Context, node: Operator, value: Value, fn: Callable[[Value], Value]) -> Value:
    if isinstance(value, Choice):
        made = [fn(o) for o in value.options if isinstance(o, Interval)]
        flags = [present(o) for o in value.options if isinstance(o, Interval)]
        return combine(made, lambda parts: case(list(zip(flags, parts, strict=True))))
    if not isinstance(value, (Interval, Nothing)):
        cx.fail(node, f"{node.op} needs an interval, not {type_of(value)}")
    return fn(value)


@operator("In", "ProperIn")
def in_operator(cx: Context, node: Operator, item: Value, container: Value) -> Value:
    """B.9 In (interval), B.11 In (list)."""
    return _in(cx, node, item, container)


@operator("Contains", "ProperContains")
def contains_operator(cx: Context, node: Operator, container: Value, item: Value) -> Value:
    """B.9, B.11 Contains."""
    return _in(cx, node, item, container)


def _in(cx: Context, node: Operator, item: Value, container: Value) -> Value:
    proper = node.op.startswith("Proper")
    _, container = both(cx, node, item, container)
    container = ListLiteral(()) if isinstance(container, Empty) else container
    if isinstance(container, Interval):
        if isinstance(item, Nothing):
            return boolean(NULL)
        return boolean(contains_point(item, container, _unit(node), proper=proper))
    if isinstance(container, Nothing):
        return boolean(FALSE if not isinstance(item, Nothing) else NULL)
    if proper and not isinstance(container, (Interval, Nothing)):
        return boolean(properly_includes_list(cx, node, container, ListLiteral((item,))))
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
    outer, inner = (ListLiteral(()) if isinstance(v, Empty) else v for v in both(cx, node, outer, inner))
    if isinstance(outer, Nothing) or isinstance(inner, Nothing):
        return boolean(NULL)
    if isinstance(outer, Interval) and isinstance(inner, Interval):
        held = includes(outer, inner, _unit(node))
        proper = node.op.startswith("Proper")
        return boolean(_properly(outer, inner, _unit(node), held) if proper else held)
    if isinstance(outer, LISTS) and isinstance(inner, LISTS):
        proper = node.op.startswith("Proper")
        return boolean((properly_includes_list if proper else includes_list)(cx, node, outer, inner))
    if isinstance(outer, Interval):
        return boolean(contains_point(inner, outer, _unit(node), proper=node.op.startswith("Proper")))
    cx.fail(node, f"{node.op} of {type_of(inner)} and {type_of(outer)} is not supported")


def overlaps(a: Interval, b: Interval, unit: str | None = None) -> E:
    """B.9 Overlaps: each starts before the other ends."""
    return and_(ordered("le", start(a), end(b), unit), ordered("le", start(b), end(a), unit))


def meets_before(a: Interval, b: Interval, unit: str | None = None) -> E:
    """B.9 Meets Before: b starts at the point after a's end; false where there is no such point."""
    following = neighbour(end(a), 1)
    if isinstance(following, Nothing):
        return NULL
    there = or_(present(following), not_(present(end(a))))
    met = ordered("eq", following, start(b), unit)
    return met if there == TRUE else case([(there, met)], FALSE)


_FACING: dict[str, Callable[[Interval, Interval, str | None], E]] = {
    "Overlaps": overlaps,
    "OverlapsBefore": lambda a, b, u: and_(ordered("lt", start(a), start(b), u), ordered("le", start(b), end(a), u)),
    "OverlapsAfter": lambda a, b, u: and_(ordered("le", start(a), end(b), u), ordered("lt", end(b), end(a), u)),
    "Meets": lambda a, b, u: or_(meets_before(a, b, u), meets_before(b, a, u)),
    "MeetsBefore": meets_before,
    "MeetsAfter": lambda a, b, u: meets_before(b, a, u),
    "Starts": lambda a, b, u: and_(ordered("eq", start(a), start(b), u), ordered("le", end(a), end(b), u)),
    "Ends": lambda a, b, u: and_(ordered("le", start(b), start(a), u), ordered("eq", end(a), end(b), u)),
}


@operator(*_FACING)
def facing_operator(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.9 Overlaps (Before, After), Meets (Before, After), Starts, Ends."""
    a, b = both(cx, node, a, b)
    if isinstance(a, Nothing) or isinstance(b, Nothing):
        return boolean(NULL)
    if not (isinstance(a, Interval) and isinstance(b, Interval)):
        cx.fail(node, f"{node.op} needs intervals, not {type_of(a)} and {type_of(b)}")
    return boolean(_FACING[node.op](a, b, _unit(node)))


@operator("Width", "Size")
def width(cx: Context, node: Operator, a: Value) -> Value:
    """B.9 Width, Size: from the first point to the last; Size counts both."""
    if not isinstance(a, Interval):
        return NOTHING
    low, high = stated(a, top=False), stated(a, top=True)
    if any(isinstance(e, Point) and e.type.name in points.DATES for e in (low, high)):
        cx.ill_typed(node, f"{node.op} of {a.type} is not defined")
    made = difference(cx, node, high, low)
    return neighbour(made, 1) if node.op == "Size" else made


@operator("PointFrom")
def point_from(cx: Context, node: Operator, a: Value) -> Value:
    """B.9 Point From: the one point of an interval; null for more, which is an error."""
    if not isinstance(a, Interval):
        return NOTHING
    one = truth(ordered("eq", start(a), end(a)))
    if one == FALSE:
        cx.error(node, "point from an interval of more than one point")
    return combine([start(a)], lambda parts: case([(one, parts[0])]))


def select(low: Value, high: Value, low_closed: E, high_closed: E) -> Value:
    """The interval selector: null when both bounds are null."""
    if isinstance(low, Choice) or isinstance(high, Choice):
        return Nothing()
    there = or_(present(low), present(high))
    if there == FALSE:
        return Nothing()
    kind = type_of(high if isinstance(low, Nothing) else low)
    return Interval(low, high, is_true(low_closed), is_true(high_closed), there, IntervalOf(kind))
