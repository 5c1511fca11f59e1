"""Tables of a page as FHIR resources, and the CQL that names their columns.

A column of a patient's table is an Observation with the column's name as its code (a Date is an Immunization's
expiration date, the one simple date with a code): what an expression reads is a column of the store, never a constant.
A list column has an Observation for each item. The column `within` says which resource contains another. Leaves to
others: loading and evaluating (`running`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import cells
from cells import Amount, Coded, Moment, Reference, Span
from pages import RAW, Table

from salus.fhir import model

Json = dict[str, Any]
COLUMNS = "urn:salus:columns"
SYSTEMS = {"loinc": "http://loinc.org", "sct": "http://snomed.info/sct", "icd": "http://hl7.org/fhir/sid/icd-10-cm"}
UCUM = "http://unitsofmeasure.org"

_READS = {
    "Integer": "({} as FHIR.integer).value",
    "String": "({} as FHIR.string).value",
    "Boolean": "({} as FHIR.boolean).value",
    "DateTime": "({} as FHIR.dateTime).value",
    "Time": "({} as FHIR.time).value",
    "Decimal": "({} as FHIR.Quantity).value.value",
    "Quantity": "FHIRHelpers.ToQuantity({} as FHIR.Quantity)",
    "Interval<DateTime>": "FHIRHelpers.ToInterval({} as FHIR.Period)",
    "Interval<Quantity>": "FHIRHelpers.ToInterval({} as FHIR.Range)",
    "Concept": "FHIRHelpers.ToConcept({} as FHIR.CodeableConcept)",
    "Ratio": "FHIRHelpers.ToRatio({} as FHIR.Ratio)",
}
_VALUES = {
    "Integer": "integer", "String": "string", "Boolean": "boolean", "DateTime": "dateTime", "Time": "time",
    "Decimal": "Quantity", "Quantity": "Quantity", "Interval<DateTime>": "Period", "Interval<Quantity>": "Range",
    "Concept": "CodeableConcept", "Ratio": "Ratio",
}  # fmt: skip


def resources(tables: Sequence[Table]) -> list[Json]:
    """The resources of some tables; a Patient for each that a table names and none describes."""
    found = _with_contained([each for table in tables for each in _resources(table)])
    there = {each["id"] for each in found if each["resourceType"] == "Patient"}
    named = dict.fromkeys(row[t.headings.index("patient")] for t in tables if "patient" in t.headings for row in t.rows)
    return [*({"resourceType": "Patient", "id": name} for name in named if name not in there), *found]


def _with_contained(found: Sequence[Json]) -> list[Json]:
    """The resources, those that name what they are `within` inside it."""
    inside = [(each.pop("within"), each) for each in found if "within" in each]
    by_name = {f"{each['resourceType']}/{each['id']}": each for each in found}
    for container, each in inside:
        by_name[container].setdefault("contained", []).append(each)
    held = [id(each) for _, each in inside]
    return [each for each in found if id(each) not in held]


def value_sets(tables: Sequence[Table]) -> dict[str, list[tuple[str, str]]]:
    """Name -> the (system, code) pairs of the value sets that tables hold."""
    rows = [row for table in tables if table.headings[0] == "ValueSet" for row in table.rows]
    return {row[0]: [(_system(c), c.code) for c in map(cells.read, row[1].split()) if c] for row in rows}


def columns(tables: Sequence[Table]) -> Iterator[str]:
    """CQL that defines each column of the patients' tables."""
    typed = [_typed(heading) for table in tables if table.headings[0] == "patient" for heading in table.headings[1:]]
    if typed:
        yield f"codesystem \"the columns\": '{COLUMNS}'"
    for name, _ in typed:
        yield f'code "column {name}": \'{name}\' from "the columns"'
    if typed:
        yield "context Patient"
    for name, kind in typed:
        yield f'define "{name}":\n  {_defined(name, kind)}'


def _defined(name: str, kind: str) -> str:
    if kind == "Date":
        return f'(singleton from ([Immunization: "column {name}"])).expirationDate.value'
    if kind.startswith("List<"):
        item = _READS[kind[5:-1]].format("O.value")
        return f'[Observation: "column {name}"] O return all {item}'
    return _READS[kind].format(f'(singleton from ([Observation: "column {name}"])).value')


def _typed(heading: str) -> tuple[str, str]:
    name, _, kind = heading.partition(" ")
    return name, kind


