"""Patterns of inequality that observed figures may stand for, and the ray of degrees along each.

Which group is truly best, and by how much, is itself uncertain; an interval along the observed pattern alone forgets
that. Each pattern turns observed distances from the mean into distances that are as credible. Leaves to others:
what follows from them (`unified`).

Source: Chernozhukov, Lee and Rosen (2013) Econometrica 81:667 for treating groups that may be the best as if they were.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from salus.equity.dispersion import Figures, first_axis, total
from salus.equity.groups import Groups
from salus.equity.intervals import Floats

DEGREES = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05, 1.2, 1.4, 1.65, 2.0, 2.5, 3.2, 4.0)
"""Degrees of inequality tried, in units of the observed or, where that is less, of what chance alone shows."""

APART = 1.5
"""Standard errors by which a group may lie away from the mean without its being seen."""
NEAR = 2.2
"""Groups no further than this many standard errors of the difference from the extreme may be the extreme."""

Pattern = Callable[[Figures, Floats], Floats]


def observed(of: Figures, noise: Floats) -> Floats:
    """The distances as they were seen."""
    return of.away


def apart(of: Figures, noise: Floats) -> Floats:
    """Groups that may lie away from the mean do: no distance is less than its noise."""
    side = np.where(of.away >= 0, 1.0, -1.0)
    pushed = side * np.maximum(of.distance, APART * noise)
    return np.where(of.there, pushed - total(of.share, pushed), 0.0)


def leader(of: Figures, noise: Floats) -> Floats:
    """The best group stands alone; all others lie together."""
    best = of.there & (of.value == of.best)
    share = total(of.share, best.astype(np.float64))
    side = np.where(of.favourable, 1.0, -1.0)
    return np.where(of.there, side * np.where(best, 1.0 - share, -share), 0.0)


def tied(of: Figures, noise: Floats) -> Floats:
    """Groups that may be the highest or the lowest are taken to be."""
    value = of.value
    for extreme, sign in ((of.high, 1.0), (of.low, -1.0)):
        own = np.where(of.there & (of.value == extreme), noise, 0.0).max(axis=0)
        near = of.there & (sign * (extreme - of.value) <= NEAR * np.hypot(noise, own))
        value = np.where(near & (sign * of.away > 0), extreme, value)
    return np.where(of.there, value - total(of.share, value), 0.0)


# both constants and the sets below were chosen by the coverage in docs/calibration.md
EXTREME_PATTERNS: tuple[Pattern, ...] = (observed, tied, leader, apart)
SPREAD_PATTERNS: tuple[Pattern, ...] = (observed, apart)


def ray(groups: Groups, of: Figures, pattern: Pattern) -> Floats:
    """The groups' figures under each degree: shape (degrees, groups, families, 1)."""
    mean = np.nan_to_num(of.mean)
    noise = _even_error(groups, mean)
    away = pattern(of, noise)
    seen, chance = _length(of, of.away), _length(of, noise)
    side = np.where(np.arange(len(away)) % 2 == 0, 1.0, -1.0)[:, None, None] * noise
    away = np.where(_length(of, away) > 1e-9 * np.maximum(chance, 1e-12), away, side)
    length = _length(of, away)
    unit = np.divide(away, length, out=np.zeros_like(away), where=length > 0) * np.maximum(seen, chance)
    figures = mean + np.asarray(DEGREES)[:, None, None, None] * unit
    return np.asarray(np.clip(figures, 0.0, groups.scale) if groups.counted else figures, dtype=np.float64)


def _length(of: Figures, away: Floats) -> Floats:
    return np.sqrt(total(of.share, away**2))


def _even_error(groups: Groups, mean: Floats) -> Floats:
    """Each group's standard error were all groups equal: shape (groups, families, 1)."""
    if not groups.counted:
        return first_axis(groups.error)
    size = first_axis(groups.size)
    return np.where(size > 0, np.sqrt(np.clip(mean * (1.0 - mean), 0.0, None) / np.where(size > 0, size, 1.0)), 0.0)
