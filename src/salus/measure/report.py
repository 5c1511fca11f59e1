"""Summary MeasureReports from determinations: counts, scores and strata of each group; and what all reports share.

A group with nothing to score by has no score, and says so. Ids are made from what the report is about, so the
same run gives the same ids. Reports count people: they stay with the run until `publish` has seen them.
Leaves to others: who is in which population (`measure.scoring`), scores (`measure.score`), reports about one subject
(`measure.individual`), disclosure control (`publish`).
Sources: FHIR R4 MeasureReport; Da Vinci DEQM summary MeasureReport profile and its measureScoring extension.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from salus.measure.definition import OBSERVATIONS, Group, MeasureDefinition, Population, Stratifier
from salus.measure.flow import POPULATIONS, column_of
from salus.measure.score import counts, observed, score
from salus.measure.strata import UNKNOWN, components, of_stratifier

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


def summary_report(measure: MeasureDefinition, groups: Mapping[str, pa.Table], occasion: Occasion) -> Json:
    """The summary MeasureReport of a measure; `groups` holds the determinations of each group by its id."""
    reported = [_summary_group(group, groups[group.id]) for group in measure.groups]
    return head(measure, "summary", occasion) | {"group": reported}


def head(measure: MeasureDefinition, kind: str, occasion: Occasion, subject: str | None = None) -> Json:
    """What a report (`summary` or `individual`) says before its groups."""
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
        "reporter": absent("unknown"),
        "period": {"start": occasion.start.isoformat(), "end": occasion.end.isoformat()},
        **_improvement(measure.improvement),
    }


def group_report(group: Group, rows: pa.Table) -> Json:
    """A group of a report: its populations with their counts, and its score, over `rows` of determinations."""
    scoring = "composite" if group.composite else group.scoring
    return {"extension": [_scoring(scoring)], "id": group.id, **_counted(group, rows)}


def _summary_group(group: Group, rows: pa.Table) -> Json:
    strata = [_stratifier(group, stratifier, rows) for stratifier in group.stratifiers]
    return {
        **group_report(group, rows),
        **({"code": {"text": group.description}} if group.description else {}),
        **({"stratifier": strata} if strata else {}),
    }


def _counted(group: Group, rows: pa.Table, only: tuple[str, ...] = ()) -> Json:
    """The populations (or `only` those of some codes) with their counts, and the score they give.

    An observation counts the units for which it could be told.
    """
    tally = counts(rows, group)
    told = {name: len(numbers) for name, numbers in observed(rows, group).items()}
    populations = [
        {
            "id": population.id,
            "code": coded("measure-population", population.code),
            "count": tally.get(column_of(population.code), told.get(population.id, 0)),
        }
        for population in group.populations
        if not only or population.code in only
    ]
    value = score(rows, group) if _scores(group, only) else None
    return {
        "population": populations,
        "measureScore": absent("not-applicable") if value is None else {"value": round(value, 8)},
    }


def _scores(group: Group, only: tuple[str, ...]) -> bool:
    """Whether the populations of `only` are all that the score is made of."""
    needed = {p.code for p in group.populations if p.code not in OBSERVATIONS}
    return not only or needed <= set(only)


def _stratifier(group: Group, stratifier: Stratifier, rows: pa.Table) -> Json:
    """One stratifier: a stratum per value found among the units of the initial population."""
    values = pc.fill_null(of_stratifier(rows["strata"], stratifier.id), UNKNOWN)
    found = sorted(pc.unique(values.filter(rows["initial_population"])).to_pylist())
    components = ["unit_id"] if group.composite else []
    counted = rows.select([*components, *POPULATIONS, "observations"])  # names and strata weigh more than what counts
    return {
        "id": stratifier.id,
        "code": [{"text": stratifier.description or stratifier.id}],
        "stratum": [
            {
                **_stratum_value(stratifier, value),
                **_counted(group, counted.filter(pc.equal(values, value)), stratifier.applies_to),
            }
            for value in found
        ],
    }


def _stratum_value(stratifier: Stratifier, value: str) -> Json:
    parts = components(stratifier, value)
    if not parts:
        return {"value": {"text": value}}
    return {"component": [{"code": {"text": name}, "value": {"text": part}} for name, part in parts]}


def coded(system: str, code: str) -> Json:
    """A concept of one of the HL7 terminology code systems."""
    return {"coding": [{"system": _TERMINOLOGY + system, "code": code}]}


def absent(reason: str) -> Json:
    """An element without a value, and why."""
    return {"extension": [{"url": _ABSENT, "valueCode": reason}]}


def _scoring(scoring: str) -> Json:
    return {"url": f"{_DEQM}extension-measureScoring", "valueCodeableConcept": coded("measure-scoring", scoring)}


def _improvement(notation: str | None) -> Json:
    return {"improvementNotation": coded("measure-improvement-notation", notation)} if notation else {}


def populations_of(group: Group, row: Mapping[str, Any]) -> tuple[Population, ...]:
    """The populations of a group that a determination (as a dict) is in."""
    return tuple(population for population in group.criteria if row[column_of(population.code)])