def _resources(table: Table) -> Iterator[Json]:
    kind = table.headings[0]
    if kind == RAW:
        yield from (json.loads(row[0]) for row in table.rows)
    elif kind == "patient":
        for row in table.rows:
            for heading, cell in zip(table.headings[1:], row[1:], strict=True):
                yield from _column(row[0], *_typed(heading), cell)
    elif kind != "ValueSet":
        for row in table.rows:
            yield _resource(kind, row[0], dict(zip(table.headings[1:], row[1:], strict=True)))


def _column(patient: str, name: str, kind: str, cell: str) -> Iterator[Json]:
    value = cells.read(cell)
    items = value if isinstance(value, list) else [value]
    if value is None:
        return
    item_kind = kind[5:-1] if kind.startswith("List<") else kind
    for number, item in enumerate(items):
        yield _item(f"{patient}.{name}.{number:02}", patient, name, item_kind, item)


def _item(id_: str, patient: str, name: str, kind: str, value: Any) -> Json:
    code, owner = {"coding": [{"system": COLUMNS, "code": name}]}, {"reference": f"Patient/{patient}"}
    if kind == "Date":
        return {"resourceType": "Immunization", "id": id_, "vaccineCode": code, "patient": owner,
                "expirationDate": value.text}  # fmt: skip
    found = {"resourceType": "Observation", "id": id_, "status": "final", "code": code, "subject": owner}
    held = Amount(value, "") if kind == "Decimal" else value
    return found | ({} if value is None else {model.choice_name("value", _VALUES[kind]): fhir(held, _VALUES[kind])})


def _resource(kind: str, id_: str, row: dict[str, str]) -> Json:
    made: Json = {"resourceType": kind, "id": id_}
    if patient := row.pop("patient", None):
        made[model.owner_paths(kind)[0]] = {"reference": f"Patient/{patient}"}
    if container := row.pop("within", None):
        made["within"] = container
    for heading, cell in row.items():
        if cell:
            _put(made, kind, heading, cell)
    return made


def _put(made: Json, kind: str, heading: str, cell: str) -> None:
    """Set the element at a dotted path; the type of a choice stands after the path: `value Quantity`."""
    path, _, choice = heading.partition(" ")
    *owners, last = path.split(".")
    for owner in owners:
        found = model.element(kind, owner)
        assert found is not None, f"{kind} has no element {owner}"
        inner = made.setdefault(owner, [{}] if found.many else {})
        made, kind = (inner[0] if found.many else inner), found.types[0]
    found = model.element(kind, last)
    assert found is not None, f"{kind} has no element {last}"
    type_ = choice or found.types[0]
    values = [fhir(cells.read(part), type_) for part in (cell.split(";") if found.many else [cell])]
    made[model.choice_name(last, choice) if found.choice else last] = values if found.many else values[0]


def fhir(value: Any, type_: str) -> Any:
    """A cell's value as JSON of a FHIR type."""
    match value:
        case Moment(text=text):
            return text.removeprefix("T")
        case Amount(value=number, unit=unit):
            coded = {"unit": unit, "system": UCUM, "code": unit} if unit else {}
            return {"value": _number(number)} | coded
        case Coded():
            return _coded([value], type_)
        case [Coded(), *_]:
            return _coded(value, type_)
        case Reference(text=text):
            return {"reference": text}
        case Span(low=low, high=high):
            names = ("start", "end") if type_ == "Period" else ("low", "high")
            bounds = zip(names, (low, high), strict=True)
            return {name: fhir(bound, "") for name, bound in bounds if bound is not None}
        case {"numerator": above, "denominator": below}:
            return {"numerator": fhir(above, "Quantity"), "denominator": fhir(below, "Quantity")}
    return value


def _number(value: Any) -> Any:
    """A decimal with the digits it was written with."""
    return json.loads(str(value)) if isinstance(value, int) or re.fullmatch(r"-?\d+", str(value)) else float(value)


def _coded(codes: list[Coded], type_: str) -> Any:
    if type_ == "code":
        return codes[0].code
    codings = [{"system": _system(each), "code": each.code} for each in codes]
    return {"coding": codings} if type_ == "CodeableConcept" else codings[0]


def _system(code: Coded) -> str:
    return SYSTEMS.get(code.system, f"urn:salus:{code.system}")
