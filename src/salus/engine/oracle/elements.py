"""FHIR values as typed views of their JSON: `Observation.value`, `Patient.birthDate`, `dateTime.value`.

An `Element` is a piece of JSON and the name of its FHIR type; asking for an element gives further views, and asking a
primitive for `value` gives the System value. Facts about types come from `salus.fhir.model`. Leaves to others: which
resources a patient has (`records`), conversion to System types (the library FHIRHelpers, which is ELM).
Source: "Using CQL with FHIR"; FHIR R4, JSON representation (primitives keep id and extensions in `_name`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from salus.engine.oracle import moments
from salus.engine.oracle.values import Value, decimal, integer
from salus.fhir import model

_BASES = {
    **dict.fromkeys(("Age", "Duration", "Distance", "Count", "MoneyQuantity", "SimpleQuantity"), "Quantity"),
    **dict.fromkeys(("code", "id", "markdown"), "string"),
    **dict.fromkeys(("url", "canonical", "uuid", "oid"), "uri"),
    **dict.fromkeys(("positiveInt", "unsignedInt"), "integer"),
}
ANY_SYSTEM = "*"
"""In place of the system of a `code` element, which has none and is told by its code alone."""
_NO_DOMAIN = frozenset({"Bundle", "Binary", "Parameters"})


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """JSON of a FHIR type. `more` is the id and extensions of a primitive; `position` a resource's place in order."""

    type: str
    json: Any
    more: Mapping[str, Any] | None = None
    position: int = field(default=0)

    def __str__(self) -> str:
        return f"{self.type}/{self.json['id']}" if is_resource(self) and "id" in self.json else self.type


def is_resource(value: Value) -> bool:
    return isinstance(value, Element) and value.type in model.RESOURCES


def same_json(a: Element, b: Element) -> bool:
    """Whether two FHIR values say the same: equality, element by element."""
    return a.json is b.json or (a.type == b.type and a.json == b.json and a.more == b.more)


@cache
def is_subtype(name: str, of: str) -> bool:
    """Whether FHIR type `name` is `of` or derived from it."""
    if model.resolve(name) == (model.resolve(of) if of not in ("Any",) else of):
        return True
    if name in model.RESOURCES:
        return of == "Resource" or (of == "DomainResource" and name not in _NO_DOMAIN)
    if of == "BackboneElement":
        return "." in model.resolve(name)
    return of == "Element" or (name in _BASES and is_subtype(_BASES[name], of))


def child(element: Element, name: str) -> Value:
    """The element `name`: a list when it repeats (empty when absent), else one value or None."""
    if model.kind(element.type) == "primitive":
        return _of_primitive(element, name)
    found = model.element(element.type, name)
    if found is None or not isinstance(element.json, Mapping):
        return None
    if found.choice:
        return next(_choices(element, found), None)
    if found.many:
        return list(_many(element.json, name, found.types[0]))
    return _view(found.types[0], element.json.get(name), element.json.get(f"_{name}"))


def _choices(element: Element, found: model.Element) -> Iterator[Element]:
    for type_name in found.types:
        key = model.choice_name(found.name, type_name)
        made = _view(type_name, element.json.get(key), element.json.get(f"_{key}"))
        if made is not None:
            yield made


def _many(json: Mapping[str, Any], name: str, type_name: str) -> Iterator[Element]:
    items, extras = json.get(name) or (), json.get(f"_{name}") or ()
    items, extras = _listed(items), _listed(extras)
    for place in range(max(len(items), len(extras))):
        made = _view(type_name, _at(items, place), _at(extras, place))
        if made is not None:
            yield made


def _listed(value: Any) -> list[Any]:
    """The members of a list in JSON; what repeats in FHIR is one, and anything else in its place means nothing."""
    return list(value) if isinstance(value, (list, tuple)) else []


def _at(items: list[Any], place: int) -> Any:
    return items[place] if place < len(items) else None


def _view(type_name: str, json: Any, more: Any) -> Element | None:
    if (json is None and not more) or isinstance(json, list):
        return None
    resolved = model.resolve(type_name)
    if isinstance(json, Mapping) and json.get("resourceType") in model.RESOURCES:
        resolved = json["resourceType"]
    return Element(resolved, json, more or None)


def _of_primitive(element: Element, name: str) -> Value:
    if name == "value":
        return primitive_value(element)
    more = element.more or {}
    if name == "extension":
        return list(_many(more, "extension", "Extension"))
    return more.get(name)


_DIGITS = 20  # more than any Integer has: a number of a million digits is not written out


def _number(json: Any) -> Decimal | None:
    try:
        number = Decimal(str(json))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _whole(number: Decimal | None) -> int | None:
    """A whole number as it is; None of a fraction, which is none and is not rounded to one."""
    if number is None or number.adjusted() > _DIGITS or number != number.to_integral_value():
        return None
    return integer(int(number))


_READERS: dict[str, Callable[[Any], Value]] = {
    "boolean": bool,
    "integer": lambda json: _whole(_number(json)),
    "decimal": lambda json: None if (number := _number(json)) is None else decimal(number),
    "date": lambda json: moments.date(str(json)),
    "datetime": lambda json: moments.date_time(str(json)),
    "text": str,
}


def primitive_value(element: Element) -> Value:
    """The System value of a primitive; None when it has extensions only, or a text that means nothing."""
    if element.json is None:
        return None
    if element.type == "time":
        return moments.time(str(element.json))
    return _READERS[model.storage(element.type)](element.json)


def codings(element: Value) -> Iterator[tuple[str | None, str | None]]:
    """(system, code) of each coding of a CodeableConcept or Coding, of a `code` with ANY_SYSTEM; a list's are those of
    its members."""
    if isinstance(element, list):
        for member in element:
            yield from codings(member)
    elif isinstance(element, Element) and isinstance(element.json, Mapping):
        found = objects(element.json, "coding") if element.type == "CodeableConcept" else [element.json]
        yield from ((c.get("system"), c.get("code")) for c in found if "code" in c)
    elif isinstance(element, Element) and element.type == "code":
        yield ANY_SYSTEM, element.json


def objects(json: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects in a list of JSON; a null or a text among them is none of what the list is of."""
    return [each for each in _listed(json.get(name) or ()) if isinstance(each, Mapping)]
