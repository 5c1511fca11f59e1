"""A person's records in few words -> FHIR R4 resources.

An element is written as its type allows, told by the model of FHIR, never by its name:

    code, Coding, CodeableConcept   "loinc#4548-4" (systems by short name or address); a list is several codings
    Quantity, Money                 "9.2 %", 3, "120.50 USD"
    Period                          "2026-03-01/2026-03-05", "2026-03-01/" (still going on), "2026-03-01" (that day)
    Reference                       "Encounter/stay"
    a choice (value, effective)     by what is written; the full name (valueInteger) says it outright

Anything may be written out as FHIR has it, too. What is not said is as it mostly is: an Encounter is finished, a
Condition confirmed and active, everything belongs to the person of the test.
Leaves to others: where it is written (`cases`), loading it (`store`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from salus.cql.diagnostics import did_you_mean
from salus.errors import SalusError
from salus.fhir import model
from salus.terminology.systems import SYSTEMS, system

Json = dict[str, Any]

_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Appointment": {"status": "fulfilled"},
    "Condition": {
        "clinicalStatus": "condition-clinical#active",
        "verificationStatus": "condition-ver-status#confirmed",
    },
    "Coverage": {"status": "active"},
    "DiagnosticReport": {"status": "final"},
    "Encounter": {"status": "finished"},
    "ExplanationOfBenefit": {"status": "active", "use": "claim", "outcome": "complete"},
    "Claim": {"status": "active", "use": "claim"},
    "ImagingStudy": {"status": "available"},
    "Immunization": {"status": "completed"},
    "MedicationRequest": {"status": "active", "intent": "order"},
    "Observation": {"status": "final"},
    "Procedure": {"status": "completed"},
    "QuestionnaireResponse": {"status": "completed"},
    "ServiceRequest": {"status": "active", "intent": "order"},
    "Task": {"status": "completed", "intent": "order"},
}
_MOMENT = r"\d{4}(-\d\d(-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d)?)?)?)?"
_NUMBER = r"-?\d+(\.\d+)?"
_FORMS: Final = (
    (rf"{_MOMENT}/({_MOMENT})?", ("Period",)),
    (_MOMENT, ("dateTime", "date", "instant", "Period")),
    (rf"{_NUMBER} \S.*", ("Quantity", "Money", "Age", "Duration")),
    (r"\S+#\S+", ("CodeableConcept", "Coding")),
    (r"[A-Z]\w+/\S+", ("Reference",)),
    (r".*", ("string", "code", "uri")),
)
"""What a text looks like -> the types of a choice it may be of, the likeliest first."""


def resource(kind: str, said: Mapping[str, Any], patient: str, id_: str, where: str) -> Json:
    """One resource of a person. Raises SalusError, which opens with `where`, for what FHIR does not have."""
    if kind not in model.RESOURCES:
        raise SalusError(f"{where}: FHIR has no resource {kind}; {did_you_mean(kind, model.RESOURCES)}".rstrip("; "))
    if said.get("resourceType", kind) != kind:
        raise SalusError(f"{where}, {kind}.resourceType: it is {kind}, not {said['resourceType']!r}")
    made: Json = {"resourceType": kind, "id": id_}
    made |= _elements(kind, {**_DEFAULTS.get(kind, {}), **said}, f"{where}, {kind}")
    made["id"] = id_
    if kind != "Patient" and (paths := model.owner_paths(kind)):
        _belong(made, kind, paths[0].split("."), f"Patient/{patient}")
    return made


def _belong(made: Json, kind: str, path: list[str], patient: str) -> None:
    """Set the element that names the patient, unless it is said."""
    name, *rest = path
    found = model.element(kind, name)
    if not rest:
        made.setdefault(name, {"reference": patient})
    elif found is not None:  # an element that repeats: someone takes part besides those that are named
        inner: Json = {"status": "accepted"} if kind == "Appointment" else {}
        _belong(inner, found.types[0], rest, patient)
        made[name] = [*made.get(name, []), inner]


def _elements(kind: str, said: Mapping[str, Any], where: str) -> Json:
    return dict(_element(kind, name, value, f"{where}.{name}") for name, value in said.items())


def _element(kind: str, name: str, value: Any, where: str) -> tuple[str, Any]:
    """The element as JSON names it, and its value."""
    if name == "resourceType":
        return name, value
    found = model.element(kind, name)
    if found is not None and found.choice:
        type_ = _chosen(found.types, value, where)
        return model.choice_name(name, type_), _value(value, type_, where)
    found = found or model.member(kind, name)
    if found is None:
        hint = did_you_mean(name, model.elements(kind))
        raise SalusError(f"{where}: {kind} has no such element; {hint}".rstrip("; "))
    if not found.many:
        return name, _value(value, found.types[0], where)
    several = value if isinstance(value, list) else [value]
    return name, [_value(each, found.types[0], where) for each in several]


def _chosen(types: tuple[str, ...], value: Any, where: str) -> str:
    """Which type of a choice a value is of."""
    there = [name for name in _candidates(value) if name in types]
    if not there:
        raise SalusError(f"{where}: {value!r} is of none of {', '.join(types)}")
    return there[0]


def _candidates(value: Any) -> tuple[str, ...]:
    match value:
        case bool():
            return ("boolean",)
        case int():
            return ("integer", "decimal", "Quantity")
        case float():
            return ("decimal", "Quantity")
        case datetime():
            return ("dateTime", "instant")
        case date():
            return ("dateTime", "date", "Period")
        case list():
            return ("CodeableConcept",)
        case str():
            return next(types for form, types in _FORMS if re.fullmatch(form, value))
    return ()


def _value(value: Any, type_: str, where: str) -> Any:
    """A value as JSON of a type."""
    if isinstance(value, date):
        value = value.isoformat()
    if isinstance(value, Mapping):
        return _elements(type_, value, where)
    match type_, value:
        case "CodeableConcept", list():
            return {"coding": [_coding(each, where) for each in value]}
        case "CodeableConcept", str():
            return {"coding": [_coding(value, where)]}
        case "Coding", str():
            return _coding(value, where)
        case "Reference", str():
            return {"reference": value}
        case "Period", str():
            return _period(value)
        case (("Quantity" | "SimpleQuantity" | "Age" | "Duration"), _):
            return _quantity(value, where)
        case "Money", str():
            number, _, currency = value.partition(" ")
            return {"value": _number(number, where), "currency": currency}
    if model.kind(type_) in ("complex", "concept") or isinstance(value, list):
        raise SalusError(f"{where}: {value!r} is no {type_}")
    return value


def _coding(text: Any, where: str) -> Json:
    name, sign, code = text.rpartition("#") if isinstance(text, str) else ("", "", "")
    if not sign:
        known = ", ".join(sorted(SYSTEMS))
        raise SalusError(f"{where}: a code is written system#code, as in loinc#4548-4 (short names: {known})")
    return {"system": system(name), "code": code}


def _period(text: str) -> Json:
    start, sign, end = text.partition("/")
    bounds = {"start": start, "end": end if sign else start}
    return {name: bound for name, bound in bounds.items() if bound}


def _quantity(value: Any, where: str) -> Json:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return {"value": value}
    if not isinstance(value, str):
        raise SalusError(f"{where}: {value!r} is no number")
    number, _, unit = value.partition(" ")
    coded = {"unit": unit, "system": SYSTEMS["ucum"], "code": unit} if unit else {}
    return {"value": _number(number, where), **coded}


def _number(text: str, where: str) -> int | float:
    if not re.fullmatch(_NUMBER, text):
        raise SalusError(f"{where}: {text!r} is no number")
    return float(text) if "." in text else int(text)


def named(made: Json, names: Mapping[str, str]) -> Json:
    """A resource whose references lead to `names` (what the author wrote -> `Type/id`), through and through."""
    return {key: _renamed(key, value, names) for key, value in made.items()}


def _renamed(key: str, value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return named(dict(value), names)
    if isinstance(value, list):
        return [_renamed(key, each, names) for each in value]
    return names.get(value, value) if key == "reference" else value


def resources(person: str, said: Mapping[str, Any], where: str) -> Iterator[Json]:
    """Everything of a person: `said` is a resource, or a list of them, by type; Patient may be left out.

    An `id` that the author gives is the person's own: another person's may be the same.
    """
    listed = [(kind, each) for kind, value in said.items() for each in (value if isinstance(value, list) else [value])]
    kinds: dict[str, int] = {}
    made: list[Json] = []
    names = {}
    for kind, each in listed:
        kinds[kind] = kinds.get(kind, 0) + 1
        id_ = person if kind == "Patient" else f"{person}.{each.get('id') or f'{kind.lower()}-{kinds[kind]}'}"
        made.append(resource(kind, each, person, id_, where))
        if "id" in each:
            names[f"{kind}/{each['id']}"] = f"{kind}/{id_}"
    if "Patient" not in kinds:
        made.insert(0, {"resourceType": "Patient", "id": person})
    yield from (named(each, names) for each in made)
