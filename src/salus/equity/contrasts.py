"""Inequality measures that are sums of the groups' figures with fixed weights, or ratios of two such sums.

These are the measures of ordered groups (least advantaged first) and of groups against a chosen one: difference and
ratio, absolute and relative concentration index, slope and relative index of inequality, population attributable risk
and fraction. Their intervals put together the groups' own intervals (MOVER), so that they hold for small groups and
rare outcomes, and for a difference of two groups are Newcombe's. Leaves to others: measures that cannot be negative
(`dispersion`), data on individuals (`individual`), regression standard errors (`regression`).

Sources: WHO (2024) Health inequality monitoring: harnessing data to advance health equity, annex on summary measures;
Zou and Donner (2008) Stat Med 27:1693 and Newcombe (2011) Commun Stat 40:1743 for MOVER; Wagstaff (2005) Health Econ
14:429; Erreygers (2009) J Health Econ 28:504; Mackenbach and Kunst (1997) Soc Sci Med 44:757 for slope indices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from salus.equity.groups import Groups, ridit
from salus.equity.intervals import Counts, Floats, quotient, z_value

_STEPS = 80
_FAR = 1e9  # how far from its value, in units of the largest figure, the end of a ratio is looked for


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure of every family: value, standard error on its own scale, interval; nan where it is not defined.

    `corrected` is the value freed of what chance alone adds to it, where it adds anything.
    """

    value: Floats
    error: Floats
    low: Floats
    high: Floats
    corrected: Floats | None = None

    def times(self, factor: Counts) -> Measured:
        """The same on another scale; a negative factor turns the interval round."""
        factor = np.asarray(factor, dtype=np.float64)
        ends = self.low * factor, self.high * factor
        corrected = None if self.corrected is None else self.corrected * factor
        return Measured(
            self.value * factor, self.error * np.abs(factor), np.minimum(*ends), np.maximum(*ends), corrected
        )


def contrast(groups: Groups, weights: Floats) -> Measured:
    """The sum of the groups' figures times `weights`, with the MOVER interval."""
    value = _dot(weights, groups.value)
    error = np.sqrt(_dot(weights**2, groups.error**2))
    low, high = _mover(groups, weights)
    return _where(np.isfinite(value), value, error, value - low, value + high)


def ratio(groups: Groups, top: Floats, bottom: Floats) -> Measured:
    """The ratio of two contrasts: its interval holds the ratios r for which top - r bottom may be zero.

    Where the bottom may itself be zero an end is infinite. The standard error is the delta method's.
    """
    value = quotient(_dot(top, groups.value), _dot(bottom, groups.value))
    gradient = top - np.where(np.isnan(value), 0.0, value)[..., None] * bottom
    error = quotient(np.sqrt(_dot(gradient**2, groups.error**2)), _dot(bottom, groups.value))
    ends = [_ratio_end(groups, top, bottom, value, side) for side in (-1.0, 1.0)]
    return _where(~np.isnan(value), value, error, *ends)


# --- the measures, groups in order of advantage ---


def difference(groups: Groups) -> Measured:
    """D: the most less the least advantaged group where more is better, the other way round where less is."""
    most, least = _ends(groups)
    return contrast(groups, _sign(groups)[..., None] * (most - least))


def ratio_of_ends(groups: Groups) -> Measured:
    """R: the most over the least advantaged group where more is better, the other way round where less is."""
    most, least = _ends(groups)
    good = groups.favourable[..., None]
    return ratio(groups, np.where(good, most, least), np.where(good, least, most))


def absolute_concentration(groups: Groups) -> Measured:
    """ACI: sum of share x (2 rank - 1) x figure; positive when the advantaged have more. In the figures' unit."""
    return contrast(groups, concentration_weights(groups))


def relative_concentration(groups: Groups) -> Measured:
    """RCI: ACI over the mean, from -1 to 1."""
    return ratio(groups, concentration_weights(groups), groups.share)


def erreygers(groups: Groups) -> Measured:
    """Erreygers' index: 4 ACI over the largest possible value."""
    return absolute_concentration(groups).times(4.0 / groups.scale)


def wagstaff(groups: Groups) -> Measured:
    """Wagstaff's index: RCI over what is left of the scale above the mean, 1 - mean / largest value."""
    found = relative_concentration(groups)
    rest = 1.0 - groups.mean / groups.scale
    return found.times(quotient(1.0, np.where(rest > 0, rest, 0.0)))


def slope_index(groups: Groups) -> Measured:
    """SII: the figure at rank 1 less that at rank 0 on the line fitted through the groups, weighted by size."""
    return contrast(groups, slope_weights(groups))


def relative_index(groups: Groups) -> Measured:
    """RII: the fitted figure at rank 1 over that at rank 0 (Kunst and Mackenbach); 1 is equality."""
    half = slope_weights(groups) / 2.0
    return ratio(groups, groups.share + half, groups.share - half)


