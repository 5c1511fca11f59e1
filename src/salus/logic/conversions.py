"""FHIR types to System types: what the library FHIRHelpers does, known natively.

FHIRHelpers is the model's own conversion library, the same in every measure; its functions copy a choice conversion at
every mention when compiled from ELM. Here a conversion is a change of view on the same columns.
Source: FHIRHelpers 4.0.1-4.4.0 (HL7), "Using FHIR with CQL".
"""

from __future__ import annotations

from collections.abc import Callable

from salus.elm.nodes import Node
from salus.elm.types import IntervalOf, Named
from salus.logic import calendar
from salus.logic.context import Context, memo
from salus.logic.expr import FALSE, NULL, TRUE, Const, E, and_, case, coalesce, eq, is_null, not_null, or_
from salus.logic.operators.datetimes import date_from, to_datetime
from salus.logic.operators.intervals import select
from salus.logic.operators.validity import forward
from salus.logic.properties import get, system_type
from salus.logic.values import (
    CODE,
    CONCEPT,
    DATE,
    DATETIME,
    NOTHING,
    QUANTITY,
    STRING,
    Choice,
    Coded,
    CodeFields,
    Element,
    Interval,
    Nothing,
    Point,
    Quantity,
    Tuple,
    Value,
    first_present,
    narrow,
    present,
    retyped,
    type_of,
)  # fmt: skip

UCUM = "http://unitsofmeasure.org"
CALENDAR = "http://hl7.org/fhirpath/CodeSystem/calendar-units"


def _quantity(cx: Context, node: Node, value: Element, *, comparator: bool = False) -> Value:
    """ToQuantity: a UCUM quantity; one with a comparator or in another system of units has no System value."""
    number, system, code, unit = (get(cx, node, value, n) for n in ("value", "system", "code", "unit"))
    if not isinstance(number, Point):
        return NOTHING
    allowed = _allowed_system(system)
    if not comparator:
        allowed = and_(allowed, _without_comparator(cx, node, value))
    text = coalesce(_text(code), _text(unit), Const("1"))
    units = frozenset().union(
        *(cx.data.units(value.row.table, f"{value.path}.{n}".lstrip(".")) for n in ("code", "unit"))
    )
    named = {u: calendar.unit_name(u) for u in units if u in ("ms", "s", "min", "h", "d", "wk", "mo", "a")}
    if named:
        text = case([(eq(text, Const(u)), Const(n)) for u, n in sorted(named.items())], text)
    known = frozenset(named.get(u) or u for u in units) | {"1"}
    return Quantity(case([(allowed, number.low)]) if allowed != TRUE else number.low, text, known)


def _allowed_system(system: Value) -> E:
    if not isinstance(system, Point):
        return TRUE
    return or_(is_null(system.low), eq(system.low, Const(UCUM)), eq(system.low, Const(CALENDAR)))


def _without_comparator(cx: Context, node: Node, value: Element) -> E:
    sign = _text(get(cx, node, value, "comparator"))
    if sign == NULL:
        return TRUE
    held = value.path or "value"
    cx.compiler.gap(f"some {value.row.table} have a {held} with a comparator (as < 5), which counts as null")
    return is_null(sign)


def _text(value: Value) -> E:
    return value.low if isinstance(value, Point) else NULL


def _period(cx: Context, node: Node, value: Element) -> Value:
    """ToInterval(Period): a missing start is unknown, a missing end has not come yet."""
    start, end = (to_system(cx, node, get(cx, node, value, n)) for n in ("start", "end"))
    low_closed = present(start)
    there = or_(low_closed, present(end))
    made = Interval(_typed(start), _typed(end), low_closed, TRUE, there, IntervalOf(DATETIME))
    if not cx.data.has_backwards(value.row.table, value.path):
        return made
    cx.compiler.gap(f"some {value.row.table} have a {value.path} that ends before it starts, which counts as null")
    return forward(made)


def _typed(value: Value) -> Value:
    return Point(DATETIME, NULL) if isinstance(value, Nothing) else value


def _range(cx: Context, node: Node, value: Element) -> Value:
    """ToInterval(Range)."""
    low, high = (get(cx, node, value, n) for n in ("low", "high"))
    bounds = [_quantity(cx, node, b) if isinstance(b, Element) else NOTHING for b in (low, high)]
    return select(bounds[0], bounds[1], TRUE, TRUE)


def _ratio(cx: Context, node: Node, value: Element) -> Value:
    parts = {}
    for name in ("numerator", "denominator"):
        part = get(cx, node, value, name)
        parts[name] = _quantity(cx, node, part) if isinstance(part, Element) else NOTHING
    return Tuple(parts, present(value), Named("System.Ratio"))


