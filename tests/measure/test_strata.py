"""Strata: the value of every stratifier for every unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from salus.measure.definition import Need, parse_measure
from salus.measure.needs import needs
from salus.measure.scoring import determine
from salus.measure.strata import of_stratifier

Make = Callable[..., Any]
FLAGS = ("initial_population", "denominator", "numerator")


@pytest.fixture
def strata(measure_json: Make, values_of: Make) -> Callable[..., list[dict[str, str | None]]]:
    """The strata of each row; stratifiers as name=(define, ...), and the values of the defines."""

    def make(stratifiers: dict[str, tuple[str, ...]], **values: Any) -> list[dict[str, str | None]]:
        listed = [
            {"id": name, "criteria": {"expression": defines[0]}}
            if len(defines) == 1
            else {"id": name, "component": [{"criteria": {"expression": define}} for define in defines]}
            for name, defines in stratifiers.items()
        ]
        measure = parse_measure(measure_json(group={"stratifier": listed}))
        table = determine(measure, measure.groups[0], pa.array(["a", "b"]), values_of(**values))
        table.validate(full=True)
        return [dict(row) for row in table["strata"].to_pylist()]

    return make


def test_criteria_and_values_and_components_of_patients(strata: Make) -> None:
    found = strata(
        {"young": ("young",), "sex": ("sex",), "both": ("young", "sex")},
        **{name: [True, True] for name in FLAGS},
        young=[True, None],
        sex=[None, "male"],
    )
    assert found == [
        {"young": "true", "sex": None, "both": "true; unknown"},
        {"young": "false", "sex": "male", "both": "false; male"},
    ]


def test_a_list_of_resources_has_the_unit_or_not(strata: Make, episodes: Make) -> None:
    stays = episodes((1, "x"), (1, "y"))
    found = strata({"S": ("inpatient",)}, **dict.fromkeys(FLAGS, stays), inpatient=episodes((1, "y"), (2, "x")))
    assert found == [{"S": "false"}, {"S": "true"}, {"S": "false"}]


def test_a_list_of_resources_of_a_patient(strata: Make, episodes: Make) -> None:
    found = strata({"S": ("any",)}, **{name: [True, True] for name in FLAGS}, any=episodes((2, "x"), (2, "y")))
    assert found == [{"S": "false"}, {"S": "true"}]


def test_values_of_the_patient_are_those_of_every_unit(strata: Make, episodes: Make) -> None:
    payers = pa.table({"pid": [1, 1], "value": ["Medicare", "Medicaid"]})
    found = strata({"payer": ("payer",)}, **dict.fromkeys(FLAGS, episodes((1, "x"), (1, "y"))), payer=payers)
    assert found == [{"payer": "Medicare; Medicaid"}, {"payer": "Medicare; Medicaid"}, {"payer": None}]


def test_a_function_of_the_unit_gives_each_its_value(strata: Make, episodes: Make) -> None:
    stays = episodes((1, "x"), (1, "y"))
    lengths = episodes((1, "y", "long"), (1, "x", "short"))
    found = strata(
        {"S": ("length",), "both": ("length", "sex")}, **dict.fromkeys(FLAGS, stays), length=lengths, sex=["f", None]
    )
    assert [row["S"] for row in found] == ["short", "long", None]
    assert [row["both"] for row in found] == ["short; f", "long; f", "unknown; unknown"]


def test_a_stratifier_that_takes_an_operand_is_asked_of_each_unit(measure_json: Make) -> None:
    listed = [{"id": name, "criteria": {"expression": name}} for name in ("Length", "Sex")]
    measure = parse_measure(measure_json(group={"stratifier": listed}))
    asked = needs(measure, {"statements": {"def": [{"name": "Length", "operand": [{"name": "E"}]}, {"name": "Sex"}]}})
    assert asked[-2:] == (Need("Length", "initial-population"), Need("Sex"))


@pytest.mark.parametrize(
    ("rows", "values"),
    [
        ([[("a", "1"), ("b", "2")], [("a", None), ("b", "3")]], ["1", None]),
        ([[("b", "2"), ("a", "1")], [], None], ["1", None, None]),
        ([], []),
    ],
)
def test_the_values_of_one_stratifier_wherever_they_stand(rows: list[Any], values: list[str | None]) -> None:
    maps = pa.chunked_array([pa.array(rows, pa.map_(pa.string(), pa.string()))])
    assert of_stratifier(maps, "a").to_pylist() == values
    assert of_stratifier(maps.slice(1), "a").to_pylist() == values[1:]
