"""Inequality measures that cannot be negative: how far groups lie apart, whatever their order.

Chance alone pulls these up: groups that are truly equal never look it. So every measure comes with a value freed of
that and with an interval that holds when there is no inequality, too; both by `unified`. Here are the formulas and the
standard errors that are known in closed form. The axis of groups comes first here, so that thousands of samples of few
groups are worked on at the speed of memory. Leaves to others: signed measures (`contrasts`).

Sources: WHO (2013) Handbook on health inequality monitoring, and WHO (2024) Health inequality monitoring, annex on
summary measures; Harper and Lynch (2005) Methods for measuring cancer disparities, NCI; variance of a quadratic form:
Searle (1971) Linear Models, ch 2.5, theorem 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from salus.equity.groups import Bools, Groups
from salus.equity.intervals import Floats, quotient


@dataclass(frozen=True)
class Figures:
    """Figures of groups, observed or drawn, and the parts that several formulas need.

    `value` has shape (groups, families, samples); `share` of people and `reference` (1 at the group to compare with, 0
    elsewhere; None: none) have (groups, families, 1), `favourable` (families, 1). A group without people has no say.
    """

    value: Floats
    share: Floats
    favourable: Bools
    reference: Floats | None = None

    def drawn(self, value: Floats) -> Figures:
        """Other figures of the same groups."""
        return Figures(value, self.share, self.favourable, self.reference)

    @cached_property
    def there(self) -> Bools:
        """Which groups have anybody in."""
        return np.asarray(self.share > 0, dtype=np.bool_)

    @cached_property
    def even(self) -> Floats:
        """The same share for every group that is there."""
        return np.asarray(self.there / np.maximum(self.there.sum(axis=0), 1), dtype=np.float64)

    @cached_property
    def mean(self) -> Floats:
        """What all people together have."""
        return total(self.share, self.value)

    @cached_property
    def away(self) -> Floats:
        """How far each group lies from the mean."""
        return self.value - self.mean

    @cached_property
    def distance(self) -> Floats:
        """The same without its sign."""
        return np.abs(self.away)

    @cached_property
    def high(self) -> Floats:
        """The highest figure."""
        return np.asarray(np.where(self.there, self.value, -np.inf).max(axis=0), dtype=np.float64)

    @cached_property
    def low(self) -> Floats:
        """The lowest figure."""
        return np.asarray(np.where(self.there, self.value, np.inf).min(axis=0), dtype=np.float64)

    @cached_property
    def best(self) -> Floats:
        """The best figure: the highest where more is better, else the lowest."""
        return np.where(self.favourable, self.high, self.low)

    @cached_property
    def base(self) -> Floats:
        """The reference's figure; without a reference the best."""
        return self.best if self.reference is None else total(self.reference, self.value)

    @cached_property
    def ends(self) -> tuple[Floats, Floats]:
        """The higher and the lower of the two figures that D and R compare."""
        if self.reference is None:
            return self.high, self.low
        return np.where(self.favourable, self.base, self.high), np.where(self.favourable, self.low, self.base)


Formula = Callable[[Figures], Floats]


def figures(groups: Groups, reference: Floats | None = None) -> Figures:
    """Groups as they are, families in one axis, one sample each. `reference` has the shape of the groups' values."""
    turned = None if reference is None else first_axis(reference)
    return Figures(first_axis(groups.value), first_axis(groups.share), groups.favourable.reshape(-1, 1), turned)


def first_axis(array: Floats) -> Floats:
    """(..., groups) -> (groups, families, 1)."""
    return np.ascontiguousarray(array.reshape(-1, array.shape[-1]).T)[..., None]


def total(weight: Floats, value: Floats) -> Floats:
    """The weighted sum over groups; what has no weight has no say, were it infinite."""
    with np.errstate(invalid="ignore"):
        parts = weight * value
    parts[np.broadcast_to(weight == 0, parts.shape)] = 0.0
    return np.asarray(parts.sum(axis=0), dtype=np.float64)


# --- formulas ---


def gap(of: Figures) -> Floats:
    """D: best less worst group; with a reference, the reference against the worst."""
    high, low = of.ends
    return high - low


def ratio(of: Figures) -> Floats:
    """R: highest over lowest; with a reference, of the reference and the worst; 1 where nobody has anything."""
    high, low = of.ends
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(high == low, 1.0, high / low)


def attributable_risk(of: Figures) -> Floats:
    """PAR as a distance: how far the mean lies from the best group, or from the reference."""
    return np.abs(of.base - of.mean)


def attributable_fraction(of: Figures) -> Floats:
    """PAF as a distance: PAR as a fraction of the mean."""
    return _relative(attributable_risk(of), of.mean)


def variance(of: Figures) -> Floats:
    """BGV: the variance between groups, weighted by size, in the unit squared."""
    return total(of.share, of.away**2)


def deviation(of: Figures) -> Floats:
    """BGSD: the root of BGV, in the unit."""
    return np.sqrt(variance(of))


