"""Several units of one person say less than as many people: what intervals and tests make of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from salus.equity import intervals
from salus.equity.counting import Codes, Units, tally
from salus.equity.tally import Tally

Ints = npt.NDArray[np.int64]


def units(person: Ints, met: Ints, group: Ints) -> Units:
    """One row of units; each person is in group 0 or 1; who is not among them is in neither."""
    codes: Codes = np.r_[group, 2].astype(np.int32)
    ends = np.array([len(person)])
    return Units(
        (("M", "1"),), len(group), person.astype(np.int32), met.astype(np.uint8), ends,
        {"side": codes}, {"side": ("a", "b", "unknown")},
    )  # fmt: skip


def side(found: Tally, part: npt.NDArray[np.float64]) -> list[float]:
    """A figure of groups a and b."""
    return [float(each) for each in part[0, found.attributes["side"]][:2]]


def test_a_person_counted_once_has_no_effect() -> None:
    found = tally(units(np.arange(8), np.array([1, 0, 1, 1, 0, 0, 1, 0]), np.array([0, 0, 0, 0, 1, 1, 1, 1])))
    assert set(found.effects.ravel()) == {1.0}
    assert side(found, found.effective[1]) == [4.0, 4.0]


def test_units_that_say_the_same_twice_count_as_half() -> None:
    met = np.array([1, 0, 1, 1, 0, 0, 1, 0])
    found = tally(units(np.tile(np.arange(8), 2), np.tile(met, 2), np.repeat([0, 1], 4)))
    assert set(found.effects.ravel()) == {2.0}
    assert side(found, found.n.astype(np.float64)) == [8.0, 8.0], "what is shown are the units"
    assert side(found, found.effective[0]) == [3.0, 1.0]
    assert side(found, found.effective[1]) == [4.0, 4.0]


def test_units_of_a_person_that_differ_are_as_good_as_those_of_two() -> None:
    found = tally(units(np.tile(np.arange(6), 2), np.repeat([0, 1], 6), np.repeat([0, 1], 3)))
    assert set(found.effects.ravel()) == {1.0}, "never better than as many people"


def test_people_who_are_not_told_apart_are_not_taken_for_one() -> None:
    found = tally(units(np.array([0, 1, 2, 3, 4, 4, 4, 4]), np.array([1, 0, 1, 0, 1, 1, 1, 1]), np.repeat([0, 1], 2)))
    assert set(found.effects.ravel()) == {1.0}


@pytest.mark.parametrize("rate", [0.1, 0.4])
def test_intervals_of_stays_hold_the_truth_as_often_as_they_say(rate: float) -> None:
    """People with one to six stays and a chance of their own (an intraclass correlation of 0.3)."""
    rng = np.random.default_rng(5)
    held, plain, draws = 0, 0, 600
    for _ in range(draws):
        chance = rng.beta(rate * 7 / 3, (1 - rate) * 7 / 3, 300)
        person = np.repeat(np.arange(300), rng.integers(1, 7, 300))
        met = (rng.random(len(person)) < chance[person]).astype(np.int64)
        found = tally(units(person, met, np.repeat([0, 1], 150)))
        held += covers(*(side(found, part) for part in found.effective))
        plain += covers(side(found, found.x.astype(np.float64)), side(found, found.n.astype(np.float64)))
    assert 0.93 <= held / draws <= 0.97
    assert plain / draws < 0.9, "so that the test can fail"


def covers(x: list[float], n: list[float]) -> bool:
    low, high = intervals.difference(x[0], n[0], x[1], n[1])
    return bool(low <= 0 <= high)
