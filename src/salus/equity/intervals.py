"""Interval arithmetic for rates and for pairs of rates, on whole arrays at once.

Each function takes counts as arrays (or scalars that broadcast) and gives float arrays; an empty denominator
gives nan, never zero. Leaves to others: other intervals of single figures (`counts`), adjusting p (`multiple`), what
the numbers are about (`estimate`, `compare`).

Sources: Wilson (1927) JASA 22:209; Newcombe (1998) Stat Med 17:873, method 10; Koopman (1984) Biometrics
40:513; Miettinen and Nurminen (1985) Stat Med 4:213 for the restricted estimate; Fisher (1935) J R Stat Soc 98:39 for
the exact test; Lancaster (1961) JASA 56:223 for the half of what is observed (mid-p).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special, stats

Floats = npt.NDArray[np.float64]
Counts = Any  # a number, a list or an array of non-negative counts
_NOTHING = 1e-9  # a term of a sum, as a share of it, after which the rest is left out
_LOG_STEPS = 62  # bisections of a 60-wide span of log(theta): far below rounding


def z_value(level: float) -> float:
    """The normal quantile of a two-sided interval at `level` (0 < level < 1), 1.96 for 0.95."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"a confidence level lies between 0 and 1, not at {level}")
    return float(stats.norm.ppf(0.5 + level / 2.0))


def rate(x: Counts, n: Counts) -> Floats:
    """x / n, nan where n is 0."""
    return quotient(x, n)


def quotient(top: Counts, bottom: Counts) -> Floats:
    """top / bottom, nan where bottom is 0 or either is nan."""
    top, bottom = floats(top, bottom)
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)


def wilson(x: Counts, n: Counts, level: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson score interval of a proportion; exactly 0 at x = 0 below and exactly 1 at x = n above."""
    x, n = floats(x, n)
    z = z_value(level)
    safe = np.where(n > 0, n, np.nan)
    centre = (x + z * z / 2.0) / (safe + z * z)
    half = z / (safe + z * z) * np.sqrt(x * (safe - x) / safe + z * z / 4.0)
    low = np.where(x == 0, 0.0 * safe, centre - half)
    high = np.where(x == n, 0.0 * safe + 1.0, centre + half)
    return low, high


def difference(x1: Counts, n1: Counts, x0: Counts, n0: Counts, level: float = 0.95) -> tuple[Floats, Floats]:
    """Newcombe's hybrid score interval (method 10) of p1 - p0, built from the two Wilson intervals."""
    p1, p0 = rate(x1, n1), rate(x0, n0)
    (low1, high1), (low0, high0) = wilson(x1, n1, level), wilson(x0, n0, level)
    gap = p1 - p0
    low = gap - np.hypot(p1 - low1, high0 - p0)
    high = gap + np.hypot(high1 - p1, p0 - low0)
    return low, high


def ratio(x1: Counts, n1: Counts, x0: Counts, n0: Counts, level: float = 0.95) -> tuple[Floats, Floats]:
    """Koopman's score interval of p1 / p0: the ratios that the score test does not reject.

    With x1 = 0 the lower end is 0, with x0 = 0 the upper end is infinity, with both it is (0, inf): no zero
    is patched by adding halves. It excludes 1 exactly when `score_p` is below 1 - level.
    """
    counts = floats(x1, n1, x0, n0)
    low = _ratio_end(counts, level, upper=False)
    high = _ratio_end(counts, level, upper=True)
    x1, n1, x0, n0 = counts
    known = (n1 > 0) & (n0 > 0)
    low = np.where(x1 == 0, 0.0, low)
    high = np.where(x0 == 0, np.inf, high)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def score_p(x1: Counts, n1: Counts, x0: Counts, n0: Counts) -> Floats:
    """Two-sided p of the score test of p1 = p0 (Pearson's chi-square, no continuity correction).

    1 when nobody or everybody is in both numerators; nan when a denominator is empty.
    """
    counts = floats(x1, n1, x0, n0)
    with np.errstate(invalid="ignore", divide="ignore"):
        z2 = _score(counts, np.ones(counts[0].shape))
    x1, n1, x0, n0 = counts
    known = (n1 > 0) & (n0 > 0)
    flat = (x1 + x0 == 0) | (x1 + x0 == n1 + n0)
    z2 = np.where(flat, 0.0, z2)
    return np.where(known, stats.chi2.sf(np.where(known, z2, 0.0), 1), np.nan)


def exact_p(x1: Counts, n1: Counts, x0: Counts, n0: Counts) -> Floats:
    """Two-sided mid-p of the exact test of p1 = p0: twice the smaller tail of the hypergeometric distribution, given
    how many of both meet it, with half of what is observed in the tail. nan when a denominator is empty.

    Right far out in the tail, where the score test of a small group of a rare outcome is not: of 11 people and a rate
    of 5% that test says p < 0.00006 thirty-five times as often as it should.
    """
    x1, n1, x0, n0 = floats(x1, n1, x0, n0)
    known = (n1 > 0) & (n0 > 0)
    higher = x1 * n0 >= x0 * n1
    top = tuple(np.where(higher, one, other)[known] for one, other in ((x1, x0), (n1, n0), (x0, x1), (n0, n1)))
    found = np.full(x1.shape, np.nan)
    tail = _upper_tail(*top)
    found[known] = 2.0 * np.minimum(tail, 1.0 - tail)
    return found


def equal_p(x1: Counts, n1: Counts, x0: Counts, n0: Counts) -> Floats:
    """Two-sided p of p1 = p0: the larger of `score_p` and `exact_p`.

    So a claim is never one that the interval of the ratio leaves open, and holds its level where many tests ask for
    a very small p. Of counts that are not whole, because a design effect was taken out, the exact test takes the
    nearest that are.
    """
    return np.maximum(score_p(x1, n1, x0, n0), exact_p(*(np.rint(count) for count in floats(x1, n1, x0, n0))))


def floats(*values: Counts) -> tuple[Floats, ...]:
    """The values as float arrays of one common shape, each its own copy."""
    arrays = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in values))
    return tuple(np.array(a) for a in arrays)


