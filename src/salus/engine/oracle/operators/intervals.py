"""Interval operators (ELM §19; CQL 1.5, Appendix B "Interval Operators").

Relations compare the first and the last points; an open null bound makes them uncertain (see `bounds`). Operators that
serve lists as well (in, includes, union ...) look at their operands here and pass lists on to `lists`.
"""

from __future__ import annotations

from collections.abc import Callable

from salus.engine.oracle import bounds
from salus.engine.oracle.bounds import interval, lower, predecessor, successor, upper
from salus.engine.oracle.comparison import Truth, all_of, any_of, at_or_before, before, negated, same_point
from salus.engine.oracle.kinds import type_name
from salus.engine.oracle.operators import lists
from salus.engine.oracle.operators.arithmetic import combined
from salus.engine.oracle.operators.datetimes import is_moment
from salus.engine.oracle.registry import Call, operator, strict
from salus.engine.oracle.values import Interval, Uncertain, Value


@operator("Start", "End")
@strict
def start_or_end(call: Call, value: Value) -> Value:
    """§19 Start, End: null when the bound is open and null."""
    if not isinstance(value, Interval):
        call.fail(f"needs an interval, not {type_name(value)}")
    return _edge(call, bounds.start if call.node.op == "Start" else bounds.end, value)


def _edge(call: Call, edge: Callable[[Interval], Value], value: Interval) -> Value:
    try:
        return edge(value)
    except bounds.NoSuchPoint as error:
        call.error(f"{call.node.op}: {error}")
        return None


def contains(value: Interval, point: Value, unit: str | None, *, proper: bool = False) -> Truth:
    """The point is not before the start nor after the end; properly: between them."""
    test = before if proper else at_or_before
    return all_of((test(lower(value), point, unit), test(point, upper(value), unit)))


def includes(a: Interval, b: Interval, unit: str | None) -> Truth:
    """b starts and ends within a."""
    return all_of((at_or_before(lower(a), lower(b), unit), at_or_before(upper(b), upper(a), unit)))


def same(a: Interval, b: Interval, unit: str | None) -> Truth:
    return all_of((same_point(lower(a), lower(b), unit), same_point(upper(a), upper(b), unit)))


@operator("In", "ProperIn")
def in_(call: Call, item: Value, container: Value) -> Value:
    """§19, §20 In, ProperIn."""
    return _contained(call, container, item)


@operator("Contains", "ProperContains")
def contains_operator(call: Call, container: Value, item: Value) -> Value:
    """§19, §20 Contains, ProperContains."""
    return _contained(call, container, item)


def _contained(call: Call, container: Value, item: Value) -> Value:
    """Nothing is in a null list or interval; whether null is in an interval cannot be told."""
    proper = call.node.op.startswith("Proper")
    if isinstance(container, list):
        return lists.properly_contains(container, item) if proper else lists.contains(container, item)
    if container is None:
        return None if item is None else False
    if not isinstance(container, Interval):
        call.fail(f"needs an interval or a list, not {type_name(container)}")
    return None if item is None else contains(container, item, call.unit, proper=proper)


@operator("Includes", "ProperIncludes")
def includes_operator(call: Call, outer: Value, inner: Value) -> Value:
    """§19, §20 Includes, ProperIncludes."""
    return _included(call, outer, inner)


@operator("IncludedIn", "ProperIncludedIn")
def included_in(call: Call, inner: Value, outer: Value) -> Value:
    """§19, §20 IncludedIn, ProperIncludedIn."""
    return _included(call, outer, inner)


def _included(call: Call, outer: Value, inner: Value) -> Value:
    proper = call.node.op.startswith("Proper")
    if outer is None or inner is None:
        return None
    if isinstance(outer, list) and isinstance(inner, list):
        return lists.properly_includes(outer, inner) if proper else lists.includes(outer, inner)
    if not (isinstance(outer, Interval) and isinstance(inner, Interval)):
        return _contained(call, outer, inner)
    held = includes(outer, inner, call.unit)
    return all_of((held, negated(same(outer, inner, call.unit)))) if proper else held


def overlaps(a: Interval, b: Interval, unit: str | None = None) -> Truth:
    """Each starts before the other ends, or when it does."""
    return all_of((at_or_before(lower(a), upper(b), unit), at_or_before(lower(b), upper(a), unit)))


def meets_before(a: Interval, b: Interval, unit: str | None = None) -> Truth:
    """b starts at the point after a's end."""
    try:
        return same_point(successor(upper(a)), lower(b), unit)
    except bounds.NoSuchPoint:
        return False


def meets(a: Interval, b: Interval, unit: str | None = None) -> Truth:
    return any_of((meets_before(a, b, unit), meets_before(b, a, unit)))


