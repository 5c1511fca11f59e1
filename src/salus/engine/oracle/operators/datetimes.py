"""Date and time operators (ELM §18; CQL 1.5, Appendix B "Date and Time Operators"; Appendix H for durations).

Partial dates give uncertain durations: from the last moment the first can mean to the first the second can, and the
other way about. Timing relations serve intervals too (§19), by the ends that face each other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from salus.engine.oracle import moments
from salus.engine.oracle.bounds import lower, upper
from salus.engine.oracle.comparison import MOMENTS, all_of, at_or_before, before, ends, same_point
from salus.engine.oracle.kinds import type_name
from salus.engine.oracle.moments import UNITS, Date, DateTime, Moment, Time
from salus.engine.oracle.registry import Call, operator, strict
from salus.engine.oracle.values import Interval, Quantity, Uncertain, Value, integer

_MILLISECONDS = {
    "week": 604_800_000,
    "day": 86_400_000,
    "hour": 3_600_000,
    "minute": 60_000,
    "second": 1000,
    "millisecond": 1,
}


@operator("Now")
def now(call: Call) -> Value:
    """§18 Now: one moment for the whole evaluation."""
    return call.interpreter.now()


@operator("Today")
def today(call: Call) -> Value:
    """§18 Today."""
    return Date(call.interpreter.now().parts[:3])


@operator("TimeOfDay")
def time_of_day(call: Call) -> Value:
    """§18 TimeOfDay."""
    return Time(call.interpreter.now().parts[3:])


@operator("DateTime")
def date_time(call: Call, *values: Value) -> Value:
    """§18 DateTime: components up to the first null; null when the year is; the offset in hours."""
    offset = values[7] if len(values) > 7 else None
    parts = _stated(values[:7])
    return _existing(call, DateTime(parts, None if offset is None else int(Decimal(offset) * 60))) if parts else None


@operator("Date")
def date(call: Call, *values: Value) -> Value:
    """§18 Date."""
    parts = _stated(values)
    return _existing(call, Date(parts)) if parts else None


@operator("Time")
def time(call: Call, *values: Value) -> Value:
    """§18 Time."""
    parts = _stated(values)
    return _existing(call, Time(parts)) if parts else None


def _stated(values: tuple[Value, ...]) -> tuple[int, ...]:
    stop = next((place for place, value in enumerate(values) if value is None), len(values))
    return values[:stop]


def _existing(call: Call, moment: Moment) -> Moment | None:
    """A date there is; another is an error, null with a warning here."""
    if moments.checked(moment) is None:
        call.error(f"{moment} is no such {type_name(moment)}")
        return None
    return moment


@operator("DateFrom")
@strict
def date_from(call: Call, value: Moment) -> Value:
    """§18 DateFrom: the date as it is stated, in the value's own offset."""
    return Date(value.parts[:3])


@operator("TimeFrom")
@strict
def time_from(call: Call, value: DateTime) -> Value:
    """§18 TimeFrom: at the offset of the evaluation; null when no time is stated."""
    return Time(moments.at_utc(value)[3:]) if len(value.parts) > 3 else None


@operator("TimezoneOffsetFrom", "TimezoneFrom")
@strict
def offset_from(call: Call, value: DateTime) -> Value:
    """§18 TimezoneOffsetFrom: hours."""
    return Decimal(moments.minutes(value)) / 60


@operator("DateTimeComponentFrom")
@strict
def component_from(call: Call, value: Moment) -> Value:
    """§18 DateTimeComponentFrom: null when the component is not stated."""
    unit = call.unit or "year"
    place = value.units.index(unit) if unit in value.units else len(value.parts)
    return value.parts[place] if place < len(value.parts) else None


def shifted(call: Call, moment: Moment, quantity: Quantity, sign: int) -> Value:
    """§18 Add, Subtract: a date moved by a duration, at the date's own precision; null outside the years there are."""
    unit = moments.unit_name(quantity.unit)
    if unit is None:
        call.error(f"{quantity.unit!r} is not a unit of time")
        return None
    amount, unit = _whole_amount(quantity.value, unit, moments.precision(moment))
    instant = moments.earliest(moment)
    instant = instant.replace(year=2000) if isinstance(moment, Time) else instant
    moved = moments.add(instant, sign * amount, unit)
    if moved is None:
        call.error(f"{call.node.op}: there is no such {type_name(moment)}")
        return None
    return moments.like(moment, moved)


