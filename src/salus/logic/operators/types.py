"""Type operators (CQL Reference, Appendix B, section 3): conversions between System types."""

from __future__ import annotations

from decimal import Decimal

from salus.elm.nodes import Operator
from salus.elm.types import Named
from salus.logic.calendar import unit_name
from salus.logic.context import Context
from salus.logic.expr import FALSE, TRUE, Const, E, case, eq, in_list, op
from salus.logic.operators.datetimes import date_from, to_datetime
from salus.logic.operators.registry import operator
from salus.logic.operators.units import in_unit
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
    Choice,
    Coded,
    CodeFields,
    CodeLiterals,
    Nothing,
    Point,
    Quantity,
    Value,
    boolean,
    first_present,
    narrow,
    present,
    retyped,
    type_of,
)  # fmt: skip


@operator("ToDateTime")
def to_datetime_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.3 ToDateTime."""
    if isinstance(a, Choice):
        return first_present([to_datetime_operator(cx, node, o) for o in a.options if isinstance(o, Point)])
    return to_datetime(a) if isinstance(a, Point) and a.type in (DATE, DATETIME) else NOTHING


@operator("ToDate")
def to_date_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.3 ToDate."""
    return date_from(a) if isinstance(a, Point) and a.type in (DATE, DATETIME) else NOTHING


_TARGETS = {"Decimal": DECIMAL, "Long": LONG, "Integer": INTEGER, "String": STRING, "Boolean": BOOLEAN}


@operator(*(f"To{name}" for name in _TARGETS))
def to_simple(cx: Context, node: Operator, a: Value) -> Value:
    """B.3 ToDecimal, ToLong, ToInteger, ToString, ToBoolean: null for what cannot be said in the type."""
    return _converted(cx, node, a, node.op.removeprefix("To"))


def _converted(cx: Context, node: Operator, a: Value, name: str) -> Value:
    target = _TARGETS[name]
    if isinstance(a, Nothing):
        return NOTHING
    if isinstance(a, Choice):
        return first_present([_converted(cx, node, o, name) for o in a.options if isinstance(o, Point)])
    if isinstance(a, Quantity) and name == "String":
        return Point(STRING, _quantity_text(a))
    if not isinstance(a, Point) or a.type in (DATE, DATETIME) or (a.high is not None and target not in (DECIMAL, LONG)):
        cx.fail(node, f"{node.op} of {type_of(a)} is not supported")
    if a.type == target:
        return a
    return Point(target, _cast(a.low, a.type, name), None if a.high is None else _cast(a.high, a.type, name))


def _cast(e: E, source: Named, name: str) -> E:
    if isinstance(e, Const) and isinstance(e.value, (int, Decimal)) and name == "Decimal":
        return Const(Decimal(e.value))
    if name == "String":
        return op("decimal_text" if source == DECIMAL else "as_text", e)
    if source == STRING:
        return op(f"to_{name.lower()}", e)
    if name == "Boolean":
        return case([(eq(e, Const(1)), TRUE), (eq(e, Const(0)), FALSE)])
    return op(f"as_fitting_{name.lower()}", e)


_CALENDAR = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")


def _quantity_text(a: Quantity) -> E:
    """A number and its unit, quoted when it is UCUM's."""
    quoted = op("concat", Const("'"), a.unit, Const("'"))
    spelled = case([(in_list(a.unit, [Const(unit) for unit in _CALENDAR]), a.unit)], quoted)
    return op("concat", op("decimal_text", a.value), Const(" "), spelled)


@operator(*(f"ConvertsTo{name}" for name in (*_TARGETS, "Quantity")))
def converts_to(cx: Context, node: Operator, a: Value) -> Value:
    """B.3 ConvertsToInteger and its like: whether the conversion has a value; null of null."""
    name = node.op.removeprefix("ConvertsTo")
    made = to_quantity(cx, node, a) if name == "Quantity" else _converted(cx, node, a, name)
    return boolean(case([(present(a), present(made))]))


@operator("ToQuantity")
def to_quantity(cx: Context, node: Operator, a: Value) -> Value:
    """B.3 ToQuantity of a number: unit '1'."""
    if isinstance(a, (Quantity, Nothing)):
        return a
    if not isinstance(a, Point) or a.type not in (DECIMAL, INTEGER, LONG):
        cx.fail(node, f"ToQuantity of {type_of(a)} is not supported")
    return Quantity(_cast(a.low, a.type, "Decimal"), Const("1"), frozenset({"1"}))


@operator("CanConvertQuantity")
def can_convert_quantity(cx: Context, node: Operator, a: Value, unit: Value) -> Value:
    """B.3 CanConvertQuantity."""
    return boolean(case([(present(a), present(convert_quantity(cx, node, a, unit)))]))


@operator("ToConcept")
def to_concept(cx: Context, node: Operator, a: Value) -> Value:
    """B.3 ToConcept of a code."""
    if isinstance(a, (Coded, CodeFields, CodeLiterals)):
        return retyped(a, CONCEPT)
    return NOTHING if isinstance(a, Nothing) else cx.fail(node, f"ToConcept of {type_of(a)} is not supported")


@operator("ConvertQuantity")
def convert_quantity(cx: Context, node: Operator, a: Value, unit: Value) -> Value:
    """B.3 ConvertQuantity: null where the units do not convert."""
    if isinstance(a, Choice):
        a = narrow(a, QUANTITY)
    if not (isinstance(a, Quantity) and isinstance(unit, Point) and isinstance(unit.low, Const)):
        return NOTHING
    target = str(unit.low.value)
    return Quantity(in_unit(a, calendar_unit(target)), Const(target), frozenset({target}))


def calendar_unit(unit: str) -> str:
    """A calendar unit in the singular; other units as they are."""
    name = unit_name(unit) if unit.isalpha() and len(unit) > 3 else None
    return name or unit
