"""Where a gap comes from: different people, different treatment of like people, different places.

Kitagawa splits the gap of two rates over strata, Oaxaca and Blinder that of two means over measured characteristics,
`across_sites` splits it into what happens within sites and who goes to which, and `concentration_parts` splits a
concentration index over its causes. A part is a description, not an effect. Leaves to others: fitting (`regression`).

Sources: Kitagawa (1955) JASA 50:1168; Oaxaca (1973) Int Econ Rev 14:693; Blinder (1973) J Human Resources 8:436;
Neumark (1988) J Human Resources 23:279; Jann (2008) Stata J 8:453; Wagstaff, van Doorslaer and Watanabe (2003)
J Econometrics 112:207.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from salus.equity import individual, intervals
from salus.equity.intervals import Counts, Floats, floats, z_value
from salus.equity.regression import least_squares


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a gap with its interval."""

    value: float
    error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RateGap:
    """The second rate less the first, split: `composition` (who is in which stratum) and `rates` (like people).

    They add up to `difference`. `shared` (interaction) is what the threefold form keeps apart: `composition_at_first`
    and `rates_at_first` are then valued as in the first group.
    """

    difference: Part
    composition: Part
    rates: Part
    composition_at_first: float
    rates_at_first: float
    shared: float


def kitagawa(x: Counts, n: Counts, level: float = 0.95) -> RateGap:
    """Split the gap of two groups' rates over strata: `x` of `n`, shape (2, strata).

    Errors by the delta method, with binomial rates and multinomial shares. ValueError when a group has nobody in a
    stratum: its rate there is not known; join strata.
    """
    x, n = floats(x, n)
    if np.any(n <= 0):
        raise ValueError("a group has nobody in a stratum, so that its rate there is not known: join strata")
    rate, share = x / n, n / n.sum(axis=1, keepdims=True)
    drate, dshare = rate[1] - rate[0], share[1] - share[0]
    mean_rate, mean_share = rate.mean(axis=0), share.mean(axis=0)
    rate_noise, size = rate * (1 - rate) / n, n.sum(axis=1)
    composition = _part(dshare @ mean_rate, _delta(rate_noise, share, size, dshare / 2, mean_rate), level)
    rates = _part(drate @ mean_share, _delta(rate_noise, share, size, mean_share, drate / 2, same=True), level)
    crude = x.sum(axis=1) / size
    whole = _part(crude[1] - crude[0], float((crude * (1 - crude) / size).sum()), level)
    alone = float(dshare @ rate[0]), float(drate @ share[0])
    return RateGap(whole, composition, rates, *alone, float(drate @ dshare))


def _delta(noise: Floats, share: Floats, size: Floats, by_rate: Floats, by_share: Floats, same: bool = False) -> float:
    """Variance of a part from its derivatives by the rates and the shares (multinomial) of both groups.

    Composition: both groups' rates count by_rate, their shares by_share with opposite signs; with `same` the rates
    have opposite signs and the shares the same one. Signs do not matter to a variance of independent groups.
    """
    of_rates = float((noise * by_rate**2).sum())
    spread = (share * by_share**2).sum(axis=1) - (share @ by_share) ** 2
    return of_rates + float((np.maximum(spread, 0.0) / size).sum())  # of one stratum rounding may leave less than none


def _part(value: float, variance: float, level: float) -> Part:
    error = float(np.sqrt(variance))
    half = z_value(level) * error
    return Part(float(value), error, float(value) - half, float(value) + half)


# --- Oaxaca and Blinder ---


@dataclass(frozen=True, slots=True)
class MeanGap:
    """The gap of two groups' means (first less second), split over characteristics; arrays have one value per column.

    Threefold: `endowments` (what the second would gain with the first's characteristics), `coefficients`,
    `interaction`. They add up to `difference`.
    """

    difference: float
    endowments: Floats
    coefficients: Floats
    interaction: Floats
    first: Floats
    second: Floats
    means: tuple[Floats, Floats]

    def twofold(self, reference: Floats) -> tuple[Floats, Floats, Floats]:
        """Explained, and unexplained of the first and of the second group, at reference coefficients."""
        gap = self.means[0] - self.means[1]
        return gap * reference, self.means[0] * (self.first - reference), self.means[1] * (reference - self.second)

    def weighted(self, weight: float) -> Floats:
        """Reference coefficients: `weight` of the first group's, the rest of the second's."""
        return weight * self.first + (1.0 - weight) * self.second


