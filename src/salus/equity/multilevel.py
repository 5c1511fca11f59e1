"""MAIHDA: how much of a measure's variation lies between crossings of attributes, and what is left once the attributes'
own effects are taken away.

People are nested in strata, one per crossing. A null model says how much strata differ; with the attributes as main
effects, what is left is what belongs to the crossing and to no attribute alone, with a residual and its error per
stratum. Gaussian outcomes by REML, binary ones by maximum likelihood with adaptive Gauss-Hermite quadrature. Leaves to
others: many families at once (`pooling`), reading the attributes (`counting`).

Sources: Evans, Williams, Onnela and Subramanian (2018) Soc Sci Med 203:64; Merlo (2018) Soc Sci Med 203:74; Evans,
Leckie, Subramanian, Bell and Merlo (2024) SSM Popul Health 26:101664; Goldstein, Browne and Rasbash (2002) Underst
Stat 1:223 for the partition on the response scale; Larsen and Merlo (2005) Am J Epidemiol 161:81 for the median odds
ratio; Pinheiro and Bates (1995) J Comput Graph Stat 4:12 for the quadrature; Harville (1977) JASA 72:320 for REML.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from salus.equity.intervals import Floats
from salus.equity.regression import logistic

_LATENT = np.pi**2 / 3.0  # variance of the standard logistic distribution
_NOTHING = np.log(1e-3)  # the logarithm of a standard deviation of log odds that is none
_NODES = 61  # of the integrals that turn the latent scale into rates

Cost = Callable[[Floats], float]


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted random-intercept model.

    `effects` and `errors` are of the columns; `between` is the strata's variance, `within` the people's (of a binary
    model pi^2 / 3, on the scale of log odds). `fixed` is each stratum's linear predictor without, `residual` its own
    part (BLUP or conditional mode) and `residual_error` that part's conditional standard deviation.
    """

    effects: Floats
    errors: Floats
    between: float
    within: float
    likelihood: float
    fixed: Floats
    residual: Floats
    residual_error: Floats

    @property
    def partition(self) -> float:
        """VPC: the strata's share of all variance, on the latent scale of a binary model."""
        return self.between / (self.between + self.within)

    @property
    def median_odds_ratio(self) -> float:
        """The median odds ratio of like people from two strata."""
        return float(np.exp(np.sqrt(2.0 * self.between) * stats.norm.ppf(0.75)))

    def rates(self) -> tuple[Floats, Floats]:
        """Of a binary model: each stratum's probability by its attributes alone, and with its own part."""
        return special.expit(self.fixed), special.expit(self.fixed + self.residual)

    def response_partition(self, size: Floats) -> float:
        """VPC of a binary model on the scale of probabilities, over people as they are spread over strata."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        rates = special.expit(self.fixed[:, None] + np.sqrt(self.between) * nodes)
        weights = weights / weights.sum()
        mean = rates @ weights
        share = size / size.sum()
        between = float(share @ ((rates - mean[:, None]) ** 2 @ weights))
        return between / (between + float(share @ ((rates * (1.0 - rates)) @ weights)))


def change(null: Model, full: Model) -> float:
    """PCV: the share of the strata's variance that the attributes' own effects account for."""
    return (null.between - full.between) / null.between if null.between > 0 else float("nan")


# --- gaussian outcomes ---


def gaussian(outcome: Floats, stratum: npt.NDArray[np.int64], columns: Floats) -> Model:
    """Fit by REML: `columns` (a constant first) of each person, strata numbered from 0.

    A stratum's `fixed` is the mean linear predictor of its people. ValueError where everyone is in one stratum.
    """
    if len(np.unique(stratum)) < 2:
        raise ValueError("all people are in one stratum: nothing lies between strata")
    sums = _Sums.of(outcome, stratum, columns)
    found = optimize.minimize_scalar(
        lambda log_ratio: -sums.restricted(float(np.exp(log_ratio))), bounds=(-16.0, 10.0), method="bounded",
        options={"xatol": 1e-10},
    )  # fmt: skip
    ratio = float(np.exp(found.x))
    if sums.restricted(0.0) >= -found.fun:
        ratio = 0.0
    effects, covariance, within = sums.solved(ratio)
    fixed = sums.columns @ effects / sums.size
    pull = ratio * sums.size / (1.0 + ratio * sums.size)
    residual = pull * (sums.outcome - sums.columns @ effects) / sums.size
    error = np.sqrt(within * ratio / (1.0 + ratio * sums.size))
    return Model(
        effects, np.sqrt(np.diag(covariance)), ratio * within, within, sums.restricted(ratio), fixed, residual, error
    )


@dataclass(frozen=True, slots=True)
class _Sums:
    """All the likelihood needs of the people: cross products, and sums by stratum."""

    size: Floats
    outcome: Floats
    columns: Floats
    yy: float
    xy: Floats
    xx: Floats

    @classmethod
    def of(cls, outcome: Floats, stratum: npt.NDArray[np.int64], columns: Floats) -> _Sums:
        strata = int(stratum.max()) + 1
        by_stratum = np.stack([np.bincount(stratum, column, strata) for column in columns.T], axis=1).astype(np.float64)
        size = np.bincount(stratum, minlength=strata).astype(np.float64)
        total = np.bincount(stratum, outcome, strata).astype(np.float64)
        return cls(size, total, by_stratum, float(outcome @ outcome), columns.T @ outcome, columns.T @ columns)

    def solved(self, ratio: float) -> tuple[Floats, Floats, float]:
        """Effects, their covariance and the people's variance, given the ratio of the two variances."""
        taken = ratio / (1.0 + ratio * self.size)
        a = self.xx - self.columns.T @ (self.columns * taken[:, None])
        b = self.xy - self.columns.T @ (taken * self.outcome)
        inverse = np.asarray(np.linalg.inv(a), dtype=np.float64)
        effects = inverse @ b
        free = float(self.size.sum()) - len(effects)
        within = (self.yy - float(taken @ self.outcome**2) - float(b @ effects)) / free
        return effects, inverse * within, within

    def restricted(self, ratio: float) -> float:
        """The restricted log likelihood at its best given the ratio of variances."""
        effects, covariance, within = self.solved(ratio)
        free = float(self.size.sum()) - len(effects)
        logdet = float(np.linalg.slogdet(covariance / within)[1])
        spread = float(np.log1p(ratio * self.size).sum())
        return -0.5 * float(free * (1.0 + np.log(2.0 * np.pi * within)) + spread - logdet)


