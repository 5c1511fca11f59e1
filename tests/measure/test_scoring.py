"""The scoring flow of a proportion, by hand, by rule, and against what the published decks expect."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from salus.errors import SalusError
from salus.measure.definition import MeasureDefinition, parse_measure
from salus.measure.scoring import (
    POPULATIONS,
    SCHEMA,
    aligned,
    check_supported,
    columns_of,
    determine,
    proportion,
)

Make = Callable[..., Any]
ALL = ("initial_population", "denominator", "denominator_exclusion", "denominator_exception", "numerator")
CODES = tuple(name.replace("_", "-") for name in ALL)


def one(**criteria: bool) -> dict[str, bool]:
    """The membership of one unit."""
    flags = proportion({name: np.array([value]) for name, value in criteria.items()})
    return {name: bool(value[0]) for name, value in flags.items()}


def unit(*true: str) -> dict[str, bool]:
    return one(**{name: name in true for name in (*ALL, "numerator_exclusion")})


@pytest.mark.parametrize(
    ("true", "member"),
    [
        (("denominator", "numerator"), ()),
        (("initial_population", "numerator"), ("initial_population",)),
        (
            (
                "initial_population",
                "denominator",
                "denominator_exclusion",
                "numerator",
                "denominator_exception",
            ),
            ("initial_population", "denominator", "denominator_exclusion"),
        ),
        (
            ("initial_population", "denominator", "numerator", "denominator_exception"),
            ("initial_population", "denominator", "numerator"),
        ),
        (
            ("initial_population", "denominator", "denominator_exception"),
            ("initial_population", "denominator", "denominator_exception"),
        ),
        (
            ("initial_population", "denominator", "numerator", "numerator_exclusion"),
            ("initial_population", "denominator", "numerator", "numerator_exclusion"),
        ),
        (
            ("initial_population", "denominator", "numerator_exclusion"),
            ("initial_population", "denominator"),
        ),
    ],
)
def test_flow(true: tuple[str, ...], member: tuple[str, ...]) -> None:
    assert {name for name, inside in unit(*true).items() if inside} == set(member)


def test_every_combination_keeps_the_rules() -> None:
    names = (*ALL, "numerator_exclusion")
    for values in itertools.product([False, True], repeat=len(names)):
        m = one(**dict(zip(names, values, strict=True)))
        assert m["initial_population"] or not m["denominator"]
        assert m["denominator"] or not (m["denominator_exclusion"] or m["numerator"])
        assert m["denominator_exclusion"] + m["numerator"] + m["denominator_exception"] <= m["denominator"]
        assert m["numerator"] or not m["numerator_exclusion"]


@pytest.fixture
def measure(measure_json: Make) -> MeasureDefinition:
    stratifiers = [{"id": "by-sex", "criteria": {"expression": "sex"}}]
    return parse_measure(measure_json(codes=CODES, group={"id": "G", "stratifier": stratifiers}))


def test_determinations_follow_the_contract(measure: MeasureDefinition, values_of: Make) -> None:
    values = values_of(
        initial_population=[True, False, True, None],
        denominator=[True, True, None, True],
        denominator_exclusion=[False, False, False, False],
        denominator_exception=[None, None, None, None],
        numerator=[True, True, True, True],
        sex=["female", None, "male", "female"],
    )
    table = determine(measure, measure.groups[0], pa.array(["a", "b", "c", "d"]), values)
    table.validate(full=True)
    assert table.schema.equals(SCHEMA)
    rows = table.to_pylist(maps_as_pydicts="strict")
    assert [row["subject_id"] for row in rows] == [row["unit_id"] for row in rows] == ["a", "b", "c", "d"]
    assert {(row["measure"], row["group_id"]) for row in rows} == {("M", "G")}
    assert [[name for name in POPULATIONS if row[name]] for row in rows] == [
        ["initial_population", "denominator", "numerator"],
        [],
        ["initial_population"],
        [],
    ]
    assert all(row["numerator_exclusion"] is None and row["denominator_exception"] is False for row in rows)
    assert [row["strata"] for row in rows] == [
        {"by-sex": "female"},
        {"by-sex": None},
        {"by-sex": "male"},
        {"by-sex": "female"},
    ]
    assert rows[0]["observations"] == []
    assert columns_of(measure.groups[0]) == tuple(n for n in POPULATIONS if n in ALL)


def test_strata_of_criteria_and_components(measure_json: Make, values_of: Make) -> None:
    stratifiers = [
        {"criteria": {"expression": "young"}},
        {
            "id": "both",
            "component": [{"criteria": {"expression": "young"}}, {"criteria": {"expression": "sex"}}],
        },
    ]
    measure = parse_measure(measure_json(group={"stratifier": stratifiers}))
    flags = {name: [True, True] for name in ("initial_population", "denominator", "numerator")}
    values = values_of(**flags, young=[True, None], sex=[None, "male"])
    table = determine(measure, measure.groups[0], pa.array(["a", "b"]), values)
    assert table["strata"].to_pylist() == [
        [("0", "true"), ("both", "true")],
        [("0", "false"), ("both", "false; male")],
    ]


def test_a_population_of_nobody(measure: MeasureDefinition, values_of: Make) -> None:
    values = values_of(**{name: [] for name in (*ALL, "sex")})
    table = determine(measure, measure.groups[0], pa.array([], pa.string()), values)
    assert table.num_rows == 0
    assert table.schema.equals(SCHEMA)


def test_a_criterion_must_be_a_truth_value(measure: MeasureDefinition, values_of: Make) -> None:
    values = values_of(**{name: [True] for name in (*ALL, "sex")})
    subjects = pa.array(["a"])
    values["numerator"] = values_of(numerator=["yes"])["numerator"]
    with pytest.raises(SalusError, match="M: 'numerator' must be true or false for a patient, but it is string"):
        determine(measure, measure.groups[0], subjects, values)
    values["numerator"] = pa.table({"pid": [1], "type": ["Encounter"], "id": ["e"]})
    with pytest.raises(SalusError, match="but it is a list"):
        determine(measure, measure.groups[0], subjects, values)


def test_values_are_put_in_their_place() -> None:
    table = pa.table({"pid": [3, 1], "value": ["c", "a"]})
    assert aligned(table, 4).to_pylist() == ["a", None, "c", None]
    with pytest.raises(SalusError, match="more than one value"):
        aligned(pa.table({"pid": [1, 1], "value": ["a", "b"]}), 2)


@pytest.mark.parametrize(
    ("change", "codes", "words"),
    [
        (
            {"scoring": {"coding": [{"code": "cohort"}]}},
            ("initial-population",),
            "M, group 0: cohort scoring",
        ),
        ({}, ("initial-population", "denominator"), "a proportion without numerator"),
        ({}, (*CODES, "measure-observation"), "measure-observation in a proportion"),
        ({}, (*CODES, "numerator"), "two criteria for one population"),
    ],
)
def test_what_is_not_supported_yet_is_refused(
    change: dict[str, Any], codes: tuple[str, ...], words: str, measure_json: Make
) -> None:
    with pytest.raises(SalusError, match=f"not supported yet: .*{words}"):
        check_supported([parse_measure(measure_json(codes=codes, **change))])


def test_another_basis_is_refused(measure_json: Make) -> None:
    url = "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-populationBasis"
    episodes = measure_json(group={"extension": [{"url": url, "valueCode": "Encounter"}]})
    with pytest.raises(SalusError, match="not supported yet: M, group 0: Encounter basis"):
        check_supported([parse_measure(episodes)])


def test_the_decks_keep_the_same_rules(shared_data: Callable[[str], Path]) -> None:
    """Every expected count of every proportion group is one the scoring flow can give."""
    lines = shared_data("ecqm/content/Measure.ndjson").read_bytes().splitlines()
    measures = {measure.url: measure for measure in map(parse_measure, map(json.loads, lines))}
    seen, wrong = 0, []
    for deck in sorted(shared_data("ecqm/decks").glob("*.ndjson")):
        for line in deck.read_bytes().splitlines():
            report = json.loads(line)["entry"][-1]["resource"]
            measure = measures.get(report["measure"].partition("|")[0])
            for group, expected in zip(measure.groups if measure else (), report["group"], strict=False):
                if group.scoring == "proportion":
                    seen += 1
                    wrong += [] if possible(expected) else [(deck.name, report["id"])]
    assert (seen, wrong) == (1380, [])


def possible(group: dict[str, Any]) -> bool:
    n = {each["code"]["coding"][0]["code"]: each["count"] for each in group["population"]}
    outside = n.get("denominator-exclusion", 0) + n.get("denominator-exception", 0)
    return n["initial-population"] >= n["denominator"] >= outside + n["numerator"] and n["numerator"] >= n.get(
        "numerator-exclusion", 0
    )
