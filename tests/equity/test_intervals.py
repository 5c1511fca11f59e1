"""Intervals and adjusted p against published values, an established package, and their own definitions."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from scipy.stats import binom, fisher_exact, hypergeom
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from salus.equity import intervals, multiple

SharedData = Callable[[str], Path]
LEVELS = (0.8, 0.95, 0.999)
PAIRS = [
    (5, 30, 12, 40),
    (1, 200, 3, 40),
    (30, 30, 39, 40),
    (0, 30, 12, 40),
    (499, 5000, 12, 900),
    (7, 11, 1, 11),
]


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_wilson_equals_the_oracle(shared_data: SharedData) -> None:
    rows = read(shared_data("oracle/intervals/proportion_and_count_intervals.csv"))
    x, n = ([int(row[k]) for row in rows] for k in "xn")
    low, high = intervals.wilson(x, n)
    np.testing.assert_allclose(low, [float(r["wilson_lo"]) for r in rows], atol=1e-12)
    np.testing.assert_allclose(high, [float(r["wilson_hi"]) for r in rows], atol=1e-12)


def test_adjusted_p_equals_the_oracle(shared_data: SharedData) -> None:
    rows = read(shared_data("oracle/intervals/p_adjust_BH1995.csv"))
    adjusted = multiple.benjamini_hochberg([float(r["p"]) for r in rows])
    np.testing.assert_allclose(adjusted, [float(r["BH"]) for r in rows], atol=1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_wilson_equals_an_established_package(level: float) -> None:
    for x, n in [(0, 11), (3, 11), (81, 263), (15, 148), (29, 29), (1, 29)]:
        expected = proportion_confint(x, n, alpha=1 - level, method="wilson")
        np.testing.assert_allclose(intervals.wilson(x, n, level), expected, atol=1e-12)


def test_wilson_at_the_edges_is_exact_and_an_empty_denominator_is_no_zero() -> None:
    low, high = intervals.wilson([0, 7, 0], [7, 7, 0])
    assert (low[0], high[1]) == (0.0, 1.0)
    assert np.isnan(low[2])
    assert np.isnan(high[2])
    assert np.isnan(intervals.rate(0, 0))


def test_difference_equals_the_worked_examples_of_newcombe_1998() -> None:
    """Table II of the paper, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/10 and 0/10 - 0/20."""
    examples = {
        (56, 70, 48, 80): (0.0524, 0.3339),
        (9, 10, 3, 10): (0.1705, 0.8090),
        (10, 10, 0, 10): (0.6075, 1.0000),
        (0, 10, 0, 20): (-0.1611, 0.2775),
    }
    for counts, expected in examples.items():
        np.testing.assert_allclose(intervals.difference(*counts), expected, atol=5.1e-5)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("pair", PAIRS)
def test_difference_equals_an_established_package(pair: tuple[int, int, int, int], level: float) -> None:
    expected = confint_proportions_2indep(*pair, compare="diff", method="newcomb", alpha=1 - level)
    np.testing.assert_allclose(intervals.difference(*pair, level), expected, atol=1e-9)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("pair", [p for p in PAIRS if 0 < p[0] < p[1]])
def test_ratio_equals_an_established_package(pair: tuple[int, int, int, int], level: float) -> None:
    expected = confint_proportions_2indep(*pair, compare="ratio", method="score", correction=False, alpha=1 - level)
    np.testing.assert_allclose(intervals.ratio(*pair, level), expected, rtol=2e-6)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("pair", [(30, 30, 39, 40), (5, 30, 40, 40), (29, 30, 40, 40), (30, 30, 40, 40)])
def test_ratio_with_a_full_group_ends_where_the_score_test_does(pair: tuple[int, int, int, int], level: float) -> None:
    """The established package loses its root here: the test is inverted with a numerical maximum instead."""
    for end in intervals.ratio(*pair, level):
        assert numerical_score(*pair, float(end)) == pytest.approx(intervals.z_value(level) ** 2, rel=1e-3)


def numerical_score(x1: int, n1: int, x0: int, n0: int, theta: float) -> float:
    """The score statistic of p1 = theta * p0 with the likelihood maximised by search."""

    def unlikely(p0: float) -> float:
        p1 = theta * p0
        return -float(xlogy(x1, p1) + xlogy(n1 - x1, 1 - p1) + xlogy(x0, p0) + xlogy(n0 - x0, 1 - p0))

    bounds = (1e-12, min(1.0, 1 / theta))
    p0 = minimize_scalar(unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-13}).x
    p1 = theta * p0
    variance = p1 * (1 - p1) / n1 + theta**2 * p0 * (1 - p0) / n0
    return float((x1 / n1 - theta * x0 / n0) ** 2 / variance)


def test_ratio_equals_the_example_of_koopman_1984() -> None:
    """36 of 40 against 16 of 80: 2.94 to 7.15."""
    np.testing.assert_allclose(intervals.ratio(36, 40, 16, 80), (2.94, 7.15), atol=0.005)


def test_ratio_with_zeros_is_open_where_the_data_are_silent() -> None:
    low, high = intervals.ratio([0, 12, 0, 3], [30, 40, 30, 0], [12, 0, 0, 1], [40, 30, 40, 5])
    assert low[0] == 0.0
    assert 0 < high[0] < 1
    assert low[1] > 1
    assert high[1] == np.inf
    assert (low[2], high[2]) == (0.0, np.inf)
    assert np.isnan(low[3])
    assert np.isnan(high[3])


def test_ratio_against_a_full_group_is_the_wilson_interval() -> None:
    """With 40 of 40 in the reference the restricted estimate stays at 1 below it: only p1 is uncertain."""
    np.testing.assert_allclose(intervals.ratio(5, 30, 40, 40), intervals.wilson(5, 30), atol=1e-9)


groups = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(max_examples=300, deadline=None)
@given(groups, groups, st.sampled_from(LEVELS))
def test_the_ratio_excludes_one_exactly_when_the_test_rejects(
    one: tuple[int, int], other: tuple[int, int], level: float
) -> None:
    low, high = intervals.ratio(*one, *other, level)
    p = float(intervals.score_p(*one, *other))
    if abs(p - (1 - level)) > 1e-9:
        assert bool(low > 1 or high < 1) == (p < 1 - level)


@settings(max_examples=200, deadline=None)
@given(groups, groups)
def test_intervals_hold_their_estimate_and_turn_round_with_the_groups(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    gap = one[0] / one[1] - other[0] / other[1]
    low, high = intervals.difference(*one, *other)
    assert low - 1e-12 <= gap <= high + 1e-12
    back = intervals.difference(*other, *one)
    np.testing.assert_allclose((low, high), (-back[1], -back[0]), atol=1e-12)


def test_score_p_is_pearsons_chi_square() -> None:
    from scipy.stats import chi2_contingency

    table = np.array([[12, 18], [30, 20]])
    expected = chi2_contingency(table, correction=False).pvalue
    np.testing.assert_allclose(intervals.score_p(12, 30, 30, 50), expected, rtol=1e-10)
    assert intervals.score_p(0, 10, 0, 20) == 1.0
    assert intervals.score_p(10, 10, 20, 20) == 1.0


def test_exact_p_is_fishers_with_half_of_what_is_observed() -> None:
    rng = np.random.default_rng(3)
    n1, n0, rate = rng.integers(1, 300, 500), rng.integers(1, 3000, 500), rng.beta(0.5, 0.5, 500)
    x1, x0 = rng.binomial(n1, rate), rng.binomial(n0, rate)
    drawn = hypergeom(n1 + n0, x1 + x0, n1)
    half = drawn.pmf(x1) / 2
    expected = 2 * np.minimum(drawn.cdf(x1) - half, drawn.sf(x1) + half)
    np.testing.assert_allclose(intervals.exact_p(x1, n1, x0, n0), expected, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(intervals.exact_p(x0, n0, x1, n1), expected, rtol=1e-7, atol=1e-12)
    one_sided = fisher_exact([[3, 1], [1, 3]], alternative="greater").pvalue  # the lady tasting tea
    assert intervals.exact_p(3, 4, 1, 4) == pytest.approx(2 * (one_sided - float(hypergeom(8, 4, 4).pmf(3)) / 2))
    assert intervals.exact_p(0, 10, 0, 20) == intervals.exact_p(10, 10, 20, 20) == 1.0
    assert np.isnan(intervals.exact_p(0, 0, 3, 20))
    many = intervals.exact_p(300_500, 1_000_000, 3_000_000, 10_000_000)
    assert many == pytest.approx(float(intervals.score_p(300_500, 1_000_000, 3_000_000, 10_000_000)), rel=1e-3)


@pytest.mark.parametrize(("n", "rate"), [(11, 0.05), (30, 0.05), (30, 0.2), (100, 0.05)])
def test_a_small_p_is_as_rare_as_it_says(n: int, rate: float) -> None:
    """Of every outcome of a small group beside a large one, by its chance; the score test alone is far off."""
    x1, x0 = (part.ravel() for part in np.meshgrid(np.arange(n + 1), np.arange(0, 400), indexing="ij"))
    chance = binom.pmf(x1, n, rate) * binom.pmf(x0, 1000, rate)
    for alpha in (0.05, 0.01, 0.001, 0.0001):
        assert chance[intervals.equal_p(x1, n, x0, 1000) <= alpha].sum() <= alpha
    assert chance[intervals.score_p(x1, n, x0, 1000) <= 0.0001].sum() > 0.00015


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_adjusted_p_equals_an_established_package_and_skips_what_was_no_test(p: list[float]) -> None:
    expected = multipletests(p, method="fdr_bh")[1]
    with_gaps = np.insert(np.array(p), 0, np.nan)
    adjusted = multiple.benjamini_hochberg(with_gaps)
    assert np.isnan(adjusted[0])
    np.testing.assert_allclose(adjusted[1:], expected, atol=1e-12)


def test_a_level_is_between_zero_and_one() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        intervals.wilson(1, 2, 95)