Relation = Callable[[Interval, Interval, str | None], Truth]
_RELATIONS: dict[str, Relation] = {
    "Overlaps": overlaps,
    "OverlapsBefore": lambda a, b, u: all_of((before(lower(a), lower(b), u), at_or_before(lower(b), upper(a), u))),
    "OverlapsAfter": lambda a, b, u: all_of((before(upper(b), upper(a), u), at_or_before(lower(a), upper(b), u))),
    "Meets": meets,
    "MeetsBefore": meets_before,
    "MeetsAfter": lambda a, b, u: meets_before(b, a, u),
    "Starts": lambda a, b, u: all_of((same_point(lower(a), lower(b), u), at_or_before(upper(a), upper(b), u))),
    "Ends": lambda a, b, u: all_of((at_or_before(lower(b), lower(a), u), same_point(upper(a), upper(b), u))),
}


@operator(*_RELATIONS)
@strict
def related(call: Call, a: Value, b: Value) -> Value:
    """§19 Overlaps, OverlapsBefore, OverlapsAfter, Meets, MeetsBefore, MeetsAfter, Starts, Ends."""
    if not (isinstance(a, Interval) and isinstance(b, Interval)):
        call.fail(f"needs intervals, not {type_name(a)} and {type_name(b)}")
    return _RELATIONS[call.node.op](a, b, call.unit)


@operator("PointFrom")
@strict
def point_from(call: Call, value: Interval) -> Value:
    """§19 PointFrom: the one point of an interval; more is an error, null with a warning here."""
    if same_point(lower(value), upper(value)) is True:
        return lower(value)
    call.error("point from an interval of more than one point")
    return None


@operator("Width", "Size")
@strict
def width(call: Call, value: Interval) -> Value:
    """§19 Width, Size: end - start; Size counts the points, so that it is one point more."""
    low, high = bounds.start(value), bounds.end(value)
    if low is None or high is None:
        return None
    if is_moment(low):
        call.fail("is not defined for dates and times; use a duration")
    size = combined(call, "Subtract", high, low)
    return successor(size) if call.node.op == "Size" else size


@operator("Union")
def union(call: Call, a: Value, b: Value) -> Value:
    """§19, §20 Union: of intervals null unless they overlap or meet; a null list counts as empty."""
    if isinstance(a, list) or isinstance(b, list):
        return lists.union(a, b)
    if a is None or b is None:
        return None
    joined = any_of((overlaps(a, b), meets(a, b)))
    return span(a, b) if joined else None


def span(a: Interval, b: Interval) -> Interval | None:
    """From the earlier start to the later end."""
    first, last = _pick(a, b, lower, -1), _pick(a, b, upper, 1)
    low, low_closed = (None, False) if first is None else (first.low, first.low_closed)
    high, high_closed = (None, False) if last is None else (last.high, last.high_closed)
    return interval(low, high, low_closed, high_closed)


def _pick(a: Interval, b: Interval, edge: Callable[[Interval], Value], sign: int) -> Interval | None:
    """Which of two intervals has the earlier (-1) or later (1) edge; None when it cannot be told."""
    earlier = at_or_before(edge(a), edge(b))
    if earlier is None:
        return None
    return a if earlier is (sign < 0) else b


@operator("Intersect")
def intersect(call: Call, a: Value, b: Value) -> Value:
    """§19, §20 Intersect: of intervals the points of both, null when there are none."""
    if a is None or b is None:
        return None
    if isinstance(a, list) and isinstance(b, list):
        return lists.intersect(a, b)
    if overlaps(a, b) is not True:
        return None
    first, last = _pick(a, b, lower, 1), _pick(a, b, upper, -1)
    low, low_closed = (None, False) if first is None else (first.low, first.low_closed)
    high, high_closed = (None, False) if last is None else (last.high, last.high_closed)
    return interval(low, high, low_closed, high_closed)


@operator("Except")
def except_(call: Call, a: Value, b: Value) -> Value:
    """§19, §20 Except: of intervals what is left on one side; null when nothing is left, or two pieces."""
    if isinstance(a, list):
        return lists.except_(a, b)
    if a is None or b is None:
        return None
    if overlaps(a, b) is not True:
        return a if overlaps(a, b) is False else None
    starts_first, ends_last = before(lower(a), lower(b)), before(upper(b), upper(a))
    if starts_first and ends_last is False:
        return interval(a.low, predecessor(lower(b)), a.low_closed, True)
    if ends_last and starts_first is False:
        return interval(successor(upper(b)), a.high, True, a.high_closed)
    return None


def known_lower(value: Interval) -> Value:
    """Where an interval can begin at the earliest, for putting intervals in order."""
    first = lower(value)
    return first.low if isinstance(first, Uncertain) else first
