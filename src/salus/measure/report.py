"""MeasureReports from determinations: counts, scores and strata of each group.

The score of a proportion is (numerator - numerator exclusions) / (denominator - exclusions - exceptions);
with nothing left to divide by it is absent, and says so. Ids are made from what the report is about, so the
same run gives the same ids. Reports count people: they stay with the run until `publish` has seen them.
Leaves to others: who is in which population (`measure.scoring`), disclosure control (`publish`).
Sources: FHIR R4 MeasureReport; Da Vinci DEQM summary and individual MeasureReport profiles.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from salus.measure.definition import Group, MeasureDefinition, Population

Json = dict[str, Any]

_DEQM: Final = "http://hl7.org/fhir/us/davinci-deqm/StructureDefinition/"
_TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_IDS: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:salus:measure-report")


@dataclass(frozen=True)
class Occasion:
    """What every report of a run shares: the measurement period and when the run was made."""

    start: date
    end: date
    made: datetime | None = None


def score(counts: Mapping[str, int]) -> float | None:
    """The score of a proportion from its counts by population column; None when nothing is left to divide
    by.
    """
    taken_off = counts.get("denominator_exclusion", 0) + counts.get("denominator_exception", 0)
    rest = counts.get("denominator", 0) - taken_off
    return (counts.get("numerator", 0) - counts.get("numerator_exclusion", 0)) / rest if rest else None


def counts(rows: pa.Table, group: Group) -> dict[str, int]:
    """How many units of `rows` (determinations of one group) are in each population the group has, by
    column name.
    """
    columns = [_column(population) for population in group.populations]
    return {name: pc.sum(rows[name]).as_py() or 0 for name in columns if name in rows.column_names}


def summary_report(measure: MeasureDefinition, groups: Mapping[str, pa.Table], occasion: Occasion) -> Json:
    """The summary MeasureReport of a measure; `groups` holds the determinations of each group by its id."""
    reported = [_summary_group(group, groups[group.id]) for group in measure.groups]
    return _report(measure, "summary", occasion, reported)


def individual_reports(
    measure: MeasureDefinition, groups: Mapping[str, pa.Table], occasion: Occasion
) -> Iterator[Json]:
    """An individual MeasureReport with population counts for each subject, in order of the determinations."""
    by_subject: dict[str, dict[str, list[Json]]] = {}
    for group in measure.groups:
        for row in groups[group.id].select(["subject_id", *_columns(group)]).to_pylist():
            by_subject.setdefault(row["subject_id"], {}).setdefault(group.id, []).append(row)
    for subject, rows in by_subject.items():
        reported = [_individual_group(group, rows.get(group.id, [])) for group in measure.groups]
        yield _report(measure, "individual", occasion, reported, subject)


def _report(
    measure: MeasureDefinition, kind: str, occasion: Occasion, groups: list[Json], subject: str | None = None
) -> Json:
    profile = "summary-measurereport-deqm" if kind == "summary" else "indv-measurereport-deqm"
    about = f"{measure.canonical} {occasion.start} {occasion.end} {kind} {subject or ''}"
    return {
        "resourceType": "MeasureReport",
        "id": str(uuid.uuid5(_IDS, about)),
        "meta": {"profile": [_DEQM + profile]},
        "status": "complete",
        "type": kind,
        "measure": measure.canonical,
        **({"subject": {"reference": f"Patient/{subject}"}} if subject else {}),
        **({"date": occasion.made.isoformat(timespec="seconds")} if occasion.made else {}),
        "reporter": _absent("unknown"),
        "period": {"start": occasion.start.isoformat(), "end": occasion.end.isoformat()},
        **_improvement(measure.improvement),
        "group": groups,
    }


def _summary_group(group: Group, rows: pa.Table) -> Json:
    strata = [_stratifier(group, n, rows) for n in range(len(group.stratifiers))]
    return {
        "id": group.id,
        **({"code": {"text": group.description}} if group.description else {}),
        **_counted(group, counts(rows, group)),
        **({"stratifier": strata} if strata else {}),
    }


def _individual_group(group: Group, rows: list[Json]) -> Json:
    tally = {name: sum(1 for row in rows if row[name]) for name in _columns(group)}
    return {"id": group.id, **_counted(group, tally)}


def _counted(group: Group, tally: Mapping[str, int]) -> Json:
    """The populations of a group or stratum with their counts, and its score."""
    value = score(tally)
    populations = [
        {
            "id": population.id,
            "code": _coded("measure-population", population.code),
            "count": tally[_column(population)],
        }
        for population in group.populations
        if _column(population) in tally
    ]
    return {
        "population": populations,
        "measureScore": _absent("not-applicable") if value is None else {"value": round(value, 8)},
    }


def _stratifier(group: Group, position: int, rows: pa.Table) -> Json:
    """One stratifier: a stratum per value found among the units of the initial population."""
    stratifier = group.stratifiers[position]
    values = pc.fill_null(pc.map_lookup(rows["strata"], stratifier.id, "first"), "unknown")
    found = sorted(pc.unique(values.filter(rows["initial_population"])).to_pylist())
    strata = [
        {"value": {"text": value}, **_counted(group, counts(rows.filter(pc.equal(values, value)), group))}
        for value in found
    ]
    return {
        "id": stratifier.id,
        "code": [{"text": stratifier.description or stratifier.id}],
        "stratum": strata,
    }


def _columns(group: Group) -> list[str]:
    return list(dict.fromkeys(_column(p) for p in group.populations if p.code != "measure-observation"))


def _column(population: Population) -> str:
    return population.code.replace("-", "_")


def _improvement(notation: str | None) -> Json:
    return {"improvementNotation": _coded("measure-improvement-notation", notation)} if notation else {}


def _coded(system: str, code: str) -> Json:
    return {"coding": [{"system": _TERMINOLOGY + system, "code": code}]}


def _absent(reason: str) -> Json:
    return {"extension": [{"url": _ABSENT, "valueCode": reason}]}
