"""Expand: intervals cut into pieces of one size (CQL Reference, Appendix B, section 9).

The pieces begin at the start of the interval, brought down to the size's own precision, and lie in it whole. The
precision of dates and the size are known while compiling; how many pieces there are, only while running.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from msgspec.structs import replace

from salus.elm.nodes import Operator
from salus.elm.types import IntervalOf
from salus.logic import calendar
from salus.logic.context import Context
from salus.logic.expr import NULL, TRUE, Const, E, Op, not_null, op
from salus.logic.frame import Rows
from salus.logic.literals import literal_list
from salus.logic.operators import points
from salus.logic.operators.arithmetic import computed
from salus.logic.operators.bounds import end, start
from salus.logic.operators.lists import as_rows
from salus.logic.operators.points import add_time
from salus.logic.operators.precision import places
from salus.logic.operators.registry import operator
from salus.logic.operators.units import as_point, common_unit, factor, scaled
from salus.logic.values import (
    DECIMAL,
    EMPTY,
    INTEGER,
    NOTHING,
    Interval,
    ListLiteral,
    Nothing,
    Point,
    Quantity,
    Value,
    present,
    type_of,
)  # fmt: skip


@operator("Expand")
def expand(cx: Context, node: Operator, value: Value, per: Value = NOTHING) -> Value:
    """B.9 Expand: a list of intervals as intervals of the size `per`; one interval as the points they start at."""
    if isinstance(value, Nothing):
        return value
    single = isinstance(value, Interval)
    rows = literal_list(cx, ListLiteral((value,))) if single else as_rows(cx, node, value)
    if rows is None or isinstance(rows.element, Nothing):
        return EMPTY
    interval = rows.element
    if not isinstance(interval, Interval):
        cx.fail(node, f"Expand of a list of {type_of(interval)} is not supported")
    low, high = start(interval), end(interval)
    if isinstance(low, Point) and isinstance(high, Point) and low.type.name in points.DATES:
        made = _dates(cx, node, rows, low, high, per)
    else:
        made = _numbers(cx, node, rows, low, high, per)
    if single and isinstance(made.element, Interval):
        made.element = made.element.low
    return made


def _cut(rows: Rows, count: E) -> tuple[Rows, E]:
    """A row for each of so many pieces, with its number from 0."""
    rows.frame.filter(present(rows.element))
    rows.frame.filter(not_null(count))
    number = rows.frame.spread(Op("range", (Const(0), op("sub_integer", count, Const(1)))))
    rows.frame.key, rows.frame.position = None, (*rows.frame.position, number)
    return rows, number


def _dates(cx: Context, node: Operator, rows: Rows, low: Point, high: Point, per: Value) -> Rows:
    interval = rows.element
    bounds = [b if isinstance(b, Point) else p for b, p in ((interval.low, low), (interval.high, high))]  # type: ignore[union-attr]
    levels = [points.level_of(bound) for bound in bounds]
    stated = [int(e.value) for e in levels if isinstance(e, Const) and isinstance(e.value, int)]
    if len(stated) < 2:
        cx.fail(node, "Expand of dates of various precision is not supported")
    size, unit = _duration(cx, node, per, calendar.UNITS[min(stated) - 1])
    finest = "day" if unit == "week" else unit
    level = calendar.UNITS.index(finest) + 1
    if level > min(stated) or size < 1:
        return Rows(_nothing(rows).frame, rows.element)
    first, final = points.floor(low.low, finest), points.floor(high.low, finest)
    after = add_time(final, Const(1), finest)
    count = op("intdiv_integer", op("duration", first, after, Const(unit)), Const(size))
    rows, number = _cut(rows, count)
    begin = add_time(first, op("mul_integer", number, Const(size)), unit)
    final_unit = add_time(add_time(begin, Const(size), unit), Const(-1), finest)
    ends = [_at(low, e, level) for e in (begin, final_unit)]
    return replace(rows, element=Interval(ends[0], ends[1], TRUE, TRUE, TRUE, IntervalOf(low.type)))


def _nothing(rows: Rows) -> Rows:
    rows.frame.filter(Const(False))
    return rows


def _at(like: Point, e: E, level: int) -> Point:
    """A date of some precision at an instant."""
    if level >= points.FULL_LEVEL[like.type.name]:
        return Point(like.type, e)
    return Point(like.type, e, points.last_meant(like.type, e, Const(level)), Const(level))


def _duration(cx: Context, node: Operator, per: Value, default: str) -> tuple[int, str]:
    if isinstance(per, Nothing):
        return 1, default
    if isinstance(per, Quantity) and isinstance(per.value, Const) and isinstance(per.unit, Const):
        unit = calendar.unit_name(str(per.unit.value))
        if unit is not None:
            return int(per.value.value or 0), unit  # type: ignore[arg-type]
    cx.fail(node, "Expand: `per` must be a constant duration")


def _numbers(cx: Context, node: Operator, rows: Rows, low: Value, high: Value, per: Value) -> Rows:
    unit = common_unit((low, high)) if isinstance(low, Quantity) and isinstance(high, Quantity) else None
    first, final = (as_point(v, unit or "1") if isinstance(v, Quantity) else v for v in (low, high))
    if not (isinstance(first, Point) and isinstance(final, Point)):
        cx.fail(node, f"Expand of {type_of(rows.element)} is not supported")
    size = _size(cx, node, first, final, per, unit)
    grain = Decimal(1).scaleb(-places(size))
    type_ = INTEGER if grain == 1 else DECIMAL
    begin, stop = (_floored(e, grain) for e in (first.low, final.top))
    if final.type == INTEGER and grain < 1:
        stop = computed("add", stop, Const(1 - grain), DECIMAL.name)
    span = computed("sub", computed("add", stop, Const(grain), DECIMAL.name), begin, DECIMAL.name)
    count = computed("intdiv", span, Const(size), DECIMAL.name)
    rows, number = _cut(rows, op("as_integer", count))
    steps = [computed("mul", number, Const(size), DECIMAL.name)]
    lows = computed("add", begin, steps[0], DECIMAL.name)
    highs = computed("add", lows, Const(size - grain), DECIMAL.name)
    ends = [_number_at(e, type_, unit) for e in (lows, highs)]
    return replace(rows, element=Interval(ends[0], ends[1], TRUE, TRUE, TRUE, IntervalOf(first.type)))


def _size(cx: Context, node: Operator, low: Point, high: Point, per: Value, unit: str | None) -> Decimal:
    """The size of a piece: what is asked for, else a unit of the coarser bound's last place."""
    if isinstance(per, Quantity) and isinstance(per.value, Const) and isinstance(per.unit, Const):
        wanted = scaled(per.value, Decimal(1) if unit is None else factor(str(per.unit.value), unit))
        if isinstance(wanted, Const) and wanted.value is not None and Decimal(str(wanted.value)) > 0:
            return Decimal(str(wanted.value))
    ends = [Decimal(str(e.value)) for e in (low.low, high.low) if isinstance(e, Const) and e.value is not None]
    if isinstance(per, Nothing) and (low.type == INTEGER or len(ends) == 2):
        return Decimal(1) if low.type == INTEGER else Decimal(1).scaleb(-min(places(e) for e in ends))
    cx.fail(node, "Expand: `per` must be a constant size")


def _floored(e: E, grain: Decimal) -> E:
    if isinstance(e, Const):
        return NULL if e.value is None else Const(Decimal(str(e.value)).quantize(grain, ROUND_FLOOR))
    return e if grain < Decimal("1e-7") else op("floor_to", op("as_decimal", e), Const(grain))


def _number_at(e: E, type_: object, unit: str | None) -> Value:
    if unit is not None:
        return Quantity(e, Const(unit), frozenset({unit}))
    return Point(INTEGER, op("as_integer", e)) if type_ == INTEGER else Point(DECIMAL, e)
