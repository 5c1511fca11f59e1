"""Precision, and the least and greatest that a value of some precision can mean (CQL Reference, Appendix B, section 6).

Leaves to others: the other arithmetic (`arithmetic`).
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from salus.elm.nodes import Operator
from salus.logic import calendar
from salus.logic.context import Context
from salus.logic.expr import NULL, Const, E, case
from salus.logic.operators import points
from salus.logic.operators.registry import operator
from salus.logic.values import DECIMAL, INTEGER, NOTHING, Nothing, Point, Value, type_of

_DIGITS = {
    "System.Date": {1: 4, 2: 6, 3: 8},
    "System.DateTime": {1: 4, 2: 6, 3: 8, 4: 10, 5: 12, 6: 14, 7: 17},
    "System.Time": {4: 2, 5: 4, 6: 6, 7: 9},
}


@operator("Precision")
def precision_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.6 Precision: decimal places of a number, digits stated of a date."""
    if isinstance(a, Nothing):
        return NOTHING
    if isinstance(a, Point) and a.type.name in _DIGITS:
        digits = _DIGITS[a.type.name]
        return Point(INTEGER, case([(held, Const(digits[level])) for held, level in points.levels(a)]))
    return Point(INTEGER, Const(-_exponent(_decimal(cx, node, a))))


def _decimal(cx: Context, node: Operator, a: Value) -> Decimal:
    """A constant number as written: columns do not keep how many places were stated."""
    if not (isinstance(a, Point) and isinstance(a.low, Const) and isinstance(a.low.value, (int, Decimal))):
        cx.fail(node, f"{node.op} of {type_of(a)} is not supported where it is no constant")
    return Decimal(a.low.value)


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


@operator("LowBoundary", "HighBoundary")
def boundary(cx: Context, node: Operator, a: Value, digits: Value = NOTHING) -> Value:
    """B.6 LowBoundary, HighBoundary: the least and the greatest value of some digits that a value can mean."""
    if isinstance(a, Nothing):
        return NOTHING
    wanted = digits.low if isinstance(digits, Point) else NULL
    if not isinstance(wanted, Const):
        cx.fail(node, f"{node.op} needs a constant precision")
    high = node.op == "HighBoundary"
    if isinstance(a, Point) and a.type.name in _DIGITS:
        return _date_edge(a, wanted.value, high=high)
    return Point(DECIMAL, _number_edge(_decimal(cx, node, a), wanted.value, high=high))


def _date_edge(a: Point, digits: object, *, high: bool) -> Value:
    full = points.FULL_LEVEL[a.type.name]
    level = full if digits is None else next((n for n, d in _DIGITS[a.type.name].items() if d == digits), None)
    if level is None:
        return NOTHING
    edge = points.floor(a.top if high else a.low, calendar.UNITS[level - 1])
    if level == full:
        return Point(a.type, edge)
    return Point(a.type, edge, points.last_meant(a.type, edge, Const(level)), Const(level))


def _number_edge(value: Decimal, digits: object, *, high: bool) -> E:
    """The digits stated, filled up with zeros or with nines."""
    wanted = digits if isinstance(digits, int) else 8
    if not 0 <= wanted <= 28:
        return NULL
    grain, stated = Decimal(1).scaleb(-wanted), Decimal(1).scaleb(_exponent(value))
    upper = high is (value >= 0) and stated > grain
    edge = abs(value) + (stated - grain if upper else 0)
    return Const(edge.quantize(grain, ROUND_FLOOR).copy_sign(value))


def places(value: Decimal) -> int:
    """Decimal places, trailing zeros aside."""
    return max(0, -_exponent(value.normalize()))