def coefficient(of: Figures) -> Floats:
    """COV: BGSD over the mean."""
    return _relative(deviation(of), of.mean)


def from_mean(of: Figures) -> Floats:
    """MDM, weighted: the mean distance from the mean of all."""
    return total(of.share, of.distance)


def from_mean_unweighted(of: Figures) -> Floats:
    """MDM, unweighted: every group counts the same; the mean is that of all people."""
    return total(of.even, of.distance)


def from_best(of: Figures) -> Floats:
    """MDB, weighted: the mean distance from the best group."""
    return np.abs(of.best - of.mean)


def from_best_unweighted(of: Figures) -> Floats:
    """MDB, unweighted."""
    return np.abs(of.best - total(of.even, of.value))


def from_reference(of: Figures) -> Floats:
    """MDR, weighted: the mean distance from the reference group, or without one from the best."""
    return total(of.share, np.abs(of.value - of.base))


def from_reference_unweighted(of: Figures) -> Floats:
    """MDR, unweighted."""
    return total(of.even, np.abs(of.value - of.base))


def disparity(of: Figures) -> Floats:
    """IDIS, weighted: MDM over the mean."""
    return _relative(from_mean(of), of.mean)


def disparity_unweighted(of: Figures) -> Floats:
    """IDIS, unweighted."""
    return _relative(from_mean_unweighted(of), of.mean)


def theil(of: Figures) -> Floats:
    """TI: sum of share x relative figure x its logarithm; 0 log 0 is 0."""
    relative = _relative(of.value, of.mean)
    return total(of.share, relative * np.log(np.where(relative > 0, relative, 1.0)))


def log_deviation(of: Figures) -> Floats:
    """MLD: less the sum of share x logarithm of the relative figure; infinite where a group has nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(of.mean) - total(of.share, np.log(np.maximum(of.value, 0.0)))
    return np.where(of.mean > 0, logs, 0.0)


EXTREME: Mapping[str, Formula] = {
    "d": gap,
    "r": ratio,
    "par": attributable_risk,
    "paf": attributable_fraction,
    "mdbu": from_best_unweighted,
    "mdbw": from_best,
    "mdru": from_reference_unweighted,
    "mdrw": from_reference,
}
SPREAD: Mapping[str, Formula] = {
    "bgv": variance,
    "bgsd": deviation,
    "cov": coefficient,
    "mdmu": from_mean_unweighted,
    "mdmw": from_mean,
    "idisu": disparity_unweighted,
    "idisw": disparity,
    "ti": theil,
    "mld": log_deviation,
}
REFERENCE_ONLY = ("mdru", "mdrw")
FORMULAS: Mapping[str, Formula] = {**EXTREME, **SPREAD}
"""WHO's short names: those that hang on single groups, those that hang on all. Proportions are fractions here, not per
cent, TI and MLD not times 1000."""


def _relative(value: Floats, mean: Floats) -> Floats:
    """value / mean, 0 where the mean is 0: nobody has anything, so nobody has less."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mean > 0, value / mean, 0.0)


# --- standard errors in closed form; `error` has the shape of the figures' value ---


def gap_error(of: Figures, error: Floats) -> Floats:
    """Of D: the two groups' errors together, as if it had been known beforehand which they are."""
    return np.hypot(*_end_errors(of, error))


def ratio_log_error(of: Figures, error: Floats) -> Floats:
    """Of the logarithm of R, likewise."""
    return np.hypot(*(quotient(e, end) for e, end in zip(_end_errors(of, error), of.ends, strict=True)))


def variance_error(of: Figures, error: Floats) -> Floats:
    """Of BGV, the exact variance of a quadratic form y'Ay of normal figures: 2 tr(ASAS) + 4 y'ASAy, A the
    weighted centring matrix and S the diagonal of the groups' variances."""
    own = error**2 * of.share**2
    trace = total(own, error**2 * (1.0 - 2.0 * of.share))
    return np.asarray(np.sqrt(2.0 * (trace + own.sum(axis=0) ** 2) + 4.0 * total(own, of.away**2)), dtype=np.float64)


def theil_error(of: Figures, error: Floats) -> Floats:
    """Of TI, by the delta method: share / mean x (log relative figure - TI)."""
    relative = _relative(of.value, of.mean)
    logs = np.log(np.where(relative > 0, relative, 1.0))
    return _delta(error, _relative(of.share * (logs - theil(of)), of.mean))


def log_deviation_error(of: Figures, error: Floats) -> Floats:
    """Of MLD, by the delta method: share x (1 / mean - 1 / figure)."""
    return _delta(error, of.share * (quotient(1.0, of.mean) - quotient(1.0, of.value)))


def _delta(error: Floats, gradient: Floats) -> Floats:
    return np.sqrt(total(error**2, gradient**2))


def _end_errors(of: Figures, error: Floats) -> tuple[Floats, ...]:
    """The errors of the two groups that D and R compare."""
    return tuple(np.where(of.there & (of.value == end), error, 0.0).max(axis=0) for end in of.ends)
