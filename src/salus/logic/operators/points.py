"""Comparing points that may be uncertain: dates known to the year, ages of the partly dated, plain numbers and strings.

a <= b is true when the last possible a is at or before the first possible b, false when the first possible a is after
the last possible b, and null otherwise. Of a date that says less than the other, the first or last possible instant
decides nothing where it is the other's: 2026 beside the first instant of 2026 agrees as far as it goes. At a precision,
constants move to the edge of their unit and columns stay as they are. From days up dates are compared as the calendar
at their own offset shows them, else as instants.
Source: CQL 1.5 Reference B.4, B.8, "Comparing Dates and Times" and "Uncertainty" in the Author's Guide; DateTimes of
the same precision that agree in all they state are equal (B.4 Equal).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from salus.elm.types import Named
from salus.logic import calendar
from salus.logic.expr import FALSE, NULL, TRUE, Const, E, Op, Tri, and_, case, compare, eq, op, or_
from salus.logic.values import Point

DATES = ("System.DateTime", "System.Date", "System.Time")


def floor(e: E, unit: str) -> E:
    """The first instant of the unit around an instant."""
    if isinstance(e, Const):
        return Const(calendar.floor(e.value, unit)) if isinstance(e.value, datetime) else NULL
    if unit == "week":  # a week of the database begins on Monday, one of CQL a day before
        day = Const("day")
        return Op("add_time", (Op("floor", (Op("add_time", (e, Const(1), day)), Const(unit))), Const(-1), day))
    return Op("floor", (e, Const(unit)))


def last(e: E, unit: str) -> E:
    """The last instant of the unit around a constant instant."""
    assert isinstance(e, Const)
    return Const(calendar.last(e.value, unit)) if isinstance(e.value, datetime) else NULL


def _is_date(point: Point) -> bool:
    return point.type.name in DATES


def exact(*points: Point) -> bool:
    return all(p.high is None for p in points)


def alike(a: Point, b: Point) -> bool:
    """Whether two points may be in order: records may hold a text where logic expects a date."""
    families = {_FAMILIES.get(each.type.name) for each in (a, b) if each.low != NULL} - {None}
    return len(families) < 2


_FAMILIES = {
    **dict.fromkeys(("System.DateTime", "System.Date"), "date"),
    **dict.fromkeys(("System.Integer", "System.Long", "System.Decimal"), "number"),
    **{name: name for name in ("System.Time", "System.String", "System.Boolean")},
}


def less_or_equal(a: Point, b: Point, precision: str | None = None) -> E:
    """a <= b, at a precision when given."""
    if not alike(a, b):
        return NULL
    a, b = as_stated(a, precision), as_stated(b, precision)
    yes = _le(a.top, b.low, precision)
    if exact(a, b):
        return yes
    if not (_decides(a) == TRUE == _decides(b)):
        yes = or_(_lt(a.top, b.low, precision), _agrees(yes, a, b, precision))
    return Tri(yes, _gt(a.low, b.top, precision))


def less(a: Point, b: Point, precision: str | None = None) -> E:
    """a < b, at a precision when given."""
    if not alike(a, b):
        return NULL
    a, b = as_stated(a, precision), as_stated(b, precision)
    yes = _lt(a.top, b.low, precision)
    if exact(a, b):
        return yes
    no = _ge(a.low, b.top, precision)
    if not (_decides(a) == TRUE == _decides(b)):
        no = or_(_gt(a.low, b.top, precision), _agrees(no, a, b, precision))
    return Tri(yes, no)


def _decides(point: Point) -> E:
    """Whether its ends are instants that it may be, and not those of a date of which a part only is stated."""
    if not _is_date(point) or point.high is None or point.precision is None:
        return TRUE
    return op("ge", point.precision, Const(min(FULL_LEVEL[point.type.name], _SECOND)))


def _agrees(meet: E, a: Point, b: Point, unit: str | None) -> E:
    """Whether two points whose ends `meet` are the same as far as is asked: neither says less than the other."""
    whole = and_(meet, _decides(a), _decides(b))
    if unit is None and (a.high is None or b.high is None):
        return whole
    return or_(whole, _same(a, b, unit))


def _same(a: Point, b: Point, unit: str | None) -> E:
    """The same at the unit, which both state; without one, both say the same to the same precision."""
    if unit is None:
        return _identical(a, b)
    return and_(_le(a.top, b.low, unit), _ge(a.low, b.top, unit))


def equal(a: Point, b: Point, precision: str | None = None) -> E:
    """a = b, at a precision when given (SameAs)."""
    if not alike(a, b):
        return NULL
    if precision is not None:
        a, b = as_stated(a, precision), as_stated(b, precision)
        yes = _same(a, b, precision)
        no = or_(_lt(a.top, b.low, precision), _gt(a.low, b.top, precision))
        return yes if exact(a, b) else Tri(yes, no)
    if exact(a, b):
        return eq(a.low, b.low)
    apart = or_(compare("lt", a.top, b.low), compare("gt", a.low, b.top))
    certain = _identical(a, b) if _is_date(a) else and_(_identical(a, b), eq(a.low, a.top))
    return Tri(certain, apart)


def _identical(a: Point, b: Point) -> E:
    """Both say the same, to the same precision."""
    return and_(eq(a.low, b.low), eq(a.top, b.top))


def _le(a: E, b: E, unit: str | None) -> E:
    if unit is None:
        return compare("le", a, b)
    return compare("le", a, last(b, unit)) if isinstance(b, Const) else compare("le", floor(a, unit), b)


def _gt(a: E, b: E, unit: str | None) -> E:
    if unit is None:
        return compare("gt", a, b)
    return compare("gt", a, last(b, unit)) if isinstance(b, Const) else compare("gt", floor(a, unit), b)


def _lt(a: E, b: E, unit: str | None) -> E:
    return _gt(b, a, unit) if unit is not None else compare("lt", a, b)


def _ge(a: E, b: E, unit: str | None) -> E:
    return _le(b, a, unit) if unit is not None else compare("ge", a, b)


def add_time(e: E, amount: E, unit: str) -> E:
    """An instant moved by a whole number of units."""
    if e == NULL or amount == NULL:
        return NULL
    if isinstance(e, Const) and isinstance(amount, Const):
        assert isinstance(e.value, datetime)
        assert isinstance(amount.value, (int, Decimal))
        return Const(calendar.add(e.value, int(amount.value), unit))
    return Op("add_time", (e, amount, Const(unit)))


def end_of_unit(e: E, unit: str) -> E:
    """The last instant (millisecond) of the unit around an instant."""
    return add_time(add_time(floor(e, unit), Const(1), unit), Const(-1), "millisecond")


def negative(e: E) -> E:
    if isinstance(e, Const):
        return NULL if e.value is None else Const(-e.value)  # type: ignore[operator]
    return op("sub_integer", Const(0), e)


def local(point: Point, e: E) -> E:
    """An instant of a date as the clock shows it at the offset the date states."""
    return e if point.offset is None else add_time(e, point.offset, "minute")


def as_stated(point: Point, unit: str | None) -> Point:
    """A date as it is compared to a unit: from days up as the clock at its own offset shows it."""
    if point.offset is None or unit not in ("year", "month", "week", "day"):
        return point
    high = None if point.high is None else local(point, point.high)
    return Point(point.type, local(point, point.low), high, point.precision)


FIRST_LEVEL = {"System.Date": 1, "System.DateTime": 1, "System.Time": 4}
_SECOND = 6  # seconds and milliseconds are one component
FULL_LEVEL = {"System.Date": 3, "System.DateTime": 7, "System.Time": 7}


def level_of(point: Point) -> E:
    """How far a date is stated: 1 for its year, 7 for its millisecond."""
    return point.precision or Const(FULL_LEVEL[point.type.name])


def levels(point: Point) -> list[tuple[E, int]]:
    """Every precision a date can have: the condition, and the level."""
    level = level_of(point)
    if isinstance(level, Const):
        return [(Const(True), int(level.value))] if isinstance(level.value, int) else []
    all_levels = range(FIRST_LEVEL[point.type.name], FULL_LEVEL[point.type.name] + 1)
    return [(eq(level, Const(n)), n) for n in all_levels]


def last_meant(type_: Named, low: E, precision: E) -> E:
    """The last instant of the unit that a partial date means, its first instant and precision given."""
    fine = "day" if type_.name == "System.Date" else "millisecond"
    following = [
        (eq(precision, Const(n)), add_time(add_time(low, Const(1), calendar.UNITS[n - 1]), Const(-1), fine))
        for n in range(FIRST_LEVEL[type_.name], FULL_LEVEL[type_.name])
        if n != 6
    ]
    return case([(condition, end) for condition, end in following if condition != FALSE], low)
