"""Pooled rates of small groups and models of crossings, against established packages and planted truth."""

from __future__ import annotations

import numpy as np
import pytest
from tables import Row, SharedData, column, number, read

from salus.equity import multilevel, pooling
from salus.equity.multilevel import Model

FOLDER = "oracle/maihda/"
BINARY = (("gender", ["M"]), ("race", ["B", "C", "D"]), ("education", ["mid", "hi"]), ("age", ["mid", "old"]))
GAUSSIAN = (
    ("gender", ["Male"]),
    ("race", ["Black", "Hispanic", "White"]),
    ("education", ["Graduate", "High School", "Some College"]),
)


def design(rows: list[Row], attributes: object) -> tuple[np.ndarray, list[str]]:
    """A constant and one column per level that is not the first; their names."""
    named = [(f"{k}{level}", [float(r[k] == level) for r in rows]) for k, some in attributes for level in some]  # type: ignore[attr-defined]
    columns = [np.ones(len(rows)), *(np.array(values) for _, values in named)]
    return np.stack(columns, axis=1), ["(Intercept)", *(name for name, _ in named)]


def summary(shared_data: SharedData, model: str) -> dict[str, float]:
    rows = read(shared_data(FOLDER + "expected_model_summary.csv"))
    return {r["quantity"]: number(r["value"]) for r in rows if r["model"] == model}


def strata(shared_data: SharedData) -> tuple[list[Row], np.ndarray, np.ndarray]:
    rows = read(shared_data(FOLDER + "input_binary_72strata.csv"))
    return rows, column(rows, "y"), column(rows, "n")


def test_the_beta_binomial_model_equals_the_oracle(shared_data: SharedData) -> None:
    _, x, n = strata(shared_data)
    found = pooling.pool(x[None], n[None])
    wanted = {r["par"]: number(r["value"]) for r in read(shared_data(FOLDER + "expected_betabinomial_fit.csv"))}
    mine = {
        "mu": found.mean,
        "rho": found.overdispersion,
        "alpha": found.alpha,
        "beta": found.beta,
        "var_between": found.between,
    }
    for name, value in mine.items():
        assert float(value[0]) == pytest.approx(wanted[name], rel=1e-6)
    rows = read(shared_data(FOLDER + "expected_betabinomial_eb_reliability.csv"))
    for mine_, name in zip(
        (*found.rates(x[None], n[None]), found.signal(n[None]), found.reliability(x[None], n[None])),
        ("eb_posterior_mean", "eb_lo95", "eb_hi95", "reliability_betabinomial", "reliability_adams_raw"),
        strict=True,
    ):
        np.testing.assert_allclose(mine_[0], column(rows, name), atol=1e-6)


def test_families_are_fitted_side_by_side_as_they_are_alone() -> None:
    rng = np.random.default_rng(4)
    n = rng.integers(0, 80, (40, 7))
    x = rng.binomial(n, rng.beta(3, 5, (40, 7)))
    together = pooling.pool(x, n)
    for i in range(40):
        alone = pooling.pool(x[i : i + 1], n[i : i + 1])
        assert float(together.mean[i]) == pytest.approx(float(alone.mean[0]), rel=1e-5)
        assert float(together.overdispersion[i]) == pytest.approx(float(alone.overdispersion[0]), abs=1e-5)


def test_groups_that_differ_by_chance_alone_are_pulled_all_the_way() -> None:
    found = pooling.pool([[20, 40, 80], [0, 0, 0], [7, 0, 0]], [[100, 200, 400], [9, 9, 9], [20, 0, 0]])
    assert np.isinf(found.total).all()
    rates, low, high = found.rates([[20, 40, 80]] * 3, [[100, 200, 400]] * 3)
    np.testing.assert_allclose(rates[0], 0.2, atol=1e-5)
    assert found.signal([[100, 200, 400]] * 3).max() == 0.0
    assert (low[0] <= 0.2).all()
    assert (high[0] >= 0.2).all()