def curved_slope(groups: Groups, link: Literal["log", "logit"]) -> tuple[Measured, Measured]:
    """SII and RII of the straight line through the logarithms or logits of the groups' figures.

    For rates and proportions whose course over the ranks is bent (OHID, PHEindicatormethods: `transform`). Errors and
    intervals are the delta method's, the RII's interval on the scale of its logarithm. A figure of 0, or of the whole
    scale under the logit, has none: nan.
    """
    share = groups.value / groups.scale if link == "logit" else groups.value
    steep = groups.value * (1.0 - share) if link == "logit" else groups.value
    with np.errstate(divide="ignore", invalid="ignore"):
        bent = np.log(share) - (np.log1p(-share) if link == "logit" else 0.0)
        noise = groups.error / steep
        half = slope_weights(groups) / 2.0
        top, bottom = _dot(groups.share + half, bent), _dot(groups.share - half, bent)
        ends = [np.exp(end) if link == "log" else groups.scale / (1.0 + np.exp(-end)) for end in (top, bottom)]
    slants = [end if link == "log" else end * (1.0 - end / groups.scale) for end in ends]
    by_end = [groups.share + half, groups.share - half]
    gradient = by_end[0] * slants[0][..., None] - by_end[1] * slants[1][..., None]
    relative = by_end[0] * (slants[0] / ends[0])[..., None] - by_end[1] * (slants[1] / ends[1])[..., None]
    z = z_value(groups.level)
    error, log_error = (np.sqrt(_dot(g**2, noise**2)) for g in (gradient, relative))
    gap, over = ends[0] - ends[1], ends[0] / ends[1]
    sii = Measured(gap, error, gap - z * error, gap + z * error)
    return sii, Measured(over, over * log_error, over * np.exp(-z * log_error), over * np.exp(z * log_error))


def attributable_risk(groups: Groups, reference: Counts | None = None) -> Measured:
    """PAR: the reference group's figure less that of all; by default the reference is the most advantaged."""
    return contrast(groups, _reference(groups, reference) - groups.share)


def attributable_fraction(groups: Groups, reference: Counts | None = None) -> Measured:
    """PAF: PAR as a fraction of the mean."""
    return ratio(groups, _reference(groups, reference) - groups.share, groups.share)


def concentration_weights(groups: Groups) -> Floats:
    """What each group's figure counts in the absolute concentration index."""
    return groups.share * (2.0 * ridit(groups.size) - 1.0)


def slope_weights(groups: Groups) -> Floats:
    """What each group's figure counts in the slope of the line weighted by size."""
    rank = ridit(groups.size) - 0.5  # the weighted mean of ranks is one half
    spread = _dot(groups.share, rank**2)
    return groups.share * rank * quotient(1.0, spread)[..., None]


def chosen(groups: Groups, place: Counts) -> Floats:
    """1 for the group at `place` (one per family), 0 elsewhere."""
    where = np.arange(groups.value.shape[-1]) == np.asarray(place)[..., None]
    return np.broadcast_to(where, groups.value.shape).astype(np.float64)


def _reference(groups: Groups, reference: Counts | None) -> Floats:
    return _ends(groups)[0] if reference is None else chosen(groups, reference)


def _ends(groups: Groups) -> tuple[Floats, Floats]:
    """The last and the first group with anybody in."""
    there = groups.there
    last = there.shape[-1] - 1 - np.argmax(there[..., ::-1], axis=-1)
    return chosen(groups, last), chosen(groups, np.argmax(there, axis=-1))


def _sign(groups: Groups) -> Floats:
    return np.where(groups.favourable, 1.0, -1.0)


# --- arithmetic ---


def _dot(weights: Floats, values: Floats) -> Floats:
    return np.asarray(np.where(weights == 0, 0.0, weights * values).sum(axis=-1), dtype=np.float64)


def _mover(groups: Groups, weights: Floats) -> tuple[Floats, Floats]:
    """How far the interval of a contrast reaches below and above it."""
    positive = weights > 0
    down = np.where(positive, groups.down, groups.up)
    up = np.where(positive, groups.up, groups.down)
    return np.sqrt(_dot(weights**2, down**2)), np.sqrt(_dot(weights**2, up**2))


def _ratio_end(groups: Groups, top: Floats, bottom: Floats, value: Floats, side: float) -> Floats:
    """Bisection, on a log scale of the distance from the ratio, for where top - r bottom stops holding zero."""
    largest = np.maximum(np.abs(groups.value).max(axis=-1), 1e-300)
    near = np.log(1e-12) * np.ones(value.shape)
    far = np.log(_FAR) * np.ones(value.shape)
    unit = np.maximum(np.abs(value), 1e-3)
    start = np.where(np.isnan(value), 0.0, value)

    def holds(distance: Floats) -> np.ndarray:
        weights = top - (start + side * unit * np.exp(distance))[..., None] * bottom
        down, up = _mover(groups, weights)
        middle = _dot(weights, groups.value)
        return np.asarray((middle - down <= 1e-15 * largest) if side < 0 else (middle + up >= -1e-15 * largest))

    open_ended = holds(far)
    for _ in range(_STEPS):
        middle = (near + far) / 2.0
        inside = holds(middle)
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    end = start + side * unit * np.exp((near + far) / 2.0)
    return np.where(open_ended, side * np.inf, end)


def _where(known: np.ndarray, *parts: Floats) -> Measured:
    return Measured(*(np.where(known, part, np.nan) for part in parts))
