"""Elements of values: `interval.low`, `code.display`, `Encounter.period` (ELM §2, Property; CQL 1.5, "Accessing
Elements"). Of null, null; of a value whose type has no such element, null too, for a choice may hold any of its types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from salus.engine.oracle.elements import Element, child
from salus.engine.oracle.values import (
    Code,
    CodeSystem,
    Concept,
    Interval,
    Quantity,
    Ratio,
    Tuple,
    Value,
    ValueSet,
)

_NAMES = {
    Interval: {"low": "low", "high": "high", "lowClosed": "low_closed", "highClosed": "high_closed"},
    Quantity: {"value": "value", "unit": "unit"},
    Ratio: {"numerator": "numerator", "denominator": "denominator"},
    Code: {name: name for name in ("code", "system", "version", "display")},
    ValueSet: {name: name for name in ("id", "version", "name")},
    CodeSystem: {name: name for name in ("id", "version", "name")},
}


def names_of(value: Value) -> tuple[str, ...]:
    """The names of the elements of a System value; () of one that has none."""
    return ("codes", "display") if isinstance(value, Concept) else tuple(_NAMES.get(type(value), ()))


def get_path(value: Value, path: str) -> Value:
    """The element at a dotted path."""
    for name in path.split("."):
        value = get(value, name)
    return value


def get(value: Value, name: str) -> Value:
    """The element `name` of a value."""
    if value is None:
        return None
    if isinstance(value, Element):
        return child(value, name)
    if isinstance(value, Tuple):
        return value.fields.get(name)
    if isinstance(value, Concept):
        return list(value.codes) if name == "codes" else value.display
    field = _NAMES.get(type(value), {}).get(name)
    return None if field is None else getattr(value, field)


def _concept(fields: dict[str, Value]) -> Concept:
    codes = fields.get("codes")
    listed = codes if isinstance(codes, list) else [codes]
    return Concept(tuple(code for code in listed if code is not None), fields.get("display"))


_MAKERS: dict[str, Callable[[dict[str, Any]], Value]] = {
    "System.Quantity": lambda f: Quantity(f["value"], f.get("unit") or "1") if f.get("value") is not None else None,
    "System.Ratio": lambda f: Ratio(f.get("numerator"), f.get("denominator")),
    "System.Code": lambda f: Code(f.get("code"), f.get("system"), f.get("version"), f.get("display")),
    "System.Concept": _concept,
    "System.ValueSet": lambda f: ValueSet(f["id"], f.get("version"), f.get("name")),
    "System.CodeSystem": lambda f: CodeSystem(f["id"], f.get("version"), f.get("name")),
}


def instance(class_type: str, fields: dict[str, Value]) -> Value:
    """A value of a class from its elements (ELM §2, Instance); KeyError when the class cannot be made."""
    if class_type in _MAKERS:
        return _MAKERS[class_type](fields)
    model_name, _, name = class_type.partition(".")
    if model_name != "FHIR":
        raise KeyError(class_type)
    if set(fields) == {"value"} and not isinstance(fields["value"], Element):
        return None if fields["value"] is None else Element(name, _text(fields["value"]))
    return Element(name, {key: _json(value) for key, value in fields.items() if value is not None})


def _text(value: Value) -> Any:
    return value if isinstance(value, (bool, int, str)) else str(value)


def _json(value: Value) -> Any:
    if isinstance(value, list):
        return [_json(item) for item in value]
    return value.json if isinstance(value, Element) else _text(value)
