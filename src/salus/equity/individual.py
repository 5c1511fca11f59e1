"""Concentration and slope indices of data on individuals, ranked by means, need or place; surveys with their design.

An index of individuals uses each person's own rank, people with the same rank sharing the middle one. Leaves to
others: indices of groups (`contrasts`), fitting (`regression`), splitting an index into causes (`decompose`).

Sources: Kakwani, Wagstaff and van Doorslaer (1997) J Econometrics 77:87, eq 14 for the standard error and eq 7 for the
convenient regression; O'Donnell et al. (2008) Analyzing health equity using household survey data, ch 8; Clarke and
van Ourti (2010) J Health Econ 29:656 on the mean's own uncertainty in the delta method.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from salus.equity.contrasts import Measured
from salus.equity.groups import ridit
from salus.equity.intervals import Counts, Floats, z_value
from salus.equity.regression import Covariance, Design, Fit, least_squares, logistic

Method = Literal["direct", "convenient", "delta"]
Link = Literal["linear", "logit"]


def ranks(by: npt.NDArray[Any], weight: Floats | None = None) -> Floats:
    """Each person's fractional rank by `by`, from 0 to 1; ties share the middle of their span."""
    _, place = np.unique(by, return_inverse=True)
    return ridit(np.bincount(place, weight))[place]


def concentration(
    value: Counts,
    by: npt.NDArray[Any],
    method: Method = "direct",
    covariance: Covariance = "model",
    level: float = 0.95,
) -> Measured:
    """The relative concentration index of `value` over people ranked by `by`.

    "direct" is Kakwani's standard error, which allows for the same people making the ranks and the mean;
    "convenient" takes that of the regression of 2 var(rank) value / mean on rank, the mean taken as known; "delta"
    regresses the value and carries the uncertainty of the fitted mean along. `covariance` is of the last two.
    """
    value = np.asarray(value, dtype=np.float64)
    rank = ranks(by)
    index = 2.0 * float(np.mean((value - value.mean()) * (rank - 0.5))) / value.mean()
    if method == "direct":
        error = _kakwani(value, rank, index)
    else:
        error = _regressed(value, rank, covariance, method == "delta")
    return normal(np.asarray(index), np.asarray(error), level)


def generalised(found: Measured, mean: float) -> Measured:
    """The absolute index: the relative one times the mean."""
    return found.times(mean)


def erreygers(found: Measured, mean: float, lowest: float = 0.0, highest: float = 1.0) -> Measured:
    """Erreygers' index of a value bounded by `lowest` and `highest`."""
    return found.times(4.0 * mean / (highest - lowest))


def wagstaff(found: Measured, mean: float, lowest: float = 0.0, highest: float = 1.0) -> Measured:
    """Wagstaff's index of a bounded value; with bounds 0 and 1 it is the index over 1 - mean."""
    return found.times((highest - lowest) * mean / ((highest - mean) * (mean - lowest)))


def survey_concentration(value: Counts, by: npt.NDArray[Any], design: Design, level: float = 0.95) -> Measured:
    """The absolute concentration index of a survey, with the design's standard error (the mean taken as known)."""
    value = np.asarray(value, dtype=np.float64)
    rank = ranks(by, design.weight)
    variance = np.average((rank - 0.5) ** 2, weights=design.weight)
    fit = least_squares(2.0 * variance * value, _line(rank), design.weight)
    return normal(fit.coefficients[1], np.sqrt(fit.survey(design)[1, 1]), level)


def survey_slope(
    value: Counts, by: npt.NDArray[Any], design: Design, link: Link = "linear", level: float = 0.95
) -> tuple[Measured, Measured]:
    """SII and RII of a survey: fitted value at rank 1 less, and over, that at rank 0.

    The standard error of the RII is of its logarithm, and its interval is taken there.
    """
    value = np.asarray(value, dtype=np.float64)
    line = _line(ranks(by, design.weight))
    fit = (least_squares if link == "linear" else logistic)(value, line, design.weight)
    return slopes(fit, fit.survey(design), link, level)


def slopes(fit: Fit, covariance: Floats, link: Link, level: float = 0.95) -> tuple[Measured, Measured]:
    """SII and RII of a fitted line on rank, by the delta method; the RII's standard error is of its logarithm."""
    ends = np.array([[1.0, 1.0], [1.0, 0.0]]) @ fit.coefficients
    steep = np.ones(2)
    if link == "logit":
        ends = 1.0 / (1.0 + np.exp(-ends))
        steep = ends * (1.0 - ends)
    top, bottom = steep[0] * np.array([1.0, 1.0]), steep[1] * np.array([1.0, 0.0])
    slope, relative = top - bottom, top / ends[0] - bottom / ends[1]
    sii = normal(ends[0] - ends[1], np.sqrt(slope @ covariance @ slope), level)
    rii = lognormal(ends[0] / ends[1], np.sqrt(relative @ covariance @ relative), level)
    return sii, rii


def normal(value: Floats, error: Floats, level: float = 0.95) -> Measured:
    """A value with the interval of a normal error on its own scale."""
    half = z_value(level) * error
    return Measured(value, error, value - half, value + half)


def lognormal(value: Floats, error: Floats, level: float = 0.95) -> Measured:
    """A ratio with the interval of a normal error on the scale of its logarithm; `error` is of the logarithm."""
    factor = np.exp(z_value(level) * error)
    return Measured(value, error, value / factor, value * factor)


def _line(rank: Floats) -> Floats:
    return np.stack([np.ones(len(rank)), rank], axis=1)


def _kakwani(value: Floats, rank: Floats, index: float) -> float:
    """Kakwani et al. eq 14: a_i = value/mean (2 rank - 1 - C) + 2 - q(i-1) - q(i), q the concentration curve."""
    order = np.argsort(rank, kind="stable")
    value, rank = value[order], rank[order]
    n, relative = len(value), value / value.mean()
    curve = np.cumsum(relative) / n
    a = relative * (2.0 * rank - 1.0 - index) + 2.0 - np.r_[0.0, curve[:-1]] - curve
    return float(np.sqrt((np.mean(a**2) - (1.0 + index) ** 2) / n))


def _regressed(value: Floats, rank: Floats, covariance: Covariance, own_mean: bool) -> float:
    spread = 2.0 * float(np.mean((rank - 0.5) ** 2))
    fit = least_squares(value, _line(rank))
    at_zero, slope = fit.coefficients
    mean = at_zero + slope / 2.0
    gradient = spread * (np.array([-slope, at_zero]) / mean**2 if own_mean else np.array([0.0, 1.0 / mean]))
    return float(np.sqrt(gradient @ fit.covariance(covariance) @ gradient))
