"""Intervals for single figures: proportions, event counts and rates, means, medians; whole arrays at once.

`intervals` has the Wilson interval and the comparisons of two groups; this module has the other intervals that reports
of public bodies use. Functions take counts and give float arrays; where there is no denominator the answer is nan.

Sources: Clopper and Pearson (1934) Biometrika 26:404; Jeffreys in Brown, Cai and DasGupta (2001) Stat Sci 16:101;
Garwood (1936) Biometrika 28:437; Byar in Breslow and Day (1987) vol II, eq 2.13; order statistics in Conover (1999)
Practical Nonparametric Statistics, ch 3.2.
"""

from __future__ import annotations

import numpy as np
from scipy import special, stats

from salus.equity.intervals import Counts, Floats, floats, quotient, z_value

FEWEST_BYAR = 10
"""Events from which Byar's approximation replaces the exact interval (PHE technical guide 3, confidence intervals)."""

Ends = tuple[Floats, Floats]


def clopper_pearson(x: Counts, n: Counts, level: float = 0.95) -> Ends:
    """The exact interval of a proportion: never too short, often too long."""
    x, n = floats(x, n)
    tail = (1.0 - level) / 2.0
    low = np.where(x == 0, 0.0, special.betaincinv(np.maximum(x, 1), n - x + 1, tail))
    high = np.where(x == n, 1.0, special.betaincinv(x + 1, np.maximum(n - x, 1e-300), 1.0 - tail))
    return _where(n > 0, low, high)


def jeffreys(x: Counts, n: Counts, level: float = 0.95) -> Ends:
    """Equal tails of the posterior under Jeffreys' prior; 0 at x = 0 below and 1 at x = n above."""
    x, n = floats(x, n)
    tail = (1.0 - level) / 2.0
    low = np.where(x == 0, 0.0, special.betaincinv(x + 0.5, n - x + 0.5, tail))
    high = np.where(x == n, 1.0, special.betaincinv(x + 0.5, n - x + 0.5, 1.0 - tail))
    return _where(n > 0, low, high)


def poisson_exact(x: Counts, level: float = 0.95) -> Ends:
    """Garwood's exact interval of an expected count, through chi-square quantiles."""
    (x,) = floats(x)
    tail = (1.0 - level) / 2.0
    low = np.where(x == 0, 0.0, stats.chi2.ppf(tail, 2.0 * np.maximum(x, 0.5)) / 2.0)
    high = stats.chi2.ppf(1.0 - tail, 2.0 * x + 2.0) / 2.0
    return _where(x >= 0, low, high)


def byar(x: Counts, level: float = 0.95) -> Ends:
    """Byar's approximation of the exact Poisson interval; below 0 it stops at 0."""
    (x,) = floats(x)
    z = z_value(level)
    safe = np.where(x > 0, x, 1.0)
    low = x * np.maximum(1.0 - 1.0 / (9.0 * safe) - z / (3.0 * np.sqrt(safe)), 0.0) ** 3
    above = x + 1.0
    high = above * (1.0 - 1.0 / (9.0 * above) + z / (3.0 * np.sqrt(above))) ** 3
    return _where(x >= 0, low, high)


def poisson(x: Counts, level: float = 0.95) -> Ends:
    """Exact below ten events, Byar's from ten on: the convention of public health agencies."""
    (x,) = floats(x)
    few = x < FEWEST_BYAR
    (exact_low, exact_high), (low, high) = poisson_exact(x, level), byar(x, level)
    return np.where(few, exact_low, low), np.where(few, exact_high, high)


def event_rate(x: Counts, exposure: Counts, level: float = 0.95) -> Ends:
    """Events per unit of exposure (person-years, bed days): the interval of the count over the exposure."""
    low, high = poisson(x, level)
    return quotient(low, exposure), quotient(high, exposure)


def mean(total: Counts, squares: Counts, n: Counts, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
    """Standard error and Student's interval of a mean from n values, their sum and their sum of squared deviations.

    `squares` is the sum of (value - mean)^2. With fewer than two values there is a mean but no interval (nan).
    """
    total, squares, n = floats(total, squares, n)
    enough = n > 1
    free = np.where(enough, n - 1.0, 1.0)
    error = np.where(enough, np.sqrt(squares / free / np.where(n > 0, n, 1.0)), np.nan)
    half = stats.t.ppf(0.5 + level / 2.0, free) * error
    middle = quotient(total, n)
    return error, middle - half, middle + half


def median(values: Counts, level: float = 0.95, effect: float = 1.0) -> tuple[float, float, float]:
    """The median of a list of times or amounts and its distribution-free interval by order statistics.

    The ends are the narrowest symmetric pair of order statistics whose binomial coverage is at least `level`; where
    there are too few values for that (five at 95%) they are nan. Of values that say less than as many independent ones
    (a design `effect`), the ends have the places they would have among as many as say as much (Woodruff 1952 JASA
    47:635).
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = ordered.size
    if n == 0:
        return np.nan, np.nan, np.nan
    below = int(stats.binom.ppf((1.0 - level) / 2.0, max(round(n / effect), 1), 0.5) * effect)
    if below < 1:
        return float(np.median(ordered)), np.nan, np.nan
    return float(np.median(ordered)), float(ordered[below - 1]), float(ordered[n - below])


def _where(known: np.ndarray, low: Floats, high: Floats) -> Ends:
    return np.where(known, low, np.nan), np.where(known, high, np.nan)