_QUANTITIES = ("Quantity", "Age", "Duration", "Distance", "Count", "SimpleQuantity", "MoneyQuantity")


def to_system(cx: Context, node: Node, value: Value) -> Value:
    """ToValue: a FHIR value as the System value it stands for; other values as they are."""
    return memo(cx, "to_system", (value,), lambda: _to_system(cx, node, value))


def _to_system(cx: Context, node: Node, value: Value) -> Value:
    if isinstance(value, Choice):
        made = [to_system(cx, node, option) for option in value.options]
        return merged([m for m in made if not isinstance(m, Nothing)])
    if isinstance(value, Point):
        return retyped(value, system_type(value.type.name) or value.type)
    if isinstance(value, (Coded, CodeFields)):
        single = value.type.name in ("FHIR.Coding", "System.Code")
        return retyped(value, CODE if single else CONCEPT)
    if not isinstance(value, Element):
        return value
    name = value.type.name.removeprefix("FHIR.")
    if name in _QUANTITIES:
        return _quantity(cx, node, value)
    special: Callable[[Context, Node, Element], Value] | None = {
        "Period": _period,
        "Range": _range,
        "Ratio": _ratio,
    }.get(name)
    return special(cx, node, value) if special else value


def merged(values: list[Value]) -> Value:
    """Alternatives of one type become one: of dateTime and instant, the one that is there."""
    by_type: dict[object, list[Value]] = {}
    for value in values:
        by_type.setdefault(type_of(value), []).append(value)
    made = tuple(group[0] if len(group) == 1 else first_present(group) for group in by_type.values())
    if not made:
        return NOTHING
    return made[0] if len(made) == 1 else Choice(made)


def _to_interval(cx: Context, node: Node, value: Value) -> Value:
    if isinstance(value, Choice):
        return merged([v for o in value.options if not isinstance(v := _to_interval(cx, node, o), Nothing)])
    if isinstance(value, Element) and value.type.name in ("FHIR.Period", "FHIR.Range"):
        return to_system(cx, node, value)
    if isinstance(value, Element):
        return _compared(cx, node, value)
    return value if isinstance(value, Interval) else NOTHING


def _compared(cx: Context, node: Node, value: Element) -> Value:
    """ToInterval(Quantity): what a comparator such as `<` says of the value."""
    quantity = _quantity(cx, node, value, comparator=True)
    if not isinstance(quantity, Quantity):
        return NOTHING
    sign = _text(get(cx, node, value, "comparator"))
    below = or_(eq(sign, Const("<")), eq(sign, Const("<=")))
    above = or_(eq(sign, Const(">")), eq(sign, Const(">=")))

    def bound(blank: E) -> Quantity:
        return Quantity(case([(blank, NULL)], quantity.value), quantity.unit, quantity.units)

    closed = [coalesce(case([(eq(sign, Const(s)), FALSE)], TRUE), TRUE) for s in (">", "<")]
    return Interval(bound(below), bound(above), closed[0], closed[1], not_null(quantity.value), IntervalOf(QUANTITY))


def _to_date(cx: Context, node: Node, value: Value) -> Value:
    point = to_system(cx, node, value)
    return date_from(point) if isinstance(point, Point) and point.type == DATETIME else point


def _to_datetime(cx: Context, node: Node, value: Value) -> Value:
    point = to_system(cx, node, value)
    return to_datetime(point) if isinstance(point, Point) and point.type == DATE else point


def _to_text(cx: Context, node: Node, value: Value) -> Value:
    return retyped(value, STRING) if isinstance(value, Point) else NOTHING


def _to(target: Named) -> Callable[[Context, Node, Value], Value]:
    """A conversion to one type: of a choice, the alternatives that convert to it."""
    return lambda cx, node, value: narrow(to_system(cx, node, value), target)


HELPERS: dict[str, Callable[[Context, Node, Value], Value]] = {
    "ToValue": to_system,
    "ToConcept": _to(CONCEPT),
    "ToCode": _to(CODE),
    "ToQuantity": _to(QUANTITY),
    "ToQuantityIgnoringComparator": lambda cx, node, v: (
        _quantity(cx, node, v, comparator=True) if isinstance(v, Element) else NOTHING
    ),
    "ToRatio": to_system,
    "ToBoolean": to_system,
    "ToInteger": to_system,
    "ToDecimal": to_system,
    "ToTime": to_system,
    "ToString": _to_text,
    "ToDate": _to_date,
    "ToDateTime": _to_datetime,
    "ToInterval": _to_interval,
}


def convert(cx: Context, node: Node, name: str, value: Value) -> Value:
    """A function of FHIRHelpers by name."""
    if isinstance(value, Nothing):
        return NOTHING
    return memo(cx, ("helper", name), (value,), lambda: HELPERS[name](cx, node, value))
