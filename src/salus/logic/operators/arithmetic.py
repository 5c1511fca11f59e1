"""Arithmetic operators (CQL Reference, Appendix B, section 6), on numbers, quantities and dates.

Constants are computed here. Decimals have 28 digits, 8 after the point; an Integer outside 32 bits is null, as is
division by zero.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, localcontext
from decimal import Context as Digits

from salus.elm.nodes import Operator
from salus.elm.types import Named
from salus.logic.context import Context
from salus.logic.expr import FALSE, NULL, TRUE, Const, E, and_, case, compare, eq, op
from salus.logic.operators.bounds import neighbour
from salus.logic.operators.datetimes import shift
from salus.logic.operators.registry import operator
from salus.logic.operators.units import computed_in, factor, in_unit, scaled, units_of
from salus.logic.values import (
    DECIMAL,
    INTEGER,
    LONG,
    NOTHING,
    QUANTITY,
    Choice,
    Nothing,
    Point,
    Quantity,
    Value,
    narrow,
    present,
    type_of,
)
from salus.terminology import ucum

_QUANTUM = Decimal("0.00000001")
_EXACT = Digits(prec=60, rounding=ROUND_HALF_UP, traps=[])
_BOUNDS: dict[str, tuple[int, int] | tuple[Decimal, Decimal]] = {
    "System.Integer": (-(2**31), 2**31 - 1),
    "System.Long": (-(2**63), 2**63 - 1),
    "System.Decimal": (_QUANTUM - 10**20, 10**20 - _QUANTUM),
}


def _number(cx: Context, node: Operator, value: Value) -> Point:
    if not isinstance(value, Point):
        cx.fail(node, f"{node.op} needs numbers")
    return value


def computed(name: str, a: E, b: E, type_name: str) -> E:
    """`add`, `sub`, `mul`, `div`, `intdiv`, `mod` or `pow` of two numbers, as a number of a type: of constants now, of
    columns later."""
    if a == NULL or b == NULL:
        return NULL
    if not (isinstance(a, Const) and isinstance(b, Const)):
        return op(typed(name, type_name), a, b)
    low, high = _BOUNDS[type_name]
    with localcontext(_EXACT):
        result = _COMPUTE[name](Decimal(str(a.value)), Decimal(str(b.value)))
        if result is None or not result.is_finite() or not low <= result <= high:
            return NULL
        return Const(result.quantize(_QUANTUM) if type_name == "System.Decimal" else int(result))


def typed(name: str, type_name: str) -> str:
    """The name of an arithmetic operation on a type of number."""
    return f"{name}_{type_name.removeprefix('System.').lower()}"


_COMPUTE: dict[str, Callable[[Decimal, Decimal], Decimal | None]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b if b else None,
    "intdiv": lambda a, b: Decimal(int(a / b)) if b else None,
    "mod": lambda a, b: a % b if b else None,
    "pow": lambda a, b: a**b if b else Decimal(1),
}


def difference(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """a - b of numbers or quantities."""
    return _numeric(cx, node, "sub", a, b)


def numbers(cx: Context, node: Operator, name: str, a: Value, b: Value) -> Point:
    """A binary operator on two numbers, uncertain ones by their ends where the operator is monotone."""
    x, y = _number(cx, node, a), _number(cx, node, b)
    type_ = _result_type(name, x, y)

    def result(p: E, q: E) -> E:
        return computed(name, p, q, type_.name)

    if x.high is None and y.high is None:
        return Point(type_, result(x.low, y.low))
    if name in ("add", "sub"):
        first, second = (y.low, y.top) if name == "add" else (y.top, y.low)
        return Point(type_, result(x.low, first), result(x.top, second))
    if name not in ("mul", "pow") and (name == "mod" or y.high is not None):
        cx.ill_typed(node, f"{node.op} of an uncertain number is not defined")
    ends = [[cx.frame.bind(e) for e in dict.fromkeys((number.low, number.top))] for number in (x, y)]
    corners = [result(p, q) for p in ends[0] for q in ends[1]]
    return Point(type_, op("least", *corners), op("greatest", *corners))


def _result_type(name: str, x: Point, y: Point) -> Named:
    """Decimal where an operand is one, and where a result may not be whole; else the wider of the two."""
    whole = name not in ("div", "pow") or (
        isinstance(y.low, Const) and isinstance(y.low.value, int) and y.low.value >= 0
    )
    if name == "div" or DECIMAL in (x.type, y.type) or not whole:
        return DECIMAL
    return LONG if LONG in (x.type, y.type) else x.type


def _numeric(cx: Context, node: Operator, name: str, a: Value, b: Value) -> Value:
    if isinstance(a, Nothing) or isinstance(b, Nothing):
        return NOTHING
    if isinstance(a, Quantity) or isinstance(b, Quantity):
        return _quantities(cx, node, name, a, b)
    return numbers(cx, node, name, a, b)


def _quantities(cx: Context, node: Operator, name: str, a: Value, b: Value) -> Value:
    if name in ("add", "sub", "intdiv", "mod") and isinstance(a, Quantity) and isinstance(b, Quantity):
        return computed_in(a.unit, units_of(a), lambda unit: _amount(name, a, b, unit))
    if isinstance(a, Quantity) and isinstance(b, Quantity) and name in ("mul", "div"):
        return _product(name, a, b)
    if isinstance(a, Quantity) and isinstance(b, Point) and name in ("mul", "div", "intdiv", "mod"):
        return Quantity(computed(name, a.value, b.low, DECIMAL.name), a.unit, a.units)
    if isinstance(b, Quantity) and isinstance(a, Point) and name == "mul":
        return _quantities(cx, node, name, b, a)
    cx.fail(node, f"{node.op} of these quantities is not supported")


def _amount(name: str, a: Quantity, b: Quantity, unit: str) -> E:
    return computed(name, in_unit(a, unit), in_unit(b, unit), DECIMAL.name)


def _product(name: str, a: Quantity, b: Quantity) -> Quantity:
    """The product or quotient of two quantities, whose units combine: of like units a quotient is a plain number."""
    values, units = [], []
    for x in sorted(units_of(a)):
        for y in sorted(units_of(b)):
            here = and_(eq(a.unit, Const(x)), eq(b.unit, Const(y)))
            scale, unit = _combined(name, x, y)
            if unit is not None:
                value = computed(name, a.value, scaled(b.value, scale), DECIMAL.name)
                values.append((here, value))
                units.append((here, unit))
    return Quantity(case(values), case([(e, Const(unit)) for e, unit in units]), frozenset(unit for _, unit in units))


def _combined(name: str, a: str, b: str) -> tuple[Decimal | None, str | None]:
    """What b counts for, and the unit of the product or quotient; None when UCUM has no such unit."""
    like = factor(b, a) if name == "div" else None
    if b == "1" or like is not None:
        return (Decimal(1), a) if b == "1" else (like, "1")
    return Decimal(1), ucum.product(a, b, "/" if name == "div" else ".")


@operator("Add")
def add_operator(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.6 Add; B.8 Add for dates."""
    return _add(cx, node, "add", a, b)


