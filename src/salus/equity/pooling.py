"""Small groups borrow from the rest: the beta-binomial model of a family's rates, all families at once.

Groups' true rates are taken to come from one beta distribution, whose mean and spread the data of all groups tell; a
group's own rate is then pulled towards the mean, the more the fewer people it has. Leaves to others: models with
attributes and crossings (`multilevel`).

Sources: Griffiths (1973) Biometrics 29:637 for the likelihood; Casella (1985) Am Stat 39:83 and Carlin and Louis
(2000), ch 3, for empirical Bayes; Daniels (1999) Can J Stat 27:567 for the uniform prior on shrinkage; Adams (2009) The
reliability of provider profiling, RAND TR-653, for reliability.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from salus.equity.intervals import Counts, Floats, floats, quotient

_STEPS = 60
_GRID = 24  # degrees of shrinkage averaged over
_LARGEST = 1e7  # alpha + beta from which groups do not differ at all
_CLOSE = 1e-10


@dataclass(frozen=True, slots=True)
class Pooled:
    """What each family's groups have in common: the beta distribution of true rates.

    `mean` and `total` (alpha + beta; infinite when groups differ by no more than chance), shape (families).
    """

    mean: Floats
    total: Floats

    @property
    def alpha(self) -> Floats:
        """First parameter of the beta distribution."""
        return self.mean * self.total

    @property
    def beta(self) -> Floats:
        """Second parameter."""
        return (1.0 - self.mean) * self.total

    @property
    def overdispersion(self) -> Floats:
        """Correlation of two people of a group, rho; 0 when groups differ by chance alone."""
        return 1.0 / (1.0 + self.total)

    @property
    def between(self) -> Floats:
        """Variance of the true rates between groups."""
        return self.mean * (1.0 - self.mean) * self.overdispersion

    def rates(self, x: Counts, n: Counts, level: float = 0.95) -> tuple[Floats, Floats, Floats]:
        """Each group's pooled rate and its interval (quantiles of the posterior); `x` of `n`, (families, groups).

        The distribution is taken as known, as published packages do: with few groups it is not, and the intervals are
        too short. `borrowed` has the ones to rely on.
        """
        x, n = floats(x, n)
        large = np.minimum(self.total, _LARGEST)[..., None]
        mean = self.mean[..., None]
        a, b = x + mean * large, n - x + (1.0 - mean) * large
        tail = (1.0 - level) / 2.0
        ends = (stats.beta.ppf(q, np.maximum(a, 1e-9), np.maximum(b, 1e-9)) for q in (tail, 1.0 - tail))
        return quotient(a, a + b), *ends

    def signal(self, n: Counts) -> Floats:
        """How much of the pooled rate is the group's own: n / (n + alpha + beta), 0 to 1."""
        (n,) = floats(n)
        return np.where(np.isinf(self.total[..., None]), 0.0, n / (n + self.total[..., None]))

    def reliability(self, x: Counts, n: Counts) -> Floats:
        """Signal over signal and noise with the group's own binomial variance (Adams)."""
        x, n = floats(x, n)
        rate = quotient(x, n)
        return quotient(self.between[..., None], self.between[..., None] + rate * (1.0 - rate) / n)


def pool(x: Counts, n: Counts) -> Pooled:
    """Fit every family by maximum likelihood; `x` of `n` of shape (families, groups), n = 0 where there is no group.

    A family of fewer than two groups, or with nobody or everybody in the numerators, has no spread to be seen.
    """
    x, n = floats(x, n)
    mean = np.nan_to_num(quotient(x.sum(axis=-1), n.sum(axis=-1)))
    place = np.stack([special.logit(np.clip(mean, 1e-6, 1.0 - 1e-6)), np.log(_first_total(x, n, mean))])
    open_ = (mean > 0) & (mean < 1) & ((n > 0).sum(axis=-1) > 1)
    value = _likelihood(place, x, n)
    damping = np.full(mean.shape, 1e-3)
    for _ in range(_STEPS):
        step = _step(place, x, n, damping)
        tried = np.stack([place[0] + step[0], np.clip(place[1] + step[1], -3.0, np.log(_LARGEST))])
        new = _likelihood(tried, x, n)
        better = new >= value
        place, moved = np.where(better, tried, place), np.abs(tried - place).max(axis=0)
        value, damping = np.where(better, new, value), np.where(better, damping / 10.0, damping * 10.0)
        if np.all(~open_ | (moved < _CLOSE)):
            break
    total = np.exp(place[1])
    none = ~open_ | (total > _LARGEST / 10.0)
    return Pooled(np.where(none, mean, special.expit(place[0])), np.where(none, np.inf, total))


