"""Retrieve: a patient's resources of a type, by code or value set (ELM §11; CQL 1.5, Author's Guide "Retrieve").

A profile does not filter, for real records do not state it, with two exceptions: one that stands for a code
(`model.PROFILES`) selects by that code, and one that stands for a state (QI-Core's profiles of what was not done, and
their counterparts) by that state. `~` with a value set finds what names the whole set as not done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from salus.elm import nodes as n
from salus.engine.oracle.elements import ANY_SYSTEM, Element, child, codings, objects
from salus.engine.oracle.values import Code, Concept, Value, ValueSet
from salus.fhir import model
from salus.fhir.profiles import NOT_DONE, State, sets_not_done

Pair = tuple[str | None, str | None]
Test = Callable[[Pair], bool]
ValueSetCodes = Callable[[ValueSet], frozenset[tuple[str, str]]]


def wanted(value: Value, comparator: str | None, codes_of: ValueSetCodes) -> Test:
    """Whether a coding is one of a value set, a code, a concept, or a list of these. The value of a `code` element is
    told by its code alone. With `~` a value set is wanted itself, as not done."""
    whole_set = comparator == "~" and isinstance(value, ValueSet)
    pairs = {(NOT_DONE, value.id)} if whole_set else _pairs(value, codes_of)
    bare = {code for _, code in pairs}
    return lambda coding: coding in pairs or (coding[0] == ANY_SYSTEM and coding[1] in bare)


def _pairs(value: Value, codes_of: ValueSetCodes) -> set[Pair]:
    match value:
        case ValueSet():
            return set(codes_of(value))
        case Code(code=code, system=system):
            return {(system, code)}
        case Concept(codes=codes):
            return {(each.system, each.code) for each in codes}
        case list():
            return set().union(*(_pairs(item, codes_of) for item in value))
    if value is None:
        return set()
    raise TypeError(f"{type(value).__name__} is no code")


def select(resources: list[Element], node: n.Retrieve, test: Test | None) -> list[Element]:
    """The resources of a retrieve, given what its codes have to pass; TypeError when there is nothing to test."""
    if not resources:
        return []
    type_name = resources[0].type
    profile = model.PROFILES.get(node.template or "")
    for state in profile.states if profile else ():
        resources = [each for each in resources if _in_state(each, state)]
    if profile is not None and profile.codes:
        allowed = set(profile.codes)
        resources = _passing(resources, model.primary_code_path(type_name), lambda coding: coding in allowed)
    if test is None:
        return resources
    return _passing(resources, node.code_property or model.primary_code_path(type_name), test)


def _in_state(resource: Element, state: State) -> bool:
    """Whether a resource is in the state a profile stands for: by the profile it names, else by its flag or status."""
    named = {str(each) for each in (resource.json.get("meta") or {}).get("profile") or ()}
    if named & set(state.named_by):
        return True
    if named & set(state.contradicted_by):
        return False
    return (_said(resource, state) == state.value) is not state.negated


def _said(resource: Element, state: State) -> Any:
    """The flag or status that a state is about: an element, or the modifier extension that stands for it."""
    if not state.modifiers:
        return resource.json.get(state.element)
    extensions = objects(resource.json, "modifierExtension")
    return next((each.get("valueBoolean") for each in extensions if each.get("url") in state.modifiers), None)


def _passing(resources: list[Element], path: str | None, test: Test) -> list[Element]:
    if path is None:
        raise TypeError("the type has no element that a retrieve filters by code")
    found = model.element(resources[0].type, path) if resources else None
    if found is not None and not any(model.kind(kind) in ("concept", "primitive") for kind in found.types):
        raise TypeError(f"{path} holds no codes")
    return [each for each in resources if any(test(coding) for coding in _told(child(each, path)))]


def _told(concept: Value) -> Iterator[Pair]:
    """The codings of an element, and the value sets it names as not done."""
    yield from codings(concept)
    for each in concept if isinstance(concept, list) else [concept]:
        if isinstance(each, Element) and isinstance(each.json, Mapping):
            yield from sets_not_done(each.json)