# --- binary outcomes ---


def binary(x: Floats, n: Floats, columns: Floats, nodes: int = 15) -> Model:
    """Fit `x` of `n` per stratum by maximum likelihood; `columns` (a constant first) of each stratum.

    One node is Laplace's approximation. Errors from the observed information. ValueError with fewer than two strata.
    """
    if len(n) < 2:
        raise ValueError("there is one stratum only: nothing lies between strata")
    family = _Binary(x, n, columns, nodes)
    start = np.r_[logistic((x + 0.5) / (n + 1.0), columns, n).coefficients, np.log(0.3)]
    place = _polished(family.cost, optimize.minimize(family.cost, start, method="BFGS").x)
    if place[-1] < _NOTHING:
        return _flat(family)
    effects, spread = place[:-1], float(np.exp(place[-1]))
    fixed = columns @ effects
    mode = spread * family.modes(fixed, spread)
    errors = np.sqrt(np.diag(np.linalg.inv(_hessian(family.natural, np.r_[effects, spread]))))[:-1]
    rate = special.expit(fixed + mode)
    error = 1.0 / np.sqrt(n * rate * (1.0 - rate) + 1.0 / spread**2)
    return Model(effects, errors, spread**2, _LATENT, -family.cost(place), fixed, mode, error)


def _flat(family: _Binary) -> Model:
    """The model of strata that differ by nothing but their attributes and chance."""
    fit = logistic(family.x / family.n, family.columns, family.n)
    errors = np.sqrt(np.diag(fit.bread))
    none = np.zeros(len(family.n))
    likelihood = -family.natural(np.r_[fit.coefficients, 0.0])
    return Model(fit.coefficients, errors, 0.0, _LATENT, likelihood, family.columns @ fit.coefficients, none, none)


