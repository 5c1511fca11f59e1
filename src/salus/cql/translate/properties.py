"""Elements of values: `encounter.period`, on classes, tuples, intervals, choices and lists.

A model that stands for another (QI-Core for FHIR) says of each element how it is read from that other: by a path from
the value (`%value.value`), a conversion function, or a slice of another element (`%parent.extension[url='...']`).
Source: CQL 1.5, Developer's Guide, Properties, Path Traversal (over lists); ELM model info r1, target mapping.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from salus.cql import ast
from salus.cql import types as t
from salus.cql.conversions import Json, as_type, is_type
from salus.cql.models import Element, choice_of
from salus.cql.translate.core import Translator, Typed, literal
from salus.elm.types import ChoiceOf, IntervalOf, ListOf, Type

THIS: Json = {"type": "AliasRef", "name": "$this"}


def property_of(tr: Translator, source: Typed, name: ast.Identifier) -> Typed:
    """The element `name` of a value; of a list, those of its elements. A fault when the type has no such element."""
    found = find(tr, source, name.text)
    if found is None:
        raise tr.library.no_element(source.type, name)
    return found


def find(tr: Translator, source: Typed, name: str) -> Typed | None:
    """`property_of`, or None."""
    if isinstance(source.type, ListOf):
        return _of_each(tr, source, source.type.element, name)
    if isinstance(source.type, ChoiceOf):
        return _of_choice(tr, source, source.type, name)
    declared = t.element(source.type, name)
    return _mapped(tr, source, declared) if declared else None


def _of_each(tr: Translator, source: Typed, element: Type, name: str) -> Typed | None:
    """The elements that are there, of each item of a list; lists in lists are made one."""
    item = find(tr, Typed(THIS, element), name)
    if item is None:
        return None
    known = {"type": "Not", "operand": {"type": "IsNull", "operand": item.elm}}
    elm = {**_query(source.elm), "where": known, "return": {"distinct": False, "expression": item.elm}}
    if isinstance(item.type, ListOf):
        return Typed({"type": "Flatten", "operand": elm}, item.type)
    return Typed(elm, ListOf(item.type))


def _query(source: Json) -> Json:
    return {"type": "Query", "source": [{"alias": "$this", "expression": source}], "let": [], "relationship": []}


def _of_choice(tr: Translator, source: Typed, choice: ChoiceOf, name: str) -> Typed | None:
    """The element of whichever alternative has one; a test of the alternative only where they are read differently."""
    declared = {each: found for each in choice.types if (found := t.element(each, name))}
    read = {each: _mapped(tr, source, found) for each, found in declared.items()}
    if not read:
        return None
    type_ = choice_of([each.type for each in read.values()])
    if len({repr(each.elm) for each in read.values()}) == 1:
        return Typed(next(iter(read.values())).elm, type_)
    items = [
        {"when": is_type(source.elm, each), "then": value.elm} for each, value in _cast(tr, source, declared).items()
    ]
    return Typed({"type": "Case", "caseItem": items, "else": {"type": "Null"}}, type_)


def _cast(tr: Translator, source: Typed, declared: dict[Type, Element]) -> dict[Type, Typed]:
    return {each: _mapped(tr, Typed(as_type(source.elm, each), each), found) for each, found in declared.items()}


def path(source: Typed, name: str) -> Json:
    """`source.name` in ELM, as it stands there."""
    if source.elm["type"] == "AliasRef":
        return {"type": "Property", "path": name, "scope": source.elm["name"]}
    return {"type": "Property", "path": name, "source": source.elm}


def _mapped(tr: Translator, source: Typed, declared: Element) -> Typed:
    """The element as the model says it is read."""
    if not declared.target:
        return Typed(path(source, declared.name), declared.type)
    variants = [each.rpartition(":FHIRHelpers.") for each in _variants(declared.target)]
    if len(variants) > 1:
        return _by_variant(tr, source, declared, variants)
    return Typed(_read(tr, source, declared, _Target.parse(declared.target)), declared.type)


def _variants(target: str) -> list[str]:
    """`System.Concept:FHIRHelpers.ToConcept(%value);System.ValueSet:...` says how each type of a choice is read."""
    return target.split(";") if re.match(r"[\w.]+:FHIRHelpers\.", target) else [target]


def _by_variant(tr: Translator, source: Typed, declared: Element, variants: list[tuple[str, str, str]]) -> Typed:
    """The first of the ways that gives something; each is a value of one type of the choice."""
    named = {str(each): each for each in t.alternatives(declared.type)}
    items = []
    for type_name, _, target in variants:
        one = Element(declared.name, named[type_name], f"FHIRHelpers.{target}")
        value = _read(tr, source, one, _Target.parse(one.target))
        items.append({"when": is_type(value, one.type), "then": value})
    return Typed({"type": "Case", "caseItem": items, "else": {"type": "Null"}}, declared.type)


@dataclass(frozen=True, slots=True)
class _Step:
    """A path of elements, or a slice: the elements under `name` that meet all `conditions` (path, text)."""

    name: str
    conditions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Target:
    """How an element is read: from its own value or its parent, by steps, then by a function of FHIRHelpers."""

    function: str
    parent: bool
    steps: tuple[_Step, ...]

    @classmethod
    def parse(cls, text: str) -> _Target:
        match = re.fullmatch(r"(?:(FHIRHelpers\.\w+)\()?%(value|parent)((?:\.[\w\[x]+\]?(?:\[[^\]]*\])?)*)\)?", text)
        assert match, f"a target of a model that is not understood: {text}"
        function, origin, rest = match.groups()
        return cls(function or "", origin == "parent", tuple(_steps(rest)))


def _steps(text: str) -> Sequence[_Step]:
    """`.extension[url='x'].value.value` as a slice and one path."""
    steps: list[_Step] = []
    for name, conditions in re.findall(r"\.(\w+(?:\[x\])?)(?:\[([^\]]+)\])?", text):
        name = name.removesuffix("[x]")
        if conditions:
            pairs = re.findall(r"([\w.]+)='([^']*)'", conditions)
            steps.append(_Step(name, tuple(pairs)))
        elif steps and not steps[-1].conditions:
            steps[-1] = _Step(f"{steps[-1].name}.{name}")
        else:
            steps.append(_Step(name))
    return steps


def _read(tr: Translator, source: Typed, declared: Element, target: _Target) -> Json:
    """ELM that reads an element of the model from the model it stands for."""
    many = isinstance(declared.type, ListOf)
    if not target.parent:
        value = path(source, declared.name)
        if target.steps:
            return _along(value, target.steps[0].name, many)
        return _called(tr, target.function, value, declared.type)
    sliced = _sliced(tr, source, target.steps)
    if any(step.conditions for step in target.steps) and not many:
        sliced = {"type": "SingletonFrom", "operand": sliced}
    return _called(tr, target.function, sliced, declared.type) if target.function else sliced


def _along(value: Json, steps: str, many: bool) -> Json:
    if many:
        return _mapped_each(value, lambda item: {"type": "Property", "path": steps, "source": item})
    return {"type": "Property", "path": steps, "source": value}


def _mapped_each(value: Json, read: Callable[[Json], Json]) -> Json:
    return {**_query(value), "return": {"distinct": False, "expression": read(THIS)}}


def _sliced(tr: Translator, source: Typed, steps: Sequence[_Step]) -> Json:
    """The steps from the parent; after a slice they go on from each of its elements."""
    value = path(source, steps[0].name)
    for index, step in enumerate(steps):
        if index and not steps[index - 1].conditions:
            value = {"type": "Property", "path": step.name, "source": value}
        if step.conditions:
            value = {**_query(value), "where": _all(tr, step.conditions)}
        elif index:
            value["return"] = {"distinct": False, "expression": {"type": "Property", "path": step.name, "source": THIS}}
    return value


def _all(tr: Translator, conditions: Sequence[tuple[str, str]]) -> Json:
    """That each path of the element at hand has its text. An element `coding` repeats: one of it must meet all."""
    owners = {name.rpartition(".")[0] for name, _ in conditions}
    if len(owners) == 1 and (owner := owners.pop()).endswith("coding"):
        inner = [(name.removeprefix(f"{owner}."), text) for name, text in conditions]
        codings = {**_query({"type": "Property", "path": owner, "scope": "$this"}), "where": _all(tr, inner)}
        return {"type": "Exists", "operand": codings}
    first, *rest = [_equal(tr, name, text) for name, text in conditions]
    for each in rest:
        first = {"type": "And", "operand": [first, each]}
    return first


def _equal(tr: Translator, name: str, text: str) -> Json:
    value = {"type": "Property", "path": name, "scope": "$this"}
    kind = {"url": "uri", "system": "uri", "code": "code"}.get(name, "string")
    converted = tr.library.call("FHIRHelpers.ToString", value, kind)
    return {"type": "Equal", "operand": [converted, literal(t.STRING, text)]}


def _called(tr: Translator, function: str, value: Json, type_: Type) -> Json:
    """The value through a function of the helpers, each by itself when it is a list."""
    kind = _FHIR_TYPES.get(type_.element if isinstance(type_, ListOf) else type_)
    if isinstance(type_, ListOf):
        return _mapped_each(value, lambda item: tr.library.call(function, item, kind))
    return tr.library.call(function, value, kind)


_FHIR_TYPES: dict[Type, str] = {IntervalOf(t.DATETIME): "Period", IntervalOf(t.QUANTITY): "Range"}
"""What a conversion to a type of ours takes, where the helpers have several of the name."""
