"""Measure resources as values."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salus.errors import SalusError
from salus.measure import authored
from salus.measure.definition import NOT_BY, Population, Stratifier, SupplementalData, parse_measure

Make = Callable[..., Any]
QM = "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-"


def test_a_measure_in_the_older_style(measure_json: Make) -> None:
    measure = parse_measure(measure_json(rationale="because", description="what"))
    assert (measure.name, measure.version, measure.scoring, measure.improvement) == (
        "M",
        "1",
        "proportion",
        "increase",
    )
    assert measure.canonical == "http://example.org/Measure/M|1"
    assert (measure.description, measure.rationale) == ("what", "because")
    assert measure.groups[0].id == "0"
    assert measure.groups[0].basis == "boolean"
    assert measure.criteria() == ("initial-population", "denominator", "numerator")


def test_what_a_measure_counts_itself_is_an_extension_of_our_own(measure_json: Make) -> None:
    said = [{"url": NOT_BY, "valueString": name} for name in ("payer", "uninsured", "payer")]
    assert parse_measure(measure_json(extension=said)).not_by == ("payer", "uninsured")
    written = {"name": "M", "scoring": "cohort", "populations": {"initial-population": "A"}, "not_by": ["payer"]}
    assert parse_measure(authored.measure(written, "m.toml")).not_by == ("payer",)
    with pytest.raises(SalusError, match="not_by is written as a list of texts, not 'payer'"):
        authored.measure(written | {"not_by": "payer"}, "m.toml")


def test_what_a_group_says_counts_before_the_measure(measure_json: Make) -> None:
    group = {
        "id": "G",
        "description": "one rate",
        "extension": [
            {"url": QM + "scoring", "valueCodeableConcept": {"coding": [{"code": "ratio"}]}},
            {"url": QM + "populationBasis", "valueCode": "Encounter"},
            {"url": QM + "improvementNotation", "valueCodeableConcept": {"coding": [{"code": "decrease"}]}},
        ],
    }
    found = parse_measure(measure_json(group=group)).groups[0]
    assert (found.id, found.scoring, found.basis, found.improvement) == (
        "G",
        "ratio",
        "Encounter",
        "decrease",
    )


def test_observations_stratifiers_and_supplemental_data(measure_json: Make) -> None:
    observation = {
        "id": "O",
        "code": {"coding": [{"code": "measure-observation"}]},
        "criteria": {"expression": "Observe"},
        "extension": [
            {"url": QM + "aggregateMethod", "valueCode": "Sum"},
            {"url": QM + "criteriaReference", "valueString": "D"},
        ],
    }
    stratifiers = [
        {
            "id": "S",
            "criteria": {"expression": "Young"},
            "description": " the young ",
            "extension": [{"url": QM + "appliesTo", "valueCodeableConcept": {"coding": [{"code": "numerator"}]}}],
        },
        {"component": [{"criteria": {"expression": "A"}}, {"criteria": {"expression": "B"}}]},
    ]
    supplemental = [
        {
            "id": "sde-sex",
            "criteria": {"expression": "SDE Sex"},
            "usage": [{"coding": [{"code": "supplemental-data"}]}],
        },
        {"code": {"text": "sde-race"}, "criteria": {"expression": "SDE Race"}},
        {"id": "nothing"},
    ]
    resource = measure_json(supplementalData=supplemental)
    resource["group"][0]["population"].append(observation)
    resource["group"][0]["stratifier"] = stratifiers
    measure = parse_measure(resource)
    assert measure.groups[0].populations[-1] == Population("O", "measure-observation", "Observe", "D", "Sum")
    assert measure.groups[0].stratifiers == (
        Stratifier("S", ("Young",), "the young", ("numerator",)),
        Stratifier("1", ("A", "B")),
    )
    assert measure.supplemental == (
        SupplementalData("sde-sex", "SDE Sex", ("supplemental-data",)),
        SupplementalData("sde-race", "SDE Race"),
    )
    assert measure.criteria()[-3:] == ("Young", "A", "B")


def test_criteria_may_be_expressions_unless_they_are_said_to_be_names(measure_json: Make) -> None:
    def criteria(expression: str, language: str | None) -> dict[str, Any]:
        return {"criteria": {"expression": expression} | ({"language": language} if language else {})}

    resource = measure_json(supplementalData=[{"id": "s", **criteria('"A" and\n  "B"', "text/cql-expression")}])
    resource["group"][0]["stratifier"] = [
        {"component": [criteria('"Plain"', "text/cql"), criteria('"Named"', "text/cql.identifier")]},
        criteria("%patient.gender", "text/fhirpath"),
        criteria(' exists "C" ', "text/cql"),
        criteria("Nothing said", None),
    ]
    measure = parse_measure(resource)
    assert measure.written == (("Plain", '"Plain"'), ('exists "C"', 'exists "C"'), ('"A" and "B"', '"A" and\n  "B"'))
    assert measure.criteria()[-5:] == ("Plain", "Named", "%patient.gender", 'exists "C"', "Nothing said")
    assert measure.supplemental[0].expression == '"A" and "B"'


OTHER_LANGUAGE = {
    "code": {"coding": [{"code": "numerator"}]},
    "criteria": {"language": "text/fhirpath", "expression": "x"},
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"group": []}, "measure M has no groups"),
        ({"group": [{"population": [OTHER_LANGUAGE]}]}, "the criteria of numerator are text/fhirpath, and populations"),
        ({"scoring": {}}, "scoring 'is not given' is not one of"),
        ({"scoring": {"coding": [{"code": "composite"}]}}, "measure M, group 0: composite scoring 'is not given' is"),
        ({"group": [{"population": [{"id": "p"}]}]}, "measure M, group 0: population 'p' needs a code"),
        ({"name": "", "id": "", "url": ""}, "no name, id or url"),
    ],
)
def test_what_a_measure_lacks_is_told(change: dict[str, Any], words: str, measure_json: Make) -> None:
    with pytest.raises(SalusError, match=words):
        parse_measure(measure_json() | change)


def test_a_measure_without_url_and_library(measure_json: Make) -> None:
    measure = parse_measure(measure_json(url=None, library=[], version=None))
    assert (measure.canonical, measure.library) == ("Measure/M-id", "")


def test_published_measures_parse(shared_data: Callable[[str], Path]) -> None:
    lines = shared_data("ecqm/content/Measure.ndjson").read_bytes().splitlines()
    measures = [parse_measure(json.loads(line)) for line in lines]
    groups = [group for measure in measures for group in measure.groups]
    assert (len(measures), len(groups)) == (41, 52)
    assert Counter(group.scoring for group in groups) == {
        "proportion": 43,
        "continuous-variable": 6,
        "ratio": 2,
        "cohort": 1,
    }
    assert {group.basis for group in groups} == {"boolean", "Encounter", "Observation", "Procedure"}
    assert all(group.improvement in ("increase", "decrease") for group in groups)
    assert sum(len(group.stratifiers) for group in groups) > 10