@dataclass(frozen=True, slots=True)
class Borrowed:
    """Pooled rates with intervals, and `signal`: how much of each is the group's own (0 to 1); (families, groups)."""

    rate: Floats
    low: Floats
    high: Floats
    signal: Floats


def borrowed(x: Counts, n: Counts, level: float = 0.95) -> Borrowed:
    """Pooled rates that allow for not knowing how much groups differ, nor the mean exactly.

    Averages over degrees of shrinkage, each with the weight its likelihood gives it under a uniform prior; the average
    is taken as a beta distribution of the same mean and variance. Groups without people get what the others tell.
    """
    x, n = floats(x, n)
    total = _totals(n)
    mean, doubt = _means(x, n, total)
    weight = _weights(x, n, mean, doubt, total)
    size = n + total[..., None]
    middle = (x + (mean * total)[..., None]) / size
    pulled = total[..., None] / size
    spread = middle * (1.0 - middle) / (size + 1.0) + pulled**2 * doubt[..., None]
    rate = (weight * middle).sum(axis=0)
    variance = (weight * (spread + middle**2)).sum(axis=0) - rate**2
    ends = _beta_ends(rate, variance, level)
    return Borrowed(rate, *ends, 1.0 - (weight * pulled).sum(axis=0))


def _totals(n: Floats) -> Floats:
    """alpha + beta at even steps of the shrinkage of a group of the family's typical size: (grid, families)."""
    there = np.maximum((n > 0).sum(axis=-1), 1)
    typical = np.maximum(n.sum(axis=-1) / there, 1.0)
    shrunk = ((np.arange(_GRID) + 0.5) / _GRID)[:, None]
    return np.asarray(typical * shrunk / (1.0 - shrunk), dtype=np.float64)


def _means(x: Floats, n: Floats, total: Floats) -> tuple[Floats, Floats]:
    """The mean of the groups' true rates and its variance at each degree: (grid, families).

    Half a person with and one without the outcome are added, so that nobody's having it is not certainty.
    """
    by_group = np.where(n > 0, (1.0 + total[..., None]) / np.maximum(n + total[..., None], 1e-9), 0.0)
    met, people = (by_group * x).sum(axis=-1) + 0.5, (by_group * n).sum(axis=-1) + 1.0
    mean = met / people
    return mean, mean * (1.0 - mean) / people


def _weights(x: Floats, n: Floats, mean: Floats, doubt: Floats, total: Floats) -> Floats:
    """How likely each degree is: (grid, families, 1), adding up to 1 over the grid."""
    a, b = (mean * total)[..., None], ((1.0 - mean) * total)[..., None]
    terms = np.where(n > 0, special.betaln(x + a, n - x + b) - special.betaln(a, b), 0.0)
    logs = terms.sum(axis=-1) + 0.5 * np.log(doubt)
    weight = np.exp(logs - logs.max(axis=0))
    return np.asarray((weight / weight.sum(axis=0))[..., None], dtype=np.float64)


def _beta_ends(mean: Floats, variance: Floats, level: float) -> tuple[Floats, Floats]:
    """The central interval of the beta distribution with a mean and a variance."""
    total = np.maximum(mean * (1.0 - mean) / np.maximum(variance, 1e-15) - 1.0, 1e-3)
    a, b, tail = mean * total, (1.0 - mean) * total, (1.0 - level) / 2.0
    return special.betaincinv(a, b, tail), special.betaincinv(a, b, 1.0 - tail)


