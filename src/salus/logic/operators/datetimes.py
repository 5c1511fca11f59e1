"""Date and time operators (CQL Reference, Appendix B, section 8): parts, arithmetic, durations, timing.

Instants are in UTC, the offset of an evaluation request that gives none; a date known to the year or month is the range
of instants it can mean.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from salus.elm.nodes import Operator
from salus.elm.types import Named
from salus.logic import calendar
from salus.logic.context import Context
from salus.logic.expr import FALSE, NULL, TRUE, Const, E, Op, and_, case, coalesce, eq, not_null, op
from salus.logic.operators import points
from salus.logic.operators.bounds import end, start
from salus.logic.operators.points import add_time
from salus.logic.operators.registry import operator
from salus.logic.operators.units import compare_quantities, units_of
from salus.logic.values import (
    DATE,
    DATETIME,
    DECIMAL,
    INTEGER,
    NOTHING,
    TIME,
    Choice,
    Interval,
    Nothing,
    Point,
    Quantity,
    Value,
    boolean,
    combine,
    narrow,
)  # fmt: skip

_DAY_END = 86_399_999


def date_from(value: Point) -> Point:
    """B.8 date from: the day an instant lies in at its own offset."""
    low, high = (None if e is None else points.floor(points.local(value, e), "day") for e in (value.low, value.high))
    precision = None if value.precision is None else op("least", value.precision, Const(3))
    return Point(DATE, low or NULL, high, precision)


def to_datetime(value: Point) -> Point:
    """A Date as a DateTime whose time is not known: any instant of the day (B.10 ToDateTime)."""
    if value.type == DATETIME:
        return value
    if isinstance(value.top, Const):
        top: E = Const(calendar.last(value.top.value, "day")) if isinstance(value.top.value, datetime) else NULL
    else:
        top = add_time(value.top, Const(_DAY_END), "millisecond")
    return Point(DATETIME, value.low, top, value.precision or Const(3))


def shift(cx: Context, node: Operator, moment: Point, by: Value, sign: int) -> Value:
    """A date plus or minus a duration. A unit finer than a partial date's precision counts in the date's own unit."""
    if isinstance(by, Nothing):
        return NOTHING
    if not isinstance(by, Quantity):
        cx.fail(node, f"{node.op} of a date needs a quantity of time")
    units = sorted({str(by.unit.value)} if isinstance(by.unit, Const) else units_of(by))
    made = [
        (eq(by.unit, Const(unit)), _shift_by(moment, by.value, name, sign))
        for unit in units
        if (name := calendar.unit_name(unit))
    ]
    if not made:
        if isinstance(by.unit, Const):
            cx.fail(node, f"{by.unit.value} is not a unit of time")
        return NOTHING
    if isinstance(by.unit, Const):
        if made[0][1].low == NULL and isinstance(moment.low, Const) and NULL not in (moment.low, by.value):
            cx.error(node, f"{node.op}: there is no such {moment.type.name.removeprefix('System.')}")
        return made[0][1]
    return combine(
        [point for _, point in made],
        lambda parts: case([(c, p) for (c, _), p in zip(made, parts, strict=True)]),
    )


def _shift_by(moment: Point, value: E, unit: str, sign: int) -> Point:
    """At the date's own precision (ELM §16 Add): a finer unit counts as far as it makes whole ones of it."""
    made = [(held, _moved(moment, value, unit, sign, level)) for held, level in points.levels(moment)]
    low = case(made[:-1], made[-1][1]) if made else NULL
    if moment.high is None:
        return replace(moment, low=low)
    if moment.precision is None:
        high = _moved(replace(moment, low=moment.high), value, unit, sign, points.FULL_LEVEL[moment.type.name])
        return replace(moment, low=low, high=high)
    return replace(moment, low=low, high=points.last_meant(moment.type, low, moment.precision))


_MILLISECONDS = {"year": 31_536_000_000, "month": 2_592_000_000, "week": 604_800_000, "day": 86_400_000}
_MILLISECONDS |= {"hour": 3_600_000, "minute": 60_000, "second": 1000, "millisecond": 1}


def _moved(moment: Point, value: E, unit: str, sign: int, level: int) -> E:
    """The first instant moved, for a date stated to a level: years of 12 months or 365 days, months of 30 days."""
    finest = calendar.UNITS[level - 1]
    if unit == "second" and level == 7:
        amount, unit = _whole(op("mul_decimal", value, Const(Decimal(1000))), sign), "millisecond"
    elif unit == "week" or unit not in calendar.UNITS[:level]:
        per = 12 if (unit, finest) == ("month", "year") else None
        amount = _whole(_ratio(value, unit, finest, per), sign)
        unit = finest if level < 3 or unit != "week" else "day"
    else:
        amount = _whole(value, sign)
    return _on_day(moment.type, _added(moment.low, amount, unit))


