"""Asking for types: is, as, cast, convert, minimum and maximum.

Source: CQL 1.5, Author's Guide, Casting and Conversion; Appendix B, Type Operators.
"""

from __future__ import annotations

from salus.cql import ast
from salus.cql import types as t
from salus.cql.conversions import Json
from salus.cql.signatures import Signature, table
from salus.cql.translate.core import Fault, Translator, Typed, handles, literal, operation
from salus.elm.types import ANY, ListOf, Named, Type

_CONVERTED = {
    t.BOOLEAN: "ToBoolean",
    t.INTEGER: "ToInteger",
    t.LONG: "ToLong",
    t.DECIMAL: "ToDecimal",
    t.STRING: "ToString",
    t.DATE: "ToDate",
    t.DATETIME: "ToDateTime",
    t.TIME: "ToTime",
    t.QUANTITY: "ToQuantity",
    t.RATIO: "ToRatio",
    t.CONCEPT: "ToConcept",
}
_EXTENT = frozenset({t.INTEGER, t.LONG, t.DECIMAL, t.DATE, t.DATETIME, t.TIME, t.QUANTITY})
UCUM = {
    "year": "a",
    "month": "mo",
    "week": "wk",
    "day": "d",
    "hour": "h",
    "minute": "min",
    "second": "s",
    "millisecond": "ms",
}
"""Calendar units in UCUM."""


@handles(ast.IsValue)
def is_value(tr: Translator, node: ast.IsValue) -> Typed:
    name = {"null": "IsNull", "true": "IsTrue", "false": "IsFalse"}[node.value]
    found = tr.operator(name, node, tr.known(node.operand))
    return tr.operator("Not", node, Typed(tr.place(found.elm, node), found.type)) if node.negated else found


@handles(ast.Is)
def is_(tr: Translator, node: ast.Is) -> Typed:
    operand = tr.known(node.operand)
    elm = {"type": "Is", "operand": operand.elm, "isTypeSpecifier": tr.library.declared.specifier(node.type)}
    return Typed(elm, t.BOOLEAN)


@handles(ast.As)
def as_(tr: Translator, node: ast.As) -> Typed:
    return _cast(tr, node, strict=False)


@handles(ast.Cast)
def cast(tr: Translator, node: ast.Cast) -> Typed:
    return _cast(tr, node, strict=True)


def _cast(tr: Translator, node: ast.As | ast.Cast, *, strict: bool) -> Typed:
    operand, type_ = tr.known(node.operand), tr.library.type_of(node.type)
    if not _castable(operand.type, type_):
        raise Fault(node, f"{t.shown(operand.type)} can never be {t.shown(type_)}")
    elm: Json = {
        "type": "As",
        "operand": operand.elm,
        "strict": strict,
        "asTypeSpecifier": tr.library.declared.specifier(node.type),
    }
    return Typed(elm, type_)


def _castable(source: Type, target: Type) -> bool:
    """Whether a value of one type can be of the other: one is a kind of the other, or they share alternatives."""
    if isinstance(source, ListOf) and isinstance(target, ListOf):
        return _castable(source.element, target.element)
    pairs = ((a, b) for a in t.alternatives(source) for b in t.alternatives(target))
    return any(ANY in (a, b) or t.is_subtype(a, b) or t.is_subtype(b, a) for a, b in pairs)


@handles(ast.Convert)
def convert(tr: Translator, node: ast.Convert) -> Typed:
    operand = tr.known(node.operand)
    if isinstance(node.to, ast.Unit):
        quantity = tr.convert(operand, t.QUANTITY, node.operand, "what is converted to a unit")
        unit = tr.place(literal(t.STRING, _unit(node.to)), node.to)
        return Typed(operation("ConvertQuantity", [quantity.elm, unit]), t.QUANTITY)
    return _converted(tr, node, operand, tr.library.type_of(node.to))


def _unit(unit: ast.Unit) -> str:
    return UCUM[unit.text.removesuffix("s")] if unit.calendar else unit.text


def _converted(tr: Translator, node: ast.Convert, operand: Typed, target: Type) -> Typed:
    """By the operator of the target type, else as it converts implicitly."""
    if name := _CONVERTED.get(target) if isinstance(target, Named) else None:
        found = tr.resolve(_exact(table()[name], operand.type), [operand])
        if found:
            return Typed(operation(name, tr.converted(found, [operand])), target)
    conversion = tr.conversions.find(operand.type, target)
    if conversion is None:
        raise Fault(node, f"{t.shown(operand.type)} cannot be converted to {t.shown(target)}")
    return Typed(conversion.wrap(operand.elm), target)


def _exact(signatures: tuple[Signature, ...], source: Type) -> list[Signature]:
    """The signatures that take just this type; for a choice or a class of a model, all."""
    return [each for each in signatures if each.operands[0] == source]


@handles(ast.TypeExtent)
def extent(tr: Translator, node: ast.TypeExtent) -> Typed:
    type_ = tr.library.named_type(node.type)
    if type_ not in _EXTENT:
        raise Fault(node, f"there is no {node.op} {t.shown(type_)}", ", ".join(sorted(map(t.shown, _EXTENT))))
    name = "MinValue" if node.op == "minimum" else "MaxValue"
    return Typed({"type": name, "valueType": t.qname(type_)}, type_)
