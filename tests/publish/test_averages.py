"""Means and ratios in a release: which are let out, and what the attacker makes of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_results import determination, measure_entry, write_results
from random_releases import MEAN, results

from salus.equity.means import observe
from salus.equity.results import Results
from salus.publish import certificate
from salus.publish.attack import attack
from salus.publish.averages import People, averages
from salus.publish.policy import PROFILES
from salus.publish.release import LEFT_OUT, Order, publish

CMS = PROFILES["cms11"]
SMALL = ("T", "0", "race", "c")
Row = dict[str, str]


@pytest.fixture(autouse=True)
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is tested elsewhere and takes seconds to draw."""
    monkeypatch.setattr("salus.publish.release.render", lambda *_: "<!doctype html>")


def times(folder: Path, groups: dict[str, list[float]], end: str = "2026-06-30", method: str = "average") -> Results:
    """A mean by race: group -> one value a person."""
    rows, subjects, races = [], [], []
    facts: dict[str, bool] = {"denominator": False, "measure_population": True, "measure_population_exclusion": False}
    for race, values in groups.items():
        for value in values:
            subjects.append(f"p{len(subjects)}")
            races.append(race)
            rows.append(determination("T", subjects[-1], **facts) | {"observations": [float(value)]})
    of: list[dict[str, Any]] = [
        {"id": "0", "scoring": "continuous-variable", "observations": [MEAN | {"method": method}]}
    ]
    entries = [measure_entry("T", "decrease", scoring="continuous-variable", groups=of)]
    people = {"subject_id": subjects, "race": races}
    return Results.open(write_results(folder, rows, people, entries, period={"start": "2026-01-01", "end": end}))


def drawn(sizes: dict[str, int], seed: int = 1) -> dict[str, list[float]]:
    rng = np.random.default_rng(seed)
    return {name: rng.lognormal(3.0, 0.5, size).tolist() for name, size in sizes.items()}