Group = tuple[Floats, Floats]
"""A group's outcomes, shape (people,), and its columns of characteristics, a constant first, (people, columns)."""


def oaxaca_blinder(first: Group, second: Group, kinds: Sequence[Sequence[int]] = ()) -> MeanGap:
    """Split the gap of two groups' means.

    `kinds` are sets of columns of which everyone has exactly one (level of schooling): their coefficients are then
    distances from the mean of the set, so that what they add does not hang on which one is left out (Yun 2005 Econ
    Inquiry 43:766).
    """
    (y1, x1), (y2, x2) = first, second
    b1, b2 = coefficients(first, kinds), coefficients(second, kinds)
    m1, m2 = x1.mean(axis=0), x2.mean(axis=0)
    difference = float(y1.mean() - y2.mean())
    return MeanGap(difference, (m1 - m2) * b2, m2 * (b1 - b2), (m1 - m2) * (b1 - b2), b1, b2, (m1, m2))


def pooled(first: Group, second: Group, kinds: Sequence[Sequence[int]] = (), with_group: bool = False) -> Floats:
    """Coefficients of everyone together (Neumark); `with_group` lets the groups' levels differ
    (Jann): the constant is then the first group's."""
    outcome, columns = np.concatenate([first[0], second[0]]), np.concatenate([first[1], second[1]])
    if with_group:
        mark = np.r_[np.zeros(len(first[0])), np.ones(len(second[0]))]
        return coefficients((outcome, np.column_stack([columns, mark])), kinds)[:-1]
    return coefficients((outcome, columns), kinds)


def coefficients(group: Group, kinds: Sequence[Sequence[int]] = ()) -> Floats:
    """Least squares coefficients, those of each kind as distances from their mean, which the constant takes."""
    outcome, columns = group
    left_out = [kind[-1] for kind in kinds]
    kept = [place for place in range(columns.shape[1]) if place not in left_out]
    found = np.zeros(columns.shape[1])
    found[kept] = least_squares(outcome, columns[:, kept]).coefficients
    for kind in kinds:
        mean = found[list(kind)].mean()
        found[list(kind)] -= mean
        found[0] += mean
    return found


# --- several characteristics of rates at once ---


@dataclass(frozen=True, slots=True)
class Explained:
    """The gap of two rates split over several characteristics at once: a part for each, all of them, and the rest."""

    difference: float
    parts: tuple[Part, ...]
    explained: Part
    rest: Part


def explained(x: Counts, n: Counts, levels: Sequence[int], level: float = 0.95) -> Explained:
    """Split the gap of a group (row 0 of `x` of `n`) to its reference (row 1) over characteristics taken together.

    Strata are all combinations of the characteristics' `levels` (how many each has), the last varying fastest. Twofold
    form at the coefficients of everyone, groups' levels let differ (Jann 2008), of a linear model of the rate without
    interactions: what a characteristic explains does not hang on which of its levels is left out. Errors by the delta
    method, with each person's own residual (HC0) and multinomial shares; of the rest, with binomial rates besides.
    """
    x, n = floats(x, n)
    places = np.stack(np.unravel_index(np.arange(x.shape[1]), tuple(levels)), axis=1)
    marks = [np.eye(size)[places[:, i]] for i, size in enumerate(levels)]
    columns = np.concatenate(marks, axis=1)
    effects, covariance = _pooled_cells(x, n, columns)
    shares = n / n.sum(axis=1, keepdims=True)
    gap = (shares[0] - shares[1]) @ columns
    noise = sum((_shares_noise(share, columns) / size for share, size in zip(shares, n.sum(axis=1), strict=True)))
    ends = np.cumsum([0, *levels])
    slices = [slice(a, b) for a, b in pairwise(ends.tolist())]

    def part(of: slice) -> Part:
        variance = gap[of] @ covariance[of, of] @ gap[of] + effects[of] @ noise[of, of] @ effects[of]
        return _part(gap[of] @ effects[of], max(float(variance), 0.0), level)

    rate = x.sum(axis=1) / n.sum(axis=1)
    whole = part(slice(0, columns.shape[1]))
    chance = float((rate * (1.0 - rate) / n.sum(axis=1)).sum())
    rest = _part(rate[0] - rate[1] - whole.value, chance + whole.error**2, level)
    return Explained(float(rate[0] - rate[1]), tuple(part(of) for of in slices), whole, rest)


