"""Type operators: is, as, and conversions (ELM §22; CQL 1.5, Appendix B "Type Operators").

A conversion that cannot be made is null. CanConvert and ConvertsTo say whether it can.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from salus.engine.oracle import moments
from salus.engine.oracle.comparison import MOMENTS, as_unit
from salus.engine.oracle.kinds import type_name
from salus.engine.oracle.moments import Date, DateTime, Time
from salus.engine.oracle.registry import Call, operator, strict
from salus.engine.oracle.values import (
    Code,
    Concept,
    Long,
    Quantity,
    Ratio,
    Uncertain,
    Value,
    decimal,
    integer,
    is_number,
    long,
)
from salus.terminology import ucum

_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(?:'([^']*)'|([a-z]+))?")


def _to_boolean(value: Value) -> bool | None:
    """Numbers 1 and 0, and the words for true and false."""
    text = str(value).lower()
    if is_number(value):
        text = {Decimal(1): "true", Decimal(0): "false"}.get(Decimal(value), "")
    return True if text in _TRUE else False if text in _FALSE else None


def _to_integer(value: Value) -> int | None:
    if isinstance(value, str) and not re.fullmatch(r"[+-]?\d+", value):
        return None
    return integer(int(value))


def _to_long(value: Value) -> Long | None:
    if isinstance(value, str) and not re.fullmatch(r"[+-]?\d+", value):
        return None
    return long(int(value))


def _to_decimal(value: Value) -> Decimal | None:
    if isinstance(value, str) and not re.fullmatch(r"[+-]?\d*(\.\d+)?", value):
        return None
    try:
        return decimal(Decimal(int(value) if isinstance(value, bool) else value))
    except InvalidOperation:
        return None


def _to_text(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return _shortest(value) if value % 1 else f"{_shortest(value)}.0"
    if isinstance(value, Quantity):
        return f"{_shortest(value.value)} '{value.unit}'"
    if isinstance(value, Ratio):
        return f"{_to_text(value.numerator)}:{_to_text(value.denominator)}"
    return str(value)


def _shortest(value: Decimal) -> str:
    """A number without zeros at its end after the point."""
    return f"{value:f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"


def _to_quantity(value: Value) -> Quantity | None:
    """A number has unit '1'; a text is a number and a unit, quoted or of the calendar."""
    if isinstance(value, Quantity):
        return value
    if isinstance(value, Ratio):
        return None
    if not isinstance(value, str):
        return Quantity(Decimal(value))
    found = _QUANTITY.fullmatch(value)
    if not found:
        return None
    unit = found[2] or found[3] or "1"
    number = _to_decimal(found[1])
    known = found[3] is None or ucum.normalize_calendar(unit)
    return Quantity(number, unit) if number is not None and known else None


def _to_ratio(value: Value) -> Ratio | None:
    if isinstance(value, Ratio):
        return value
    parts = [_to_quantity(part) for part in value.split(":")]
    return Ratio(parts[0], parts[1]) if len(parts) == 2 and None not in parts else None


def _to_concept(value: Value) -> Concept | None:
    if isinstance(value, list):
        return Concept(tuple(value))
    return Concept((value,), value.display) if isinstance(value, Code) else value


def _to_date(value: Value) -> Date | None:
    if isinstance(value, str):
        found = moments.date_time(value)
        return Date(found.parts[:3]) if found else None
    return Date(value.parts[:3])


def _to_datetime(value: Value) -> DateTime | None:
    return moments.date_time(value) if isinstance(value, str) else moments.to_datetime(value)


def _to_time(value: Value) -> Time | None:
    if isinstance(value, str):
        return moments.time(value)
    return value if isinstance(value, Time) else Time(value.parts[3:])


_CONVERSIONS: dict[str, Callable[[Any], Value]] = {
    "Boolean": _to_boolean,
    "Integer": _to_integer,
    "Long": _to_long,
    "Decimal": _to_decimal,
    "String": _to_text,
    "Quantity": _to_quantity,
    "Ratio": _to_ratio,
    "Concept": _to_concept,
    "Date": _to_date,
    "DateTime": _to_datetime,
    "Time": _to_time,
}
_TEXTS = (str, bool, int, Decimal, Quantity, Ratio, *MOMENTS)
_SOURCES: dict[str, tuple[type, ...]] = {
    "Boolean": (bool, int, Decimal, str),
    "Integer": (bool, int, str),
    "Long": (bool, int, str),
    "Decimal": (bool, int, Decimal, str),
    "String": _TEXTS,
    "Quantity": (int, Decimal, str, Quantity, Ratio),
    "Ratio": (str, Ratio),
    "Concept": (Code, Concept, list),
    "Date": (str, Date, DateTime),
    "DateTime": (str, Date, DateTime),
    "Time": (str, Time, DateTime),
}


def convert(call: Call, value: Value, target: str) -> Value:
    """A value as a System type; null when it cannot be. Refused for types between which there is no conversion."""
    if value is None:
        return None
    if isinstance(value, Uncertain):
        low, high = (convert(call, end, target) for end in (value.low, value.high))
        return None if low is None or high is None else Uncertain(low, high)
    if target not in _CONVERSIONS or not isinstance(value, _SOURCES[target]):
        call.fail(f"a {type_name(value)} does not convert to {target}")
    return _CONVERSIONS[target](value)


@operator(*(f"To{name}" for name in _CONVERSIONS))
def to_type(call: Call, value: Value) -> Value:
    """§22 ToBoolean, ToConcept, ToDate, ToDateTime, ToDecimal, ToInteger, ToLong, ToQuantity, ToRatio, ToString,
    ToTime."""
    return convert(call, value, call.node.op.removeprefix("To"))


@operator(*(f"ConvertsTo{name}" for name in _CONVERSIONS))
@strict
def converts_to(call: Call, value: Value) -> Value:
    """§22 ConvertsToBoolean and its like."""
    return convert(call, value, call.node.op.removeprefix("ConvertsTo")) is not None


@operator("ToList")
def to_list(call: Call, value: Value) -> Value:
    """§22 ToList: of null the empty list."""
    return [] if value is None else [value]


@operator("ToChars")
@strict
def to_chars(call: Call, value: str) -> Value:
    """§22 ToChars."""
    return list(value)


@operator("ConvertQuantity")
@strict
def convert_quantity(call: Call, value: Quantity, unit: str) -> Value:
    """§22 ConvertQuantity: null when the units do not measure the same thing."""
    found = as_unit(value, unit)
    number = None if found is None else decimal(found)
    return None if number is None else Quantity(number, unit)


@operator("CanConvertQuantity")
@strict
def can_convert_quantity(call: Call, value: Quantity, unit: str) -> Value:
    """§22 CanConvertQuantity."""
    return as_unit(value, unit) is not None
