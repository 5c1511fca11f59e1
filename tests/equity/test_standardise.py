"""Standardised rates against the published test tables of a public health agency, and their own definitions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tables import Row, SharedData, column, read

from salus.equity import standardise
from salus.equity.standardise import EUROPE_2013

FOLDER = "oracle/pheindicatormethods/testdata_DSR_ISR__"


def areas(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["area"]:
            found.setdefault(row["area"], []).append(row)
    return found


def events(rows: list[Row]) -> np.ndarray:
    """The counts of the strata; a blank is none."""
    return np.nan_to_num(column(rows, "count"))


def table(shared_data: SharedData, name: str) -> Path:
    return shared_data(f"{FOLDER}{name}.csv")


def expected_direct(shared_data: SharedData, area: str, unit: str) -> Row:
    rows = read(table(shared_data, "testresults_DSR"))
    return next(r for r in rows if r["area"] == area and r["statistic"] == f"dsr per {unit}")


def assert_equal(found: standardise.Standardised, row: Row, unit: float, level: str) -> None:
    ends = [float(v) * unit for v in (found.value, found.low, found.high)]
    wanted = [float(row[k]) for k in ("value", f"lower{level}cl", f"upper{level}cl")]
    np.testing.assert_allclose(ends, wanted, rtol=1e-9)


@pytest.mark.parametrize(("level", "column_name"), [(0.95, "95_0"), (0.998, "99_8")])
@pytest.mark.parametrize("area", ["testdata_big", "testdata_small"])
def test_direct_rates_equal_the_oracle(shared_data: SharedData, area: str, level: float, column_name: str) -> None:
    rows = areas(read(table(shared_data, "testdata_multiarea")))[area]
    found = standardise.direct(events(rows), column(rows, "pop"), EUROPE_2013, level)
    for unit in (10000, 100000):
        assert_equal(found, expected_direct(shared_data, area, str(unit)), unit, column_name)


def test_fewer_than_ten_events_give_no_direct_rate(shared_data: SharedData) -> None:
    rows = areas(read(table(shared_data, "testdata_multiarea")))["testdata_tiny"]
    found = standardise.direct(events(rows), column(rows, "pop"), EUROPE_2013)
    assert float(found.observed) == 9
    assert np.isnan([found.value, found.low, found.high]).all()


def test_another_standard_equals_the_oracle(shared_data: SharedData) -> None:
    rows = [r for r in read(table(shared_data, "testdata_1976")) if r["count"]]
    found = standardise.direct(events(rows), column(rows, "pop"), column(rows, "esp1976"))
    assert_equal(found, expected_direct(shared_data, "testdata_1976", "10000"), 10000, "95_0")


def test_upstream_defect_998_percent_limits_of_the_1976_standard_are_ten_times_too_large(
    shared_data: SharedData,
) -> None:
    """Its 95% limits are 799 to 923 per 10,000, its 99.8% limits 7,659 to 9,599: a factor of ten slipped in."""
    rows = [r for r in read(table(shared_data, "testdata_1976")) if r["count"]]
    found = standardise.direct(events(rows), column(rows, "pop"), column(rows, "esp1976"), 0.998)
    wrong = expected_direct(shared_data, "testdata_1976", "10000")
    assert float(found.low) * 100000 == pytest.approx(float(wrong["lower99_8cl"]), rel=1e-9)
    assert float(found.high) * 100000 == pytest.approx(float(wrong["upper99_8cl"]), rel=1e-9)


@pytest.mark.parametrize(("level", "column_name"), [(0.95, "95_0"), (0.998, "99_8")])
@pytest.mark.parametrize("area", ["testdata_nonind_big", "testdata_nonind_dummy", "testdata_nonind_small"])
def test_events_of_the_same_person_widen_the_interval_as_the_oracle_does(
    shared_data: SharedData, area: str, level: float, column_name: str
) -> None:
    rows = areas(read(table(shared_data, "testdata_nonindepe")))[area]
    people = np.stack([column(rows, f"f{k}") for k in range(1, 5)], axis=-1)
    excess = standardise.excess_variance(np.nan_to_num(people))
    found = standardise.direct(events(rows), column(rows, "pop"), EUROPE_2013, level, excess)
    assert_equal(found, expected_direct(shared_data, area, "100000"), 100000, column_name)


def indirect_of(rows: list[Row], reference: list[Row], level: float = 0.95) -> standardise.Standardised:
    rates = column(reference, "refcount") / column(reference, "refpop")
    return standardise.indirect(events(rows), column(rows, "pop"), rates, level)


@pytest.mark.parametrize(("level", "column_name"), [(0.95, "95_0"), (0.998, "99_8")])
@pytest.mark.parametrize("area", ["testdata_big", "testdata_small", "testdata_tiny"])
def test_indirect_ratios_equal_the_oracle(shared_data: SharedData, area: str, level: float, column_name: str) -> None:
    reference = read(table(shared_data, "refdata"))
    rows = areas(read(table(shared_data, "testdata_multiarea")))[area]
    found = indirect_of(rows, reference, level)
    expected = [r for r in read(table(shared_data, "testresults_ISR")) if r["area"] == area]
    crude = column(reference, "refcount").sum() / column(reference, "refpop").sum()
    for row in expected:
        unit = float(row["statistic"].split()[-1])
        assert_equal(found, row, unit * (1 if "ratio" in row["statistic"] else crude), column_name)
        assert found.expected is not None
        assert float(found.expected) == pytest.approx(float(row["expected"]), rel=1e-12)
    assert len(expected) == 4


@pytest.mark.parametrize("area", ["Area1", "Area2"])
def test_a_stratum_nobody_is_in_expects_nothing_as_in_the_oracle(shared_data: SharedData, area: str) -> None:
    """The table was made to be refused for direct rates; the ratio of it is defined, and expected."""
    reference = read(table(shared_data, "refdata"))
    found = indirect_of(areas(read(table(shared_data, "testdata_err2")))[area], reference)
    crude = column(reference, "refcount").sum() / column(reference, "refpop").sum()
    for row in (r for r in read(table(shared_data, "testresults_ISR")) if r["area"] == area):
        unit = float(row["statistic"].split()[-1])
        assert_equal(found, row, unit * (1 if "ratio" in row["statistic"] else crude), "95_0")


@pytest.mark.parametrize("name", ["testdata_err2", "testdata_err3"])
def test_direct_rates_of_impossible_strata_are_refused(shared_data: SharedData, name: str) -> None:
    rows = read(table(shared_data, name))
    rows = rows if "area" not in rows[0] else areas(rows)["Area1"]
    with pytest.raises(ValueError, match="nobody exposed"):
        standardise.direct(events(rows), column(rows, "pop"), EUROPE_2013[: len(rows)])


def test_groups_with_the_same_rates_are_equal_once_standardised_however_they_differ_in_age() -> None:
    rates = np.array([0.01, 0.1, 0.4])
    sizes = np.array([[5000, 3000, 1000], [1000, 3000, 9000]])
    found = standardise.direct(rates * sizes, sizes, [1, 1, 1])
    np.testing.assert_allclose(found.value, rates.mean())
    proportion = standardise.direct_proportion(rates * sizes, sizes, [1, 1, 1])
    np.testing.assert_allclose(proportion.value, rates.mean())
    np.testing.assert_allclose(standardise.indirect(rates * sizes, sizes, rates).value, 1.0)


def test_a_stratum_with_events_and_nobody_exposed_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody exposed"):
        standardise.direct([20, 3], [100, 0], [1, 1])
    assert np.isnan(standardise.direct_proportion([5, 0], [20, 0], [1, 1]).value)
