"""Arithmetic operators on numbers, quantities and uncertain numbers (ELM §16; CQL 1.5, Appendix B "Arithmetic").

What overflows is null. Results are Decimals of 8 places, rounded half up. Dates are in `datetimes`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import ROUND_FLOOR, Decimal, InvalidOperation, Overflow
from typing import Any

from salus.engine.oracle import bounds, moments
from salus.engine.oracle.comparison import MOMENTS, in_unit, sort_key
from salus.engine.oracle.kinds import type_name
from salus.engine.oracle.operators.datetimes import shifted
from salus.engine.oracle.registry import Call, Function, operator, strict
from salus.engine.oracle.values import (
    EXACT,
    Long,
    Quantity,
    Uncertain,
    Value,
    decimal,
    integer,
    is_number,
    long,
)
from salus.terminology import ucum

_NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "Add": lambda a, b: a + b,
    "Subtract": lambda a, b: a - b,
    "Multiply": lambda a, b: a * b,
}


def number(value: Any, *like: Value) -> Value:
    """A result as the widest type of its operands: Decimal, Long or Integer; null when it does not fit."""
    if any(isinstance(operand, Decimal) for operand in like):
        return decimal(value)
    if any(isinstance(operand, Long) for operand in like):
        return long(int(value))
    return integer(int(value))


@operator("Add", "Subtract")
@strict
def add(call: Call, a: Value, b: Value) -> Value:
    """§16 Add, Subtract; of a date and a duration §18."""
    if isinstance(a, MOMENTS) and isinstance(b, Quantity):
        return shifted(call, a, b, 1 if call.node.op == "Add" else -1)
    if isinstance(a, str) and isinstance(b, str) and call.node.op == "Add":
        return a + b
    return combined(call, call.node.op, a, b)


@operator("Multiply")
@strict
def multiply(call: Call, a: Value, b: Value) -> Value:
    """§16 Multiply; of quantities the units multiply too."""
    return combined(call, "Multiply", a, b)


def combined(call: Call, op: str, a: Value, b: Value) -> Value:
    """Add, Subtract or Multiply of numbers, quantities or uncertain numbers."""
    if isinstance(a, Uncertain) or isinstance(b, Uncertain):
        return _of_ends(call, lambda here, x, y: combined(here, op, x, y), a, b)
    if isinstance(a, Quantity) or isinstance(b, Quantity):
        return _quantities(call, op, a, b)
    if not (is_number(a) and is_number(b)):
        call.fail(f"{type_name(a)} and {type_name(b)} are not numbers")
    return number(_NUMBERS[op](a, b), a, b)


def _of_ends(call: Call, function: Function, a: Value, b: Value) -> Value:
    """All that the ends of uncertain numbers can make (CQL 1.5, Author's Guide "Uncertainty")."""
    lefts = (a.low, a.high) if isinstance(a, Uncertain) else (a,)
    rights = (b.low, b.high) if isinstance(b, Uncertain) else (b,)
    return _between([function(call, x, y) for x in lefts for y in rights])


def _between(made: Sequence[Any]) -> Uncertain | None:
    """Anything between what was made of ends; null where one of them has no result."""
    return None if None in made else Uncertain(min(made), max(made))


def _by_ends(function: Function) -> Function:
    """A function that rises or falls with its first operand, of an uncertain number."""

    def spread(call: Call, value: Value, *more: Value) -> Value:
        if not isinstance(value, Uncertain):
            return function(call, value, *more)
        return _between([function(call, end, *more) for end in (value.low, value.high)])

    return spread


def _quantities(call: Call, op: str, a: Value, b: Value) -> Value:
    a, b = (x if isinstance(x, Quantity) else Quantity(Decimal(x)) for x in (a, b))
    if op == "Multiply":
        unit = ucum.product(a.unit, b.unit, ".")
        return _quantity(None if unit is None else a.value * b.value, unit)
    other = in_unit(b, a.unit)
    return _quantity(None if other is None else _NUMBERS[op](a.value, other), a.unit)


def _quantity(value: Decimal | None, unit: str | None) -> Quantity | None:
    fitting = None if value is None else decimal(value)
    return None if fitting is None or unit is None else Quantity(fitting, unit)


@operator("Divide")
@strict
@_by_ends
def divide(call: Call, a: Value, b: Value) -> Value:
    """§16 Divide: null when the divisor is zero."""
    if isinstance(b, Uncertain):
        return _undefined(call)
    if isinstance(a, Quantity) or isinstance(b, Quantity):
        return _divided_quantities(a, b)
    if not (is_number(a) and is_number(b)):
        call.fail(f"{type_name(a)} and {type_name(b)} are not numbers")
    return None if b == 0 else decimal(EXACT.divide(Decimal(a), Decimal(b)))


def _undefined(call: Call) -> None:
    call.error(f"{call.node.op} of an uncertain number is not defined")


def _divided_quantities(a: Value, b: Value) -> Value:
    """Of like units a plain number, else a quotient of units."""
    a, b = (x if isinstance(x, Quantity) else Quantity(Decimal(x)) for x in (a, b))
    other = in_unit(b, a.unit)
    divisor, unit = (b.value, ucum.product(a.unit, b.unit, "/")) if other is None else (other, "1")
    if b.unit == "1":
        divisor, unit = b.value, a.unit
    return None if divisor == 0 else _quantity(EXACT.divide(a.value, divisor), unit)


@operator("TruncatedDivide", "Modulo")
@strict
def truncated_divide(call: Call, a: Value, b: Value) -> Value:
    """§16 TruncatedDivide, Modulo: the whole quotient, cut towards zero, and what is left."""
    if isinstance(b, Uncertain):
        return _undefined(call)
    if isinstance(a, Uncertain):
        return _undefined(call) if call.node.op == "Modulo" else _of_ends(call, truncated_divide, a, b)
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        other = in_unit(b, a.unit)
        made = None if other is None else _truncated(call.node.op, a.value, other)
        return _quantity(made, a.unit)
    made = _truncated(call.node.op, Decimal(a), Decimal(b))
    return None if made is None else number(made, a, b)


def _truncated(op: str, a: Decimal, b: Decimal) -> Decimal | None:
    if b == 0:
        return None
    return EXACT.remainder(a, b) if op == "Modulo" else EXACT.divide_int(a, b)


def _on_value(value: Value, change: Callable[[Any], Any]) -> Value:
    """A change of a number, or of a quantity's number."""
    if isinstance(value, Quantity):
        return _quantity(change(value.value), value.unit)
    return number(change(value), value)


@operator("Negate")
@strict
@_by_ends
def negate(call: Call, value: Value) -> Value:
    """§16 Negate: null when it does not fit."""
    return _on_value(value, lambda x: -x)


@operator("Abs")
@strict
def absolute(call: Call, value: Value) -> Value:
    """§16 Abs: null when it does not fit."""
    if isinstance(value, Uncertain):
        made = _between([absolute(call, end) for end in (value.low, value.high)])
        return Uncertain(0 * made.low, made.high) if made and value.low < 0 < value.high else made
    return _on_value(value, abs)


_WHOLE: dict[str, Callable[[Any], int]] = {"Ceiling": math.ceil, "Floor": math.floor, "Truncate": math.trunc}


@operator(*_WHOLE)
@strict
@_by_ends
def whole(call: Call, value: Value) -> Value:
    """§16 Ceiling, Floor, Truncate: an Integer."""
    return integer(_WHOLE[call.node.op](value))


@operator("Round")
@_by_ends
def rounded(call: Call, value: Value, places: Value) -> Value:
    """§16 Round: a half goes away from zero."""
    if value is None:
        return None
    return decimal(Decimal(value).quantize(Decimal(1).scaleb(-(places or 0)), context=EXACT))


@operator("Ln", "Exp")
@strict
@_by_ends
def natural(call: Call, value: Value) -> Value:
    """§16 Ln, Exp: null where there is no result, with a warning."""
    try:
        made = decimal(EXACT.ln(Decimal(value)) if call.node.op == "Ln" else EXACT.exp(Decimal(value)))
    except (InvalidOperation, Overflow):
        made = None
    if made is None:
        call.error(f"{call.node.op} of {value} has no result")
    return made


@operator("Log")
@strict
@_by_ends
def logarithm(call: Call, value: Value, base: Value) -> Value:
    """§16 Log: null where there is no result."""
    if value <= 0 or base <= 0 or base == 1:
        return None
    return decimal(EXACT.divide(EXACT.ln(Decimal(value)), EXACT.ln(Decimal(base))))


@operator("Power")
@strict
def power(call: Call, base: Value, exponent: Value) -> Value:
    """§16 Power: of Integers an Integer where the result is one."""
    if isinstance(base, Uncertain) or isinstance(exponent, Uncertain):
        return _of_ends(call, power, base, exponent)
    try:
        made = Decimal(1) if exponent == 0 else EXACT.power(Decimal(base), Decimal(exponent))
    except (InvalidOperation, Overflow):
        return None
    if isinstance(base, Decimal) or isinstance(exponent, Decimal) or exponent < 0:
        return decimal(made)
    return number(base**exponent, base, exponent)


@operator("Successor", "Predecessor")
@strict
def neighbour(call: Call, value: Value) -> Value:
    """§16 Successor, Predecessor: an error at the end of the range, null with a warning here."""
    try:
        return bounds.successor(value) if call.node.op == "Successor" else bounds.predecessor(value)
    except bounds.NoSuchPoint as error:
        call.error(f"{call.node.op}: {error}")
        return None


@operator("Precision")
@strict
def precision(call: Call, value: Value) -> Value:
    """§16 Precision: decimal places of a number, digits stated of a date."""
    if isinstance(value, MOMENTS):
        digits = {3: (4, 6, 8), 7: (4, 6, 8, 10, 12, 14, 17), 4: (2, 4, 6, 9)}[len(value.units)]
        return digits[len(value.parts) - 1]
    exponent = Decimal(value).as_tuple().exponent
    return -exponent if isinstance(exponent, int) else None


@operator("LowBoundary", "HighBoundary")
def boundary(call: Call, value: Value, digits: Value = None) -> Value:
    """§16 LowBoundary, HighBoundary: the least and the greatest value of `digits` precision it can mean."""
    if value is None:
        return None
    high = call.node.op == "HighBoundary"
    return _moment_edge(value, digits, high) if isinstance(value, MOMENTS) else _number_edge(value, digits, high)


def _moment_edge(value: Any, digits: int | None, high: bool) -> Value:
    lengths = {3: (4, 6, 8), 7: (4, 6, 8, 10, 12, 14, 17), 4: (2, 4, 6, 9)}[len(value.units)]
    if digits is not None and digits not in lengths:
        return None
    finest = value.units[-1 if digits is None else lengths.index(digits)]
    unit = moments.precision(value)
    first = moments.earliest(value)
    edge = moments.ceiling(first, unit) if high else first
    return moments.like(value, edge, finest=finest)


def _number_edge(value: Value, digits: int | None, high: bool) -> Value:
    """The digits stated, filled up with zeros or with nines."""
    wanted = 8 if digits is None else digits
    if not 0 <= wanted <= 28:
        return None
    exponent = Decimal(value).as_tuple().exponent
    grain = Decimal(1).scaleb(-wanted)
    stated = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)
    upper = high is (value >= 0) and stated > grain
    edge = abs(Decimal(value)) + (stated - grain if upper else 0)
    return edge.quantize(grain, ROUND_FLOOR).copy_sign(Decimal(value))


def total(call: Call, values: Sequence[Value]) -> Value:
    """The sum of numbers or quantities; null when it does not fit."""
    result = values[0]
    for value in values[1:]:
        result = None if result is None else combined(call, "Add", result, value)
    return result


def least(values: Sequence[Value], sign: int) -> Value:
    """The first (sign -1) or last (sign 1) of the values in the order in which they sort, so that there is one also
    where two cannot be compared for certain."""
    return sorted(values, key=sort_key)[0 if sign < 0 else -1]
