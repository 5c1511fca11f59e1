"""The ends of an interval and of a type's range; the next point and the one before.

A closed null bound is the end of the type's range; an open null bound is unknown, but not beyond the other bound.
Source: ELM §19, Start and End; §16, MinValue, MaxValue, Successor, Predecessor; CQL 1.5, Author's Guide "Intervals".
"""

from __future__ import annotations

from decimal import Decimal

from salus.engine.oracle import moments
from salus.engine.oracle.moments import Date, DateTime, Time
from salus.engine.oracle.values import (
    MAX_DECIMAL,
    MAX_INTEGER,
    MAX_LONG,
    Interval,
    Long,
    Quantity,
    Uncertain,
    Value,
)

_STEP = Decimal("1e-8")
_RANGES: dict[str, tuple[Value, Value]] = {
    "Integer": (-MAX_INTEGER - 1, MAX_INTEGER),
    "Long": (Long(-MAX_LONG - 1), Long(MAX_LONG)),
    "Decimal": (-MAX_DECIMAL, MAX_DECIMAL),
    "Date": (Date((1, 1, 1)), Date((9999, 12, 31))),
    "DateTime": (DateTime((1, 1, 1, 0, 0, 0, 0)), DateTime((9999, 12, 31, 23, 59, 59, 999))),
    "Time": (Time((0, 0, 0, 0)), Time((23, 59, 59, 999))),
    "Quantity": (Quantity(-MAX_DECIMAL), Quantity(MAX_DECIMAL)),
}


class NoSuchPoint(ValueError):
    """A point beyond the range of its type."""


def range_of(type_name: str) -> tuple[Value, Value] | None:
    """Least and greatest value of a System type, None when it has no range."""
    return _RANGES.get(type_name)


def range_like(point: Value) -> tuple[Value, Value]:
    """Least and greatest value of a point's type, in the point's unit."""
    if isinstance(point, Uncertain):
        return range_like(point.low)
    if isinstance(point, Quantity):
        return Quantity(-MAX_DECIMAL, point.unit), Quantity(MAX_DECIMAL, point.unit)
    if isinstance(point, int) and not isinstance(point, Long):
        return _RANGES["Integer"]
    return _RANGES[type(point).__name__]


def successor(point: Value) -> Value:
    """The next point (ELM §16): one of the finest unit stated, the smallest step of a number."""
    return _moved(point, 1)


def predecessor(point: Value) -> Value:
    return _moved(point, -1)


def _moved(point: Value, sign: int) -> Value:
    if point is None:
        return None
    if isinstance(point, Uncertain):
        return Uncertain(_inside(point.low, sign), _inside(point.high, sign))
    if isinstance(point, (Date, DateTime, Time)):
        return _moved_moment(point, sign)
    if isinstance(point, Quantity):
        return Quantity(_within(point.value + sign * _STEP, MAX_DECIMAL), point.unit)
    if isinstance(point, Decimal):
        return _within(point + sign * _STEP, MAX_DECIMAL)
    if isinstance(point, Long):
        return Long(_within(int(point) + sign, MAX_LONG))
    return _within(point + sign, MAX_INTEGER)


def _inside(point: Value, sign: int) -> Value:
    """Moved, but kept at the end of the range."""
    try:
        return _moved(point, sign)
    except NoSuchPoint:
        return point


def _within(value: Value, most: Value) -> Value:
    if not -most - (0 if isinstance(value, Decimal) else 1) <= value <= most:
        raise NoSuchPoint("there is no such number")
    return value


def _moved_moment(moment: moments.Moment, sign: int) -> Value:
    """A second steps by milliseconds, for the two are one component."""
    unit = moments.precision(moment)
    unit = "millisecond" if unit == "second" else unit
    moved = moments.add(moments.earliest(moment), sign, unit)
    if moved is None or (isinstance(moment, Time) and moved.year * 1000 + moved.timetuple().tm_yday != 1001):
        raise NoSuchPoint("there is no such date or time")
    return moments.like(moment, moved, finest=unit)


def lower(interval: Interval) -> Value:
    """The first point, uncertain when the bound is open and null."""
    if interval.low is None:
        if interval.low_closed:
            return range_like(interval.high)[0]
        return Uncertain(range_like(interval.high)[0], upper(interval))
    return interval.low if interval.low_closed else successor(interval.low)


def upper(interval: Interval) -> Value:
    """The last point, uncertain when the bound is open and null."""
    if interval.high is None:
        if interval.high_closed:
            return range_like(interval.low)[1]
        return Uncertain(lower(interval), range_like(interval.low)[1])
    return interval.high if interval.high_closed else predecessor(interval.high)


def start(interval: Interval) -> Value:
    """The Start operator: null when the bound is open and null (ELM §19, Start)."""
    return None if interval.low is None and not interval.low_closed else lower(interval)


def end(interval: Interval) -> Value:
    """The End operator: null when the bound is open and null (ELM §19, End)."""
    return None if interval.high is None and not interval.high_closed else upper(interval)


def interval(low: Value, high: Value, low_closed: bool = True, high_closed: bool = True) -> Interval | None:
    """An interval; null when neither bound is known, for then its type is not either."""
    if low is None and high is None:
        return None
    return Interval(low, high, low_closed, high_closed)
