"""Which type a value has: the tests behind `is`, `as` and the choice of an overload.

Source: ELM §22, Is and As; CQL 1.5, Author's Guide "Type Testing", "Casting".
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from salus.elm.types import ChoiceOf, IntervalOf, ListOf, Named, TupleOf, Type
from salus.engine.oracle.elements import Element, is_subtype, primitive_value
from salus.engine.oracle.moments import Date, DateTime, Time
from salus.engine.oracle.values import (
    Code,
    CodeSystem,
    Concept,
    Interval,
    Long,
    Quantity,
    Ratio,
    Tuple,
    Uncertain,
    Value,
    ValueSet,
)
from salus.fhir import model

_CLASSES: dict[str, Any] = {
    "String": str,
    "Decimal": Decimal,
    "Date": Date,
    "DateTime": DateTime,
    "Time": Time,
    "Quantity": Quantity,
    "Ratio": Ratio,
    "Code": Code,
    "Concept": Concept,
    "ValueSet": ValueSet,
    "CodeSystem": CodeSystem,
    "Vocabulary": (ValueSet, CodeSystem),
    "Boolean": bool,
    "Long": Long,
}


def is_nothing(value: Value) -> bool:
    """Null, or a FHIR primitive without a value (S-63): it is there only to be asked for its extensions."""
    if not isinstance(value, Element):
        return value is None
    return model.kind(value.type) == "primitive" and primitive_value(value) is None


def is_a(value: Value, type_: Type) -> bool:
    """Whether a value is of a type or one derived from it; null is of none."""
    if value is None:
        return False
    match type_:
        case Named(name=name):
            return _is_named(value, name)
        case ChoiceOf(types=types):
            return any(is_a(value, each) for each in types)
        case ListOf(element=element):
            return isinstance(value, list) and all(item is None or is_a(item, element) for item in value)
        case IntervalOf(point=point):
            return isinstance(value, Interval) and all(b is None or is_a(b, point) for b in (value.low, value.high))
        case TupleOf(elements=elements):
            return isinstance(value, Tuple) and {name for name, _ in elements} == set(value.fields)


def _is_named(value: Value, name: str) -> bool:
    model_name, _, local = name.partition(".")
    if model_name == "FHIR":
        return isinstance(value, Element) and is_subtype(value.type, local)
    if local == "Any":
        return True
    if isinstance(value, Uncertain):
        return _is_named(value.low, name)
    if local == "Integer":
        return isinstance(value, int) and not isinstance(value, (bool, Long))
    return isinstance(value, _CLASSES.get(local, ()))


def type_name(value: Value) -> str:
    """What a value is, for messages."""
    if isinstance(value, Element):
        return f"FHIR.{value.type}"
    if value is None:
        return "null"
    if isinstance(value, int) and not isinstance(value, (bool, Long)):
        return "Integer"
    return next((name for name, cls in _CLASSES.items() if isinstance(value, cls)), type(value).__name__)
