"""Type operators (CQL Reference, Appendix B, section 10): conversions between System types.

Leaves to others: Is and As, which ask for the type a value has (`compiler`); FHIR types (`conversions`).
"""

from __future__ import annotations

import re
from decimal import Decimal

from msgspec.structs import replace

from salus.elm.nodes import Node, Operator
from salus.logic.calendar import unit_name
from salus.logic.context import Context
from salus.logic.expr import FALSE, NULL, TRUE, Const, E, case, eq, in_list, op
from salus.logic.operators.datetimes import date_from, time_of, to_datetime
from salus.logic.operators.points import last_meant, level_of, local
from salus.logic.operators.registry import operator
from salus.logic.operators.units import as_unit
from salus.logic.values import (
    BOOLEAN,
    CONCEPT,
    DATE,
    DATETIME,
    DECIMAL,
    INTEGER,
    LONG,
    NOTHING,
    QUANTITY,
    STRING,
    TIME,
    Choice,
    Coded,
    CodeFields,
    CodeLiterals,
    Nothing,
    Point,
    Quantity,
    Texts,
    Value,
    boolean,
    first_present,
    narrow,
    present,
    retyped,
    type_of,
)  # fmt: skip

DATES = (DATE, DATETIME, TIME)
_CONVERTED = (
    *("ToBoolean", "ToInteger", "ToLong", "ToDecimal", "ToString", "ToQuantity"),
    *("ToDate", "ToDateTime", "ToTime", "ToConcept", "ToRatio"),
)


@operator(*_CONVERTED)
def convert_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.10 ToBoolean, ToInteger, ToDate and so on: null where the value does not convert."""
    return converted(cx, node, a, node.op.removeprefix("To"))


@operator(*(f"Converts{name}" for name in _CONVERTED))
def converts_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.10 ConvertsToBoolean and so on: whether a value that is there converts."""
    if isinstance(a, Nothing):
        return NOTHING
    made = present(converted(cx, node, a, node.op.removeprefix("ConvertsTo")))
    return boolean(made if present(a) == TRUE else case([(present(a), made)]))


def converted(cx: Context, node: Node, value: Value, target: str) -> Value:
    """A value as a System type. A choice converts as whichever of its alternatives it is."""
    if isinstance(value, Nothing):
        return NOTHING
    if isinstance(value, Choice):
        return first_present([converted(cx, node, o, target) for o in value.options if isinstance(o, Point)])
    made = _of_type(value, target)
    if made is None:
        cx.fail(node, f"converting {type_of(value)} to {target} is not supported")
    return made


def _of_type(value: Value, target: str) -> Value | None:
    """The converted value; None when there is no such conversion here."""
    if str(type_of(value)) == f"System.{target}":
        return value
    if target == "Concept":
        return retyped(value, CONCEPT) if isinstance(value, (Coded, CodeFields, CodeLiterals)) else None
    if isinstance(value, Quantity):
        return Point(STRING, quantity_text(value)) if target == "String" else None
    if not isinstance(value, Point):
        return None
    if value.type == STRING:
        return _from_text(value.low, target)
    if value.type in DATES:
        return _from_date(value, target)
    return _from_number(value, target)


def _from_number(value: Point, target: str) -> Value | None:
    """Numbers and Booleans as one another, as a text, or as a quantity of unit '1'. An uncertain number has neither a
    text nor a quantity, until it is known."""
    if value.high is not None and target not in _NUMBERS:
        value = Point(value.type, case([(eq(value.low, value.high), value.low)]))
    if target == "Boolean":
        return Point(BOOLEAN, case([(eq(value.low, Const(1)), TRUE), (eq(value.low, Const(0)), FALSE)]))
    if target == "Quantity" and value.type != BOOLEAN:
        return Quantity(_cast(value.low, "Decimal"), Const("1"), frozenset({"1"}))
    if target == "String":
        return Point(STRING, _number_text(value))
    if target in _NUMBERS and (value.type != DECIMAL or target == "Decimal"):
        ends = [None if e is None else _cast(e, target) for e in (value.low, value.high)]
        return Point(_NUMBERS[target], ends[0] or NULL, ends[1])
    return None


_NUMBERS = {"Integer": INTEGER, "Long": LONG, "Decimal": DECIMAL}


