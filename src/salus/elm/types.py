"""ELM type specifiers, as hashable values.

A name is written `System.DateTime` or `FHIR.Observation`: the model's short name, a dot, the type's name.
Source: ELM r1, TypeSpecifier (https://cql.hl7.org/04-logicalspecification.html#typespecifier).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

_MODELS = {
    "urn:hl7-org:elm-types:r1": "System",
    "http://hl7.org/fhir": "FHIR",
    "http://hl7.org/fhir/us/qicore": "FHIR",
    "http://hl7.org/fhir/us/core": "FHIR",
}


class Named(Struct, frozen=True):
    """A type by name, such as `System.Integer` or `FHIR.Period`."""

    name: str

    def __str__(self) -> str:
        return self.name


class ListOf(Struct, frozen=True):
    """List<element>."""

    element: Type

    def __str__(self) -> str:
        return f"List<{self.element}>"


class IntervalOf(Struct, frozen=True):
    """Interval<point>."""

    point: Type

    def __str__(self) -> str:
        return f"Interval<{self.point}>"


class ChoiceOf(Struct, frozen=True):
    """Choice<...>: a value of one of the types."""

    types: tuple[Type, ...]

    def __str__(self) -> str:
        return f"Choice<{', '.join(map(str, self.types))}>"


class TupleOf(Struct, frozen=True):
    """Tuple{...} with named elements."""

    elements: tuple[tuple[str, Type], ...]

    def __str__(self) -> str:
        return f"Tuple{{{', '.join(f'{n} {t}' for n, t in self.elements)}}}"


Type = Named | ListOf | IntervalOf | ChoiceOf | TupleOf

ANY = Named("System.Any")


def qualified(name: str) -> str:
    """`{urn:hl7-org:elm-types:r1}Integer` -> `System.Integer`."""
    if not name.startswith("{"):
        return name
    uri, _, local = name[1:].partition("}")
    return f"{_MODELS.get(uri, uri)}.{local}"


def parse_type(spec: Mapping[str, Any]) -> Type:
    """A TypeSpecifier element (ELM JSON) as a type."""
    match spec.get("type"):
        case "ListTypeSpecifier":
            return ListOf(parse_type(spec["elementType"]))
        case "IntervalTypeSpecifier":
            return IntervalOf(parse_type(spec["pointType"]))
        case "ChoiceTypeSpecifier":
            return ChoiceOf(tuple(parse_type(choice) for choice in spec.get("choice") or spec.get("type_", ())))
        case "TupleTypeSpecifier":
            return TupleOf(tuple((e["name"], parse_type(e["elementType"])) for e in spec.get("element", ())))
        case _:
            return Named(qualified(spec["name"]))


def parse_named(node: Mapping[str, Any], qname: str, specifier: str) -> Type | None:
    """The type a node states either as a QName attribute or as a specifier element."""
    if specifier in node:
        return parse_type(node[specifier])
    if qname in node:
        return Named(qualified(node[qname]))
    return None
