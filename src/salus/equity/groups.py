"""The groups of a family as an inequality measure sees them: figures, how sure each is, how many people it is about.

Arrays end in an axis of groups; leading axes are families (one measure and attribute each), which are worked on all at
once. A family with fewer groups than the widest has groups of size 0, which nothing counts. Leaves to others: the
measures (`contrasts`, `dispersion`), whom the groups are about (`counting`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from salus.equity import intervals
from salus.equity.intervals import Counts, Floats, floats, z_value

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Groups:
    """Figures of groups.

    `value`, `error` (standard error), `size` (people behind it) and `down`, `up` (from the figure to the ends of its
    own interval at `level`) have shape (..., groups); `favourable` (more is better) has shape (...). `scale` is the
    largest value there can be: 1 of proportions, 100 of percentages, infinite of means. `counted` says that the
    figures are proportions of `size` people counted, so that chance is binomial and not normal.
    """

    value: Floats
    error: Floats
    size: Floats
    down: Floats
    up: Floats
    favourable: Bools
    level: float = 0.95
    scale: float = 1.0
    counted: bool = False

    @property
    def there(self) -> Bools:
        """Which groups have anybody in."""
        return np.asarray(self.size > 0, dtype=np.bool_)

    @property
    def share(self) -> Floats:
        """Each group's share of all people."""
        total = self.size.sum(axis=-1, keepdims=True)
        share = np.divide(self.size, total, out=np.zeros_like(self.size), where=total > 0)
        return np.asarray(share, dtype=np.float64)

    @property
    def mean(self) -> Floats:
        """What all people together have: the mean weighted by size; nan of nobody."""
        total = np.where(self.there, self.size * self.value, 0.0).sum(axis=-1)
        return intervals.quotient(total, self.size.sum(axis=-1))


def of_counts(x: Counts, n: Counts, favourable: Counts = True, level: float = 0.95) -> Groups:
    """Groups from x of n each; intervals are Wilson's, the standard error is the binomial one."""
    x, n = floats(x, n)
    value = np.nan_to_num(intervals.rate(x, n))
    low, high = (np.nan_to_num(end) for end in intervals.wilson(x, n, level))
    error = np.sqrt(intervals.quotient(value * (1.0 - value), n))
    good = np.broadcast_to(np.asarray(favourable, dtype=bool), value.shape[:-1])
    return Groups(value, np.nan_to_num(error), n, value - low, high - value, good, level, 1.0, True)


def of_values(
    value: Counts, error: Counts, size: Counts, favourable: Counts = True, level: float = 0.95, scale: float = np.inf
) -> Groups:
    """Groups from figures and standard errors of whatever origin; `size` weighs them."""
    value, error, size = floats(value, error, size)
    half = z_value(level) * error
    good = np.broadcast_to(np.asarray(favourable, dtype=bool), value.shape[:-1])
    return Groups(value, error, size, half, half, good, level, scale)


def ridit(size: Counts) -> Floats:
    """The rank of each group's middle person among all, from 0 to 1, groups in order of advantage from the least.

    Of people in ties, as of groups, the rank is the middle of the tie (O'Donnell et al. 2008, World Bank, ch 8).
    """
    (size,) = floats(size)
    total = size.sum(axis=-1, keepdims=True)
    share = np.divide(size, total, out=np.zeros_like(size), where=total > 0)
    return np.asarray(np.cumsum(share, axis=-1) - share / 2.0, dtype=np.float64)
