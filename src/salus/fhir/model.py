"""What FHIR R4 says about types and elements, and how an element stands in a typed table.

The facts are `r4.json` (derived by `scripts/derive_fhir_tables.py` from the published model description,
Apache-2.0). A backbone element is a type of its own and is named as there: `Encounter.Location`; its FHIR
path `Encounter.location` is accepted wherever a type name is. Elements inherited from Element, Resource and
so on are elements of every type.

Leaves to others: values (`temporal`, `store`) and what a measure means by an element (`logic`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from salus.errors import SalusError
from salus.fhir.profiles import CODED_PROFILES, STATE_PROFILES, Profile

__all__ = [
    "PROFILES",
    "RESOURCES",
    "Element",
    "Kind",
    "Profile",
    "choice_name",
    "columns",
    "element",
    "elements",
    "kind",
    "member",
    "owner_paths",
    "primary_code_path",
    "resolve",
    "storage",
]

Kind = Literal["primitive", "concept", "complex", "resource"]
Storage = Literal["boolean", "integer", "decimal", "text", "date", "datetime", "concept", "complex", "resource"]


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type: `types` has several names (or `choice` is set) for a choice element such as `value[x]`."""

    name: str
    types: tuple[str, ...]
    many: bool
    choice: bool = False


_TABLE: dict[str, Any] = json.loads(files("salus.fhir").joinpath("r4.json").read_text(encoding="utf-8"))
_TYPES: dict[str, dict[str, Any]] = _TABLE["types"]
_CODED = frozenset(_TABLE["coded"])
_STORAGE: dict[str, Storage] = {
    "boolean": "boolean",
    "integer": "integer",
    "positiveInt": "integer",
    "unsignedInt": "integer",
    "decimal": "decimal",
    "date": "date",
    "dateTime": "datetime",
    "instant": "datetime",
    "Coding": "concept",
    "CodeableConcept": "concept",
}
_TEXT = (
    "string",
    "code",
    "uri",
    "url",
    "canonical",
    "id",
    "oid",
    "uuid",
    "markdown",
    "base64Binary",
    "xhtml",
)
_STORAGE |= dict.fromkeys((*_TEXT, "time"), "text")
_SQL_TYPES: dict[Storage, tuple[tuple[str, str], ...]] = {
    "boolean": (("", "BOOLEAN"),),
    "integer": (("", "INTEGER"),),
    "decimal": (("", "DECIMAL(28,8)"),),
    "text": (("", "VARCHAR"),),
    "date": ((".low", "TIMESTAMP"), (".high", "TIMESTAMP"), (".prec", "UTINYINT")),
    "datetime": ((".low", "TIMESTAMP"), (".high", "TIMESTAMP"), (".prec", "UTINYINT"), (".offset", "SMALLINT")),
    "concept": (("", "INTEGER"),),
    "complex": (("", "BOOLEAN"),),
}


def _is_resource(name: str | None) -> bool:
    while name:
        if name == "Resource":
            return True
        name = _TYPES[name]["base"]
    return False


RESOURCES: frozenset[str] = frozenset(
    name for name in _TYPES if _is_resource(name) and name not in ("Resource", "DomainResource")
)
"""Every concrete resource type of R4."""

PROFILES: Mapping[str, Profile] = MappingProxyType(
    {url: Profile(base, ()) for url, base in _TABLE["profiles"].items()} | CODED_PROFILES | STATE_PROFILES
)
"""Profile URL -> the type it constrains and the codes it stands for (FHIR core vital signs, US Core, QI-Core)."""


@cache
def resolve(type_name: str) -> str:
    """The canonical name of a type: a FHIR path to a backbone element or any element becomes its type's name.

    Names of coded types of the model description (`ObservationStatus`) become `code`. Raises SalusError when
    unknown.
    """
    if type_name in _TYPES:
        return type_name
    if type_name in _CODED:
        return "code"
    head, _, last = type_name.rpartition(".")
    found = member(head, last) if head else None
    if found is None or len(found.types) != 1:
        raise SalusError(f"'{type_name}' is not a FHIR R4 type")
    return resolve(found.types[0])