def _pooled_cells(x: Floats, n: Floats, columns: Floats) -> tuple[Floats, Floats]:
    """Effects of the columns on everyone's rates, and their covariance; a column for the first group is taken along."""
    mark = np.r_[np.ones(len(columns)), np.zeros(len(columns))]
    design = np.column_stack([np.concatenate([columns, columns]), mark])
    met, size = x.ravel(), n.ravel()
    inverse = np.linalg.pinv(design.T @ (design * size[:, None]))
    found = inverse @ (design.T @ met)
    fitted = design @ found
    squares = met * (1.0 - fitted) ** 2 + (size - met) * fitted**2
    covariance = inverse @ (design.T @ (design * squares[:, None])) @ inverse
    return found[:-1], covariance[:-1, :-1]


def _shares_noise(share: Floats, columns: Floats) -> Floats:
    """Covariance of one person's columns."""
    mean = share @ columns
    return np.asarray(columns.T @ (columns * share[:, None]) - np.outer(mean, mean), dtype=np.float64)


# --- places ---


@dataclass(frozen=True, slots=True)
class SiteGap:
    """A gap split into `within` (unlike rates at the same site) and `across` (unlike sites); `sites` are the sites
    where both groups go and `share` is how many of the group's people do."""

    within: Part
    across: Part
    sites: int
    share: float


def across_sites(x: Counts, n: Counts, level: float = 0.95) -> SiteGap | None:
    """Split the gap of a group (row 0 of `x` of `n`, one column per site) to its reference (row 1).

    Only sites that see both groups can tell the two parts apart; None where there is none. The parts are Kitagawa's
    over sites.
    """
    x, n = floats(x, n)
    both = (n > 0).all(axis=0)
    if not both.any():
        return None
    found = kitagawa(x[::-1, both], n[::-1, both], level)
    share = float(intervals.quotient(n[0, both].sum(), n[0].sum()))
    return SiteGap(found.rates, found.composition, int(both.sum()), share)


# --- concentration index ---


@dataclass(frozen=True, slots=True)
class Cause:
    """What a characteristic adds to a concentration index: elasticity times its own index."""

    elasticity: float
    index: float
    low: float
    high: float
    contribution: float
    share: float


def concentration_parts(
    outcome: Floats, columns: Floats, by: npt.NDArray[Any], level: float = 0.95
) -> tuple[list[Cause], float]:
    """Causes (one per column, without a constant) of the outcome's concentration index over `by`, and the rest.

    The rest is what the linear model leaves: the generalised index of its residuals over the mean.
    """
    fit = least_squares(outcome, np.column_stack([np.ones(len(outcome)), columns]))
    mean = float(outcome.mean())
    whole = float(individual.concentration(outcome, by).value)
    causes = []
    for coefficient, column in zip(fit.coefficients[1:], columns.T, strict=True):
        own = individual.concentration(column, by, "delta", level=level)
        elasticity = float(coefficient * column.mean()) / mean
        part = elasticity * float(own.value)
        index, low, high = (float(v) for v in (own.value, own.low, own.high))
        causes.append(Cause(elasticity, index, low, high, part, part / whole))
    return causes, whole - sum(cause.contribution for cause in causes)