def _ratio(value: E, unit: str, finest: str, per: int | None) -> E:
    """How many of the finest unit a number of units makes; weeks make days where days are stated."""
    target = "day" if unit == "week" and finest not in ("year", "month") else finest
    whole = _whole(value, 1)
    if per is None:
        whole, per = _times(whole, _MILLISECONDS[unit]), _MILLISECONDS[target]
    return _divided(whole, per)


def _times(e: E, factor: int) -> E:
    if isinstance(e, Const):
        return NULL if e.value is None else Const(int(e.value) * factor)  # type: ignore[arg-type]
    return op("mul_long", e, Const(factor))


def _divided(e: E, divisor: int) -> E:
    if isinstance(e, Const):
        return NULL if e.value is None else Const(int(Decimal(int(e.value)) / divisor))  # type: ignore[arg-type]
    return op("intdiv_long", e, Const(divisor))


def _added(e: E, amount: E, unit: str) -> E:
    """An instant moved; null beyond the years there are."""
    if isinstance(e, Const) and isinstance(amount, Const) and isinstance(e.value, datetime):
        return NULL if amount.value is None else Const(calendar.moved_by(e.value, int(amount.value), unit))  # type: ignore[arg-type]
    return op("within_years", add_time(e, amount, unit))


def _on_day(type_: Named, moved: E) -> E:
    """A Time goes round the clock."""
    if type_ != TIME:
        return moved
    if isinstance(moved, Const):
        day = calendar.MIDNIGHT
        at = moved.value
        return Const(at.replace(year=day.year, month=day.month, day=day.day)) if isinstance(at, datetime) else NULL
    return op("time_of_day", moved)


def _whole(value: E, sign: int) -> E:
    if isinstance(value, Const):
        return NULL if value.value is None else Const(int(value.value) * sign)  # type: ignore[arg-type]
    whole = op("truncate", value)
    return whole if sign > 0 else op("sub_integer", Const(0), whole)


@operator("DateFrom")
def date_from_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.8 Date and Time Component From."""
    return date_from(a) if isinstance(a, Point) else NOTHING


@operator("TimeFrom")
def time_from(cx: Context, node: Operator, a: Value) -> Value:
    """B.8 time from: the time of day as far as it is stated; null where no hour is."""
    return time_of(a) if isinstance(a, Point) else NOTHING


def time_of(value: Point) -> Point:
    """The time of day of a DateTime, at the offset of the evaluation (ELM §18 TimeFrom)."""
    there = case([(held, Const(n >= 4)) for held, n in points.levels(value)], FALSE)
    ends = [None if e is None else case([(there, _on_day(TIME, e))]) for e in (value.low, value.high)]
    return Point(TIME, ends[0] or NULL, ends[1], value.precision)


@operator("TimeOfDay")
def time_of_day(cx: Context, node: Operator) -> Value:
    """B.8 TimeOfDay."""
    return Point(TIME, _on_day(TIME, Const(cx.now)))


@operator("DateTimeComponentFrom")
def component_from(cx: Context, node: Operator, a: Value) -> Value:
    """B.8: one component; null where a partial date does not tell it."""
    if not isinstance(a, Point):
        return NOTHING
    unit = (node.precision or "year").lower()
    level = calendar.UNITS.index(unit) + 1 if unit in calendar.UNITS else 8
    known = case([(held, Const(n >= level)) for held, n in points.levels(a)], FALSE)
    if level < points.FIRST_LEVEL[a.type.name]:
        known = FALSE
    low = _component(points.local(a, a.low), unit) if known != FALSE else NULL
    return Point(INTEGER, low if known == TRUE else case([(known, low)]))


def _component(e: E, unit: str) -> E:
    if isinstance(e, Const):
        if not isinstance(e.value, datetime):
            return NULL
        return Const(e.value.microsecond // 1000 if unit == "millisecond" else getattr(e.value, unit))
    return Op("part", (e, Const(unit)))


@operator("TimezoneOffsetFrom", "TimezoneFrom")
def timezone_offset_from(cx: Context, node: Operator, a: Value) -> Value:
    """B.8 Timezone Offset From: hours; where none is stated that of the evaluation, UTC."""
    if not isinstance(a, Point):
        return NOTHING
    hours = NULL if a.offset is None else folded_hours(a.offset)
    return Point(DECIMAL, case([(not_null(a.low), coalesce(hours, Const(Decimal(0))))]))


def folded_hours(minutes: E) -> E:
    if isinstance(minutes, Const):
        return NULL if minutes.value is None else Const(Decimal(str(minutes.value)) / 60)
    return op("div_decimal", minutes, Const(Decimal(60)))


@operator("Now")
def now_operator(cx: Context, node: Operator) -> Value:
    """B.8 Now: the run's evaluation time."""
    return Point(DATETIME, Const(cx.now))


