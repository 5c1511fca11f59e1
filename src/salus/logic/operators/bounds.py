"""The ends of an interval (CQL Reference, Appendix B, section 9, Start and End), and the ends of a type's range (B.10).

A closed null bound is the end of the type's range; an open null bound is unknown, but lies between the other bound and
the end of the range. An interval with neither bound is null.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from salus.elm.types import Named
from salus.logic import calendar
from salus.logic.expr import NULL, TRUE, Const, E, and_, case, coalesce, eq, given, not_, not_null, op, or_
from salus.logic.operators import points
from salus.logic.operators.points import add_time
from salus.logic.operators.units import as_point, computed_in, units_of
from salus.logic.values import DECIMAL, Interval, Nothing, Point, Quantity, Value, combine, present, remap

_RANGE: dict[str, tuple[object, object]] = {
    "System.DateTime": (calendar.MIN_DATETIME, calendar.MAX_DATETIME),
    "System.Date": (calendar.MIN_DATETIME, datetime(9999, 12, 31)),
    "System.Time": (calendar.MIDNIGHT, calendar.MIDNIGHT.replace(hour=23, minute=59, second=59, microsecond=999000)),
    "System.Integer": (-(2**31), 2**31 - 1),
    "System.Long": (-(2**63), 2**63 - 1),
    "System.Decimal": (Decimal(-(10**20)) + Decimal("1e-8"), Decimal(10**20) - Decimal("1e-8")),
}


_FINEST = {"System.DateTime": "millisecond", "System.Date": "day", "System.Time": "millisecond"}


RANGED = frozenset(_RANGE) | {"System.Quantity"}
"""The types that have a least and a greatest value."""


def extreme(type_: Named, *, top: bool) -> Point:
    """B.10 minimum and maximum of a type."""
    bounds = _RANGE.get(type_.name, (None, None))
    return Point(type_, Const(bounds[1 if top else 0]))  # type: ignore[arg-type]


def neighbour(value: Value, sign: int) -> Value:
    """B.6 Successor (1), Predecessor (-1) of a point or a quantity; null past the end of the range."""
    if isinstance(value, Quantity):
        return Quantity(_add(value.value, Decimal(sign) * Decimal("1e-8")), value.unit, value.units)
    return step(value, sign) if isinstance(value, Point) else Nothing()


def step(point: Point, sign: int) -> Point:
    """B.6 Successor, Predecessor: the finest unit stated, or the smallest step of a number; null past the range."""
    if point.type.name in points.DATES:
        return _next_date(point, sign)
    size = Decimal(sign) * Decimal("1e-8") if point.type == DECIMAL else sign
    name = f"add_{point.type.name.removeprefix('System.').lower()}"
    edge = extreme(point.type, top=sign > 0).low
    return _moved(point, lambda e: NULL if e == edge else _add(e, size, name))


def _next_date(point: Point, sign: int) -> Point:
    if point.high is not None and point.precision is None:  # somewhere between two instants
        return _moved(point, lambda e: add_time(e, Const(sign), _FINEST[point.type.name]))
    edge = extreme(point.type, top=sign > 0).low
    made = [(held, add_time(point.low, Const(sign), calendar.UNITS[n - 1])) for held, n in points.levels(point)]
    low = NULL if point.low == edge else case(made)
    if point.high is None:
        return replace(point, low=low)
    return replace(point, low=low, high=points.last_meant(point.type, low, points.level_of(point)))


def _moved(point: Point, move: Callable[[E], E]) -> Point:
    return Point(point.type, move(point.low), None if point.high is None else move(point.high), point.precision)


def _add(e: E, amount: int | Decimal, name: str = "add_decimal") -> E:
    if isinstance(e, Const):
        return NULL if e.value is None else Const(e.value + amount)  # type: ignore[operator]
    return op(name, e, Const(amount))


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


def stated(value: Value, *, top: bool) -> Value:
    """B.9 Start, End as values: null where the bound is open and null."""
    found = end(value) if top else start(value)
    if not isinstance(value, Interval):
        return found
    bound, closed = (value.high, value.high_closed) if top else (value.low, value.low_closed)
    known = or_(present(bound), closed)
    return found if known == TRUE else combine([found], lambda parts: case([(known, parts[0])]))


def _bound(value: Value, *, top: bool) -> Value:
    if not isinstance(value, Interval):
        return Nothing()
    quantities = [b for b in (value.low, value.high) if isinstance(b, Quantity)]
    if quantities:
        units = frozenset().union(*(units_of(q) for q in quantities))
        unit = coalesce(*(q.unit for q in (reversed(quantities) if top else quantities)))
        return computed_in(unit, units, lambda one: _amount(value, one, top=top))
    return _point_bound(value, value.low, value.high, top=top)


def _amount(value: Interval, unit: str, *, top: bool) -> E:
    """How much a bound of quantities is in one unit; an unknown one is null."""
    low, high = (as_point(b, unit) if isinstance(b, Quantity) else b for b in (value.low, value.high))
    found = _point_bound(value, low, high, top=top)
    assert isinstance(found, Point)
    return found.low if found.high is None else case([(eq(found.low, found.high), found.low)])


def _point_bound(value: Interval, low: Value, high: Value, *, top: bool) -> Value:
    here, other = (high, low) if top else (low, high)
    closed = value.high_closed if top else value.low_closed
    edge = extreme(_point_type(value), top=top)
    if isinstance(here, Nothing):
        here = Point(edge.type, NULL)
    assert isinstance(here, Point)
    known = not_null(here.low)
    inside = combine([here, step(here, -1 if top else 1)], lambda p: case([(closed, p[0])], p[1]))
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
    options = [inside, edge] + ([unknown] if closed != TRUE else [])  # nor can one occur where the bound is closed
    conditions = [
        and_(there, known),
        and_(there, closed) if len(options) > 2 else there,
        and_(there, open_null),
    ]
    return combine(options, lambda parts: case(list(zip(conditions, parts, strict=False))))
