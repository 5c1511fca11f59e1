"""Intervals of single figures and adjusted p against published tables and their own definitions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tables import Row, SharedData, column, number, read

from salus.equity import counts, intervals, multiple

AGENCY = "oracle/pheindicatormethods/testdata_"
GRID = "oracle/intervals/proportion_and_count_intervals.csv"
ADJUST: dict[str, Callable[[object], np.ndarray]] = {
    "BH": multiple.benjamini_hochberg,
    "BY": multiple.benjamini_yekutieli,
    "holm": multiple.holm,
    "hommel": multiple.hommel,
    "bonferroni": multiple.bonferroni,
}


def assert_ends(found: counts.Ends, rows: list[Row], low: str, high: str, **tolerance: float) -> None:
    np.testing.assert_allclose(found[0], column(rows, low), **tolerance)
    np.testing.assert_allclose(found[1], column(rows, high), **tolerance)


def test_exact_and_bayesian_intervals_equal_the_oracle(shared_data: SharedData) -> None:
    rows = read(shared_data(GRID))
    x, n = column(rows, "x"), column(rows, "n")
    assert_ends(counts.clopper_pearson(x, n), rows, "cp_lo", "cp_hi", atol=1e-10)
    assert_ends(counts.jeffreys(x, n), rows, "jeff_lo", "jeff_hi", atol=1e-10)
    assert_ends(counts.poisson_exact(x), rows, "pois_lo", "pois_hi", rtol=1e-9)
    assert_ends(intervals.wilson(x, n), rows, "prop_test_lo", "wilson_hi", atol=1e-10)


@pytest.mark.parametrize("name", sorted(ADJUST))
def test_adjusted_p_equal_the_oracle(shared_data: SharedData, name: str) -> None:
    rows = read(shared_data("oracle/intervals/p_adjust_BH1995.csv"))
    np.testing.assert_allclose(ADJUST[name](column(rows, "p")), column(rows, name), atol=1e-12)


def closed_simes(p: list[float]) -> list[float]:
    """Hommel by definition: the largest Simes p of all intersections that hold the hypothesis."""
    best = list(p)
    for size in range(2, len(p) + 1):
        for members in combinations(range(len(p)), size):
            ordered = sorted(p[i] for i in members)
            simes = min(size * value / rank for rank, value in enumerate(ordered, 1))
            for i in members:
                best[i] = max(best[i], simes)
    return [min(value, 1.0) for value in best]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
def test_hommel_is_the_closure_of_simes_tests(p: list[float]) -> None:
    np.testing.assert_allclose(multiple.hommel(p), closed_simes(p), atol=1e-12)


def test_adjusting_keeps_the_shape_and_the_gaps() -> None:
    p = np.array([[0.01, np.nan], [0.04, 0.2]])
    for adjust in ADJUST.values():
        out = adjust(p)
        assert out.shape == p.shape
        assert np.isnan(out[0, 1])


@pytest.mark.parametrize("method", ["Byars", "Wilson"])
def test_byar_and_wilson_equal_the_agencys_tables(shared_data: SharedData, method: str) -> None:
    rows = [r for r in read(shared_data(AGENCY + "Byars_Wilson__testdata_B_W.csv")) if r["method"] == method]
    for row in rows:
        level = float(row["confidence"].rstrip("%")) / 100
        x = number(row["x"])
        low, high = counts.byar(x, level) if method == "Byars" else intervals.wilson(x, number(row["n"]), level)
        np.testing.assert_allclose(high, number(row["uppercl"]), rtol=1e-9)
        if row["lowercl"]:
            np.testing.assert_allclose(low, number(row["lowercl"]), rtol=1e-9)
        else:  # the cube of a negative number: there is no such count
            assert low == 0.0
    assert len(rows) > 5


@pytest.mark.parametrize("kind", ["Rate", "Proportion"])
def test_rates_and_proportions_equal_the_agencys_tables(shared_data: SharedData, kind: str) -> None:
    interval = counts.event_rate if kind == "Rate" else intervals.wilson
    short = "Rate" if kind == "Rate" else "Prop"
    for suffix, levels in (("", {"lower95_0cl": 0.95, "lower99_8cl": 0.998}), ("_g", {"lowercl": 0.95})):
        rows = [r for r in read(shared_data(f"{AGENCY}{kind}__testdata_{short}{suffix}.csv")) if r["value"]]
        x, n, unit = (column(rows, k) for k in ("Numerator", "Denominator", "multiplier"))
        np.testing.assert_allclose(intervals.rate(x, n) * unit, column(rows, "value"), rtol=1e-12)
        for low_name, level in levels.items():
            low, high = interval(x, n, level)
            high_name = low_name.replace("lower", "upper")
            assert_ends((low * unit, high * unit), rows, low_name, high_name, rtol=1e-9)


def test_proportions_of_a_national_programme(shared_data: SharedData) -> None:
    rows = read(shared_data("oracle/pheindicatormethods/NCMP_testdata.csv"))
    low, high = intervals.wilson(column(rows, "Count"), column(rows, "Measured"))
    assert_ends((100 * low, 100 * high), rows, "LCL", "UCL", rtol=1e-9)


def test_means_equal_the_agencys_table(shared_data: SharedData) -> None:
    rows = [r for r in read(shared_data(AGENCY + "Mean__testdata_Mean.csv")) if r["values"]]
    for expected in read(shared_data(AGENCY + "Mean__testdata_Mean_results.csv")):
        mine = [r for r in rows if expected["area"] in (r["area"], "No grouping")]
        values = column(mine, "values")
        squares = float(((values - values.mean()) ** 2).sum())
        for level, name in ((0.95, "95_0"), (0.998, "99_8")):
            error, low, high = counts.mean(values.sum(), squares, values.size, level)
            assert_ends((low, high), [expected], f"lower{name}cl", f"upper{name}cl", rtol=1e-9)
            assert error * np.sqrt(values.size) == pytest.approx(number(expected["stdev"]), rel=1e-9)


def test_one_value_has_a_mean_and_no_interval() -> None:
    assert np.isnan(counts.mean(3.0, 0.0, 1)).all()
    assert np.isnan(counts.byar(np.nan)).all()
    assert np.isnan(counts.event_rate(3, 0)).all()
    assert np.isnan(counts.clopper_pearson(0, 0)).all()


def test_the_medians_interval_is_the_narrowest_that_holds() -> None:
    values = np.arange(1, 101, dtype=np.float64)
    middle, low, high = counts.median(values)
    assert (middle, low, high) == (50.5, 40, 61)  # Conover 1999, table A3 in large samples: r = 40, s = 61
    assert stats.binom.cdf(60, 100, 0.5) - stats.binom.cdf(39, 100, 0.5) >= 0.95
    assert np.isnan(counts.median([1, 2, 3, 4])[1])
    assert np.isnan(counts.median([])[0])