def _cast(e: E, target: str) -> E:
    if isinstance(e, Const) and isinstance(e.value, (int, Decimal)):
        return Const(Decimal(e.value) if target == "Decimal" else int(e.value))
    return op(f"as_fitting_{target.lower()}", e)


def _number_text(value: Point) -> E:
    if value.type == DECIMAL:
        return op("decimal_text", value.low)
    if isinstance(value.low, Const) and value.low.value is not None:
        return Const(str(value.low.value).lower())
    return op("as_text", value.low)


def quantity_text(value: Quantity) -> E:
    """B.10 ToString: the number, a space and the unit in quotes."""
    quoted = op("concat", Const("'"), value.unit, Const("'"))
    spelled = case([(in_list(value.unit, [Const(unit) for unit in _CALENDAR]), value.unit)], quoted)
    return op("concat", op("amount_text", value.value), Const(" "), spelled)


_CALENDAR = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")


def _from_date(value: Point, target: str) -> Value | None:
    """A Date or DateTime as the other, a DateTime as its time, any as a text."""
    if target == "String":
        start = 12 if value.type == TIME else 1
        said = op("moment_text", local(value, value.low), level_of(value), Const(start))
        return Point(STRING, said if value.offset is None else op("concat", said, op("offset_text", value.offset)))
    if value.type == TIME:
        return None
    return {"Date": date_from, "DateTime": to_datetime, "Time": time_of}.get(target, lambda _: None)(value)


def _from_text(text: E, target: str) -> Value | None:
    """What a text spells (B.10, formatting strings)."""
    if target in ("Date", "DateTime", "Time"):
        return _spelled_date(text, target)
    if target == "Boolean":
        return Point(BOOLEAN, op("to_boolean", text))
    if target in _NUMBERS:
        return Point(_NUMBERS[target], op(f"to_{target.lower()}", text))
    if target == "Quantity" and isinstance(text, Const):
        return _spelled_quantity(str(text.value))
    return None


def _spelled_date(text: E, target: str) -> Value:
    """A partial date means as much as its text says."""
    kind = "time" if target == "Time" else "moment"
    low, precision = op(f"{kind}_low", text), op(f"{kind}_precision", text)
    found = Point(TIME if target == "Time" else DATETIME, low, last_meant(DATETIME, low, precision), precision)
    found = replace(found, offset=op("offset_minutes", text)) if target == "DateTime" else found
    return date_from(found) if target == "Date" else found


_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(?:'([^']*)'|([a-z]+))?")


def _spelled_quantity(text: str) -> Value:
    found = _QUANTITY.fullmatch(text)
    if not found or (found[3] and not unit_name(found[3])):
        return NOTHING
    unit = calendar_unit(found[2] or found[3] or "1")
    return Quantity(Const(Decimal(found[1])), Const(unit), frozenset({unit}))


@operator("ToChars")
def to_chars(cx: Context, node: Operator, a: Value) -> Value:
    """B.10 ToChars: every character of a text."""
    return NOTHING if not isinstance(a, Point) else Texts(a.low, Const(""))


@operator("CanConvertQuantity")
def can_convert_quantity(cx: Context, node: Operator, a: Value, unit: Value) -> Value:
    """B.10 CanConvertQuantity."""
    if isinstance(a, Nothing) or isinstance(unit, Nothing):
        return NOTHING
    made = convert_quantity(cx, node, a, unit)
    return boolean(case([(present(a), present(made))]))


@operator("ConvertQuantity")
def convert_quantity(cx: Context, node: Operator, a: Value, unit: Value) -> Value:
    """B.10 ConvertQuantity: null where the units do not convert."""
    if isinstance(a, Choice):
        a = narrow(a, QUANTITY)
    if not (isinstance(a, Quantity) and isinstance(unit, Point) and isinstance(unit.low, Const)):
        return NOTHING
    target = str(unit.low.value)
    return Quantity(as_unit(a, calendar_unit(target)), Const(target), frozenset({target}))


def calendar_unit(unit: str) -> str:
    """A calendar unit in the singular; other units as they are."""
    name = unit_name(unit) if unit.isalpha() and len(unit) > 3 else None
    return name or unit
