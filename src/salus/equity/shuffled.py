"""How often people dealt out anew would differ as two groups do: the permutation test of two means or ratios.

Student's distribution is far from right out in the tail where a group is small and its values uneven: a small group
that happens to miss the rare large values has a low mean and a small error. Here the people of both groups are dealt
out again and again, and the same studentised difference is looked at, so that the test is exact where the groups are
alike in all, and right for large groups where they are alike in the mean (Janssen 1997 Stat Probab Lett 36:9).

Leaves to others: the difference and its interval (`mean_gaps`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from salus.equity.intervals import Floats

LARGEST = 100
"""People in the smaller group from which Student's distribution does."""
DRAWS = (1_000, 20_000)
"""Looks: as soon as `SEEN` draws lie as far out as what was observed, no more are made (Besag and Clifford 1991
Biometrika 78:301)."""
SEEN = 20
_SEED = 20260102
_AT_ONCE = 200_000


def permutation_p(top: Floats, bottom: Floats, inside: npt.NDArray[np.bool_]) -> float:
    """Two-sided p (twice the smaller tail) of the ratio of sums of `top` over `bottom`, one entry per person, being the
    same of those `inside` and the others; never below 2 / 20,001. The same people give the same p."""
    few = inside if 2 * int(inside.sum()) <= len(inside) else ~inside
    parts = np.stack([np.ones(len(top)), top, bottom, top * top, top * bottom, bottom * bottom])
    observed = float(_studentised(parts[:, few].sum(axis=1), parts.sum(axis=1)))
    rng, n = np.random.default_rng(_SEED), int(few.sum())
    made = below = above = 0
    for wanted in DRAWS:
        while made < wanted:
            drawn = _dealt(parts, n, wanted - made, rng)
            made, below, above = made + len(drawn), below + (drawn <= observed).sum(), above + (drawn >= observed).sum()
        if min(below, above) >= SEEN:
            break
    return float(min(1.0, 2.0 * (1 + min(below, above)) / (made + 1)))


def _dealt(parts: Floats, n: int, most: int, rng: np.random.Generator) -> Floats:
    """The statistic of groups of n, disjoint ones out of each order of all people, `most` at most."""
    people = parts.shape[1]
    hands = min(people // n, most)
    orders = max(1, min(most // hands, _AT_ONCE // people))
    if orders == 1:
        order = rng.permutation(people)[None, : hands * n]
    else:
        order = rng.random((orders, people)).argsort(axis=1)[:, : hands * n]
    sums = parts[:, order.reshape(orders * hands, n)].sum(axis=-1)
    return _studentised(sums, parts.sum(axis=1)[:, None])


def _studentised(sums: Floats, total: Floats) -> Floats:
    """The difference of a group's ratio to that of all others, over its error (linearised, as of `means`)."""
    (one, error), (other, noise) = (_ratio(*each) for each in (sums, total - sums))
    with np.errstate(divide="ignore", invalid="ignore"):
        away = (one - other) / np.sqrt(error + noise)
    return np.where(one == other, 0.0, np.nan_to_num(away, nan=0.0))


def _ratio(
    n: Floats, top: Floats, bottom: Floats, tops: Floats, both: Floats, bottoms: Floats
) -> tuple[Floats, Floats]:
    """A ratio of sums and its variance, from the sums of squares and products too."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = top / bottom
        squares = np.maximum(tops - 2.0 * value * both + value * value * bottoms, 0.0)
        return value, squares * n / (n - 1.0) / bottom**2
