"""Children and Descendents: what a structured value is made of (ELM §22, Children, Descendents)."""

from __future__ import annotations

from collections.abc import Iterator

from salus.engine.oracle import properties
from salus.engine.oracle.elements import Element, child
from salus.engine.oracle.registry import Call, operator
from salus.engine.oracle.values import Tuple, Value
from salus.fhir import model


@operator("Children")
def children(call: Call, source: Value) -> Value:
    """§22 Children: the values of its elements, lists expanded; of a list, those of each member."""
    return None if source is None else list(_children(source))


@operator("Descendents")
def descendents(call: Call, source: Value) -> Value:
    """§22 Descendents: its children, theirs, and so on."""
    return None if source is None else list(_descendents(source))


def _descendents(source: Value) -> Iterator[Value]:
    for each in _children(source):
        yield each
        yield from _descendents(each)


def _children(source: Value) -> Iterator[Value]:
    for value in _elements(source):
        if isinstance(value, list):
            yield from value
        elif value is not None:
            yield value


def _elements(source: Value) -> Iterator[Value]:
    if isinstance(source, list):
        yield from (each for member in source for each in _children(member))
    elif isinstance(source, Tuple):
        yield from source.fields.values()
    elif isinstance(source, Element):
        yield from (child(source, name) for name in dict.fromkeys((*model.elements(source.type), "value")))
    else:
        yield from (properties.get(source, name) for name in properties.names_of(source))