@operator("Today")
def today_operator(cx: Context, node: Operator) -> Value:
    """B.8 Today."""
    return Point(DATE, Const(calendar.floor(cx.now, "day")))


def whole_units(a: Point, b: Point, unit: str) -> Point:
    """How many whole units lie from a to b; uncertain when a or b is (B.8 Duration)."""
    low = op("duration", a.top, b.low, Const(unit))
    if points.exact(a, b):
        return Point(INTEGER, low)
    return Point(INTEGER, low, op("duration", a.low, b.top, Const(unit)))


@operator("CalculateAgeAt")
def age_at(cx: Context, node: Operator, birth: Value, at: Value) -> Value:
    """B.12 CalculateAgeAt."""
    if not (isinstance(birth, Point) and isinstance(at, Point)):
        return NOTHING
    return whole_units(birth, at, (node.precision or "year").lower())


@operator("CalculateAge")
def age(cx: Context, node: Operator, birth: Value) -> Value:
    """B.12 CalculateAge: at the run's evaluation time."""
    return age_at(cx, node, birth, Point(DATE, Const(calendar.floor(cx.now, "day"))))


@operator("DurationBetween")
def duration_between(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.8 Duration: whole periods between."""
    return age_at(cx, node, a, b)


@operator("DifferenceBetween")
def difference_between(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.8 Difference: boundaries crossed."""
    if not (isinstance(a, Point) and isinstance(b, Point)):
        return NOTHING
    unit = (node.precision or "day").lower()
    a, b = points.as_stated(a, unit), points.as_stated(b, unit)
    edges = [points.floor(e, unit) for e in (a.top, b.low, a.low, b.top)]
    low = op("duration", edges[0], edges[1], Const(unit))
    return Point(INTEGER, low, None if points.exact(a, b) else op("duration", edges[2], edges[3], Const(unit)))


Relation = Callable[[Point, Point, str | None], E]
_RELATIONS: dict[str, tuple[Relation, bool]] = {
    "SameAs": (points.equal, False),
    "SameOrBefore": (points.less_or_equal, False),
    "SameOrAfter": (points.less_or_equal, True),
    "Before": (points.less, False),
    "After": (points.less, True),
}

_OF_QUANTITIES = {"SameAs": "eq", "SameOrBefore": "le", "SameOrAfter": "ge", "Before": "lt", "After": "gt"}


@operator(*_RELATIONS)
def timing_operator(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.8 Same As, Same Or Before/After, Before, After; for intervals B.9, by the bounds that face each other."""
    unit = node.precision.lower() if node.precision else None
    a, b = _timed(a), _timed(b)
    if isinstance(a, Interval) and isinstance(b, Interval) and node.op == "SameAs":
        return boolean(same_interval(cx, node, a, b, unit))
    relation, swapped = _RELATIONS[node.op]
    x, y = _facing(cx, node, a, b)
    if isinstance(x, Quantity) and isinstance(y, Quantity):
        return boolean(compare_quantities(_OF_QUANTITIES[node.op], x, y))
    if not (isinstance(x, Point) and isinstance(y, Point)):
        if isinstance(x, Nothing) or isinstance(y, Nothing):
            return boolean(NULL)
        cx.fail(node, f"{node.op} cannot compare these types")
    return boolean(relation(y, x, unit) if swapped else relation(x, y, unit))


def same_interval(cx: Context, node: Operator, a: Interval, b: Interval, unit: str | None) -> E:
    """B.9 Same As: both starts and both ends."""
    pairs = ((start(a), start(b)), (end(a), end(b)))
    tests = [points.equal(x, y, unit) for x, y in pairs if isinstance(x, Point) and isinstance(y, Point)]
    if len(tests) < len(pairs):
        cx.fail(node, f"SameAs of {a.type} and {b.type} is not supported")
    return and_(*tests)


def _facing(cx: Context, node: Operator, a: Value, b: Value) -> tuple[Value, Value]:
    """The points that decide: a ends before b starts, a starts after b ends."""
    backwards = node.op in ("SameOrAfter", "After")
    x = (start if backwards else end)(a) if isinstance(a, Interval) else a
    y = (end if backwards else start)(b) if isinstance(b, Interval) else b
    return x, y


def _timed(value: Value) -> Value:
    return narrow(value, DATETIME) if isinstance(value, Choice) else value
