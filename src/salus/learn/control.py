"""Shewhart's control charts: does a figure move more from period to period than it always does?

Proportions: the p chart, with Laney's correction where periods differ by more than chance within them can explain
(Laney DB. Improved control charts for attribute data. Quality Engineering 2002;14:531-537). Numbers: the chart of
individual values by their moving ranges. Signals: a period beyond three standard errors; a long run on one side of the
centre, or few crossings of it, by limits that keep false alarms near 5% whatever the number of periods (Anhøj J, Olesen
AV. Run charts revisited. PLoS ONE 2014;9:e113825). Leaves to others: which periods belong together, and what to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from math import log2
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
Rule = Literal["beyond the limits", "long run", "few crossings"]

ENOUGH: Final = 10
"""Periods below which limits say little."""
_SIGMAS: Final = 3.0
_UNBIASED: Final = 1.128
"""Mean range of two normal values in standard deviations (d2 of subgroups of two)."""


@dataclass(frozen=True)
class Signal:
    """Why a chart is not quiet: the rule, the place of the period it ends at, and whether it lies above the centre."""

    rule: Rule
    place: int
    above: bool


@dataclass(frozen=True)
class Chart:
    """Values in the order of their periods, with the centre and the limits of each."""

    values: tuple[float, ...]
    centre: float
    low: tuple[float, ...]
    high: tuple[float, ...]
    spread: float
    """How much more periods vary than chance within them can explain; 1 for no more (and for a chart of numbers)."""
    signals: tuple[Signal, ...]


def proportions(met: Sequence[int], of: Sequence[int]) -> Chart:
    """The chart of `met` out of `of`, period by period. ValueError: no period, or one of nobody."""
    x, n = np.asarray(met, dtype=np.float64), np.asarray(of, dtype=np.float64)
    if not len(n) or (n <= 0).any():
        raise ValueError("a chart needs periods with somebody in them")
    centre = float(x.sum() / n.sum())
    error = np.sqrt(centre * (1.0 - centre) / n)
    spread = _laney((x / n - centre) / error) if centre * (1.0 - centre) > 0 else 1.0
    reach = _SIGMAS * max(spread, 1.0) * error
    return _chart(x / n, centre, np.clip(centre - reach, 0.0, 1.0), np.clip(centre + reach, 0.0, 1.0), spread)


def numbers(values: Sequence[float]) -> Chart:
    """The chart of individual values. ValueError: no value."""
    given = np.asarray(values, dtype=np.float64)
    if not len(given):
        raise ValueError("a chart needs values")
    centre = float(given.mean())
    reach = np.full(len(given), _SIGMAS * _moving(given))
    return _chart(given, centre, centre - reach, centre + reach, 1.0)


def _laney(z: Floats) -> float:
    """Laney's sigma z: how widely standardised values move from one period to the next; 1 is chance alone."""
    return _moving(z) if len(z) > 1 else 1.0


def _moving(values: Floats) -> float:
    """A standard deviation by the mean range of neighbours; 0 for a single value."""
    return float(np.abs(np.diff(values)).mean() / _UNBIASED) if len(values) > 1 else 0.0


def _chart(values: Floats, centre: float, low: Floats, high: Floats, spread: float) -> Chart:
    signals = [*_beyond(values, centre, low, high), *_runs(values, centre)]
    return Chart(tuple(values), centre, tuple(low), tuple(high), spread, tuple(signals))


def _beyond(values: Floats, centre: float, low: Floats, high: Floats) -> list[Signal]:
    outside = np.flatnonzero((values < low) | (values > high))
    return [Signal("beyond the limits", int(place), bool(values[place] > centre)) for place in outside]


def _runs(values: Floats, centre: float) -> list[Signal]:
    """The two rules of Anhøj; values on the centre line are on neither side and are passed over."""
    useful = [(place, bool(value > centre)) for place, value in enumerate(values) if value != centre]
    runs = [list(members) for _, members in groupby(useful, key=lambda each: each[1])]
    if not runs:
        return []
    longest = max(runs, key=len)
    found = []
    if len(longest) > round(log2(len(useful)) + 3):
        found.append(Signal("long run", *longest[-1]))
    if len(runs) - 1 < stats.binom.ppf(0.05, len(useful) - 1, 0.5):
        found.append(Signal("few crossings", *useful[-1]))
    return found
