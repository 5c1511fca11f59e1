"""Chance and days: as likely as weighed, and the calendar's own."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from salus.catalog.synth import calendar
from salus.catalog.synth.dice import Dice
from salus.catalog.synth.template import Template


def test_dice_fall_as_weighed() -> None:
    dice = Dice(1, 0, 8000)
    assert np.mean(dice.choose("a", (3, 1)) == 0) == pytest.approx(0.75, abs=0.02)
    assert set(dice.between("b", 1, 3).tolist()) == {1, 2, 3}
    assert dice("a").min() >= 0
    assert dice("a").max() < 1


def test_each_question_has_rolls_of_its_own() -> None:
    dice = Dice(1, 0, 50)
    assert (dice("a") == Dice(1, 0, 50)("a")).all()
    assert not (dice("a") == dice("b")).any()
    assert not (dice("a") == Dice(1, 1, 50)("a")).any()
    assert not (dice("a") == Dice(2, 0, 50)("a")).any()


def test_the_sequence_is_the_one_it_always_was() -> None:
    assert Dice(1, 0, 3)("a").round(6).tolist() == [0.259292, 0.695444, 0.722032]


@pytest.mark.parametrize(
    ("birth", "age"),
    [("2024-02-29", 0), ("2000-12-31", 24), ("2001-01-01", 23), ("2000-02-28", 24), ("2000-03-01", 24)],
)
def test_ages_are_completed_years(birth: str, age: int) -> None:
    days = np.array([(date.fromisoformat(birth) - calendar.EPOCH).days])
    assert calendar.years_old(days, calendar.day(2024, 12, 31)).tolist() == [age]


def test_months_later_stay_within_the_month() -> None:
    days = np.array([calendar.day(2024, 1, 31), calendar.day(2024, 2, 29), calendar.day(2024, 11, 5)])
    assert calendar.written(calendar.months_later(days, 1)) == ["2024-02-29", "2024-03-29", "2024-12-05"]
    assert calendar.month_of(days).tolist() == [1, 2, 11]


def test_a_template_is_filled_row_by_row() -> None:
    template = Template(
        {"resourceType": "A", "id": "<id>", "n": "<n:raw>", "at": "<day:day>T09:00", "unit": "{score} 5%"}
    )
    made = template.rows(2, {"id": ["x", "y"], "n": np.array([1, 2]), "day": np.array([0, 1])})
    assert made[1] == '{"resourceType":"A","id":"y","n":2,"at":"1970-01-02T09:00","unit":"{score} 5%"}'