@cache
def elements(type_name: str) -> Mapping[str, Element]:
    """All elements of a type by name, inherited ones included; choice elements under their bare name (`value`)."""
    entry = _TYPES[resolve(type_name)]
    found = dict(elements(entry["base"])) if entry["base"] else {}
    found |= {name: _element(name, spec) for name, spec in entry.get("elements", {}).items()}
    return MappingProxyType(found)


def _element(name: str, specifier: str) -> Element:
    if specifier.startswith("?"):
        return Element(name, tuple(specifier[1:].split("|")), many=False, choice=True)
    return Element(name, (specifier.rstrip("*"),), many=specifier.endswith("*"))


def element(type_name: str, name: str) -> Element | None:
    """The element `name` of a type, None when the type has none. Raises SalusError for an unknown type."""
    return elements(type_name).get(name)


@cache
def names() -> frozenset[str]:
    """The names of all elements of all types."""
    return frozenset(name for type_name in _TYPES for name in elements(type_name))


@cache
def _members(type_name: str) -> Mapping[str, Element]:
    found: dict[str, Element] = {}
    for item in elements(type_name).values():
        if item.choice:
            chosen = (Element(choice_name(item.name, t), (t,), many=False) for t in item.types)
            found |= {one.name: one for one in chosen}
        else:
            found[item.name] = item
    return MappingProxyType(found)


def member(type_name: str, json_name: str) -> Element | None:
    """The element as JSON names it, so that each has one type: `valueQuantity` is a member of Observation,
    `value` is not.
    """
    return _members(resolve(type_name)).get(json_name)


def choice_name(element_name: str, type_name: str) -> str:
    """The JSON name of one choice of a choice element: `("effective", "dateTime")` -> `effectiveDateTime`.

    SimpleQuantity and MoneyQuantity are profiles on Quantity and are written as Quantity (`doseQuantity`).
    """
    base = "Quantity" if type_name in ("SimpleQuantity", "MoneyQuantity") else type_name
    return element_name + base[:1].upper() + base[1:]


@cache
def storage(type_name: str) -> Storage:
    """How a value of the type is kept: the row of the contract's column table that applies."""
    name = resolve(type_name)
    if name in _STORAGE:
        return _STORAGE[name]
    return "resource" if _is_resource(name) else "complex"


def parts(type_name: str) -> tuple[str, ...]:
    """The endings of the columns of a type that has several: a dateTime's `.low`, `.high`, `.prec`, `.offset`."""
    return tuple(part for part, _ in _SQL_TYPES.get(storage(type_name), ()) if part)


def kind(type_name: str) -> Kind:
    """Whether the type is a primitive, a concept (Coding, CodeableConcept), another complex type or a resource."""
    stored = storage(type_name)
    if stored in ("concept", "complex", "resource"):
        return stored
    return "primitive"


def columns(type_name: str, path: str) -> tuple[tuple[str, str], ...]:
    """The element columns of `path` in the table whose rows are `type_name`: (column name, DuckDB type).

    `path` is dotted, of JSON names, from the table's row: `("Observation", "valueQuantity.value")`. A complex
    element is its presence flag alone; its own elements are asked for one by one. A repeating element that
    has a table of its own has no column here, hence (); a repeating concept is one `concept_list` key. Raises
    SalusError for an unknown path.
    """
    owner, _, last = path.rpartition(".")
    found = member(f"{resolve(type_name)}.{owner}" if owner else type_name, last)
    if found is None:
        raise SalusError(f"FHIR R4 type {type_name} has no element '{path}'")
    stored = storage(found.types[0])
    if stored == "resource" or (found.many and stored != "concept"):
        return ()
    return tuple((path + suffix, sql) for suffix, sql in _SQL_TYPES[stored])


def value_columns(type_name: str, prefix: str) -> tuple[tuple[str, str], ...]:
    """The columns one value of a type takes under a name; () for resources, which are not kept in columns."""
    return tuple((prefix + suffix, sql) for suffix, sql in _SQL_TYPES.get(storage(type_name), ()))


def owner_paths(resource_type: str) -> tuple[str, ...]:
    """The element paths that can name the patient a resource belongs to, best first; () for types that belong
    to none.
    """
    return tuple(_TABLE["owner"].get(resource_type, ()))


def primary_code_path(type_name: str) -> str | None:
    """The element a retrieve by code filters on when it names none; None when there is no such element."""
    found: str | None = _TYPES[resolve(type_name)].get("code")
    return found
