"""Collapse and expand: intervals joined together and cut into pieces (ELM §19, Collapse, Expand)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from salus.engine.oracle import moments
from salus.engine.oracle.bounds import lower, successor, upper
from salus.engine.oracle.comparison import at_or_before, in_unit, sort_key
from salus.engine.oracle.moments import Moment
from salus.engine.oracle.operators.arithmetic import combined
from salus.engine.oracle.operators.datetimes import is_moment, shifted
from salus.engine.oracle.operators.intervals import known_lower, span
from salus.engine.oracle.registry import Call, operator
from salus.engine.oracle.values import Interval, Quantity, Uncertain, Value, decimal


@operator("Collapse")
def collapse(call: Call, intervals: Value, per: Value = None) -> Value:
    """§19 Collapse: intervals that overlap or meet become one; with `per`, also those no further apart than that."""
    if intervals is None:
        return None
    joined: list[list[Interval]] = []
    for each in sorted((i for i in intervals if i is not None), key=_in_order):
        if joined and any(_reaches(call, before, each, per) for before in joined[-1]):
            joined[-1].append(each)
        else:
            joined.append([each])
    return [_hull(each) for each in joined]


def _in_order(value: Interval) -> tuple[Any, Any]:
    """By where an interval begins at the earliest, then by where it ends at the latest."""
    last = upper(value)
    return sort_key(known_lower(value)), sort_key(last.high if isinstance(last, Uncertain) else last)


def _hull(intervals: list[Interval]) -> Interval | None:
    """From the first start to the last end; null where neither is known."""
    hull: Interval | None = intervals[0]
    for each in intervals[1:]:
        hull = hull and span(hull, each)
    return hull


def _reaches(call: Call, a: Interval, b: Interval, per: Quantity | None) -> bool:
    end = upper(a)
    if isinstance(end, Uncertain):  # it reaches so far at the least
        end = end.low
    if per is None:
        return at_or_before(lower(b), _next(end)) is True
    unit = moments.unit_name(per.unit) if is_moment(end) else None
    reach = shifted(call, end, per, 1) if is_moment(end) else combined(call, "Add", end, _step(end, per))
    return at_or_before(lower(b), reach, unit) is True


def _next(end: Value) -> Value:
    try:
        return successor(end)
    except ValueError:
        return end


def _step(end: Value, per: Quantity) -> Value:
    return per if isinstance(end, Quantity) else int(per.value) if isinstance(end, int) else per.value


@operator("Expand")
def expand(call: Call, source: Value, per: Value = None) -> Value:
    """§19 Expand: a list of intervals as its unit intervals; one interval as its points."""
    if source is None:
        return None
    if isinstance(source, Interval):
        return [piece.low for piece in _pieces(call, source, per)]
    return [piece for each in source if each is not None for piece in _pieces(call, each, per)]


def _pieces(call: Call, value: Interval, per: Quantity | None) -> Iterator[Interval]:
    """Consecutive pieces of the size `per` (one of the coarser precision without it) that lie in the interval whole."""
    low, high = lower(value), upper(value)
    if is_moment(low) and is_moment(high):
        return _moment_pieces(call, low, high, per)
    return _number_pieces(low, high, per)


def _moment_pieces(call: Call, low: Moment, high: Moment, per: Quantity | None) -> Iterator[Interval]:
    coarser = min(low, high, key=lambda moment: len(moment.parts))
    unit = moments.precision(coarser) if per is None else moments.unit_name(per.unit)
    size = int(per.value) if per else 1
    finest = "day" if unit == "week" else unit
    if unit is None or finest not in low.units or low.units.index(finest) >= len(coarser.parts) or size < 1:
        return
    current: Any = type(low)(low.parts[: low.units.index(finest) + 1])
    last = type(low)(high.parts[: low.units.index(finest) + 1])
    while current is not None:
        following = shifted(call, current, Quantity(Decimal(size), unit), 1)
        end = None if following is None else shifted(call, following, Quantity(Decimal(1), finest), -1)
        if end is None or at_or_before(end, last) is not True:
            return
        yield Interval(current, end)
        current = following if at_or_before(following, current) is False else None


def _number_pieces(low: Value, high: Value, per: Quantity | None) -> Iterator[Interval]:
    unit = low.unit if isinstance(low, Quantity) else None
    step = _step_size(low, high, per, unit)
    if step is None or step <= 0:
        return
    grain = Decimal(1).scaleb(min(0, _exponent(step)))
    first, last = (_number(x).quantize(grain, ROUND_FLOOR) for x in (low, high))
    if grain < 1 and isinstance(high, int):
        last += 1 - grain  # a whole number stands for all that begins with it
    while first + step - grain <= last:
        yield Interval(*(_like(low, grain, unit, x) for x in (first, first + step - grain)))
        first += step


def _step_size(low: Value, high: Value, per: Quantity | None, unit: str | None) -> Decimal | None:
    if per is None:
        return Decimal(1).scaleb(min(0, max(_exponent(_number(low)), _exponent(_number(high)))))
    return per.value if unit is None else in_unit(per, unit)


def _number(value: Value) -> Decimal:
    return Decimal(value.value if isinstance(value, Quantity) else value)


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _like(low: Value, grain: Decimal, unit: str | None, value: Decimal) -> Value:
    if unit is not None:
        return Quantity(value, unit)
    return int(value) if grain == 1 else decimal(value)
