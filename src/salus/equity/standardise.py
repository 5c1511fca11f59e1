"""Fair comparison of groups that differ in age, sex or need: direct and indirect standardisation.

Arrays end in an axis of strata (age bands, say); leading axes are the groups that are compared. Rates are per unit of
`exposure`; multiply as you like. Leaves to others: splitting a gap into its parts (`decompose`).

Sources: Dobson, Kuulasmaa, Eberle and Scherer (1991) Stat Med 10:457 for direct rates; Breslow and Day (1987) vol II,
2.3 for ratios; PHE technical guide (2018) Commonly used public health statistics, annex 2 and the note on events that
are not independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from salus.equity import counts, intervals
from salus.equity.intervals import Counts, Floats, floats, quotient

FEWEST = 10
"""Events below which a directly standardised rate says nothing (PHE technical guide)."""

EUROPE_2013 = (
    *(5000, 5500, 5500, 5500, 6000, 6000, 6500, 7000, 7000, 7000),
    *(7000, 6500, 6000, 5500, 5000, 4000, 2500, 1500, 1000),
)
"""The European Standard Population of 2013 in five-year bands, 90 and over last (Eurostat 2013)."""


@dataclass(frozen=True, slots=True)
class Standardised:
    """A standardised figure per group: value, interval; `observed` events and, where there are any, `expected`."""

    value: Floats
    low: Floats
    high: Floats
    observed: Floats
    expected: Floats | None = None


def direct(
    x: Counts, exposure: Counts, standard: Counts, level: float = 0.95, excess: Counts = 1.0, fewest: int = FEWEST
) -> Standardised:
    """Events per unit of exposure had every group the strata of the standard, with Dobson's interval.

    `excess` is how many times a stratum's count varies more than independent events would: sum of k^2 f_k over sum of
    k f_k where f_k people had k events each; 1 for people with at most one. Fewer than `fewest` events: nan. A stratum
    nobody is exposed in adds nothing (and nothing of the standard): ValueError when it has events.
    """
    x, exposure, standard, excess = floats(x, exposure, standard, excess)
    if np.any((exposure <= 0) & (x > 0)) or np.any(exposure < 0):
        raise ValueError("a stratum has events but nobody exposed")
    empty = exposure == 0
    weight = np.where(empty, 0.0, standard) / np.sum(standard, axis=-1, keepdims=True)
    per = weight / np.where(empty, 1.0, exposure)
    events = x.sum(axis=-1)
    value = (per * x).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        stretch = np.sqrt((per**2 * x * excess).sum(axis=-1) / events)
    low, high = counts.byar(events, level)
    value = np.where(events >= fewest, value, np.nan)
    return Standardised(value, value + stretch * (low - events), value + stretch * (high - events), events)


def excess_variance(people: Counts) -> Floats:
    """`excess` of `direct` from how many people had 1, 2, 3 ... events: the last axis of `people`."""
    (people,) = floats(people)
    times = np.arange(1, people.shape[-1] + 1)
    total = (times * people).sum(axis=-1)
    return np.where(total > 0, quotient((times**2 * people).sum(axis=-1), total), 1.0)


def indirect(x: Counts, exposure: Counts, reference: Counts, level: float = 0.95) -> Standardised:
    """Observed over expected events (SMR), expected at the reference's rate of each stratum.

    `x` may be the strata's events or, with a last axis of one, their total. Interval: exact below ten events, Byar's
    from ten on, over the expected.
    """
    x, exposure, reference = (np.asarray(v, dtype=np.float64) for v in (x, exposure, reference))
    observed = x.sum(axis=-1)
    expected = (exposure * reference).sum(axis=-1)
    low, high = counts.event_rate(observed, expected, level)
    return Standardised(quotient(observed, expected), low, high, observed, expected)


def direct_proportion(x: Counts, n: Counts, standard: Counts, level: float = 0.95) -> Standardised:
    """The proportion had every group the strata of the standard: of people, none of whom counts twice.

    Interval: the strata's Wilson arms combined with their weights (MOVER; Zou and Donner 2008 Stat Med 27:1693). A
    group without people in a stratum that the standard has cannot be standardised: nan.
    """
    x, n, standard = floats(x, n, standard)
    weight = standard / standard.sum(axis=-1, keepdims=True)
    used = weight > 0
    p = np.where(used, intervals.rate(x, n), 0.0)
    low, high = intervals.wilson(x, n, level)
    value = (weight * p).sum(axis=-1)
    below = np.sqrt(np.where(used, (weight * (p - low)) ** 2, 0.0).sum(axis=-1))
    above = np.sqrt(np.where(used, (weight * (high - p)) ** 2, 0.0).sum(axis=-1))
    return Standardised(value, value - below, value + above, x.sum(axis=-1))
