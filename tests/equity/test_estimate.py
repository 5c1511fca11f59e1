"""One estimate says what it is, how sure it is, and when there is nothing to say."""

from __future__ import annotations

import dataclasses
import math

import pytest

from salus.equity.estimate import Count, Estimate, difference, event_rate, mean, rate, ratio, reliability, time


def test_a_rate_by_hand() -> None:
    """Wilson, 95%: 15 of 148 is 6.24 to 16.05% (Newcombe 1998, Stat Med 17:857, table I)."""
    found = rate(Count(15, 148), missing=0.1)
    assert found.value == pytest.approx(15 / 148)
    assert (found.low, found.high) == (pytest.approx(0.0624, abs=5e-5), pytest.approx(0.1605, abs=5e-5))
    assert (found.method, found.level, found.reliability, found.missing) == ("wilson", 0.95, "reliable", 0.1)
    assert found.disclosure == "open"


def test_nobody_has_no_rate() -> None:
    found = rate(Count(0, 0))
    assert (found.value, found.low, found.high, found.reliability) == (None, None, None, "empty")
    assert not found.reliable


def test_too_few_is_said_and_the_figure_stays() -> None:
    assert rate(Count(3, 10)).reliability == "too few"
    assert rate(Count(3, 10)).value == pytest.approx(0.3)
    assert rate(Count(3, 10), minimum=10).reliable
    assert [reliability(n) for n in (0, 1, 10, 11)] == ["empty", "too few", "too few", "reliable"]


def test_a_gap_is_as_reliable_as_its_smaller_group() -> None:
    assert difference(Count(30, 60), Count(4, 8)).reliability == "too few"
    assert ratio(Count(4, 8), Count(30, 60)).reliability == "too few"


def test_a_ratio_over_nothing_has_no_value_but_a_lower_end() -> None:
    found = ratio(Count(12, 40), Count(0, 30))
    assert found.value is None
    assert found.low is not None
    assert found.low > 1
    assert found.high == math.inf


def test_estimates_do_not_change_and_do_not_lie() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        rate(Count(1, 2)).value = 0.0  # type: ignore[misc]
    with pytest.raises(ValueError, match="is no rate"):
        rate(Count(3, 2))
    with pytest.raises(ValueError, match="lower end"):
        Estimate("mean", 1, 1, 1.0, 2.0, 0.0, "t", 0.95)


def test_means_times_and_event_rates_are_estimates_too() -> None:
    wait = time([3, 9, 4, 30, 5, 8, 7, 6, 2, 12, 11])
    assert (wait.value, wait.low, wait.high, wait.reliability) == (7, 3, 12, "reliable")
    assert time([]).value is None
    cost = mean([1.0, 2.0, 3.0, 6.0])
    assert (cost.value, cost.numerator, cost.denominator, cost.reliability) == (3.0, 12.0, 4, "too few")
    assert cost.low == pytest.approx(3 - 3.182446 * math.sqrt(14 / 3 / 4), abs=1e-5)
    falls = event_rate(9, 1000)
    assert (falls.value, falls.reliability) == (0.009, "too few")
    assert falls.low == pytest.approx(0.004115, abs=1e-6)  # Garwood: 4.115 for 9 events
    assert event_rate(0, 0).reliability == "empty"
    assert mean([2.0]).low is None
