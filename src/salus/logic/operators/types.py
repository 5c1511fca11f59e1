"""Type operators (CQL Reference, Appendix B, section 10): conversions between System types."""

from __future__ import annotations

from decimal import Decimal

from salus.elm.nodes import Operator
from salus.logic.calendar import unit_name
from salus.logic.context import Context
from salus.logic.expr import Const, E, op
from salus.logic.operators.datetimes import date_from, to_datetime
from salus.logic.operators.registry import operator
from salus.logic.operators.units import in_unit
from salus.logic.values import (
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
    first_present,
    narrow,
    retyped,
    type_of,
)  # fmt: skip


@operator("ToDateTime")
def to_datetime_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.10 ToDateTime."""
    if isinstance(a, Choice):
        return first_present([to_datetime_operator(cx, node, o) for o in a.options if isinstance(o, Point)])
    return to_datetime(a) if isinstance(a, Point) and a.type in (DATE, DATETIME) else NOTHING


@operator("ToDate")
def to_date_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.10 ToDate."""
    return date_from(a) if isinstance(a, Point) and a.type in (DATE, DATETIME) else NOTHING


@operator("ToDecimal", "ToLong", "ToInteger", "ToString")
def to_number(cx: Context, node: Operator, a: Value) -> Value:
    """B.10 ToDecimal, ToLong, ToInteger, ToString."""
    if isinstance(a, Nothing):
        return NOTHING
    if isinstance(a, Choice):
        return first_present([to_number(cx, node, o) for o in a.options if isinstance(o, Point)])
    if not isinstance(a, Point):
        cx.fail(node, f"{node.op} of {type_of(a)} is not supported")
    target = {"ToDecimal": DECIMAL, "ToLong": LONG, "ToInteger": INTEGER, "ToString": STRING}[node.op]
    return a if a.type == target else Point(target, _cast(a.low, node.op))


def _cast(e: E, name: str) -> E:
    if isinstance(e, Const) and isinstance(e.value, (int, Decimal)) and name == "ToDecimal":
        return Const(Decimal(e.value))
    return op(
        {"ToDecimal": "as_decimal", "ToLong": "as_long", "ToInteger": "as_integer", "ToString": "as_text"}[name],
        e,
    )


@operator("ToQuantity")
def to_quantity(cx: Context, node: Operator, a: Value) -> Value:
    """B.10 ToQuantity of a number: unit '1'."""
    if isinstance(a, (Quantity, Nothing)):
        return a
    if not isinstance(a, Point) or a.type not in (DECIMAL, INTEGER):
        cx.fail(node, f"ToQuantity of {type_of(a)} is not supported")
    return Quantity(_cast(a.low, "ToDecimal"), Const("1"), frozenset({"1"}))


@operator("ToConcept")
def to_concept(cx: Context, node: Operator, a: Value) -> Value:
    """B.10 ToConcept of a code."""
    if isinstance(a, (Coded, CodeFields, CodeLiterals)):
        return retyped(a, CONCEPT)
    return NOTHING if isinstance(a, Nothing) else cx.fail(node, f"ToConcept of {type_of(a)} is not supported")


@operator("ConvertQuantity")
def convert_quantity(cx: Context, node: Operator, a: Value, unit: Value) -> Value:
    """B.10 ConvertQuantity: null where the units do not convert."""
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
