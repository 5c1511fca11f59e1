"""The judge of the decks is strict: it finds what differs, on either side, and nothing else."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from measure.deck_expectations import measure_of, read_deck, strata_are_possible, strata_differences
from salus.errors import SalusError
from salus.measure.definition import MeasureDefinition, parse_measure
from salus.measure.flow import POPULATIONS
from salus.measure.testing.expected import differences, expected
from salus.measure.testing.reports import ReportCase, batches, collection

QM = "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-"
COUNTS = {"initial-population": 2, "denominator": 2, "denominator-exclusion": 1, "numerator": 1}
OBSERVED = (("D_1", 12), ("N_1", 1))


def coded(code: str) -> dict[str, Any]:
    return {"coding": [{"code": code}]}


@pytest.fixture
def measure(measure_json: Callable[..., Any]) -> MeasureDefinition:
    resource = measure_json(codes=tuple(COUNTS), scoring=coded("ratio"))
    for name, side in (("D", "the-denominator"), ("N", "the-numerator")):
        extension = [{"url": QM + "criteriaReference", "valueString": side}]
        extension.append({"url": QM + "aggregateMethod", "valueCode": "sum"})
        code = coded("measure-observation")
        listed = {"id": name, "code": code, "criteria": {"expression": name}, "extension": extension}
        resource["group"][0]["population"].append(listed)
    return parse_measure(resource)


@pytest.fixture
def case() -> ReportCase:
    populations = [{"id": code, "code": coded(code), "count": count} for code, count in COUNTS.items()]
    populations += [{"id": id_, "code": coded("measure-observation"), "count": count} for id_, count in OBSERVED]
    report = {"id": "r", "measure": "http://x/Measure/M", "group": [{"population": populations}]}
    return ReportCase("M", 1, "p", collection([{"resourceType": "Patient", "id": "p"}]), report)


def row(unit: str, *inside: str, observations: tuple[float | None, ...] = (), subject: str = "p") -> dict[str, Any]:
    there = {"initial_population", "denominator", "denominator_exclusion", "numerator"}
    flags = {name: name in inside if name in there else None for name in POPULATIONS}
    about = {"measure": "M", "group_id": "0", "subject_id": subject, "unit_id": unit}
    return {**about, **flags, "observations": list(observations), "strata": {}}


def exact() -> list[dict[str, Any]]:
    return [
        row("x", "initial_population", "denominator", "numerator", observations=(12, 1)),
        row("y", "initial_population", "denominator", "denominator_exclusion"),
        row("z", subject="other"),
    ]


def test_an_exact_case_has_no_differences(case: ReportCase, measure: MeasureDefinition) -> None:
    assert differences(case, measure, exact()) == []
    picture = expected(case, measure)[0]
    assert picture.numbers == {"D": [12.0], "N": [1.0]}
    assert picture.counts["numerator"] == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[0].update(numerator=False), "group 0 numerator: expected 1, found 0"),
        (lambda rows: rows[0].update(observations=[12.0, 2.0]), "group 0 N: expected [1.0], found [2.0]"),
        (lambda rows: rows[0].update(observations=[None, 1.0]), "group 0 D: expected [12.0], found [None]"),
        (lambda rows: rows[0].update(observations=[12.0]), "2 observed: expected [], found [12.0]"),
        (lambda rows: rows[1].update(unit_id="x"), "found a unit has two rows"),
        (lambda rows: rows.append(row("p")), "found a row outside the initial population beside others"),
        (lambda rows: rows[0].update(measure_population=True), "group 0 measure_population: expected 0, found 1"),
        (lambda rows: rows[0].update(denominator=None), "found null where there is a population"),
        (lambda rows: rows[0].update(subject_id="q"), "group 0 initial_population: expected 2, found 1"),
        (lambda rows: rows.clear(), "found no row"),
    ],
)
def test_whatever_differs_is_found(
    change: Callable[[Any], None], said: str, case: ReportCase, measure: MeasureDefinition
) -> None:
    rows = exact()
    change(rows)
    assert any(said in str(each) for each in differences(case, measure, rows))


def test_a_population_the_measure_does_not_have_is_a_difference(case: ReportCase, measure: MeasureDefinition) -> None:
    report = copy.deepcopy(case.report)
    report["group"][0]["population"].append({"id": "x", "code": coded("denominator-exception"), "count": 1})
    told = differences(ReportCase("M", 1, "p", collection([]), report), measure, exact())
    assert [str(each) for each in told] == ["group 0 denominator_exception: expected 1, found 0"]


def test_a_report_with_other_groups_is_an_error(case: ReportCase, measure: MeasureDefinition) -> None:
    with pytest.raises(SalusError, match="M: the report has 2 groups, M has 1"):
        expected(replace(case, report={**case.report, "group": case.report["group"] * 2}), measure)


def test_strata_are_compared_only_where_they_can_be_true(case: ReportCase, measure: MeasureDefinition) -> None:
    def stratifier(*strata: tuple[str, int]) -> dict[str, Any]:
        def stratum(value: str, count: int) -> dict[str, Any]:
            return {"value": {"text": value}, "population": [{"code": coded("numerator"), "count": count}]}

        return {"id": "S", "stratum": [stratum(*each) for each in strata]}

    group = case.report["group"][0]
    assert strata_are_possible(group, stratifier(("true", 1), ("false", 0)))
    assert not strata_are_possible(group, stratifier(("true", 1), ("false", 1)))
    rows = exact()
    rows[0]["strata"] = {"S": "false"}
    group["stratifier"] = [stratifier(("Strata-1", 1))]
    assert [str(each) for each in strata_differences(case, measure, rows)] == [
        "group 0 S Strata-1 numerator: expected 1, found 0"
    ]


def test_every_runnable_case_is_understood(shared_data: Callable[[str], Path]) -> None:
    lines = shared_data("ecqm/content/Measure.ndjson").read_bytes().splitlines()
    measures = [parse_measure(json.loads(line)) for line in lines]
    cases = [case for deck in sorted(shared_data("ecqm/decks").glob("*.ndjson")) for case in read_deck(deck)]
    found = [(case, measure) for case in cases if (measure := measure_of(case, measures))]
    assert (len(cases), len(found)) == (1379, 1370)
    for case, measure in found:
        for picture, group in zip(expected(case, measure), measure.groups, strict=True):
            assert set(picture.counts) <= {each.code.replace("-", "_") for each in group.criteria}, case
            assert len(picture.numbers) == len(group.populations) - len(group.criteria), case


def test_cases_that_cannot_stand_together_are_parted(shared_data: Callable[[str], Path]) -> None:
    decks = {deck.stem: read_deck(deck) for deck in shared_data("ecqm/decks").glob("*.ndjson")}
    parts = Counter({name: len(batches(cases)) for name, cases in decks.items()})
    assert {name[:7] for name, count in parts.items() if count > 1} >= {"CMS1017", "CMS104F", "CMS22FH", "CMS72FH"}
    assert max(parts.values()) < 10
    for cases in decks.values():
        assert sum(map(len, batches(cases))) == len(cases)
        assert all(case.patient for case in cases)