def _upper_tail(x: Floats, n: Floats, y: Floats, m: Floats) -> Floats:
    """The chance of more than x of n, and half that of x, when x + y of n + m are drawn: one-dimensional arrays.

    Chances beyond x are those at x times ratios of neighbours, summed until they add nothing.
    """
    here = np.exp(_log_ways(n, x) + _log_ways(m, y) - _log_ways(n + m, x + y))
    total, at, term = np.full(x.shape, 0.5), np.arange(x.size), np.ones(x.size)
    while at.size:
        term = term * (n - x) * y / ((x + 1.0) * (m - y + 1.0))
        x, y = x + 1.0, y - 1.0
        total[at] += term
        adds = term > _NOTHING * total[at]
        at = at[adds]
        term, x, n, y, m = (part[adds] for part in (term, x, n, y, m))
    return np.asarray(np.clip(total * here, 0.0, 1.0), dtype=np.float64)


def _log_ways(n: Floats, k: Floats) -> Floats:
    """The logarithm of n choose k."""
    return np.asarray(-np.log1p(n) - special.betaln(n - k + 1.0, k + 1.0), dtype=np.float64)


def _score(counts: tuple[Floats, ...], theta: Floats) -> Floats:
    """The squared score statistic of p1 = theta * p0, with p0 at its restricted maximum likelihood."""
    x1, n1, x0, n0 = counts
    b = theta * (n1 + x0) + x1 + n0
    root = np.sqrt(np.maximum(b * b - 4.0 * theta * (n1 + n0) * (x1 + x0), 0.0))
    # the smaller root written without the cancellation that b - root would suffer
    p0 = 2.0 * (x1 + x0) / (b + root)
    p1 = np.minimum(theta * p0, 1.0)
    gap = x1 / n1 - theta * x0 / n0
    variance = p1 * (1.0 - p1) / n1 + theta * theta * p0 * (1.0 - p0) / n0
    return np.where(gap == 0.0, 0.0, gap * gap / variance)


def _ratio_end(counts: tuple[Floats, ...], level: float, upper: bool) -> Floats:
    """Bisection on log(theta) between the point estimate and far away; the statistic grows in between."""
    x1, n1, x0, n0 = counts
    limit = z_value(level) ** 2
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        point = np.log((x1 / n1) / (x0 / n0))
        far = 60.0 if upper else -60.0
        near = np.where(np.isfinite(point), point, -far)
        away = np.full(point.shape, far)
        for _ in range(_LOG_STEPS):
            middle = (near + away) / 2.0
            inside = _score(counts, np.exp(middle)) <= limit
            near, away = np.where(inside, middle, near), np.where(inside, away, middle)
    return np.asarray(np.exp((near + away) / 2.0), dtype=np.float64)
