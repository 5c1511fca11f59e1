"""Arithmetic operators (CQL Reference, Appendix B, section 6), on numbers, quantities and dates.

Constants are computed here. Decimals have 28 digits, 8 after the point; an Integer outside 32 bits is null, as is
division by zero.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

from salus.elm.nodes import Operator
from salus.logic.context import Context
from salus.logic.expr import NULL, Const, E, op
from salus.logic.operators.datetimes import shift
from salus.logic.operators.registry import operator
from salus.logic.operators.units import computed_in, in_unit
from salus.logic.values import (
    DECIMAL,
    INTEGER,
    NOTHING,
    QUANTITY,
    Choice,
    Nothing,
    Point,
    Quantity,
    Value,
    narrow,
)

_QUANTUM = Decimal("0.00000001")
_BOUNDS = {"System.Integer": 2**31 - 1, "System.Long": 2**63 - 1}


def _number(cx: Context, node: Operator, value: Value) -> Point:
    if not isinstance(value, Point):
        cx.fail(node, f"{node.op} needs numbers")
    return value


def folded(name: str, a: E, b: E, compute: Callable[[Decimal, Decimal], Decimal | None], type_name: str) -> E:
    """The operator on constants now, on columns later."""
    if a == NULL or b == NULL:
        return NULL
    if not (isinstance(a, Const) and isinstance(b, Const)):
        return op(f"{name}_{'decimal' if type_name == 'System.Decimal' else 'integer'}", a, b)
    result = compute(Decimal(str(a.value)), Decimal(str(b.value)))
    if result is None:
        return NULL
    if type_name == "System.Decimal":
        return Const(result.quantize(_QUANTUM, ROUND_HALF_UP))
    return Const(int(result)) if abs(result) <= _BOUNDS.get(type_name, 2**63) else NULL


_COMPUTE: dict[str, Callable[[Decimal, Decimal], Decimal | None]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b if b else None,
    "intdiv": lambda a, b: Decimal(int(a / b)) if b else None,
    "mod": lambda a, b: a % b if b else None,
    "pow": lambda a, b: a**b,
}


def numbers(cx: Context, node: Operator, name: str, a: Value, b: Value) -> Point:
    """A binary operator on two numbers, uncertain ones by their ends where the operator is monotone."""
    x, y = _number(cx, node, a), _number(cx, node, b)
    type_ = DECIMAL if name == "div" or DECIMAL in (x.type, y.type) else x.type
    low = folded(name, x.low, y.low, _COMPUTE[name], type_.name)
    if x.high is None and y.high is None:
        return Point(type_, low)
    if name not in ("add", "sub"):
        cx.fail(node, f"{node.op} of an uncertain number is not supported")
    first, second = (y.low, y.top) if name == "add" else (y.top, y.low)
    return Point(type_, *(folded(name, p, q, _COMPUTE[name], type_.name) for p, q in ((x.low, first), (x.top, second))))


def _numeric(cx: Context, node: Operator, name: str, a: Value, b: Value) -> Value:
    if isinstance(a, Nothing) or isinstance(b, Nothing):
        return NOTHING
    if isinstance(a, Quantity) or isinstance(b, Quantity):
        return _quantities(cx, node, name, a, b)
    return numbers(cx, node, name, a, b)


def _quantities(cx: Context, node: Operator, name: str, a: Value, b: Value) -> Value:
    if name in ("add", "sub") and isinstance(a, Quantity) and isinstance(b, Quantity):
        return computed_in(a.unit, a.units or frozenset(), lambda unit: _amount(name, a, b, unit))
    if isinstance(a, Quantity) and isinstance(b, Quantity) and name in ("mul", "div"):
        return _product(cx, node, name, a, b)
    if isinstance(a, Quantity) and isinstance(b, Point):
        return Quantity(folded(name, a.value, b.low, _COMPUTE[name], "System.Decimal"), a.unit, a.units)
    if isinstance(b, Quantity) and isinstance(a, Point) and name == "mul":
        return _quantities(cx, node, name, b, a)
    cx.fail(node, f"{node.op} of these quantities is not supported")


def _amount(name: str, a: Quantity, b: Quantity, unit: str) -> E:
    return folded(name, in_unit(a, unit), in_unit(b, unit), _COMPUTE[name], "System.Decimal")


def _product(cx: Context, node: Operator, name: str, a: Quantity, b: Quantity) -> Value:
    """A quantity times a plain number, or divided by one of its own kind (a plain number then)."""
    plain = frozenset({"1"})
    if b.units == plain:
        return _quantities(cx, node, name, a, Point(DECIMAL, b.value))
    if a.units == plain and name == "mul":
        return _quantities(cx, node, name, b, Point(DECIMAL, a.value))
    if name == "div":
        ratio = computed_in(a.unit, a.units or frozenset(), lambda unit: _amount("div", a, b, unit))
        return Quantity(ratio.value, Const("1"), plain)
    cx.fail(node, "a product of two units is not supported")


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
        return Quantity(folded("sub", Const(Decimal(0)), a.value, _COMPUTE["sub"], "System.Decimal"), a.unit, a.units)
    return numbers(cx, node, "sub", Point(INTEGER, Const(0)), a)


_UNARY = {"Abs": "abs", "Ceiling": "ceiling", "Floor": "floor_number", "Truncate": "truncate"}


@operator(*_UNARY)
def unary(cx: Context, node: Operator, a: Value) -> Value:
    """B.6 Abs, Ceiling, Floor, Truncate."""
    if isinstance(a, Nothing):
        return NOTHING
    if isinstance(a, Quantity):
        return Quantity(op(_UNARY[node.op], a.value), a.unit, a.units)
    number = _number(cx, node, a)
    return Point(number.type if node.op == "Abs" else INTEGER, op(_UNARY[node.op], number.low))


_CURVES = {"Exp": "exp", "Ln": "ln"}


@operator(*_CURVES)
def curve(cx: Context, node: Operator, a: Value) -> Value:
    """B.6 Exp, Ln."""
    if isinstance(a, Nothing):
        return NOTHING
    return Point(DECIMAL, op("as_decimal", op(_CURVES[node.op], _number(cx, node, a).low)))


@operator("Round")
def round_operator(cx: Context, node: Operator, a: Value, digits: Value) -> Value:
    """B.6 Round: half up."""
    if isinstance(a, Nothing):
        return NOTHING
    places = Const(0) if isinstance(digits, Nothing) else _number(cx, node, digits).low
    return Point(DECIMAL, op("round", _number(cx, node, a).low, places))
