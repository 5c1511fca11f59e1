"""Literals and selectors: values written out in the text.

Source: CQL 1.5, Author's Guide, Values; Developer's Guide, Literals and Selectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from salus.cql import ast
from salus.cql import types as t
from salus.cql.conversions import Json
from salus.cql.translate.core import Fault, Translator, Typed, handles, literal, operation
from salus.elm.types import ANY, ChoiceOf, IntervalOf, ListOf, TupleOf, Type


@handles(ast.NullLiteral)
def null(_: Translator, __: ast.NullLiteral) -> Typed:
    return Typed({"type": "Null"}, ANY)


@handles(ast.BooleanLiteral)
def boolean(_: Translator, node: ast.BooleanLiteral) -> Typed:
    return Typed(literal(t.BOOLEAN, "true" if node.value else "false"), t.BOOLEAN)


@handles(ast.StringLiteral)
def string(_: Translator, node: ast.StringLiteral) -> Typed:
    return Typed(literal(t.STRING, node.value), t.STRING)


@handles(ast.IntegerLiteral, ast.LongLiteral)
def whole(_: Translator, node: ast.IntegerLiteral | ast.LongLiteral) -> Typed:
    type_ = t.INTEGER if isinstance(node, ast.IntegerLiteral) else t.LONG
    return Typed(literal(type_, node.text), type_)


@handles(ast.DecimalLiteral)
def decimal(_: Translator, node: ast.DecimalLiteral) -> Typed:
    return Typed(literal(t.DECIMAL, node.text), t.DECIMAL)


def _moment(kind: str, parts: Sequence[int]) -> Json:
    return operation(kind, [literal(t.INTEGER, part) for part in parts])


@handles(ast.DateLiteral)
def date(_: Translator, node: ast.DateLiteral) -> Typed:
    return Typed(_moment("Date", node.parts), t.DATE)


@handles(ast.TimeLiteral)
def time(_: Translator, node: ast.TimeLiteral) -> Typed:
    return Typed(_moment("Time", node.parts), t.TIME)


@handles(ast.DateTimeLiteral)
def date_time(_: Translator, node: ast.DateTimeLiteral) -> Typed:
    elm = _moment("DateTime", node.parts)
    if node.offset is not None:
        hours = f"{node.offset / 60:.8f}".rstrip("0").rstrip(".")
        elm["timezoneOffset"] = literal(t.DECIMAL, hours)
    return Typed(elm, t.DATETIME)


def amount(node: ast.QuantityLiteral) -> Json:
    """The ELM of a quantity; without a unit it is of the default unit, 1."""
    return {"type": "Quantity", "value": number(node.value), "unit": node.unit.text if node.unit else "1"}


def number(text: str) -> int | float | str:
    """A decimal as a number of JSON; as text where a number would lose digits."""
    value = float(text) if "." in text else int(text)
    return value if Decimal(str(value)) == Decimal(text) else text


@handles(ast.QuantityLiteral)
def quantity(_: Translator, node: ast.QuantityLiteral) -> Typed:
    return Typed(amount(node), t.QUANTITY)


@handles(ast.RatioLiteral)
def ratio(tr: Translator, node: ast.RatioLiteral) -> Typed:
    sides = {"numerator": node.numerator, "denominator": node.denominator}
    parts = {name: tr.place(_untyped(amount(side)), side) for name, side in sides.items()}
    return Typed({"type": "Ratio", **parts}, t.RATIO)


def _untyped(elm: Json) -> Json:
    """In a ratio, ELM knows what its parts are."""
    return {key: value for key, value in elm.items() if key != "type"}


@handles(ast.IntervalSelector)
def interval(tr: Translator, node: ast.IntervalSelector) -> Typed:
    ends = tr.all_known(node.low, node.high)
    point, (low, high) = tr.unify(ends, [node.low, node.high])
    if isinstance(point, ChoiceOf) and not any(isinstance(end.type, ChoiceOf) for end in ends):
        kinds = " and ".join(t.shown(end.type) for end in ends)
        raise Fault(node, f"the ends of an interval are of one type, not {kinds}")
    closed = {"lowClosed": node.low_closed, "highClosed": node.high_closed}
    return Typed({"type": "Interval", **closed, "low": low, "high": high}, IntervalOf(point))


@handles(ast.TupleSelector)
def tuple_(tr: Translator, node: ast.TupleSelector) -> Typed:
    names = [each.name.text for each in node.elements]
    values = tr.all_known(*(each.value for each in node.elements))
    elements = [{"name": name, "value": value.elm} for name, value in zip(names, values, strict=True)]
    types = (value.type for value in values)
    return Typed({"type": "Tuple", "element": elements}, TupleOf(tuple(zip(names, types, strict=True))))


@handles(ast.InstanceSelector)
def instance(tr: Translator, node: ast.InstanceSelector) -> Typed:
    class_type = tr.library.named_type(node.type)
    elements = [{"name": each.name.text, "value": _field(tr, class_type, each)} for each in node.elements]
    return Typed({"type": "Instance", "classType": t.qname(class_type), "element": elements}, class_type)


def _field(tr: Translator, class_type: Type, element: ast.Element) -> Json:
    declared = t.element(class_type, element.name.text)
    if declared is None:
        raise tr.library.no_element(class_type, element.name)
    value = tr.expr(element.value)
    return tr.convert(value, declared.type, element.value, f"element {element.name.text}").elm


@handles(ast.ListSelector)
def list_(tr: Translator, node: ast.ListSelector) -> Typed:
    values = tr.all_known(*node.elements)
    if node.element_type is None:
        element, elms = tr.unify(values, node.elements, wrap=False)
        return Typed({"type": "List", "element": elms}, ListOf(element))
    element = tr.library.type_of(node.element_type)
    pairs = zip(values, node.elements, strict=True)
    elms = [tr.convert(value, element, each, "an element of the list").elm for value, each in pairs]
    return Typed({"type": "List", "element": elms}, ListOf(element))


@handles(ast.CodeSelector)
def code(tr: Translator, node: ast.CodeSelector) -> Typed:
    return Typed(_code(tr, node), t.CODE)


def _code(tr: Translator, node: ast.CodeSelector) -> Json:
    system = tr.library.code_system(node.system)
    display = {"display": node.display.value} if node.display else {}
    return {"type": "Code", "code": node.code.value, "system": system, **display}


@handles(ast.ConceptSelector)
def concept(tr: Translator, node: ast.ConceptSelector) -> Typed:
    display = {"display": node.display.value} if node.display else {}
    return Typed({"type": "Concept", "code": [_code(tr, each) for each in node.codes], **display}, t.CONCEPT)
