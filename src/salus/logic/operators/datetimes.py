"""Date and time operators (CQL Reference, Appendix B, section 8): parts, arithmetic, durations, timing.

Instants are in UTC, the offset of an evaluation request that gives none; a date known to the year or month is the range
of instants it can mean.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from salus.elm.nodes import Operator
from salus.logic import calendar
from salus.logic.context import Context
from salus.logic.expr import NULL, Const, E, Op, and_, case, eq, op
from salus.logic.operators import points
from salus.logic.operators.bounds import end, start
from salus.logic.operators.points import add_time
from salus.logic.operators.registry import operator
from salus.logic.values import (
    DATE,
    DATETIME,
    DECIMAL,
    INTEGER,
    NOTHING,
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
    """B.8 date from: the day an instant lies in."""
    high = None if value.high is None else points.floor(value.high, "day")
    precision = None if value.precision is None else op("least", value.precision, Const(3))
    return Point(DATE, points.floor(value.low, "day"), high, precision)


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
    units = sorted({str(by.unit.value)} if isinstance(by.unit, Const) else by.units or ())
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
        return made[0][1]
    return combine(
        [point for _, point in made],
        lambda parts: case([(c, p) for (c, _), p in zip(made, parts, strict=True)]),
    )


def _shift_by(moment: Point, value: E, unit: str, sign: int) -> Point:
    amount = _whole(value, sign)
    if moment.precision is None or moment.high is None:
        high = None if moment.high is None else add_time(moment.high, amount, unit)
        return Point(moment.type, add_time(moment.low, amount, unit), high, moment.precision)
    ends = [_shift_partial(end, moment.precision, amount, unit) for end in (moment.low, moment.high)]
    return Point(moment.type, ends[0], ends[1], moment.precision)


def _whole(value: E, sign: int) -> E:
    if isinstance(value, Const):
        return NULL if value.value is None else Const(int(value.value) * sign)  # type: ignore[arg-type]
    whole = op("truncate", value)
    return whole if sign > 0 else op("sub_integer", Const(0), whole)


_PER_YEAR = {"month": 12, "week": 52, "day": 365, "hour": 8760, "minute": 525_600, "second": 31_536_000}
_PER_MONTH = {"week": 4, "day": 30, "hour": 720, "minute": 43_200, "second": 2_592_000}


def _shift_partial(e: E, precision: E, amount: E, unit: str) -> E:
    branches = []
    for level, name, table in ((1, "year", _PER_YEAR), (2, "month", _PER_MONTH)):
        if unit in table:
            coarse = op("intdiv_integer", amount, Const(table[unit]))
            branches.append((eq(precision, Const(level)), add_time(e, coarse, name)))
    return case(branches, add_time(e, amount, unit))


@operator("DateFrom")
def date_from_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.8 Date and Time Component From."""
    return date_from(a) if isinstance(a, Point) else NOTHING


@operator("DateTimeComponentFrom")
def component_from(cx: Context, node: Operator, a: Value) -> Value:
    """B.8: one component; null where a partial date does not tell it."""
    if not isinstance(a, Point):
        return NOTHING
    unit = (node.precision or "year").lower()
    low = _component(a.low, unit)
    if a.high is None:
        return Point(INTEGER, low)
    return Point(INTEGER, case([(eq(points.floor(a.low, unit), points.floor(a.high, unit)), low)]))


def _component(e: E, unit: str) -> E:
    if isinstance(e, Const):
        if not isinstance(e.value, datetime):
            return NULL
        return Const(e.value.microsecond // 1000 if unit == "millisecond" else getattr(e.value, unit))
    return Op("part", (e, Const(unit)))


@operator("TimezoneOffsetFrom")
def timezone_offset_from(cx: Context, node: Operator, a: Value) -> Value:
    """B.8 Timezone Offset From: instants are held in UTC, the offset of the evaluation."""
    return NOTHING if isinstance(a, Nothing) else Point(DECIMAL, Const(Decimal(0)))


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


@operator(*_RELATIONS)
def timing_operator(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.8 Same As, Same Or Before/After, Before, After; for intervals B.9, by the bounds that face each other."""
    unit = node.precision.lower() if node.precision else None
    a, b = _timed(a), _timed(b)
    if isinstance(a, Interval) and isinstance(b, Interval) and node.op == "SameAs":
        return boolean(same_interval(cx, node, a, b, unit))
    relation, swapped = _RELATIONS[node.op]
    x, y = _facing(cx, node, a, b)
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
