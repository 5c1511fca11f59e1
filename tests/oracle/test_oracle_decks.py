"""The published test decks of patient-based proportions, judged by the oracle: every case, group and population.

Cases that are known to miss are listed by patient with the reason (see docs/ADJUDICATIONS.md); no other may. Data are
read in place (CC0); nothing of them is kept here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from salus.engine import oracle
from salus.engine.asked import Wanted
from salus.measure.content import Content
from salus.measure.definition import Group, MeasureDefinition
from salus.store import Population, load

DECKS = {
    "CMS117FHIRChildhoodImmunizationStatus": 6,
    "CMS122FHIRDiabetesAssessGreaterThan9Percent": 36,
    "CMS125FHIRBreastCancerScreening": 39,
    "CMS128FHIRAntidepressantMedManagement": 5,
    "CMS130FHIRColorectalCancerScreening": 38,
    "CMS143FHIRPOAGOpticNerveEvaluation": 18,
    "CMS145FHIRCADBetaBlockerTherapyPriorMIorLVSD": 33,
    "CMS155FHIRWeightAssessandCounselforKids": 5,
    "CMS159FHIRDepressionRemissionatTwelveMonths": 42,
    "CMS165FHIRControllingHighBloodPressure": 39,
    "CMS2FHIRPCSDepressionScreenAndFollowUp": 26,
    "CMS50FHIRCRLReceiptofSpecialistReport": 15,
    "CMS56FHIRFunctionalStatusAssessmentforTotalHipReplacement": 40,
    "CMS645FHIRBoneDensityProstateCancerAndrogenDeprivationTherapy": 33,
    "CMS69FHIRPCSBMIScreenAndFollowUp": 43,
    "CMS75FHIRChildrenWhoHaveDentalDecayOrCavities": 8,
    "CMS771FHIRUrinarySymptomScoreChangeBenignProstaticHyperplasia": 24,
}
KNOWN = {
    "1f70822b-c513-4c3a-8162-49f0bb9c914b": "CMS145: expected not to know a profile's older name, mednotrequested",
    "c1df0273-aad8-41a8-859c-edd204bb4f16": "CMS69: expected a BMI only where its profile is stated",
}
FLOW = ("initial-population", "denominator", "denominator-exclusion", "numerator", "denominator-exception")
Counts = dict[str, int]


@dataclass(frozen=True)
class Case:
    patient: str
    period: tuple[date, date]
    groups: list[Counts]


def cases(deck: Path) -> Iterator[Case]:
    for line in deck.read_text(encoding="utf-8").splitlines():
        resources = [entry["resource"] for entry in json.loads(line)["entry"]]
        [patient] = [r for r in resources if r["resourceType"] == "Patient"]
        report = resources[-1]
        period = (date.fromisoformat(report["period"]["start"][:10]), date.fromisoformat(report["period"]["end"][:10]))
        yield Case(patient["id"], period, [_counts(group) for group in report["group"]])


def _counts(group: dict[str, Any]) -> Counts:
    return {p["code"]["coding"][0]["code"]: p.get("count", 0) for p in group["population"]}


def proportion(group: Group, held: Callable[[str], bool]) -> Counts:
    """Membership by the scoring flow: each population is asked of those the one before leaves."""
    met = {p.code: held(p.expression) for p in group.populations}
    initial = met["initial-population"]
    denominator = initial and met["denominator"]
    excluded = denominator and met.get("denominator-exclusion", False)
    numerator = denominator and not excluded and met["numerator"]
    excepted = denominator and not excluded and not numerator and met.get("denominator-exception", False)
    return {name: int(v) for name, v in zip(FLOW, (initial, denominator, excluded, numerator, excepted), strict=True)}


@pytest.fixture(scope="module")
def content(shared_data: Callable[[str], Path]) -> Content:
    return Content.load([shared_data("ecqm/content")], allow_missing_valuesets=True)


def answers(population: Path, content: Content, measure: MeasureDefinition, period: tuple[date, date]) -> Any:
    """(patient, define) -> value."""
    library = content.measure_library(measure)
    names = {p.expression for group in measure.groups for p in group.populations}
    wanted = {name: Wanted(library.name, library.version, name) for name in names}
    with Population.open(population, read_only=True) as opened:
        outcome = oracle.run(opened, content, list(wanted.values()), period)
        ids = dict(opened.con.execute("SELECT pid, id FROM patient").fetchall())
    rows = ((name, row) for name, want in wanted.items() for row in outcome.values[want].to_pylist())
    return {(ids[row["pid"]], name): row["value"] for name, row in rows}


@pytest.mark.parametrize("name", DECKS)
def test_no_case_misses_but_those_known(
    name: str, content: Content, shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    deck = shared_data(f"ecqm/decks/{name}.ndjson")
    [measure] = [m for m in content.measures() if m.name == name]
    load([deck], tmp_path / "population.duckdb")
    given = list(cases(deck))
    values = answers(tmp_path / "population.duckdb", content, measure, given[0].period)
    misses = {case.patient for case in given if not _matches(case, measure, values)}
    assert len(given) == DECKS[name]
    assert misses - KNOWN.keys() == set()


def _matches(case: Case, measure: MeasureDefinition, values: Any) -> bool:
    for group, expected in zip(measure.groups, case.groups, strict=True):
        found = proportion(group, lambda define: values[case.patient, define] is True)
        if any(found[code] != count for code, count in expected.items() if code in found):
            return False
    return True
