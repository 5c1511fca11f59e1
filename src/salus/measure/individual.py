"""Individual MeasureReports: for one subject the counts, the score, the resources counted and the supplemental data.

Reports stream in order of subject: one patient after the other in memory, however many there are.
`evaluatedResource` names the units of episode measures with the populations each is in; what else the criteria looked
at is for `salus explain`. Supplemental and risk adjustment data are references where they are resources and contained
Observations where they are values.
Leaves to others: what all reports share (`measure.report`).
Sources: Da Vinci DEQM individual MeasureReport profile; the extensions cqf-criteriaReference, cqf-measureInfo and
measurereport-supplementalData.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from salus.measure.definition import Group, MeasureDefinition, Need, SupplementalData
from salus.measure.perpatient import lists_resources, per_patient
from salus.measure.report import Json, Occasion, group_report, head, populations_of
from salus.measure.scoring import SCHEMA, Values
from salus.measure.text import readable

_FHIR: Final = "http://hl7.org/fhir/StructureDefinition/"
_BATCH: Final = 4096
_PLAIN: Final = (("valueBoolean", bool), ("valueInteger", int), ("valueString", str))


def individual_reports(
    measure: MeasureDefinition,
    groups: Mapping[str, pa.Table],
    occasion: Occasion,
    values: Values | None = None,
) -> Iterator[Json]:
    """An individual MeasureReport for each subject, in order of the determinations.

    `groups` holds the determinations of each group by its id; `values`, when given, adds the supplemental data.
    """
    streams = [_by_subject(groups[group.id]) for group in measure.groups]
    types = [unit_type(group, values or {}) for group in measure.groups]
    data = _supplemental(measure, values or {}, _patients(groups[measure.groups[0].id]))
    for pieces, told in zip(zip(*streams, strict=True), data, strict=True):
        subject = pieces[0]["subject_id"][0].as_py()
        reported = [group_report(group, rows) for group, rows in zip(measure.groups, pieces, strict=True)]
        evaluated = _evaluated(zip(measure.groups, types, pieces, strict=True))
        yield {
            **head(measure, "individual", occasion, subject),
            **_data(measure, told),
            "group": reported,
            **({"evaluatedResource": evaluated} if evaluated else {}),
        }


def unit_type(group: Group, values: Values) -> str | None:
    """The resource type of a group's units; None when they are patients, or are not known, or cases of a composite."""
    if group.composite:
        return None
    initial = group.population("initial-population")
    table = values.get(Need(initial.expression)) if initial else None
    if table is None:
        return None if group.basis == "boolean" else group.basis
    if not lists_resources(table):
        return None
    return str(table["type"][0]) if len(table) else (None if group.basis == "boolean" else group.basis)


def _by_subject(rows: pa.Table) -> Iterator[pa.Table]:
    """The rows of each subject, one subject after the other."""
    start, ids = 0, itertools.chain.from_iterable(c.to_pylist() for c in _slices(rows["subject_id"]))
    for _, same in itertools.groupby(ids):
        size = sum(1 for _ in same)
        yield rows.slice(start, size)
        start += size


def _patients(rows: pa.Table) -> int:
    return sum(1 for _ in _by_subject(rows.select(["subject_id"])))


def _slices(values: Any) -> Iterator[Any]:
    return (values.slice(start, _BATCH) for start in range(0, len(values), _BATCH))


def _evaluated(pieces: Iterable[tuple[Group, str | None, pa.Table]]) -> list[Json]:
    """The units of the subject with the ids of the populations they are in, each unit once."""
    found: dict[str, list[str]] = {}
    for group, kind, rows in pieces:
        for row in rows.select(_PLACES).to_pylist() if kind else ():
            inside = populations_of(group, row)
            if inside:
                found.setdefault(f"{kind}/{row['unit_id']}", []).extend(population.id for population in inside)
    return [
        {
            "extension": [
                {"url": f"{_FHIR}cqf-criteriaReference", "valueString": name} for name in dict.fromkeys(names)
            ],
            "reference": reference,
        }
        for reference, names in found.items()
    ]


_PLACES: Final = [name for name in SCHEMA.names if name not in ("observations", "strata")]


def _supplemental(
    measure: MeasureDefinition, values: Values, patients: int
) -> Iterator[list[tuple[SupplementalData, bool, Any, str | None]]]:
    """For each patient what each supplemental data element says: whether resources, the value, and it as text."""
    items = [item for item in measure.supplemental if Need(item.expression) in values]
    tables = [values[Need(item.expression)] for item in items]
    columns = [per_patient(table, patients) for table in tables]
    for start in range(0, patients, _BATCH):
        batch = [column.slice(start, _BATCH) for column in columns]
        said = [zip(each.to_pylist(), readable(each).to_pylist(), strict=True) for each in batch]
        for row in zip(*said, strict=True) if said else [()] * min(_BATCH, patients - start):
            yield [
                (item, lists_resources(table), value, text)
                for item, table, (value, text) in zip(items, tables, row, strict=True)
            ]


def _data(measure: MeasureDefinition, told: Iterable[tuple[SupplementalData, bool, Any, str | None]]) -> Json:
    """The supplemental data of a report: contained Observations, and an extension per element and value."""
    contained: list[Json] = []
    references: list[str] = []
    for item, resources, value, text in told:
        if resources:
            references += value or ()
            continue
        for each in _values(value, text):
            contained.append(_observation(measure, item, len(contained), each))
            references.append(f"#{contained[-1]['id']}")
    if not references:
        return {}
    extension = [
        {"url": f"{_FHIR}measurereport-supplementalData", "valueReference": {"reference": reference}}
        for reference in references
    ]
    return {**({"contained": contained} if contained else {}), "extension": extension}


def _observation(measure: MeasureDefinition, item: SupplementalData, place: int, value: Json) -> Json:
    info = [
        {"url": "measure", "valueCanonical": measure.canonical},
        {"url": "populationId", "valueString": item.id},
    ]
    return {
        "resourceType": "Observation",
        "id": f"sde-{place + 1}",
        "extension": [{"url": f"{_FHIR}cqf-measureInfo", "extension": info}],
        "status": "final",
        "code": {"text": item.id},
        **value,
    }


def _values(value: Any, text: str | None) -> list[Json]:
    """What an element says as Observation.value[x], one for each of a list; one text where FHIR has no form for it."""
    parts = [each for each in (value if isinstance(value, list) else [value]) if each is not None]
    told = [shown for each in parts if (shown := _value(each))]
    if len(told) == len(parts):
        return told
    return [{"valueString": text}] if text else []


def _value(value: Any) -> Json | None:
    for name, kind in _PLAIN:
        if isinstance(value, kind):
            return {name: value}
    if isinstance(value, float | Decimal):
        return {"valueQuantity": {"value": float(value)}}
    concept = _concept(value)
    return {"valueCodeableConcept": concept} if concept else None


def _concept(value: Any) -> Json | None:
    if not isinstance(value, dict):
        return None
    codes = value.get("codes") if "codes" in value else [value] if "code" in value else []
    codings = [
        {name: code[name] for name in ("system", "version", "code", "display") if code.get(name)}
        for code in codes or ()
        if isinstance(code, dict) and isinstance(code.get("code"), str)
    ]
    return {"coding": codings} if codings else None
