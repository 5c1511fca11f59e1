"""Measure observations: over whom, in which order, and the scores that come of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from salus.errors import SalusError
from salus.measure.definition import MeasureDefinition, Need, parse_measure
from salus.measure.needs import needs
from salus.measure.observations import METHODS, notes, observations
from salus.measure.score import aggregate, observed, score
from salus.measure.scoring import determine
from salus.measure.supported import check_supported
from salus.measure.units import Units

Make = Callable[..., Any]
QM = "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-"
SUBJECTS = pa.array(["a", "b", "c"])
RATIO = ("initial-population", "denominator", "denominator-exclusion", "numerator", "numerator-exclusion")
VARIABLE = ("initial-population", "measure-population", "measure-population-exclusion")


def observation(id_: str, expression: str, method: str = "Sum", reference: str | None = None) -> dict[str, Any]:
    extension = [{"url": QM + "aggregateMethod", "valueCode": method}]
    if reference:
        extension.append({"url": QM + "criteriaReference", "valueString": reference})
    code = {"coding": [{"code": "measure-observation"}]}
    return {"id": id_, "code": code, "criteria": {"expression": expression}, "extension": extension}


@pytest.fixture
def measure(measure_json: Make) -> Callable[..., MeasureDefinition]:
    def make(scoring: str, codes: tuple[str, ...], *listed: dict[str, Any]) -> MeasureDefinition:
        resource = measure_json(codes=codes, scoring={"coding": [{"code": scoring}]})
        resource["group"][0]["population"] += listed
        return parse_measure(resource)

    return make


@pytest.fixture
def ratio(measure: Make) -> MeasureDefinition:
    above = observation("N", "Above", "Count", "the-numerator")
    return measure("ratio", RATIO, observation("D", "Below", "Sum", "the-denominator"), above)


def test_a_ratio_observes_each_side_without_its_exclusions(ratio: Make, values_of: Make, episodes: Make) -> None:
    stays = [(1, "v"), (1, "w"), (2, "x"), (2, "y"), (3, "z")]
    values = values_of(
        initial_population=episodes(*stays),
        denominator=episodes(*stays),
        denominator_exclusion=episodes((1, "w"), (2, "y")),
        numerator=episodes((1, "w"), (2, "x"), (2, "y"), (3, "z")),
        numerator_exclusion=episodes((2, "y")),
    )
    values[Need("Below", "denominator")] = episodes(*((*stay, days) for stay, days in zip(stays, range(1, 6))))  # noqa: B905
    values[Need("Above", "numerator")] = episodes((1, "w", 7), (2, "x", 8), (2, "y", 9), (3, "z", None))
    rows = determine(ratio, ratio.groups[0], SUBJECTS, values)
    assert rows["unit_id"].to_pylist() == ["v", "w", "x", "y", "z"]
    assert rows["observations"].to_pylist() == [[1.0], [7.0], [3.0, 8.0], [], [5.0, None]]
    numbers = observed(rows, ratio.groups[0])
    assert {name: each.tolist() for name, each in numbers.items()} == {"D": [1.0, 3.0, 5.0], "N": [7.0, 8.0]}
    assert score(rows, ratio.groups[0]) == 2 / 9


def test_a_ratio_without_observations_counts_each_side(measure: Make, values_of: Make) -> None:
    plain = measure("ratio", RATIO)
    values = values_of(
        initial_population=[True] * 3,
        denominator=[True] * 3,
        denominator_exclusion=[True, False, False],
        numerator=[True, True, False],
        numerator_exclusion=[False, True, False],
    )
    rows = determine(plain, plain.groups[0], SUBJECTS, values)
    assert rows["observations"].to_pylist() == [[], [], []]
    assert score(rows, plain.groups[0]) == 0.5


def test_nothing_below_is_no_ratio(ratio: MeasureDefinition, values_of: Make, episodes: Make) -> None:
    values = values_of(**{code.replace("-", "_"): episodes() for code in RATIO})
    nothing = episodes().append_column("value", pa.array([], pa.int32()))
    values |= {Need("Below", "denominator"): nothing, Need("Above", "numerator"): nothing}
    rows = determine(ratio, ratio.groups[0], SUBJECTS, values)
    assert score(rows, ratio.groups[0]) is None


@pytest.mark.parametrize(
    ("method", "expected"),
    [("Sum", 9), ("average", 3), ("MEDIAN", 2), ("Minimum", 1), ("max", 6), ("Count", 3)],
)
def test_a_continuous_variable(method: str, expected: float, measure: Make, values_of: Make, episodes: Make) -> None:
    variable = measure("continuous-variable", VARIABLE, observation("O", "Minutes", method, "the-measure-population"))
    check_supported([variable])
    stays = [(1, "w"), (1, "x"), (2, "y"), (2, "z")]
    values = values_of(
        initial_population=episodes(*stays),
        measure_population=episodes(*stays),
        measure_population_exclusion=episodes((2, "z")),
    )
    minutes = [Decimal("1"), Decimal("6"), Decimal("2"), Decimal("99")]
    listed = zip(stays, minutes, strict=True)
    values[Need("Minutes", "measure-population")] = episodes(*((*stay, number) for stay, number in listed))
    rows = determine(variable, variable.groups[0], SUBJECTS, values)
    assert rows["observations"].to_pylist() == [[1.0], [6.0], [2.0], [], []]
    assert score(rows, variable.groups[0]) == expected


def test_patients_are_observed_by_a_function_without_operands(measure: Make, values_of: Make) -> None:
    variable = measure("continuous-variable", VARIABLE[:2], observation("O", "Age", "Average"))
    quantity = pa.table({"pid": [1, 2, 3], "value": [{"value": 30.0}, {"value": 50.0}, {"value": 99.0}]})
    values = values_of(initial_population=[True] * 3, measure_population=[True, True, False], Age=quantity)
    rows = determine(variable, variable.groups[0], SUBJECTS, values)
    assert rows["observations"].to_pylist() == [[30.0], [50.0], []]
    assert score(rows, variable.groups[0]) == 40


def test_an_observation_must_be_a_number(measure: Make, values_of: Make) -> None:
    variable = measure("continuous-variable", VARIABLE[:2], observation("O", "Age"))
    values = values_of(initial_population=[True], measure_population=[True], Age=["old"])
    with pytest.raises(SalusError, match="M: 'Age' must give a number or a quantity, but it gives string"):
        determine(variable, variable.groups[0], pa.array(["a"]), values)


def test_a_method_that_is_not_known_is_refused(measure: Make) -> None:
    variable = measure("continuous-variable", VARIABLE, observation("O", "Minutes", "Mode"))
    with pytest.raises(SalusError, match="M, group 0: aggregate method 'mode'"):
        check_supported([variable])


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ([("First", "gone"), ("Second", "gone")], [("denominator", True), ("numerator", True)]),
        ([("Numerator Days", "gone"), ("Denominator Days", None)], [("numerator", True), ("denominator", True)]),
        ([("First", "the-numerator"), ("Second", "denominator")], [("numerator", False), ("denominator", False)]),
    ],
)
def test_what_a_reference_means(
    listed: list[tuple[str, str | None]], expected: list[tuple[str, bool]], measure: Make
) -> None:
    items = [observation(f"O{n}", name, "Sum", reference) for n, (name, reference) in enumerate(listed)]
    group = measure("ratio", RATIO, *items).groups[0]
    assert [(each.column, each.guessed) for each in observations(group)] == expected
    assert len(list(notes(group))) == sum(guessed for _, guessed in expected)


def test_the_library_says_whether_an_observation_is_of_the_unit(ratio: MeasureDefinition) -> None:
    statements = [{"name": "Below", "operand": [{"name": "E"}]}, {"name": "Above", "operand": []}]
    asked = needs(ratio, {"statements": {"def": statements}})
    assert asked == (*map(Need, RATIO), Need("Below", "denominator"), Need("Above"))
    assert needs(ratio, {})[-2:] == (Need("Below"), Need("Above"))


@pytest.mark.parametrize("method", sorted(set(METHODS.values())))
def test_of_none_only_the_sum_and_the_count_are_known(method: str) -> None:
    assert aggregate(method, np.zeros(0)) == (0 if method in ("sum", "count") else None)
    assert aggregate("", np.ones(2)) is None


def test_observations_of_the_published_measures(shared_data: Callable[[str], Path]) -> None:
    lines = shared_data("ecqm/content/Measure.ndjson").read_bytes().splitlines()
    groups = {
        measure.name: [
            [(each.column, each.method, each.guessed) for each in observations(group)] for group in measure.groups
        ]
        for measure in map(parse_measure, map(json.loads, lines))
        if any(observations(group) for group in measure.groups)
    }
    assert groups == {
        "CMS1017FHIRHHFI": [[("denominator", "sum", False), ("numerator", "count", False)]],
        "CMS871HHHyperFHIR": [[("denominator", "sum", True), ("numerator", "sum", True)]],
        "CMS986FHIRMalnutritionScore": [
            [("measure_population", method, False)] for method in ("sum", "sum", "sum", "sum", "count", "average")
        ],
    }


def test_a_decimal_is_observed_as_the_double_nearest_to_it() -> None:
    told = ["1091.35", "-0.00000001", "0.1", "12345678901234567890.12345678"]
    decimals = pa.array([*map(Decimal, told), None], pa.decimal128(28, 8))
    units = Units(np.arange(1, 6), pa.array(list("abcde")), 5)
    table = pa.table({"pid": np.arange(1, 6), "value": decimals})
    assert units.numbers(table, "M").to_pylist() == [*map(float, told), None]
