"""Determinations: the table of the contract, on patient and on episode basis."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from salus.errors import SalusError
from salus.measure.definition import MeasureDefinition, Need, parse_measure
from salus.measure.flow import POPULATIONS
from salus.measure.perpatient import aligned
from salus.measure.scoring import SCHEMA, determine
from salus.measure.supported import check_supported

Make = Callable[..., Any]
ALL = ("initial_population", "denominator", "denominator_exclusion", "denominator_exception", "numerator")
CODES = tuple(name.replace("_", "-") for name in ALL)
SCORING = {"scoring": {"coding": [{"code": "ratio"}]}}


@pytest.fixture
def measure(measure_json: Make) -> MeasureDefinition:
    stratifiers = [{"id": "by-sex", "criteria": {"expression": "sex"}}]
    return parse_measure(measure_json(codes=CODES, group={"id": "G", "stratifier": stratifiers}))


def members(table: pa.Table) -> list[tuple[str, str, list[str]]]:
    """Subject, unit and the populations it is in, row by row."""
    rows = table.to_pylist()
    return [(row["subject_id"], row["unit_id"], [name for name in POPULATIONS if row[name]]) for row in rows]


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
    assert {(row["measure"], row["group_id"]) for row in rows} == {("M", "G")}
    assert members(table) == [
        ("a", "a", ["initial_population", "denominator", "numerator"]),
        ("b", "b", []),
        ("c", "c", ["initial_population"]),
        ("d", "d", []),
    ]
    assert all(row["numerator_exclusion"] is None and row["denominator_exception"] is False for row in rows)
    assert [row["strata"]["by-sex"] for row in rows] == ["female", None, "male", "female"]
    assert rows[0]["observations"] == []


def test_episodes_have_a_row_each_and_patients_without_any_one(
    measure_json: Make, values_of: Make, episodes: Make
) -> None:
    measure = parse_measure(measure_json())
    values = values_of(
        initial_population=episodes((3, "z"), (1, "y"), (1, "x"), (1, "y")),
        denominator=episodes((1, "x"), (1, "y"), (3, "z"), (2, "w")),
        numerator=episodes((1, "y"), (3, "x")),
    )
    table = determine(measure, measure.groups[0], pa.array(["a", "b", "c"]), values)
    table.validate(full=True)
    assert members(table) == [
        ("a", "x", ["initial_population", "denominator"]),
        ("a", "y", ["initial_population", "denominator", "numerator"]),
        ("b", "b", []),
        ("c", "z", ["initial_population", "denominator"]),
    ]
    assert table["denominator"].to_pylist() == [True, True, False, True]
    assert table["measure_population"].null_count == 4


def test_one_id_with_two_patients_is_two_units(measure_json: Make, values_of: Make, episodes: Make) -> None:
    measure = parse_measure(measure_json())
    both = episodes((1, "same"), (2, "same"))
    values = values_of(initial_population=both, denominator=both, numerator=episodes((2, "same")))
    table = determine(measure, measure.groups[0], pa.array(["a", "b"]), values)
    assert [(subject, "numerator" in inside) for subject, _, inside in members(table)] == [("a", False), ("b", True)]


def test_a_truth_value_holds_for_all_units_of_a_patient(measure_json: Make, values_of: Make, episodes: Make) -> None:
    measure = parse_measure(measure_json())
    listed = episodes((1, "x"), (1, "y"), (2, "z"))
    values = values_of(initial_population=listed, denominator=listed, numerator=[True, None])
    table = determine(measure, measure.groups[0], pa.array(["a", "b"]), values)
    assert table["numerator"].to_pylist() == [True, True, False]


def test_a_list_holds_for_a_patient_who_has_any(measure_json: Make, values_of: Make, episodes: Make) -> None:
    measure = parse_measure(measure_json())
    values = values_of(
        initial_population=[True, True], denominator=[True, True], numerator=episodes((2, "x"), (2, "y"))
    )
    table = determine(measure, measure.groups[0], pa.array(["a", "b"]), values)
    assert members(table)[1] == ("b", "b", ["initial_population", "denominator", "numerator"])
    assert table["numerator"].to_pylist() == [False, True]


def test_no_episode_at_all(measure_json: Make, values_of: Make, episodes: Make) -> None:
    measure = parse_measure(measure_json())
    values = values_of(initial_population=episodes(), denominator=episodes(), numerator=episodes())
    table = determine(measure, measure.groups[0], pa.array(["a", "b"]), values)
    assert members(table) == [("a", "a", []), ("b", "b", [])]


def test_a_ratio_with_an_initial_population_for_each_side(measure_json: Make, values_of: Make) -> None:
    def population(id_: str, code: str, expression: str, drawn_from: str | None = None) -> dict[str, Any]:
        url = "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-criteriaReference"
        extension = [{"url": url, "valueString": drawn_from}] if drawn_from else []
        code_ = {"coding": [{"code": code}]}
        return {"id": id_, "code": code_, "criteria": {"expression": expression}, "extension": extension}

    populations = [
        population("ip-1", "initial-population", "ip-one"),
        population("ip-2", "initial-population", "ip-two"),
        population("d", "denominator", "all", "ip-1"),
        population("n", "numerator", "all", "ip-2"),
    ]
    measure = parse_measure(measure_json(group={"population": populations}, **SCORING))
    check_supported([measure])
    values = values_of(ip_one=[True, False, False], ip_two=[True, True, False], all=[True, True, True])
    table = determine(measure, measure.groups[0], pa.array(["a", "b", "c"]), values)
    assert members(table) == [
        ("a", "a", ["initial_population", "denominator", "numerator"]),
        ("b", "b", ["initial_population", "numerator"]),
        ("c", "c", []),
    ]


def test_a_population_of_nobody(measure: MeasureDefinition, values_of: Make) -> None:
    values = values_of(**{name: [] for name in (*ALL, "sex")})
    table = determine(measure, measure.groups[0], pa.array([], pa.string()), values)
    assert table.num_rows == 0
    assert table.schema.equals(SCHEMA)


def test_a_criterion_must_be_a_truth_value_or_a_list_of_resources(measure: MeasureDefinition, values_of: Make) -> None:
    values = values_of(**{name: [True] for name in (*ALL, "sex")})
    subjects = pa.array(["a"])
    values[Need("numerator")] = values_of(numerator=["yes"])[Need("numerator")]
    with pytest.raises(SalusError, match=r"M: 'numerator' must be true .*, but it is text or one resource"):
        determine(measure, measure.groups[0], subjects, values)
    values[Need("numerator")] = pa.table({"pid": [1, 1], "value": [1, 2]})
    with pytest.raises(SalusError, match="but it is a list of values"):
        determine(measure, measure.groups[0], subjects, values)


def test_values_are_put_in_their_place() -> None:
    table = pa.table({"pid": [3, 1], "value": ["c", "a"]})
    assert aligned(table, 4).to_pylist() == ["a", None, "c", None]
    with pytest.raises(SalusError, match="more than one value"):
        aligned(pa.table({"pid": [1, 1], "value": ["a", "b"]}), 2)


@pytest.mark.parametrize(
    ("scoring", "codes", "words"),
    [
        ("cohort", ("initial-population", "numerator"), "numerator in a cohort"),
        ("proportion", ("initial-population", "denominator"), "a proportion without numerator"),
        ("proportion", (*CODES, "measure-observation"), "measure-observation in a proportion"),
        ("proportion", (*CODES, "numerator"), "two criteria for one population"),
        ("ratio", CODES, "denominator-exception in a ratio"),
        ("continuous-variable", ("initial-population",), "a continuous-variable without measure-population"),
    ],
)
def test_what_the_scoring_does_not_allow_is_refused(
    scoring: str, codes: tuple[str, ...], words: str, measure_json: Make
) -> None:
    resource = measure_json(codes=codes, scoring={"coding": [{"code": scoring}]})
    with pytest.raises(SalusError, match=f"not supported: M, group 0: {words}"):
        check_supported([parse_measure(resource)])


def test_a_stratifier_that_is_not_cql_is_refused(measure_json: Make) -> None:
    criteria = {"language": "text/fhirpath", "expression": "Patient.gender"}
    resource = measure_json(group={"stratifier": [{"id": "S", "criteria": criteria}]})
    with pytest.raises(SalusError, match="M, group 0: stratifier S in text/fhirpath"):
        check_supported([parse_measure(resource)])


def test_every_published_measure_is_accepted(shared_data: Callable[[str], Path]) -> None:
    lines = shared_data("ecqm/content/Measure.ndjson").read_bytes().splitlines()
    check_supported([parse_measure(json.loads(line)) for line in lines])
