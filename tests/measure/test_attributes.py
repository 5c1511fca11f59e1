"""The attributes table: Salus's own and supplemental data, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from salus.errors import SalusError
from salus.measure.attributes import RISK_SCHEMA, attributes_table, risk_tables, supplemental
from salus.measure.definition import MeasureDefinition, Need, parse_measure

Make = Callable[..., Any]
SUBJECTS = pa.array(["a", "b", "c"])


@pytest.fixture
def measure(measure_json: Make) -> Callable[..., MeasureDefinition]:
    def make(name: str, *items: tuple[str, str, str]) -> MeasureDefinition:
        data = [
            {"id": id_, "criteria": {"expression": define}, "usage": [{"coding": [{"code": usage}]}]}
            for id_, define, usage in items
        ]
        return parse_measure(measure_json(name, supplementalData=data))

    return make


SEX = ("sde-sex", "SDE Sex", "supplemental-data")


def test_own_attributes_are_joined_by_subject() -> None:
    own = pa.table({"subject_id": ["c", "a", "x"], "race": ["white", "black", "asian"]})
    assert attributes_table(SUBJECTS, own, []).to_pydict() == {
        "subject_id": ["a", "b", "c"],
        "race": ["black", "unknown", "white"],
    }


def test_a_subject_twice_is_an_error() -> None:
    with pytest.raises(SalusError, match="more than once"):
        attributes_table(SUBJECTS, pa.table({"subject_id": ["a", "a"], "race": ["x", "y"]}), [])


def test_measures_share_a_column_when_they_agree(measure: Make, values_of: Make) -> None:
    same = values_of(**{"SDE Sex": ["F", None, "M"]})
    other = values_of(**{"SDE Sex": ["F", "F", "M"]})
    made = attributes_table(
        SUBJECTS, None, [(measure("A", SEX), same), (measure("B", SEX), same), (measure("C", SEX), other)]
    )
    assert made.to_pydict() == {
        "subject_id": ["a", "b", "c"],
        "sde_sex": ["F", "unknown", "M"],
        "sde_sex__C": ["F", "F", "M"],
    }


def test_lists_of_resources_become_references(measure: Make) -> None:
    table = pa.table({"pid": [1, 1, 3], "type": ["Coverage"] * 3, "id": ["x", "y", "z"]})
    payer = measure("A", ("Payer (all)", "SDE Payer", "supplemental-data"))
    made = attributes_table(SUBJECTS, None, [(payer, {Need("SDE Payer"): table})])
    assert made["sde_payer_all"].to_pylist() == ["Coverage/x; Coverage/y", "unknown", "Coverage/z"]


def test_lists_of_other_values_are_joined(measure: Make) -> None:
    table = pa.table({"pid": [3, 1, 1], "value": ["z", "x", "y"]})
    made = attributes_table(SUBJECTS, None, [(measure("A", SEX), {Need("SDE Sex"): table})])
    assert made["sde_sex"].to_pylist() == ["x; y", "unknown", "z"]


def test_risk_adjustment_data_have_a_table_of_their_own(measure: Make, values_of: Make) -> None:
    risky = measure("A", SEX, ("risk-copd", "Risk COPD", "risk-adjustment-factor"))
    values = values_of(**{"SDE Sex": ["F", "M", "M"], "Risk COPD": [True, None, False]})
    (table,) = risk_tables(SUBJECTS, risky, values)
    assert table.schema.equals(RISK_SCHEMA)
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("A", "risk-copd", "a", "true"),
        ("A", "risk-copd", "c", "false"),
    ]


def test_what_is_for_risk_adjustment_alone_is_left_out(measure: Make) -> None:
    both = measure("A", SEX, ("risk", "Risk", "risk-adjustment-factor"))
    assert [item.id for item in supplemental(both)] == ["sde-sex"]