def _first_total(x: Floats, n: Floats, mean: Floats) -> Floats:
    """A first guess at alpha + beta by moments (Kleinman 1973 JASA 68:46)."""
    safe = np.where(n > 0, n, 1.0)
    spread = (n * (x / safe - mean[..., None]) ** 2).sum(axis=-1)
    chance = np.maximum(mean * (1.0 - mean), 1e-9) * np.maximum((n > 0).sum(axis=-1) - 1.0, 1.0)
    people = n.sum(axis=-1)
    length = people - quotient((n**2).sum(axis=-1), people)
    excess = (spread / chance - 1.0) * np.maximum((n > 0).sum(axis=-1) - 1.0, 1.0)
    return np.asarray(np.clip(np.nan_to_num(length / np.maximum(excess, 1e-3), nan=1e3), 0.5, 1e5), dtype=np.float64)


def _likelihood(place: Floats, x: Floats, n: Floats) -> Floats:
    a, b = _parameters(place)
    terms = special.betaln(x + a, n - x + b) - special.betaln(a, b)
    return np.asarray(np.where(n > 0, terms, 0.0).sum(axis=-1), dtype=np.float64)


def _parameters(place: Floats) -> tuple[Floats, Floats]:
    mean, total = special.expit(place[0]), np.exp(place[1])
    return (mean * total)[..., None], ((1.0 - mean) * total)[..., None]


def _step(place: Floats, x: Floats, n: Floats, damping: Floats) -> Floats:
    """A damped Newton step (Levenberg and Marquardt) in logit mean and log total."""
    a, b = _parameters(place)
    mean, total = special.expit(place[0]), np.exp(place[1])
    both, both_curve = _gain(special.digamma, n, a + b), _gain(_trigamma, n, a + b)
    slopes = np.stack([_gain(special.digamma, x, a) - both, _gain(special.digamma, n - x, b) - both])
    bend = mean * (1.0 - mean) * total
    by_place = np.array([[bend, mean * total], [-bend, (1.0 - mean) * total]])  # of alpha and beta by both
    curves = np.stack([_gain(_trigamma, x, a), _gain(_trigamma, n - x, b)])
    whole = by_place.sum(axis=0)
    h = np.einsum("kif,kjf,kf->ijf", by_place, by_place, curves) - whole[:, None] * whole[None] * both_curve
    apart = slopes[0] - slopes[1]
    h[0, 0] += bend * (1.0 - 2.0 * mean) * apart
    h[0, 1] += bend * apart
    h[1, 0] = h[0, 1]
    h[1, 1] += total * (mean * slopes[0] + (1.0 - mean) * slopes[1])
    return _solved(-h, np.einsum("kif,kf->if", by_place, slopes), damping)


def _gain(function: Callable[[Floats], Floats], more: Floats, at: Floats) -> Floats:
    """What a function gains from `at` to `at + more`, over all groups; nothing where there is nothing more."""
    return np.asarray((function(more + at) - function(at)).sum(axis=-1), dtype=np.float64)


def _trigamma(at: Floats) -> Floats:
    return np.asarray(special.zeta(2.0, at), dtype=np.float64)


def _solved(h: Floats, gradient: Floats, damping: Floats) -> Floats:
    scale = np.maximum(np.abs(h[0, 0]), np.abs(h[1, 1])) + 1e-9
    a, d = h[0, 0] + damping * scale, h[1, 1] + damping * scale
    determinant = a * d - h[0, 1] ** 2
    good = (a > 0) & (determinant > 0)
    safe = np.where(good, determinant, 1.0)
    newton = np.stack(
        [(d * gradient[0] - h[0, 1] * gradient[1]) / safe, (a * gradient[1] - h[0, 1] * gradient[0]) / safe]
    )
    uphill = gradient / (scale * (1.0 + damping))
    return np.clip(np.where(good, newton, uphill), -3.0, 3.0)
