"""Continuous variables and ratios by who people are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_results import determination, measure_entry, write_results
from scipy import stats

from salus.equity import counts
from salus.equity.compare import COUNTED, Settings
from salus.equity.means import mean_table
from salus.equity.results import Results
from salus.errors import UsageError

Row = dict[str, Any]


def group(scoring: str, *observations: Row) -> list[Row]:
    return [{"id": "0", "scoring": scoring, "observations": list(observations)}]


def observed(method: str, of: str = "measure_population") -> Row:
    return {"id": f"{of}-{method}", "method": method, "of": of}


def times(folder: Path, values: dict[str, list[list[float]]], method: str = "average", **settings: Any) -> list[Row]:
    """One continuous variable; group -> one list of values per person, an episode each."""
    rows, subjects, races = [], [], []
    for race, people in values.items():
        for episodes in people:
            subject = f"p{len(subjects)}"
            subjects.append(subject)
            races.append(race)
            facts = {"measure_population": True, "measure_population_exclusion": False}
            row = determination("T", subject, denominator=False, **facts)
            rows += [row | {"observations": [value]} for value in episodes]
    excluded = {"measure_population": True, "measure_population_exclusion": True}
    rows.append(determination("T", "p0", denominator=False, **excluded) | {"observations": []})
    entry = measure_entry("T", "decrease", scoring="continuous-variable")
    entry["groups"] = group("continuous-variable", observed(method))
    write_results(folder, rows, {"subject_id": subjects, "race": races}, [entry])
    return mean_table(Results.open(folder), (), Settings(**settings)).to_pylist()


def by_value(rows: list[Row]) -> dict[str, Row]:
    return {row["value"]: row for row in rows}


def test_one_value_a_person_is_students_mean_and_welchs_difference(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(30, 8, 60), rng.normal(40, 20, 25)
    found = by_value(times(tmp_path, {"a": [[v] for v in a], "b": [[v] for v in b]}))
    assert found["a"]["figure"] == pytest.approx(a.mean())
    squares = float(((b - b.mean()) ** 2).sum())
    _, low, high = counts.mean(b.sum(), squares, 25)
    assert (found["b"]["low"], found["b"]["high"]) == (pytest.approx(float(low)), pytest.approx(float(high)))
    welch = stats.ttest_ind(b, a, equal_var=False)
    assert found["b"]["p"] == pytest.approx(welch.pvalue)
    ends = welch.confidence_interval()
    assert found["b"]["difference_low"] == pytest.approx(ends.low)
    assert found["b"]["difference_high"] == pytest.approx(ends.high)
    assert (found["a"]["verdict"], found["b"]["verdict"]) == ("reference", "worse")
    assert found["everyone"]["figure"] == pytest.approx(np.concatenate([a, b]).mean())
    assert found["b"]["ratio_low"] < found["b"]["ratio"] == pytest.approx(b.mean() / a.mean())


def test_what_a_measure_counts_itself_is_not_tested(tmp_path: Path) -> None:
    times(tmp_path, {"a": [[float(v)] for v in range(20)], "b": [[v + 30.0] for v in range(20)]})
    results = Results.open(tmp_path)
    own = replace(results, measures={"T": replace(results.measure("T"), not_by=("race",))})
    found = by_value(mean_table(own).to_pylist())
    assert (found["b"]["verdict"], found["b"]["p"], found["b"]["q"]) == (COUNTED, None, None)
    assert (found["b"]["difference"], found["everyone"]["verdict"]) == (30.0, "not compared")


def test_episodes_of_a_person_do_not_count_as_more_people(tmp_path: Path) -> None:
    once = by_value(times(tmp_path / "one", {"a": [[v] for v in (1.0, 2.0, 3.0, 4.0)] * 4}))["a"]
    again = by_value(times(tmp_path / "ten", {"a": [[v] * 10 for v in (1.0, 2.0, 3.0, 4.0)] * 4}))["a"]
    assert again["figure"] == once["figure"] == 2.5
    assert (again["low"], again["high"]) == (pytest.approx(once["low"]), pytest.approx(once["high"]))
    assert (again["units"], again["people"]) == (160, 16)


def test_a_median_has_the_interval_of_order_statistics(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    a, b = rng.exponential(30, 80), rng.exponential(60, 40)
    found = by_value(times(tmp_path, {"a": [[v] for v in a], "b": [[v] for v in b]}, "median"))
    middle, low, high = counts.median(b)
    assert (found["b"]["figure"], found["b"]["low"], found["b"]["high"]) == pytest.approx((middle, low, high))
    assert found["b"]["kind"] == "median"
    gap = middle - counts.median(a)[0]
    assert found["b"]["difference"] == pytest.approx(gap)
    assert found["b"]["difference_low"] < gap < found["b"]["difference_high"]


def ratio_results(folder: Path, observations: list[Row]) -> Results:
    """Falls (numerator, counted) over bed days (denominator, observed): a person has 0, 1 or 2 falls in some days."""
    rows, subjects, races = [], [], []
    for i in range(60):
        subjects.append(f"p{i}")
        races.append("a" if i < 40 else "b")
        falls = (i % 3 == 0) + (i >= 40)
        row = determination("F", f"p{i}", numerator=falls > 0, denominator_exclusion=i == 59)
        values = [float(falls)] if falls and len(observations) > 1 else []
        rows.append(row | {"observations": values + ([] if i == 59 else [float(5 + i % 7)])})
    entry = measure_entry("F", "decrease", scoring="ratio")
    entry["groups"] = group("ratio", *observations)
    return Results.open(write_results(folder, rows, {"subject_id": subjects, "race": races}, [entry]))


def test_a_ratio_counts_or_sums_each_side(tmp_path: Path) -> None:
    days = observed("sum", "denominator")
    counted = by_value(mean_table(ratio_results(tmp_path / "a", [days])).to_pylist())
    people = [((i % 3 == 0) + (i >= 40), 0 if i == 59 else 5 + i % 7) for i in range(60)]
    first = people[:40]
    assert counted["a"]["figure"] == pytest.approx(sum(f > 0 for f, _ in first) / sum(d for _, d in first))
    both = by_value(mean_table(ratio_results(tmp_path / "b", [observed("sum", "numerator"), days])).to_pylist())
    assert both["b"]["figure"] == pytest.approx(sum(f for f, _ in people[40:]) / sum(d for _, d in people[40:]))
    assert (both["b"]["kind"], both["b"]["verdict"]) == ("ratio", "worse")
    assert mean_table(ratio_results(tmp_path / "c", [observed("minimum", "denominator")])).num_rows == 0


def test_intervals_of_a_ratio_hold_the_truth_as_often_as_they_say() -> None:
    from salus.equity.means import Observed, _ratios

    rng = np.random.default_rng(9)
    held = 0
    for _ in range(500):
        days = rng.integers(1, 12, 60).astype(float)
        frail = rng.gamma(4.0, 0.05 / 4.0, 60)
        one = Observed("M", "0", "ratio", np.arange(60, dtype=np.int32), rng.poisson(frail * days).astype(float), days)
        found = _ratios(one, np.zeros(61, dtype=np.int32), 1, 0.95)
        held += bool(found.low[0] <= 0.05 <= found.high[0])
    assert 0.91 <= held / 500 <= 0.98


def test_few_people_say_nothing_and_no_one_is_no_zero(tmp_path: Path) -> None:
    found = by_value(times(tmp_path, {"a": [[3.0], [4.0]] * 10, "b": [[9.0]] * 3, "unknown": [[1.0]], "none": [[]]}))
    assert found["b"]["verdict"] == "too few to say"
    assert found["b"]["p"] is None
    assert (found["none"]["verdict"], found["none"]["figure"]) == ("no one", None)
    assert found["a"]["missing_share"] == pytest.approx(1 / 24)
    assert found["unknown"]["low"] is None


def test_rates_alone_give_no_rows_and_a_strange_attribute_is_refused(tmp_path: Path) -> None:
    write_results(tmp_path, [determination("M", "p")], {"subject_id": ["p"], "race": ["a"]}, [measure_entry("M")])
    assert mean_table(Results.open(tmp_path)).num_rows == 0
    with pytest.raises(UsageError, match="no attribute wealth"):
        mean_table(Results.open(tmp_path), ["wealth"])
