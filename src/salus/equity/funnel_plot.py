"""Funnel plots: which site or clinician differs from the rest by more than chance, and how much differs among all.

Limits say where a unit of a size would lie by chance around a target; z-scores say how far out it is; where units vary
more than chance lets them, all of them, the excess is measured once and allowed for (over-dispersion). Leaves to
others: drawing (`salus.publish`), what the target should be.

Sources: Spiegelhalter (2005) Stat Med 24:1185 (funnel plots, winsorising, section A.3 additive over-dispersion);
Spiegelhalter (2005) Qual Saf Health Care 14:347; DerSimonian and Laird (1986) Control Clin Trials 7:177; NHS Digital,
SHMI specification (2019), over-dispersion by trimming on the log scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from salus.equity import counts
from salus.equity.intervals import Counts, Floats, floats, quotient, z_value

Scale = Literal["root", "log"]
Trim = Literal["winsorise", "truncate"]


@dataclass(frozen=True, slots=True)
class Scores:
    """Units on a scale where chance is even: `value`, its standard error by chance, the `target`, and z-scores."""

    value: Floats
    error: Floats
    target: float

    @property
    def plain(self) -> Floats:
        """z-scores by chance alone."""
        return (self.value - self.target) / self.error

    def adjusted(self, excess: Excess) -> Floats:
        """z-scores that allow for what all units vary more than by chance."""
        return (self.value - self.target) / np.sqrt(self.error**2 + excess.between)


@dataclass(frozen=True, slots=True)
class Excess:
    """How much more units vary than chance: `ratio` (phi, 1 is chance) and variance `between` units (tau squared)."""

    ratio: float
    between: float
    trimmed: Floats


def proportion_scores(x: Counts, n: Counts) -> Scores:
    """Proportions under the arcsine of the root, whose variance is 1 / 4n whatever the proportion."""
    x, n = floats(x, n)
    return Scores(np.arcsin(np.sqrt(x / n)), 0.5 / np.sqrt(n), float(np.arcsin(np.sqrt(x.sum() / n.sum()))))


def ratio_scores(observed: Counts, expected: Counts, scale: Scale = "root") -> Scores:
    """Observed over expected events around 1, under the root (variance 1 / 4 expected) or logarithm (1 / expected).

    Nobody observed has no logarithm: half an event stands for none there.
    """
    observed, expected = floats(observed, expected)
    if scale == "root":
        return Scores(np.sqrt(observed / expected), 0.5 / np.sqrt(expected), 1.0)
    seen = np.where(observed == 0, 0.5, observed)
    return Scores(np.log(seen / expected), 1.0 / np.sqrt(expected), 0.0)


def excess(scores: Scores, share: float = 0.1, how: Trim = "winsorise") -> Excess:
    """Over-dispersion from the z-scores without the weight of the `share` most extreme at either end.

    Those are pulled in to the quantile ("winsorise") or left out ("truncate"); `trimmed` has nan for the latter.
    """
    z = scores.plain
    trimmed = _winsorised(z, share) if how == "winsorise" else _truncated(z, share)
    kept = ~np.isnan(trimmed)
    n = int(kept.sum())
    ratio = float(np.sum(trimmed[kept] ** 2)) / n
    weight = 1.0 / scores.error[kept] ** 2
    spread = float(weight.sum() - (weight**2).sum() / weight.sum())
    return Excess(ratio, max(0.0, (n * ratio - (n - 1)) / spread) if spread > 0 else 0.0, trimmed)


def proportion_limits(n: Counts, target: float, level: float) -> tuple[Floats, Floats]:
    """Where a proportion of n lies by chance around the target, normal limits, within 0 and 1."""
    (n,) = floats(n)
    half = z_value(level) * np.sqrt(quotient(target * (1.0 - target), n))
    return np.clip(target - half, 0.0, 1.0), np.clip(target + half, 0.0, 1.0)


def expected_at_limits(observed: Counts, level: float) -> tuple[Floats, Floats]:
    """The expected events at which `observed` events are just on the lower, and just on the upper, limit (exact).

    observed / expected are the two arms of a funnel of ratios; times a target rate, of a funnel of rates.
    """
    low, high = counts.poisson_exact(observed, level)
    return high, low


def position(low: Floats, high: Floats, target: Counts) -> Floats:
    """-1, 0 or 1: a unit's interval lies below the target, holds it, lies above it."""
    return np.asarray(np.where(high < target, -1.0, np.where(low > target, 1.0, 0.0)), dtype=np.float64)


def _winsorised(z: Floats, share: float) -> Floats:
    low, high = np.quantile(z, [share, 1.0 - share])
    return np.clip(z, low, high)


def _truncated(z: Floats, share: float) -> Floats:
    gone = int(share * len(z) + 1e-9)
    order = np.argsort(z, kind="stable")
    kept = z.copy()
    kept[order[:gone]] = np.nan
    kept[order[len(z) - gone :]] = np.nan
    return kept