@operator("Subtract")
def subtract_operator(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.6 Subtract; B.8 Subtract for dates."""
    return _add(cx, node, "sub", a, b)


def _add(cx: Context, node: Operator, name: str, a: Value, b: Value) -> Value:
    if isinstance(b, Choice):
        b = narrow(b, QUANTITY)
    if isinstance(a, Point) and a.type.name in ("System.Date", "System.DateTime", "System.Time"):
        return shift(cx, node, a, b, -1 if name == "sub" else 1)
    return _numeric(cx, node, name, a, b)


_PLAIN = {"Multiply": "mul", "Divide": "div", "TruncatedDivide": "intdiv", "Modulo": "mod", "Power": "pow"}


@operator(*_PLAIN)
def plain_operator(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.6 Multiply, Divide, Truncated Divide, Modulo, Power."""
    return _numeric(cx, node, _PLAIN[node.op], a, b)


@operator("Negate")
def negate(cx: Context, node: Operator, a: Value) -> Value:
    """B.6 Negate."""
    if isinstance(a, Nothing):
        return NOTHING
    if isinstance(a, Quantity):
        return Quantity(computed("sub", Const(Decimal(0)), a.value, DECIMAL.name), a.unit, a.units)
    return numbers(cx, node, "sub", Point(INTEGER, Const(0)), a)


_WHOLE = {"Ceiling": "ceiling", "Floor": "floor_number", "Truncate": "truncate"}


@operator("Abs", *_WHOLE)
def unary(cx: Context, node: Operator, a: Value) -> Value:
    """B.6 Abs, Ceiling, Floor, Truncate."""
    if isinstance(a, Nothing):
        return NOTHING
    if isinstance(a, Quantity) and node.op == "Abs":
        return Quantity(op("abs_decimal", a.value), a.unit, a.units)
    number = _number(cx, node, a)
    if node.op != "Abs":
        return _by_ends(number, INTEGER, lambda e: op(_WHOLE[node.op], e))
    return _absolute(number, typed("abs", number.type.name))


def _absolute(number: Point, name: str) -> Point:
    """Of an uncertain number that may be on either side of 0, anything from 0 on."""
    low, high = op(name, number.low), None if number.high is None else op(name, number.high)
    if high is None:
        return Point(number.type, low)
    around = and_(compare("lt", number.low, Const(0)), compare("gt", number.top, Const(0)))
    return Point(number.type, case([(around, Const(0))], op("least", low, high)), op("greatest", low, high))


def _by_ends(number: Point, type_: Named, rising: Callable[[E], E]) -> Point:
    """A function that rises with its argument, of a number that may be uncertain."""
    return Point(type_, rising(number.low), None if number.high is None else rising(number.high))


@operator("Exp", "Ln")
def curve(cx: Context, node: Operator, a: Value) -> Value:
    """B.6 Exp, Ln."""
    if isinstance(a, Nothing):
        return NOTHING
    return _by_ends(_number(cx, node, a), DECIMAL, lambda e: _curved(cx, node, e))


def _curved(cx: Context, node: Operator, e: E) -> E:
    """A constant's result is found here, so that one without a result can be told."""
    if not isinstance(e, Const) or e == NULL:
        return op(node.op.lower(), e)
    with localcontext(_EXACT):
        x = Decimal(str(e.value))
        found = x.exp() if node.op == "Exp" else x.ln() if x > 0 else Decimal("NaN")
    made = computed("add", Const(found), Const(Decimal(0)), DECIMAL.name)
    if made == NULL:
        cx.error(node, f"{node.op} of {e.value} has no result")
    return made


@operator("Log")
def logarithm(cx: Context, node: Operator, a: Value, base: Value) -> Value:
    """B.6 Log."""
    if isinstance(a, Nothing) or isinstance(base, Nothing):
        return NOTHING
    base_ = _number(cx, node, base)
    if base_.high is not None:
        cx.fail(node, "Log to an uncertain base is not supported")
    return _by_ends(_number(cx, node, a), DECIMAL, lambda e: op("log", e, base_.low))


@operator("Round")
def round_operator(cx: Context, node: Operator, a: Value, digits: Value) -> Value:
    """B.6 Round: from halfway away from zero."""
    if isinstance(a, Nothing):
        return NOTHING
    places = Const(0) if isinstance(digits, Nothing) else _number(cx, node, digits).low
    if not isinstance(places, Const):
        cx.fail(node, "Round to a number of places that is not constant is not supported")
    return _by_ends(_number(cx, node, a), DECIMAL, lambda e: op("round", e, places))


@operator("Successor", "Predecessor")
def neighbour_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.6 Successor, Predecessor: an error at the end of the range, null here."""
    if isinstance(a, Nothing):
        return NOTHING
    made = neighbour(a, 1 if node.op == "Successor" else -1)
    if isinstance(made, Nothing):
        cx.fail(node, f"{node.op} of {type_of(a)} is not supported")
    if present(made) == FALSE and present(a) == TRUE:
        cx.error(node, f"{node.op}: there is no such {type_of(a)}")
    return made
