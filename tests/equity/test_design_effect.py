"""Several units of one person say less than as many people: what intervals and tests make of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from salus.equity import contrasts, counts, dispersion, groups, intervals, patterns, unified
from salus.equity.adjusted import adjusted
from salus.equity.counting import Codes, Units, tally
from salus.equity.crossings import crossing_tables
from salus.equity.sites import site_table
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


def stays(rng: np.random.Generator, rate: npt.NDArray[np.float64]) -> tuple[Ints, Ints]:
    """One to six stays of each person (an intraclass correlation of 0.3 about the person's rate): whose, and if met."""
    chance = rng.beta(rate * 7 / 3, (1 - rate) * 7 / 3)
    person = np.repeat(np.arange(len(rate)), rng.integers(1, 7, len(rate)))
    return person, (rng.random(len(person)) < chance[person]).astype(np.int64)


def several(person: Ints, met: Ints, **groups: Ints) -> Units:
    """One row of units of people with attributes; groups are called by their numbers."""
    values = {name: (*map(str, range(of.max() + 1)), "unknown") for name, of in groups.items()}
    codes = {name: np.r_[of, of.max() + 1].astype(np.int32) for name, of in groups.items()}
    people = len(next(iter(groups.values())))
    ends = np.array([len(person)])
    return Units((("M", "1"),), people, person.astype(np.int32), met.astype(np.uint8), ends, codes, values)


def plain(found: Tally) -> Tally:
    """The same, every unit taken for a person."""
    return replace(found, design=None)


def test_what_people_of_a_cell_have_in_common_is_no_persons() -> None:
    """Two cells of unlike rates whose people are like coins: an effect on everyone's rate, none within the cells."""
    rng = np.random.default_rng(2)
    cell = np.repeat([0, 1], 500)
    person = np.repeat(np.arange(1000), 4)
    met = (rng.random(4000) < np.where(cell[person] == 0, 0.1, 0.9)).astype(np.int64)
    made = several(person, met, side=cell)
    assert made.design()[0] > 2.5
    assert made.design_within([("side",)])[0, 0] < 1.1


def test_adjusted_differences_of_stays_hold_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two groups of other ages, whose rates differ by age alone."""
    rng = np.random.default_rng(6)
    group = np.repeat([0, 1], 200)
    made = []
    for _ in range(400):
        age = (rng.random(400) < np.where(group == 0, 0.3, 0.6)).astype(np.int64)
        made.append(several(*stays(rng, np.where(age == 0, 0.2, 0.5)), side=group, age=age))
    assert 0.93 <= np.mean([alike(each) for each in made]) <= 0.97
    monkeypatch.setattr(Units, "design_within", lambda self, names: np.ones((1, len(names))))
    assert np.mean([alike(each) for each in made]) < 0.9, "so that the test can fail"


def alike(made: Units) -> bool:
    """Whether the adjusted difference of the second group holds zero."""
    found = tally(made, ["side"])
    at = found.attributes["side"]
    ends = adjusted(made, found, np.full(found.n.shape, at.start), ["age"], 0.95)
    return bool(ends["adjusted_low"][0, at][1] <= 0 <= ends["adjusted_high"][0, at][1])


def test_indices_of_stays_hold_equality() -> None:
    """Four equal groups, one family a draw: the range, and the slope over them in order."""
    rng = np.random.default_rng(7)
    found = [tally(several(*stays(rng, np.full(240, 0.3)), side=np.repeat(range(4), 60)), ["side"]) for _ in range(300)]
    for shown, held in ((found, True), ([plain(each) for each in found], False)):
        at = shown[0].attributes["side"]
        x, n = (np.array([each.effective[part][0, at][:4] for each in shown]) for part in (0, 1))
        taken = groups.of_counts(x, n)
        for measured in (spread(taken), contrasts.slope_index(taken)):
            share = np.mean((measured.low <= 1e-12) & (measured.high >= -1e-12))
            assert bool(0.92 <= share <= 0.98) is held


def spread(taken: groups.Groups) -> contrasts.Measured:
    """The largest rate less the smallest."""
    of = {"d": dispersion.EXTREME["d"]}
    return unified.unified(taken, of, dict.fromkeys(of, patterns.EXTREME_PATTERNS), draws=99)["d"]


def test_sites_of_stays_lie_in_their_funnel() -> None:
    """Of equal sites one in twenty lies outside the limits at 95%; with stays for people, many more would."""
    rng = np.random.default_rng(8)
    site, outside, crude = np.repeat(range(20), 40), [], []
    for _ in range(40):
        found = tally(several(*stays(rng, np.full(800, 0.3)), site=site), ["site"])
        outside += [abs(row["z"]) > 1.96 for row in site_table(found).to_pylist()]
        crude += [abs(row["z"]) > 1.96 for row in site_table(plain(found)).to_pylist()]
    assert 0.02 <= np.mean(outside) <= 0.08 < 0.12 <= np.mean(crude)


def test_models_of_crossings_of_stays_are_those_of_people() -> None:
    """Every person has one outcome, three times: the model is that of a third as many units."""
    rng = np.random.default_rng(9)
    one, other = np.repeat(range(3), 120), np.tile(np.repeat(range(3), 40), 3)
    met = (rng.random(360) < rng.uniform(0.2, 0.5, 9)[one * 3 + other]).astype(np.int64)
    made = [several(np.tile(np.arange(360), times), np.tile(met, times), one=one, other=other) for times in (1, 3)]
    people, thrice = (tally(each, ["one"], [("one", "other")]) for each in made)
    assert thrice.effects[0, 0] == 3.0
    variances, beyond = zip(*(modelled(each) for each in (people, thrice, plain(thrice))), strict=True)
    assert variances[1] == pytest.approx(variances[0], abs=1e-4)
    assert beyond[1] == pytest.approx(beyond[0], abs=1e-4)
    assert variances[2] > variances[0] + 0.01, "so that the test can fail"


def modelled(found: Tally) -> tuple[float, list[float]]:
    """The share of variance between crossings, and the ends of what each has of its own."""
    indices, strata = crossing_tables(found, 0.95)
    ends = [row[end] for row in strata.to_pylist() for end in ("beyond_low", "beyond_high")]
    return next(row["value"] for row in indices.to_pylist() if row["index"] == "vpc"), ends


def test_parts_of_a_gap_of_stays_are_no_surer_than_people_are() -> None:
    made = several(np.repeat(np.arange(8), 3), np.tile([1, 0, 0], 8), side=np.repeat([0, 1], 4))
    repeats = made.repeats(0)
    assert repeats is not None
    assert repeats.alike() == 3.0


def test_a_median_of_stays_has_the_interval_of_people() -> None:
    """Every person has one value, three times: the ends are those of a third as many."""
    values = np.arange(1.0, 61.0)
    alone, thrice = counts.median(values), counts.median(np.repeat(values, 3), effect=3.0)
    assert thrice == pytest.approx(alone, abs=1.0)
    assert counts.median(np.repeat(values, 3))[2] < alone[2]
