"""Weighted regression of one outcome, and how sure its coefficients are: small, dense, no more than inequality needs.

Least squares and logistic regression with the covariance of the model, of White and MacKinnon (HC0 to HC3), or of a
survey's design. Leaves to others: what is regressed on what (`individual`, `decompose`).

Sources: MacKinnon and White (1985) J Econometrics 29:305; Binder (1983) Int Stat Rev 51:279 for the design's
covariance by linearisation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from salus.equity.intervals import Floats

Covariance = Literal["model", "hc0", "hc1", "hc2", "hc3"]
_MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class Design:
    """How people came into a survey: `weight` each, first-stage `stratum` and `cluster` (any labels); None: alone."""

    weight: Floats
    stratum: npt.NDArray[Any] | None = None
    cluster: npt.NDArray[Any] | None = None

    def variance(self, scores: Floats) -> Floats:
        """Variance of the columns' totals: clusters within strata, drawn with replacement."""
        n = len(scores)
        stratum = np.zeros(n, dtype=np.int64) if self.stratum is None else _numbers(self.stratum)
        cluster = np.arange(n) if self.cluster is None else _numbers(self.cluster)
        units, unit = np.unique(stratum * (int(cluster.max()) + 1) + cluster, return_inverse=True)
        totals = np.stack([np.bincount(unit, column) for column in scores.T], axis=1)
        home = units // (int(cluster.max()) + 1)
        size = np.bincount(home)[home]
        means = np.stack([np.bincount(home, column)[home] for column in totals.T], axis=1) / size[:, None]
        if np.any(size < 2):
            raise ValueError("a stratum has one cluster only: its variance is not known")
        scaled = (totals - means) * np.sqrt(size / (size - 1.0))[:, None]
        return np.asarray(scaled.T @ scaled, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model: coefficients, the inverse of the information, and what covariances need."""

    coefficients: Floats
    bread: Floats
    design: Floats
    residual: Floats
    weight: Floats
    fitted: Floats

    def covariance(self, kind: Covariance = "model") -> Floats:
        """The coefficients' covariance; "model" takes the least squares residuals' variance."""
        n, k = self.design.shape
        if kind == "model":
            return np.asarray(self.bread * np.sum(self.weight * self.residual**2) / (n - k), dtype=np.float64)
        scores = self.design * (self.weight * self.residual * self._stretch(kind))[:, None]
        return np.asarray(self.bread @ scores.T @ scores @ self.bread, dtype=np.float64)

    def survey(self, design: Design) -> Floats:
        """The coefficients' covariance under the survey's design."""
        scores = self.design * (self.weight * self.residual)[:, None]
        return np.asarray(self.bread @ design.variance(scores) @ self.bread, dtype=np.float64)

    def _stretch(self, kind: Covariance) -> Floats | float:
        n, k = self.design.shape
        if kind in ("hc0", "hc1"):
            return float(np.sqrt(n / (n - k))) if kind == "hc1" else 1.0
        leverage = self.weight * np.einsum("ij,jk,ik->i", self.design, self.bread, self.design)
        return np.asarray((1.0 - leverage) ** (-0.5 if kind == "hc2" else -1.0), dtype=np.float64)


def least_squares(outcome: Floats, design: Floats, weight: Floats | None = None) -> Fit:
    """Weighted least squares; ValueError when the columns of `design` are not independent."""
    weight = np.ones(len(outcome)) if weight is None else weight
    bread = _inverse(design.T @ (design * weight[:, None]))
    coefficients = bread @ (design.T @ (weight * outcome))
    fitted = design @ coefficients
    return Fit(coefficients, bread, design, outcome - fitted, weight, fitted)


def logistic(outcome: Floats, design: Floats, weight: Floats | None = None) -> Fit:
    """Weighted logistic regression of proportions or of 0 and 1 by Fisher scoring.

    `fitted` are probabilities. ValueError when it does not settle, as where a group has all or none.
    """
    weight = np.ones(len(outcome)) if weight is None else weight
    coefficients = np.zeros(design.shape[1])
    for _ in range(_MOST_STEPS):
        fitted = 1.0 / (1.0 + np.exp(-design @ coefficients))
        bread = _inverse(design.T @ (design * (weight * fitted * (1.0 - fitted))[:, None]))
        step = bread @ (design.T @ (weight * (outcome - fitted)))
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-12 * max(1.0, np.abs(coefficients).max()):
            return Fit(coefficients, bread, design, outcome - fitted, weight, fitted)
    raise ValueError("the logistic regression does not settle: someone's probability runs to 0 or 1")


def _inverse(matrix: Floats) -> Floats:
    if np.linalg.matrix_rank(matrix) < len(matrix):
        raise ValueError("the explaining columns are not independent of each other")
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def _numbers(labels: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)
