"""Control charts: hand-worked limits, quiet where nothing happens, and loud where something does."""

from __future__ import annotations

import numpy as np
import pytest

from salus.learn.control import ENOUGH, numbers, proportions


def test_limits_of_a_p_chart_are_three_standard_errors_around_all_periods_together() -> None:
    chart = proportions([52, 48, 51, 49], [100] * 4)
    assert chart.centre == 0.5
    assert chart.low == pytest.approx([0.35] * 4)
    assert chart.high == pytest.approx([0.65] * 4)
    assert chart.signals == ()


def test_limits_follow_the_size_of_the_period() -> None:
    chart = proportions([50, 200], [100, 400])
    assert chart.high[0] - chart.centre == pytest.approx(2 * (chart.high[1] - chart.centre))


def test_periods_that_differ_more_than_chance_widen_the_limits() -> None:
    met = [5_000, 5_400, 4_700, 5_300, 4_600, 5_500, 4_800, 5_200, 4_650, 5_350]
    chart = proportions(met, [10_000] * len(met))
    assert chart.spread > 5
    assert not [s for s in chart.signals if s.rule == "beyond the limits"]


def test_individual_values_by_their_moving_ranges() -> None:
    chart = numbers([10, 12, 10, 12])
    assert chart.centre == 11
    assert chart.high == pytest.approx([11 + 3 * 2 / 1.128] * 4)


def test_one_period_far_out_is_named() -> None:
    met = [50, 51, 49, 50, 52, 48, 50, 51, 90, 49, 50, 51]
    found = [s for s in proportions(met, [100] * 12).signals if s.rule == "beyond the limits"]
    assert [(s.place, s.above) for s in found] == [(8, True)]


def test_a_lasting_shift_is_a_long_run_with_few_crossings() -> None:
    values = [10, 11, 10.5, 11, 10, 10.2, 10.4, 10.1, 14, 14.2, 14.1, 13.9, 14.3, 14.0, 14.4, 14.1]
    found = {s.rule: s for s in numbers(values).signals}
    assert found["long run"].place in (7, 15)
    assert found["few crossings"].above


def test_false_alarms_are_few_and_a_real_shift_is_mostly_seen() -> None:
    rng = np.random.default_rng(5)
    quiet = rng.binomial(200, 0.6, (400, 16))
    shifted = np.concatenate([rng.binomial(200, 0.6, (400, 8)), rng.binomial(200, 0.75, (400, 8))], axis=1)
    alarms, seen = (
        np.mean([bool(proportions(list(row), [200] * 16).signals) for row in rows]) for rows in (quiet, shifted)
    )
    assert alarms < 0.15
    assert seen > 0.9


@pytest.mark.parametrize(("met", "of"), [([], []), ([0], [0])])
def test_nobody_makes_no_chart(met: list[int], of: list[int]) -> None:
    with pytest.raises(ValueError, match="chart needs"):
        proportions(met, of)


def test_a_rate_that_never_moves_is_quiet() -> None:
    assert proportions([10] * ENOUGH, [10] * ENOUGH).signals == ()
    assert numbers([3.0] * ENOUGH).signals == ()