def _polished(cost: Cost, place: Floats) -> Floats:
    """Newton's steps at the end, for as long as they lead down."""
    for _ in range(4):
        if place[-1] < _NOTHING:
            break
        step = np.linalg.lstsq(_hessian(cost, place), _gradient(cost, place), rcond=None)[0]
        if cost(place - step) > cost(place):
            break
        place = place - step
        if np.abs(step).max() < 1e-9:
            break
    return place


@dataclass(frozen=True, slots=True)
class _Binary:
    """The likelihood of binary outcomes in strata, the strata's own parts integrated out."""

    x: Floats
    n: Floats
    columns: Floats
    nodes: int

    def cost(self, place: Floats) -> float:
        """Less the log likelihood at the effects and the logarithm of the strata's standard deviation."""
        return self.natural(np.r_[place[:-1], np.exp(np.clip(place[-1], -15.0, 4.0))])

    def natural(self, place: Floats) -> float:
        """The same with the standard deviation itself."""
        fixed, spread = self.columns @ place[:-1], float(place[-1])
        mode = self.modes(fixed, spread)
        width = 1.0 / np.sqrt(self._curve(fixed, spread, mode))
        nodes, weights = np.polynomial.hermite_e.hermegauss(self.nodes)
        at = mode[:, None] + width[:, None] * nodes
        logs = self._logs(fixed[:, None] + spread * at) - at**2 / 2.0 + nodes**2 / 2.0
        total = special.logsumexp(logs + np.log(weights), axis=1) + np.log(width) - 0.5 * np.log(2.0 * np.pi)
        chosen = special.gammaln(self.n + 1) - special.gammaln(self.x + 1) - special.gammaln(self.n - self.x + 1)
        return -float((total + chosen).sum())

    def modes(self, fixed: Floats, spread: float) -> Floats:
        """The most likely standard normal part of each stratum."""
        mode = np.zeros(len(self.x))
        for _ in range(50):
            rate = special.expit(fixed + spread * mode)
            step = (spread * (self.x - self.n * rate) - mode) / self._curve(fixed, spread, mode)
            mode = mode + np.clip(step, -2.0, 2.0)
            if np.abs(step).max() < 1e-11:
                break
        return mode

    def _curve(self, fixed: Floats, spread: float, mode: Floats) -> Floats:
        rate = special.expit(fixed + spread * mode)
        return np.asarray(spread**2 * self.n * rate * (1.0 - rate) + 1.0, dtype=np.float64)

    def _logs(self, predictor: Floats) -> Floats:
        logs = self.x[:, None] * predictor - self.n[:, None] * np.logaddexp(0.0, predictor)
        return np.asarray(logs, dtype=np.float64)


def _gradient(function: Cost, at: Floats) -> Floats:
    """First derivatives by central differences."""
    steps = np.diag(1e-5 * np.maximum(np.abs(at), 0.1))
    return np.array([(function(at + step) - function(at - step)) / (2.0 * step.max()) for step in steps])


def _hessian(function: Cost, at: Floats) -> Floats:
    """Second derivatives by central differences."""
    size = len(at)
    steps = np.diag(1e-4 * np.maximum(np.abs(at), 0.1))
    h = np.empty((size, size))
    for i, j in combinations_with_replacement(range(size), 2):
        signs = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
        corners = sum(sign * function(at + a * steps[i] + b * steps[j]) for a, b, sign in signs)
        h[i, j] = h[j, i] = corners / (4.0 * steps[i].max() * steps[j].max())
    return h
