"""Many tests at once: p-values adjusted for how many there are.

`nan` entries are comparisons that were not made and stay nan. The false discovery rate (`benjamini_hochberg`) is what
`compare` uses; the others are for those who must control more. Leaves to others: what is tested.

Sources: Benjamini and Hochberg (1995) JRSS B 57:289; Benjamini and Yekutieli (2001) Ann Stat 29:1165, theorem 1.3;
Holm (1979) Scand J Stat 6:65; Hommel (1988) Biometrika 75:383, closed test of Simes' tests.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from salus.equity.intervals import Counts, Floats, floats


def benjamini_hochberg(p: Counts) -> Floats:
    """Adjusted p that controls the false discovery rate of independent or positively dependent tests."""
    return _tested(p, lambda ordered: _step_up(ordered, ordered.size / np.arange(1, ordered.size + 1)))


def benjamini_yekutieli(p: Counts) -> Floats:
    """Adjusted p that controls the false discovery rate under any dependence."""

    def adjust(ordered: Floats) -> Floats:
        ranks = np.arange(1, ordered.size + 1)
        return _step_up(ordered, ordered.size / ranks * np.sum(1.0 / ranks))

    return _tested(p, adjust)


def holm(p: Counts) -> Floats:
    """Adjusted p that controls the chance of any false claim, step-down."""
    return _tested(p, lambda ordered: np.minimum(np.maximum.accumulate(ordered * np.arange(ordered.size, 0, -1)), 1.0))


def bonferroni(p: Counts) -> Floats:
    """Each p times the number of tests."""
    return _tested(p, lambda ordered: np.minimum(ordered * ordered.size, 1.0))


def hommel(p: Counts) -> Floats:
    """Adjusted p of the closed procedure on Simes' tests.

    A hypothesis is rejected with every intersection that holds it. The hardest intersection of m hypotheses with the
    i-th in it is that with the m - 1 largest others, and Simes' p of it is the largest over m of what follows.
    """

    def adjust(ordered: Floats) -> Floats:
        n = ordered.size
        found = np.copy(ordered)
        for m in range(2, n + 1):
            tail = ordered[n - m + 1 :]
            simes = float(np.min(m * tail / np.arange(2, m + 1)))
            found = np.maximum(found, np.minimum(m * ordered, simes))
            inside = slice(n - m + 1, n)
            found[inside] = np.maximum(found[inside], min(simes, m * float(ordered[n - m])))
        return np.minimum(found, 1.0)

    return _tested(p, adjust)


def _step_up(ordered: Floats, factor: Floats) -> Floats:
    raised = ordered * factor
    return np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)


def _tested(p: Counts, adjust: Callable[[Floats], Floats]) -> Floats:
    """`adjust` applied to the p in ascending order, put back where they stood."""
    (p,) = floats(p)
    out = np.full(p.shape, np.nan)
    flat = p.ravel()
    tested = np.flatnonzero(~np.isnan(flat))
    order = tested[np.argsort(flat[tested], kind="stable")]
    out.ravel()[order] = adjust(flat[order])
    return out
