"""Indices of groups as published packages give them: by regression on the groups' figures, or from a 2 x 2 table.

Their errors come from how far the groups scatter about the line, not from how many people are behind each figure: with
five groups that is little to go by. They are here to be compared with published figures; `contrasts` has the ones to
rely on. Leaves to others: fitting (`regression`).

Sources: Kakwani, Wagstaff and van Doorslaer (1997) J Econometrics 77:87, eq 11 (grouped data); Mackenbach and Kunst
(1997) Soc Sci Med 44:757; Walter (1976) Biometrics 32:829 for the attributable fraction.
"""

from __future__ import annotations

import numpy as np

from salus.equity.contrasts import Measured
from salus.equity.groups import Groups, ridit
from salus.equity.individual import Link, normal, slopes
from salus.equity.intervals import Floats, quotient
from salus.equity.regression import least_squares, logistic


def concentration(groups: Groups) -> Measured:
    """The absolute concentration index of one family with the error of the regression through its groups."""
    rank = ridit(groups.size)
    spread = float(groups.share @ (rank - 0.5) ** 2)
    line = np.stack([np.ones(len(rank)), rank], axis=1)
    fit = least_squares(2.0 * spread * groups.value, line, groups.share)
    return normal(np.asarray(fit.coefficients[1]), np.sqrt(fit.covariance()[1, 1]), groups.level)


def slope(groups: Groups, link: Link = "linear") -> tuple[Measured, Measured]:
    """SII and RII of one family from the weighted line through its groups, with White's errors (HC1).

    Figures are fractions of the groups' `scale` under the logit link. The error of the RII is of its logarithm.
    """
    rank = ridit(groups.size)
    line = np.stack([np.ones(len(rank)), rank], axis=1)
    if link == "linear":
        fit = least_squares(groups.value, line, groups.share)
        return slopes(fit, fit.covariance("hc1"), link, groups.level)
    fit = logistic(groups.value / groups.scale, line, groups.share)
    sii, rii = slopes(fit, fit.covariance("hc1"), link, groups.level)
    return sii.times(groups.scale), rii


def walter_error(groups: Groups, reference: Floats) -> Floats:
    """Standard error of the attributable fraction (PAR over the mean) by Walter's formula.

    `reference` is 1 at the reference group and 0 elsewhere. People are taken to have been sampled whatever their
    group, so that group sizes vary too; the figures are fractions of the groups' `scale`.
    """
    cases = groups.size * groups.value / groups.scale
    c = (reference * cases).sum(axis=-1)
    d = (reference * (groups.size - cases)).sum(axis=-1)
    a, b = cases.sum(axis=-1) - c, (groups.size - cases).sum(axis=-1) - d
    n = a + b + c + d
    return np.sqrt(quotient(c * n * (a * d * (n - c) + b * c**2), (a + c) ** 3 * (c + d) ** 3))
