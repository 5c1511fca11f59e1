"""Programmes over the same rows: each begins where the one before ended, and none is told by it."""

from __future__ import annotations

import numpy as np
import pytest

from salus.publish.programmes import Programme, Rows


def rows() -> Rows:
    """a + b = 5, and b + c at most 4."""
    made = Rows()
    made.add({0: 1.0, 1: 1.0}, 5.0, 5.0)
    made.add({1: 1.0, 2: 1.0}, -np.inf, 4.0)
    return made


def floats(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(values, dtype=np.float64)


def least(programme: Programme, *given: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    made = programme.least(*given)
    assert made is not None
    return [round(value, 6) for value in made.tolist()]


def test_goals_and_bounds_change_and_the_rows_stay() -> None:
    programme = Programme(rows(), 3)
    nothing, anything = floats(0, 0, 0), floats(9, 9, 9)
    assert least(programme, floats(1, 0, 0), nothing, anything) == [1, 4, 0]
    assert least(programme, floats(0, 1, -1), nothing, anything) == [5, 0, 4]
    assert least(programme, floats(0, 0, -1), floats(0, 2, 0), anything) == [3, 2, 2]


def test_what_does_not_fit_is_none_and_spoils_nothing() -> None:
    programme = Programme(rows(), 3)
    assert programme.least(floats(1, 0, 0), floats(0, 0, 0), floats(0, 4, 9)) is None
    assert programme.least(floats(1, 0, 0), floats(2, 0, 0), floats(1, 9, 9)) is None, "bounds that cross"
    assert programme.least(floats(1, 0, 0), floats(0, 0, 0), floats(9, 3, 9)) is not None


def test_whole_numbers_where_they_are_asked_for() -> None:
    two = Rows()
    two.add({0: 2.0, 1: 2.0}, 3.0, np.inf)
    cost, low, high = floats(1, 1), floats(0, 0), floats(9, 9)
    assert sum(least(Programme(two, 2), cost, low, high)) == 1.5
    assert sum(least(Programme(two, 2, whole=(0, 1)), cost, low, high)) == 2


def test_no_rows_leave_only_bounds() -> None:
    assert least(Programme(Rows(), 2), floats(1, -1), floats(3, 0), floats(9, 7)) == [3, 7]


def test_blocks_repeat_rows_for_other_columns() -> None:
    twice = Rows()
    twice.block(rows(), 0)
    twice.block(rows(), 3)
    assert least(Programme(twice, 6), floats(1, 0, 0, 0, 1, 0), np.zeros(6), np.full(6, 9.0)) == [1, 4, 0, 5, 0, 0]


def test_nothing_is_said_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    Programme(rows(), 3, whole=(0,)).least(floats(1, 0, 0), floats(0, 0, 0), floats(9, 9, 9))
    assert capfd.readouterr().out == ""
