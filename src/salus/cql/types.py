"""The type system of CQL: which type is a kind of which, what a value of a type holds, how types are written in ELM.

Types are those of `salus.elm.types`; a `Named` without a dot (`T`) is a type variable of a generic operator.
Leaves to others: implicit conversions (`cql.conversions`) and the choice among overloads (`cql.overloads`).
Source: CQL 1.5, Developer's Guide, Type System: Subtypes, Choice Types (https://cql.hl7.org/03-developersguide.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from salus.cql.models import Element, choice_of, class_info, model
from salus.elm.types import ANY, ChoiceOf, IntervalOf, ListOf, Named, TupleOf, Type

BOOLEAN, INTEGER, LONG, DECIMAL, STRING = (
    Named(f"System.{name}") for name in ("Boolean", "Integer", "Long", "Decimal", "String")
)
DATE, DATETIME, TIME = (Named(f"System.{name}") for name in ("Date", "DateTime", "Time"))
QUANTITY, RATIO, CODE, CONCEPT = (Named(f"System.{name}") for name in ("Quantity", "Ratio", "Code", "Concept"))
VALUE_SET, CODE_SYSTEM, VOCABULARY = (Named(f"System.{name}") for name in ("ValueSet", "CodeSystem", "Vocabulary"))
SIMPLE = frozenset({ANY, BOOLEAN, INTEGER, LONG, DECIMAL, STRING, DATE, DATETIME, TIME})


def is_variable(type_: Type) -> bool:
    """Whether the type is a variable of a generic operator."""
    return isinstance(type_, Named) and "." not in type_.name


@cache
def bases(type_: Type) -> tuple[Type, ...]:
    """The type and those it derives from, nearest first, without Any."""
    chain: list[Type] = []
    current: Type = type_
    while current != ANY and current not in chain:
        chain.append(current)
        info = class_info(current)
        current = info.base if info else ANY
    return tuple(chain)


@cache
def is_subtype(type_: Type, other: Type) -> bool:
    """Whether every value of `type_` is a value of `other` (also when they are the same)."""
    if type_ == other or other == ANY:
        return True
    match type_, other:
        case ListOf(element), ListOf(of):
            return is_subtype(element, of)
        case IntervalOf(point), IntervalOf(of):
            return is_subtype(point, of)
        case TupleOf(elements), TupleOf(others):
            mine = dict(elements)
            return len(elements) == len(others) and all(n in mine and is_subtype(mine[n], t) for n, t in others)
        case Named(), _:
            return other in bases(type_)
    return False


def element(type_: Type, name: str) -> Element | None:
    """The element a value of a class or tuple holds under `name`, its own or inherited."""
    if isinstance(type_, TupleOf):
        found = dict(type_.elements).get(name)
        return Element(name, found) if found is not None else None
    if isinstance(type_, IntervalOf):
        return _of_interval(type_, name)
    infos = (class_info(base) for base in bases(type_))
    return next((info.elements[name] for info in infos if info and name in info.elements), None)


def _of_interval(type_: IntervalOf, name: str) -> Element | None:
    if name in ("low", "high"):
        return Element(name, type_.point)
    return Element(name, BOOLEAN) if name in ("lowClosed", "highClosed") else None


def element_names(type_: Type) -> Iterator[str]:
    """What `element` would find, for hints."""
    if isinstance(type_, TupleOf):
        yield from (name for name, _ in type_.elements)
    elif isinstance(type_, IntervalOf):
        yield from ("low", "high", "lowClosed", "highClosed")
    elif isinstance(type_, ChoiceOf):
        for each in type_.types:
            yield from element_names(each)
    else:
        for base in bases(type_):
            yield from info.elements if (info := class_info(base)) else ()


def common(types: list[Type]) -> Type:
    """The type that holds the values of all: one of them if it is a supertype of the rest, else a choice of them."""
    known = [each for each in dict.fromkeys(types) if each != ANY]
    if not known:
        return ANY
    for each in known:
        if all(is_subtype(other, each) for other in known):
            return each
    return choice_of(known)


def alternatives(type_: Type) -> tuple[Type, ...]:
    """The types of a choice; the type itself when it is none."""
    return type_.types if isinstance(type_, ChoiceOf) else (type_,)


def qname(type_: Named) -> str:
    """The type as ELM names it: `{http://hl7.org/fhir}Condition` for any profile of Condition."""
    owner, _, local = type_.name.partition(".")
    info, found = class_info(type_), model(owner)
    return f"{{{found.url if found else owner}}}{info.target if info else local}"


@cache
def _specifier(type_: Type) -> Mapping[str, Any]:
    match type_:
        case ListOf(of):
            return {"type": "ListTypeSpecifier", "elementType": _specifier(of)}
        case IntervalOf(of):
            return {"type": "IntervalTypeSpecifier", "pointType": _specifier(of)}
        case ChoiceOf(types):
            return {"type": "ChoiceTypeSpecifier", "choice": [_specifier(each) for each in types]}
        case TupleOf(elements):
            named = [{"name": name, "elementType": _specifier(of)} for name, of in elements]
            return {"type": "TupleTypeSpecifier", "element": named}
        case Named():
            return {"type": "NamedTypeSpecifier", "name": qname(type_)}


def specifier(type_: Type) -> dict[str, Any]:
    """The type as an ELM TypeSpecifier."""
    return dict(_specifier(type_))


def shown(type_: Type) -> str:
    """The type as messages say it: without `System.`."""
    return str(type_).replace("System.", "")