def _whole_amount(value: Decimal, unit: str, finest: str) -> tuple[int, str]:
    """Decimals count for seconds only; a unit finer than the date's precision counts as far as it makes whole ones."""
    if unit == "second" and finest == "millisecond":
        return int(value * 1000), "millisecond"
    amount = int(value)
    if unit == "week" and finest not in ("year", "month"):
        return amount * 7, "day"
    if unit in UNITS and UNITS.index(unit) <= UNITS.index(finest):
        return amount, unit
    return _coarser(amount, unit, finest), finest


def _coarser(amount: int, unit: str, finest: str) -> int:
    """Years of 12 months or 365 days, months of 30 days, days of 24 hours (ELM §18, Add)."""
    if unit == "month":
        return int(Decimal(amount) / 12)
    size = {"year": 365, "month": 30}.get(finest)
    per = size * _MILLISECONDS["day"] if size else _MILLISECONDS[finest]
    return int(Decimal(amount * _MILLISECONDS[unit]) / per)


Measure = Callable[[datetime, datetime, str], int]


def between(a: Value, b: Value, unit: str, measure: Measure) -> Value:
    """A duration: a number, or uncertain where a partial date makes it so."""
    (a_low, a_high), (b_low, b_high) = ends(a), ends(b)
    (a_low, b_low), (a_high, b_high) = moments.alike(a_low, b_low), moments.alike(a_high, b_high)
    least = measure(moments.latest(a_high), moments.earliest(b_low), unit)
    most = measure(moments.earliest(a_low), moments.latest(b_high), unit)
    if integer(least) is None or integer(most) is None:
        return None
    return least if least == most else Uncertain(least, most)


def boundaries(a: datetime, b: datetime, unit: str) -> int:
    """How many boundaries of a unit lie between two instants."""
    return moments.whole_units(moments.floor(a, unit), moments.floor(b, unit), unit)


@operator("DurationBetween")
@strict
def duration_between(call: Call, a: Value, b: Value) -> Value:
    """§18 DurationBetween: whole units."""
    return between(a, b, call.unit or "day", moments.whole_units)


@operator("DifferenceBetween")
@strict
def difference_between(call: Call, a: Value, b: Value) -> Value:
    """§18 DifferenceBetween: boundaries crossed."""
    unit = call.unit or "day"
    return between(moments.as_stated(a, unit), moments.as_stated(b, unit), unit, boundaries)


def first_point(value: Value) -> Value:
    """The start of an interval, unknown ends included; a point itself."""
    return lower(value) if isinstance(value, Interval) else value


def last_point(value: Value) -> Value:
    return upper(value) if isinstance(value, Interval) else value


@operator("Before", "SameOrBefore")
@strict
def before_operator(call: Call, a: Value, b: Value) -> Value:
    """§18, §19 Before, SameOrBefore: a ends before (or when) b starts."""
    test = before if call.node.op == "Before" else at_or_before
    return test(last_point(a), first_point(b), call.unit)


@operator("After", "SameOrAfter")
@strict
def after_operator(call: Call, a: Value, b: Value) -> Value:
    """§18, §19 After, SameOrAfter: a starts after (or when) b ends."""
    test = before if call.node.op == "After" else at_or_before
    return test(last_point(b), first_point(a), call.unit)


@operator("SameAs")
@strict
def same_as(call: Call, a: Value, b: Value) -> Value:
    """§18, §19 SameAs: the same at a precision, at both ends."""
    pairs = ((first_point(a), first_point(b)), (last_point(a), last_point(b)))
    return all_of(same_point(x, y, call.unit) for x, y in pairs)


def is_moment(value: Value) -> bool:
    return isinstance(value, MOMENTS)
