"""Dates put together from components (CQL Reference, Appendix B, section 8: DateTime, Date, Time).

What is stated ends at the first component that is null: a date of that precision. Components that no date has (a 30th
of February) are an error of one row, null here. Leaves to others: the calendar (`calendar`), comparing (`points`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from salus.elm.nodes import Operator
from salus.elm.types import Named
from salus.logic import calendar
from salus.logic.context import Context
from salus.logic.expr import NULL, TRUE, Const, E, Op, and_, case, eq, not_null, op
from salus.logic.operators.points import add_time, floor, last_meant, negative
from salus.logic.operators.registry import operator
from salus.logic.values import DATE, DATETIME, INTEGER, NOTHING, TIME, Point, Value, remap, retyped

_STARTS = (1, 1, 1, 0, 0, 0, 0)
_FULL = {DATE: 3, DATETIME: 7}


@operator("DateTime")
def datetime_operator(cx: Context, node: Operator, *parts: Value) -> Value:
    """B.8 DateTime; the offset, in hours, is applied."""
    moment = _checked(cx, node, constructed(DATETIME, parts[:7]), parts)
    offset = parts[7] if len(parts) > 7 else NOTHING
    if not (isinstance(offset, Point) and isinstance(moment, Point)) or offset.low == Const(Decimal(0)):
        return moment
    away = _minutes(offset.low)
    ends = [None if e is None else add_time(e, negative(away), "minute") for e in (moment.low, moment.high)]
    return Point(DATETIME, ends[0] or NULL, ends[1], moment.precision, away)


@operator("Date")
def date_operator(cx: Context, node: Operator, *parts: Value) -> Value:
    """B.8 Date."""
    return _checked(cx, node, constructed(DATE, parts), parts)


@operator("Time")
def time_operator(cx: Context, node: Operator, *parts: Value) -> Value:
    """B.8 Time: an instant of one day for all."""
    day = calendar.MIDNIGHT
    made = _checked(
        cx,
        node,
        constructed(DATETIME, [*(Point(INTEGER, Const(n)) for n in (day.year, day.month, day.day)), *parts]),
        parts,
    )
    if not isinstance(made, Point) or not parts or not isinstance(parts[0], Point):
        return NOTHING
    there = not_null(parts[0].low)
    return retyped(made if there == TRUE else remap(made, lambda e: case([(there, e)])), TIME)


def _checked(cx: Context, node: Operator, made: Value, parts: Sequence[Value]) -> Value:
    """Constants that make no date are an error, null here."""
    if made is NOTHING and parts and isinstance(parts[0], Point) and parts[0].low != NULL:
        cx.error(node, f"there is no such {node.op}")
    return made


def constructed(type_: Named, parts: Sequence[Value]) -> Value:
    """A Date or DateTime from year, month, day and so on; later ones may be missing."""
    given = _given(parts)
    if not given:
        return NOTHING
    whole = _floored(given)
    if whole is not None and (len(given) == 7 or type_ == DATE):
        return Point(type_, whole)
    if all(isinstance(e, Const) for e in given):
        return _constant(type_, [int(e.value) for e in given if isinstance(e, Const)])  # type: ignore[arg-type]
    return _computed(type_, given)


def _given(parts: Sequence[Value]) -> list[E]:
    """The components up to the first that is the literal null; one that is uncertain counts as null."""
    given: list[E] = []
    for part in parts:
        if not isinstance(part, Point) or part.low == NULL:
            break
        given.append(part.low if part.high is None else case([(eq(part.low, part.high), part.low)]))
    return given


def _floored(given: Sequence[E]) -> E | None:
    """`DateTime(year from X, month from X, day from X, 0, 0, 0, 0)` of an exact X is the day of X; else None."""
    units = [unit for unit, e in zip(calendar.UNITS, given, strict=False) if _is_part(e, unit)]
    sources = {e.args[0] for e in given[: len(units)] if isinstance(e, Op)}
    plain = all(e == Const(start) for e, start in zip(given[len(units) :], _STARTS[len(units) :], strict=False))
    if len(sources) != 1 or not plain or units != list(calendar.UNITS[: len(units)]):
        return None
    return floor(sources.pop(), units[-1])


def _is_part(e: E, unit: str) -> bool:
    return isinstance(e, Op) and e.op == "part" and e.args[1] == Const(unit)


def _constant(type_: Named, numbers: Sequence[int]) -> Value:
    year, month, day, hour, minute, second, millisecond = (*numbers, *_STARTS[len(numbers) :])
    try:
        first = datetime(year, month, day, hour, minute, second, millisecond * 1000)
    except ValueError:
        return NOTHING
    if len(numbers) >= _FULL[type_] or len(numbers) == 6:
        return Point(type_, Const(first), None, Const(6) if len(numbers) == 6 else None)
    last = calendar.last(first, calendar.UNITS[len(numbers) - 1])
    high = calendar.floor(last, "day") if type_ == DATE else last
    return Point(type_, Const(first), Const(high), Const(len(numbers)))


def _computed(type_: Named, given: Sequence[E]) -> Value:
    """From columns: the first instant, and the last where the precision is not always full."""
    stated = [and_(*(not_null(e) for e in given[: n + 1])) for n in range(len(given))]
    filled = [
        e if n == 0 or stated[n] == stated[0] else case([(stated[n], e)], Const(start))
        for n, (e, start) in enumerate(zip(given, _STARTS, strict=False))
    ]
    low = Op("make_time", (*filled, *(Const(start) for start in _STARTS[len(given) :])))
    precision = _precision(stated)
    if precision in (Const(_FULL[type_]), Const(6)):
        return Point(type_, low, None, precision if precision == Const(6) else None)
    return Point(type_, low, last_meant(type_, low, precision), precision)


def _precision(stated: Sequence[E]) -> E:
    """How many components are there, where the first is."""
    branches = [
        (condition, Const(n))
        for n, condition in reversed(list(enumerate(stated, 1)))
        if n == len(stated) or condition != stated[n]
    ]
    always = [(TRUE if condition == stated[0] else condition, number) for condition, number in branches]
    return case(always, NULL)


def _minutes(hours: E) -> E:
    if isinstance(hours, Const):
        return NULL if hours.value is None else Const(int(Decimal(str(hours.value)) * 60))
    return op("truncate", op("mul_decimal", hours, Const(Decimal(60))))
