"""The permutation test of means, beside Welch's."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from salus.equity import shuffled
from salus.equity.shuffled import permutation_p


def test_every_deal_of_six_people() -> None:
    """Twenty deals; the observed one is the furthest out, so its tail is one in twenty."""
    values = np.array([1.0, 2.5, 4.0, 10.0, 12.5, 17.0])
    inside = np.arange(6) < 3
    ts = [
        stats.ttest_ind(values[list(c)], np.delete(values, c), equal_var=False).statistic
        for c in combinations(range(6), 3)
    ]
    tail = np.mean(np.array(ts) <= min(ts) + 1e-9)
    assert permutation_p(values, np.ones(6), inside) == pytest.approx(2.0 * tail, rel=0.1)


def test_the_statistic_is_welchs() -> None:
    rng = np.random.default_rng(3)
    values, inside = rng.normal(size=40), np.arange(40) < 13
    parts = np.stack([np.ones(40), values, np.ones(40), values**2, values, np.ones(40)])
    found = shuffled._studentised(parts[:, inside].sum(axis=1), parts.sum(axis=1))
    assert float(found) == pytest.approx(stats.ttest_ind(values[inside], values[~inside], equal_var=False).statistic)


def test_a_small_group_of_uneven_values_is_not_claimed_too_often() -> None:
    """Fifteen of six hundred people, all from one uneven distribution: Welch's test says p < 0.002 far too often."""
    rng = np.random.default_rng(4)
    inside = np.arange(600) < 15
    welch, both, draws = 0, 0, 2000
    for _ in range(draws):
        values = rng.lognormal(0.0, 1.3, 600)
        p = stats.ttest_ind(values[inside], values[~inside], equal_var=False).pvalue
        if p < 0.002:
            welch += 1
            both += max(p, permutation_p(values, np.ones(600), inside)) < 0.002
    assert welch > 4 * 0.002 * draws
    assert both <= 2 * 0.002 * draws


def test_a_clear_difference_is_still_one() -> None:
    rng = np.random.default_rng(5)
    values, inside = np.r_[rng.lognormal(2.0, 0.5, 30), rng.lognormal(3.0, 0.5, 500)], np.arange(530) < 30
    assert permutation_p(values, np.ones(530), inside) == pytest.approx(2 / 20_001)


def test_people_who_are_all_alike_differ_in_nothing() -> None:
    assert permutation_p(np.ones(30), np.ones(30), np.arange(30) < 12) == 1.0
