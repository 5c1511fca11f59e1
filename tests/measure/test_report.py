"""MeasureReports: counts, scores, strata, ids."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from salus.measure.definition import MeasureDefinition, parse_measure
from salus.measure.individual import individual_reports
from salus.measure.report import Occasion, summary_report
from salus.measure.scoring import determine

Make = Callable[..., Any]
YEAR = Occasion(date(2026, 1, 1), date(2026, 12, 31), datetime(2027, 1, 2, tzinfo=UTC))


@pytest.fixture
def measure(measure_json: Make) -> MeasureDefinition:
    group = {
        "id": "G",
        "description": "all of them",
        "stratifier": [{"id": "S", "criteria": {"expression": "sex"}}],
    }
    codes = ("initial-population", "denominator", "denominator-exclusion", "numerator")
    return parse_measure(measure_json(codes=codes, group=group))


@pytest.fixture
def rows(measure: MeasureDefinition, values_of: Make) -> dict[str, pa.Table]:
    values = values_of(
        initial_population=[True, True, True, True, False],
        denominator=[True, True, True, True, True],
        denominator_exclusion=[False, False, False, True, False],
        numerator=[True, False, False, True, True],
        sex=["female", "female", None, "male", "other"],
    )
    return {"G": determine(measure, measure.groups[0], pa.array(list("abcde")), values)}


def counted(group: dict[str, Any]) -> dict[str, int]:
    return {each["code"]["coding"][0]["code"]: each["count"] for each in group["population"]}


def test_summary(measure: MeasureDefinition, rows: dict[str, pa.Table]) -> None:
    report = summary_report(measure, rows, YEAR)
    group = report["group"][0]
    assert (report["resourceType"], report["type"], report["status"]) == (
        "MeasureReport",
        "summary",
        "complete",
    )
    assert report["measure"] == "http://example.org/Measure/M|1"
    assert report["period"] == {"start": "2026-01-01", "end": "2026-12-31"}
    assert report["date"] == "2027-01-02T00:00:00+00:00"
    assert report["improvementNotation"]["coding"][0]["code"] == "increase"
    assert (group["id"], group["code"]["text"]) == ("G", "all of them")
    assert counted(group) == {
        "initial-population": 4,
        "denominator": 4,
        "denominator-exclusion": 1,
        "numerator": 1,
    }
    assert group["measureScore"] == {"value": round(1 / 3, 8)}
    assert group["population"][0]["id"] == "the-initial-population"


def test_strata(measure: MeasureDefinition, rows: dict[str, pa.Table]) -> None:
    stratifier = summary_report(measure, rows, YEAR)["group"][0]["stratifier"][0]
    strata = {stratum["value"]["text"]: stratum for stratum in stratifier["stratum"]}
    assert stratifier["id"] == "S"
    assert {text: counted(stratum)["initial-population"] for text, stratum in strata.items()} == {
        "female": 2,
        "male": 1,
        "unknown": 1,
    }
    assert strata["female"]["measureScore"] == {"value": 0.5}
    assert strata["male"]["measureScore"]["extension"][0]["valueCode"] == "not-applicable"


def test_individual(measure: MeasureDefinition, rows: dict[str, pa.Table]) -> None:
    reports = list(individual_reports(measure, rows, YEAR))
    assert [report["subject"]["reference"] for report in reports] == [f"Patient/{each}" for each in "abcde"]
    assert counted(reports[3]["group"][0]) == {
        "initial-population": 1,
        "denominator": 1,
        "denominator-exclusion": 1,
        "numerator": 0,
    }
    assert "extension" in reports[3]["group"][0]["measureScore"]
    assert reports[0]["group"][0]["measureScore"] == {"value": 1.0}


def test_ids_are_the_same_for_the_same_report(measure: MeasureDefinition, rows: dict[str, pa.Table]) -> None:
    again = Occasion(YEAR.start, YEAR.end)
    ids = [report["id"] for report in individual_reports(measure, rows, YEAR)]
    assert ids == [report["id"] for report in individual_reports(measure, rows, again)]
    assert len(set(ids)) == 5
    assert "date" not in summary_report(measure, rows, again)


def test_resources_counted_are_named_with_their_populations(
    measure_json: Make, values_of: Make, episodes: Make
) -> None:
    episode = parse_measure(measure_json(codes=("initial-population", "denominator", "numerator")))
    stays = episodes((1, "x"), (1, "y"))
    values = values_of(initial_population=stays, denominator=stays, numerator=episodes((1, "y")))
    rows = {"0": determine(episode, episode.groups[0], pa.array(["a", "b"]), values)}
    first, second = individual_reports(episode, rows, YEAR, values)
    assert counted(first["group"][0]) == {"initial-population": 2, "denominator": 2, "numerator": 1}
    assert [
        (each["reference"], [part["valueString"] for part in each["extension"]]) for each in first["evaluatedResource"]
    ] == [
        ("Encounter/x", ["the-initial-population", "the-denominator"]),
        ("Encounter/y", ["the-initial-population", "the-denominator", "the-numerator"]),
    ]
    assert "evaluatedResource" not in second


def test_supplemental_data_are_told_as_they_are(measure_json: Make, values_of: Make) -> None:
    items = [{"id": name, "criteria": {"expression": name}} for name in ("sex", "age", "payer", "visits", "nothing")]
    measure = parse_measure(measure_json(supplementalData=items))
    sexes = pa.table({"pid": [1], "value": [{"code": "F", "system": "s", "display": "Female"}]})
    values = values_of(
        **{name: [True] for name in ("initial_population", "denominator", "numerator")},
        sex=sexes,
        age=[50],
        payer=pa.table({"pid": [1, 1], "value": ["Medicare", "Medicaid"]}),
        visits=pa.table({"pid": [1], "type": ["Encounter"], "id": ["e"]}),
        nothing=[None],
    )
    rows = {"0": determine(measure, measure.groups[0], pa.array(["a"]), values)}
    (report,) = individual_reports(measure, rows, YEAR, values)
    told = {each["id"]: {k: v for k, v in each.items() if k.startswith("value")} for each in report["contained"]}
    assert list(told.values()) == [
        {"valueCodeableConcept": {"coding": [{"system": "s", "code": "F", "display": "Female"}]}},
        {"valueInteger": 50},
        {"valueString": "Medicare"},
        {"valueString": "Medicaid"},
    ]
    references = [each["valueReference"]["reference"] for each in report["extension"]]
    assert references == ["#sde-1", "#sde-2", "#sde-3", "#sde-4", "Encounter/e"]


def test_a_stratum_has_the_populations_it_applies_to(measure_json: Make, values_of: Make) -> None:
    applies = {
        "url": "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-appliesTo",
        "valueCodeableConcept": {"coding": [{"code": "initial-population"}]},
    }
    stratifier = {"id": "S", "criteria": {"expression": "young"}, "extension": [applies]}
    measure = parse_measure(measure_json(group={"stratifier": [stratifier]}))
    flags = {name: [True, True] for name in ("initial_population", "denominator", "numerator")}
    rows = {"0": determine(measure, measure.groups[0], pa.array(["a", "b"]), values_of(**flags, young=[True, None]))}
    strata = summary_report(measure, rows, YEAR)["group"][0]["stratifier"][0]["stratum"]
    assert [(each["value"]["text"], counted(each)) for each in strata] == [
        ("false", {"initial-population": 1}),
        ("true", {"initial-population": 1}),
    ]
    assert all("extension" in each["measureScore"] for each in strata)


def test_components_are_told_apart(measure_json: Make, values_of: Make) -> None:
    parts = [{"criteria": {"expression": "young"}}, {"criteria": {"expression": "sex"}}]
    measure = parse_measure(measure_json(group={"stratifier": [{"id": "S", "component": parts}]}))
    flags = {name: [True] for name in ("initial_population", "denominator", "numerator")}
    rows = {"0": determine(measure, measure.groups[0], pa.array(["a"]), values_of(**flags, young=[True], sex=["F"]))}
    (stratum,) = summary_report(measure, rows, YEAR)["group"][0]["stratifier"][0]["stratum"]
    assert [(each["code"]["text"], each["value"]["text"]) for each in stratum["component"]] == [
        ("young", "true"),
        ("sex", "F"),
    ]