def table(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(folder: Path) -> dict[str, Row]:
    return {row["value"]: row for row in table(folder / "means.csv")}


def hidden(folder: Path) -> set[str]:
    return {value for value, row in read(folder).items() if row["figure_state"] == "suppressed"}


def test_a_mean_of_few_is_hidden_with_another_and_the_rest_is_told(tmp_path: Path) -> None:
    values = drawn({"a": 120, "b": 60, "c": 5, "d": 40})
    done = publish(times(tmp_path / "r", values), tmp_path / "out", Order())
    rows = read(done.out)
    assert hidden(done.out) == {"c", "d"}
    assert (rows["c"]["figure"], rows["c"]["people"], rows["c"]["verdict"]) == ("", "", "not shown")
    assert (rows["a"]["people"], rows["a"]["per"]) == ("120", "person")
    assert float(rows["a"]["figure"]) == pytest.approx(np.mean(values["a"]), rel=5e-4)
    assert len(rows["a"]["figure"].replace(".", "").lstrip("0")) <= 4
    gap = float(rows["b"]["figure"]) - float(rows["a"]["figure"])
    assert float(rows["b"]["difference"]) == pytest.approx(gap), "worked out from what is shown"
    about = json.loads((done.out / "certificate.json").read_text())
    assert about["attack"]["narrowed"] == 0 < about["attack"]["protected"]
    assert "means.csv" in about["files"]
    assert json.loads((done.out / "release.json").read_text())["left_out"] == list(LEFT_OUT)


def test_blanking_the_small_mean_alone_gives_it_back(tmp_path: Path) -> None:
    values = drawn({"a": 120, "b": 60, "c": 5})
    opened = times(tmp_path / "r", values)
    inside = publish(opened, tmp_path / "inside", Order(policy=PROFILES["none"])).out
    rows = read(inside)
    rows["c"] |= {"people": "", "figure": "", "low": "", "high": ""}
    with (inside / "means.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows["a"]))
        writer.writeheader()
        writer.writerows(rows.values())
    found = attack(inside)
    assert found[SMALL, "n"] == (5, 5)
    low, high = found[SMALL, "total"]
    assert low <= sum(values["c"]) <= high < low + 8.0
    broken = certificate.judge(inside, (), {}, CMS, averages(observe(opened), CMS)).broken
    assert {(guard.line, guard.part) for guard in broken} == {(SMALL, "n"), (SMALL, "total")}


@pytest.mark.parametrize(
    ("values", "few"),
    [
        ([1.0] * 60, False),
        ([0.0] * 55 + [1.0] * 5, True),
        ([0.0] * 30 + [1.0] * 30, False),
        ([float(v) for v in range(60)], False),
        ([1.0] * 10, True),
        ([float(v) for v in range(11)], False),
        ([*np.linspace(1, 2, 59).tolist(), 5000.0], True),
        ([*np.linspace(1, 2, 59).tolist(), -5000.0], True),
    ],
)
def test_which_figures_are_about_a_few(values: list[float], few: bool) -> None:
    assert People(np.array(values), np.ones(len(values))).few(CMS) is few


def test_that_all_have_one_value_is_a_zero_where_zeros_are_small() -> None:
    assert People(np.ones(60), np.ones(60)).few(PROFILES["opensafely"])


def test_a_median_is_in_no_sum(tmp_path: Path) -> None:
    opened = times(tmp_path / "r", drawn({"a": 120, "b": 60, "c": 5, "d": 40}), method="median")
    done = publish(opened, tmp_path / "out", Order())
    assert read(done.out)["a"]["kind"] == "median"
    assert "c" in hidden(done.out)
    with pytest.raises(KeyError):
        attack(done.out)[SMALL, "total"]


def test_the_hidden_together_are_no_few_either(tmp_path: Path) -> None:
    """5 and 4 people are hidden for each other; a third group goes, so that a reader gets no total of nine."""
    done = publish(
        times(tmp_path / "r", drawn({"a": 120, "b": 60, "c": 5, "d": 4, "e": 30})), tmp_path / "out", Order()
    )
    assert {"c", "d", "e"} <= hidden(done.out)


def test_one_person_who_makes_the_figure_is_not_told(tmp_path: Path) -> None:
    values = drawn({"a": 120, "b": 60, "c": 30, "d": 40})
    values["c"][0] = 1e5
    done = publish(times(tmp_path / "r", values), tmp_path / "out", Order())
    assert {"c", "everyone"} <= hidden(done.out)


def test_two_totals_do_not_tell_what_three_more_people_have(tmp_path: Path) -> None:
    values = drawn({"a": 120, "b": 60, "c": 40, "d": 50})
    first = publish(times(tmp_path / "a", values), tmp_path / "one", Order()).out
    assert not hidden(first)
    more = {**values, "a": [*values["a"], *drawn({"x": 30}, 2)["x"]], "b": [*values["b"], 400.0, 300.0, 200.0]}
    later = times(tmp_path / "b", more, "2026-09-30")
    assert not hidden(publish(later, tmp_path / "alone", Order()).out)
    assert "b" in hidden(publish(later, tmp_path / "two", Order(earlier=(first,))).out)


def test_the_same_results_are_released_again_as_they_were(tmp_path: Path) -> None:
    opened = times(tmp_path / "r", drawn({"a": 120, "b": 60, "c": 5, "d": 40}))
    first = publish(opened, tmp_path / "one", Order()).out
    again = publish(opened, tmp_path / "two", Order(earlier=(first,))).out
    assert (first / "means.csv").read_text() == (again / "means.csv").read_text()


@pytest.mark.parametrize(
    ("name", "seed"),
    [
        *(("cms11", seed) for seed in range(6)),
        *(("opensafely", seed) for seed in range(6)),
        ("census", 0),
        ("census", 1),
    ],
)
def test_the_attacker_recovers_nothing_of_random_means(tmp_path: Path, name: str, seed: int) -> None:
    order = Order(by=("race", "payer", "uninsured"), policy=PROFILES[name])
    done = publish(Results.open(results(tmp_path / "r", seed)), tmp_path / "out", order)
    assert done.hidden <= done.lines
    for row in read(done.out).values():
        assert (row["figure_state"] == "suppressed") <= (row["figure"] == row["low"] == row["difference"] == "")


def test_indices_and_sites_are_of_the_groups_that_are_shown(tmp_path: Path) -> None:
    done = publish(Results.open(results(tmp_path / "r", 4)), tmp_path / "out", Order(by=("race", "payer")))
    shown = [row for row in table(done.out / "equity.csv") if row["numerator"] and row["denominator"]]
    for index in table(done.out / "inequality.csv"):
        members = [
            row
            for row in shown
            if (row["measure"], row["attribute"]) == (index["measure"], index["attribute"])
            and row["value"] not in ("unknown", "declined")
            and int(row["denominator"])
        ]
        assert int(index["groups"]) == len(members)
        assert int(index["people"]) == sum(int(row["denominator"]) for row in members)


def test_a_scorecard_reads_the_means_of_a_release(tmp_path: Path) -> None:
    from salus.equity.compare import Settings
    from salus.mission.readings import readings
    from salus.mission.sources import open_source

    values = drawn({"a": 120, "b": 60, "c": 5, "d": 40})
    values["b"] = [value * 3.0 for value in values["b"]]
    out = publish(times(tmp_path / "r", values), tmp_path / "out", Order()).out
    (reading,) = readings(open_source(out, (), Settings()))
    assert reading.estimate is not None
    assert (reading.estimate.kind, reading.estimate.denominator) == ("mean", 225)
    assert [(gap.value, gap.reference) for gap in reading.gaps] == [("b", "a")]
