"""Funnel limits, verdicts and over-dispersion against a public health agency's tables and an established package."""

from __future__ import annotations

import numpy as np
import pytest
from tables import Row, SharedData, column, read

from salus.equity import counts, funnel_plot, intervals

AGENCY = "oracle/pheindicatormethods/testdata_funnel_"
PACKAGE = "oracle/funnelplotr/"
WORDS = {-2: "Low (0.001)", -1: "Low (0.025)", 0: "Not significant", 1: "High (0.025)", 2: "High (0.001)"}


def numbers(rows: list[Row], name: str) -> np.ndarray:
    return column([{name: r[name].replace(",", "")} for r in rows], name)


def verdicts(two: counts.Ends, three: counts.Ends, target: np.ndarray | float) -> list[str]:
    steps = funnel_plot.position(*two, target) + funnel_plot.position(*three, target)
    return [WORDS[int(step)] for step in steps]


def test_verdicts_on_proportions_equal_the_agencys(shared_data: SharedData) -> None:
    rows = [r for r in read(shared_data(AGENCY + "prop_inputs.csv")) if r["numerator"]]
    x, n = numbers(rows, "numerator"), numbers(rows, "denominator")
    found = verdicts(intervals.wilson(x, n), intervals.wilson(x, n, 0.998), x.sum() / n.sum())
    assert found == [r["significance"] for r in rows]


def test_verdicts_on_ratios_equal_the_agencys(shared_data: SharedData) -> None:
    rows = read(shared_data(AGENCY + "ratio_inputs.csv"))
    observed, expected = numbers(rows, "obs"), numbers(rows, "expected")
    found = verdicts(counts.poisson(observed), counts.poisson(observed, 0.998), expected)
    assert found == [r["significance"] for r in rows]


@pytest.mark.parametrize("name", ["prop_outputs", "prop_outputs_with_axis_variation"])
def test_limits_of_proportions_equal_the_agencys(shared_data: SharedData, name: str) -> None:
    rows = read(shared_data(f"{AGENCY}{name}.csv"))
    n, target = numbers(rows, "Population"), float(rows[0]["Baseline"]) / 100
    for suffix, level in (("2s0025", 0.95), ("3s0001", 0.998)):
        low, high = funnel_plot.proportion_limits(n, target, level)
        np.testing.assert_allclose(100 * low, numbers(rows, f"Lower{suffix}limit"), atol=2e-6)
        np.testing.assert_allclose(100 * high, numbers(rows, f"Upper{suffix}limit"), atol=2e-6)


def test_limits_of_ratios_equal_the_agencys(shared_data: SharedData) -> None:
    rows = read(shared_data(AGENCY + "ratio_outputs.csv"))
    observed = numbers(rows, "Observed_events")
    for suffix, level in (("2s", 0.95), ("3s", 0.998)):
        arms = funnel_plot.expected_at_limits(observed, level)
        for arm, side in zip(arms, ("lower", "upper"), strict=True):
            rtol = 1e-6 if side == "lower" else 5e-5  # theirs come out of a search that stops there
            np.testing.assert_allclose(arm, numbers(rows, f"{side}_{suffix}_exp_events"), rtol=rtol)
            np.testing.assert_allclose(100 * observed / arm, numbers(rows, f"{side}_{suffix}_isr"), rtol=rtol)


@pytest.mark.parametrize("suffix", ["", "_2", "_3"])
def test_limits_of_rates_equal_the_agencys(shared_data: SharedData, suffix: str) -> None:
    rows = read(shared_data(f"{AGENCY}rate_outputs{suffix}.csv"))
    events, target = numbers(rows, "Events"), float(rows[0]["baseline"])
    for name, level in (("2s", 0.95), ("3s", 0.998)):
        arms = funnel_plot.expected_at_limits(events, level)
        for arm, side in zip(arms, ("lower", "upper"), strict=True):
            rtol = 1e-6 if side == "lower" else 5e-5
            np.testing.assert_allclose(events / arm * target, numbers(rows, f"{side}_{name}_limit"), rtol=rtol)
            people = arm / target * 100000 / 3  # three years of events
            np.testing.assert_allclose(people, numbers(rows, f"{side}_{name}_population_1_year"), rtol=rtol)


@pytest.mark.parametrize(
    ("file", "scale", "share"),
    [
        ("SR_CQC_trim0", "root", 0.0),
        ("SR_CQC_trim0.05", "root", 0.05),
        ("SR_CQC_trim0.1", "root", 0.1),
        ("SR_SHMI_trim0.05", "log", 0.05),
        ("SR_SHMI_trim0.1", "log", 0.1),
        ("PR_trim0.1", "arcsine", 0.1),
    ],
)
def test_overdispersion_equals_the_oracle(shared_data: SharedData, file: str, scale: str, share: float) -> None:
    rows = read(shared_data(f"{PACKAGE}expected_{file}.csv"))
    top, bottom = column(rows, "numerator"), column(rows, "denominator")
    if scale == "arcsine":
        scores = funnel_plot.proportion_scores(top, bottom)
    else:
        scores = funnel_plot.ratio_scores(top, bottom, scale)  # type: ignore[arg-type]
    found = funnel_plot.excess(scores, share, "truncate" if scale == "log" else "winsorise")
    for name, mine in (("Y", scores.value), ("s", scores.error), ("Uzscore", scores.plain)):
        np.testing.assert_allclose(mine, column(rows, name), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.trimmed, column(rows, "Wuzscore"), rtol=1e-9)
    np.testing.assert_allclose(scores.adjusted(found), column(rows, "Wazscore"), rtol=1e-9)
    assert (found.ratio, found.between) == pytest.approx((float(rows[0]["phi"]), float(rows[0]["tau2"])), rel=1e-9)


def test_units_that_vary_by_chance_alone_show_no_excess_and_others_do() -> None:
    rng = np.random.default_rng(11)
    n = rng.integers(50, 500, 400)
    even = funnel_plot.excess(funnel_plot.proportion_scores(rng.binomial(n, 0.3), n), 0.0)
    assert even.ratio == pytest.approx(1.0, abs=0.2)
    uneven = funnel_plot.proportion_scores(rng.binomial(n, np.clip(rng.normal(0.3, 0.1, 400), 0, 1)), n)
    found = funnel_plot.excess(uneven, 0.0)
    assert found.ratio > 3
    assert float(np.std(uneven.adjusted(found))) == pytest.approx(1.0, abs=0.1)