@pytest.mark.parametrize("level", [0.5, 0.95])
@pytest.mark.parametrize("groups", [3, 30])
def test_borrowed_intervals_hold_the_true_rates_of_small_groups(level: float, groups: int) -> None:
    """Families of groups of 5 to 60 people, true rates from a beta distribution. Taking it as known, as published
    packages do, is worse the fewer groups there are."""
    rng = np.random.default_rng(8)
    truth = rng.beta(4, 8, (9000 // groups, groups))
    n = rng.integers(5, 60, truth.shape)
    x = rng.binomial(n, truth)
    found = pooling.borrowed(x, n, level)
    covered = float(((found.low <= truth) & (truth <= found.high)).mean())
    assert covered == pytest.approx(level, abs=0.015 if groups > 3 else 0.03)
    _, low, high = pooling.pool(x, n).rates(x, n, level)
    assert float(((low <= truth) & (truth <= high)).mean()) < covered
    assert ((found.rate - truth) ** 2).mean() < 0.85 * ((x / n - truth) ** 2).mean()


def test_equal_groups_are_pulled_together_without_being_sure() -> None:
    found = pooling.borrowed([[4, 40, 400]], [[20, 200, 2000]])
    np.testing.assert_allclose(found.rate, 0.2, atol=0.01)
    assert (found.high - found.low > 0.03).all()
    assert found.signal[0, 0] < 0.3
    nobody = pooling.borrowed([[0, 0, 0]], [[20, 200, 0]])
    assert (nobody.high > 0).all()
    assert (nobody.low >= 0).all()


@pytest.mark.parametrize(("nodes", "close"), [(1, 1e-3), (15, 1e-5)])
@pytest.mark.parametrize("kind", ["null", "main"])
def test_binary_models_equal_the_oracle(shared_data: SharedData, nodes: int, close: float, kind: str) -> None:
    """The package's optimiser stops a little short of the top under Laplace's approximation; ours is no lower."""
    rows, x, n = strata(shared_data)
    columns, names = design(rows, BINARY if kind == "main" else ())
    found = multilevel.binary(x, n, columns, nodes)
    wanted = summary(shared_data, f"binary72_nAGQ{nodes}_{kind}")
    assert found.between == pytest.approx(wanted["var_stratum"], rel=close)
    assert found.partition == pytest.approx(wanted["vpc_latent"], rel=close)
    assert found.median_odds_ratio == pytest.approx(wanted["mor"], rel=close)
    for place, name in enumerate(names):
        assert found.effects[place] == pytest.approx(wanted[f"fixef:{name}"], abs=close / 10)
        assert found.errors[place] == pytest.approx(wanted[f"se:{name}"], rel=close)
    theirs = np.r_[[wanted[f"fixef:{name}"] for name in names], np.sqrt(wanted["var_stratum"])]
    assert found.likelihood >= -multilevel._Binary(x, n, columns, nodes).natural(theirs) - 1e-9
    if nodes == 1:
        assert_strata(found, read(shared_data(f"{FOLDER}expected_strata_binary72_nAGQ1_{kind}.csv")))


def assert_strata(found: Model, rows: list[Row]) -> None:
    fixed, total = found.rates()
    for mine, name in (
        (fixed, "p_fixed"),
        (total, "p_total"),
        (found.residual, "blup"),
        (found.residual_error, "blup_se"),
    ):
        np.testing.assert_allclose(mine, column(rows, name), atol=5e-5)


@pytest.mark.parametrize("nodes", [1, 15])
def test_what_attributes_account_for_equals_the_oracle(shared_data: SharedData, nodes: int) -> None:
    rows, x, n = strata(shared_data)
    null = multilevel.binary(x, n, np.ones((len(n), 1)), nodes)
    full = multilevel.binary(x, n, design(rows, BINARY)[0], nodes)
    wanted = summary(shared_data, f"binary72_nAGQ{nodes}")["pcv"]
    assert multilevel.change(null, full) == pytest.approx(wanted, rel=1e-4)
    assert 0 < full.response_partition(n) < null.response_partition(n) < null.partition


@pytest.mark.parametrize("age", ["noage", "age"])
@pytest.mark.parametrize("kind", ["null", "main"])
def test_gaussian_models_equal_the_oracle(shared_data: SharedData, age: str, kind: str) -> None:
    people = read(shared_data(FOLDER + "input_maihda_sim_data.csv"))
    labels = ["|".join(p[k] for k in ("gender", "race", "education")) for p in people]
    names, stratum = np.unique(labels, return_inverse=True)
    columns, effects = design(people, GAUSSIAN if kind == "main" else ())
    if age == "age":
        columns, effects = np.column_stack([columns, column(people, "age")]), [*effects, "age"]
    found = multilevel.gaussian(column(people, "health_outcome"), stratum, columns)
    wanted = summary(shared_data, f"gaussian_{age}_{kind}")
    for mine, name in ((found.between, "var_stratum"), (found.within, "var_residual"), (found.partition, "vpc")):
        assert mine == pytest.approx(wanted[name], rel=1e-5)
    assert found.likelihood == pytest.approx(wanted["logLik"], abs=1e-6)
    for place, name in enumerate(effects):
        assert found.effects[place] == pytest.approx(wanted[f"fixef:{name}"], abs=1e-5)
        assert found.errors[place] == pytest.approx(wanted[f"se:{name}"], rel=1e-5)
    by_name = {r["stratum"]: r for r in read(shared_data(f"{FOLDER}expected_strata_gaussian_{age}_{kind}.csv"))}
    rows = [by_name[name] for name in names]
    np.testing.assert_allclose(found.residual, column(rows, "blup"), atol=1e-5)
    np.testing.assert_allclose(found.residual_error, column(rows, "blup_se"), atol=1e-5)


def test_crossings_without_a_part_of_their_own_have_none() -> None:
    """Rates that add up on the log odds: all that strata differ by is the attributes'."""
    a, b = (g.ravel() for g in np.meshgrid(np.arange(4), np.arange(4)))
    n = np.full(16, 40000.0)
    columns = np.column_stack([np.ones(16), *(a == k for k in (1, 2, 3)), *(b == k for k in (1, 2, 3))]).astype(float)
    odds = -1.0 + 0.4 * a - 0.3 * b
    x = np.rint(n / (1 + np.exp(-odds)))
    null, full = (multilevel.binary(x, n, c) for c in (columns[:, :1], columns))
    assert full.between < 1e-4
    assert multilevel.change(null, full) > 0.999
    assert null.between == pytest.approx(np.var(odds), rel=0.1)


def test_one_stratum_is_refused() -> None:
    with pytest.raises(ValueError, match="one stratum"):
        multilevel.binary(np.array([3.0]), np.array([9.0]), np.ones((1, 1)))
    with pytest.raises(ValueError, match="one stratum"):
        multilevel.gaussian(np.arange(4.0), np.zeros(4, dtype=np.int64), np.ones((4, 1)))
