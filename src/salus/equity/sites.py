"""Sites (or clinicians, or areas) side by side: whose rate differs from all by more than chance and usual variation.

One row per measure and site for a funnel plot, with the limits at its size: over-dispersion is measured once per
measure and allowed for. Leaves to others: the arithmetic (`funnel_plot`), drawing (`salus.publish`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from salus.equity import families, funnel_plot
from salus.equity.estimate import MINIMUM
from salus.equity.intervals import Floats, z_value
from salus.equity.tally import Tally
from salus.equity.visits import SITE

FEW = "too few to say"
"""The verdict of a site of fewer people than say something."""
FEWEST = 5
"""Fewer sites say nothing about how much sites vary."""
WARNING, ACTION = 0.95, 0.998
"""Levels of the two pairs of limits (Spiegelhalter 2005)."""
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("measure", "group_id", "attribute", "value")]
    + [("numerator", pa.int64()), ("denominator", pa.int64())]
    + [(name, pa.float64()) for name in ("rate", "target", "low95", "high95", "low998", "high998", "z", "z_adjusted")]
    + [("overdispersion", pa.float64()), ("between", pa.float64()), ("verdict", pa.string()), ("method", pa.string())]
)
"""Columns of the table of sites; docs/attributes.md says what each means."""
METHOD = "arcsine root; winsorised 10%; additive over-dispersion"


def site_table(tally: Tally, attribute: str = SITE) -> pa.Table:
    """Every known site of every measure with `FEWEST` of them or more (SCHEMA); none where there is no such attribute.

    `overdispersion` is the factor by which z-scores vary more than chance, `between` the variance between sites on the
    scale of the arcsine of the root. Chance is that of as many people as say as much as a site's units
    (`Tally.effective`). `verdict`: "above" or "below" the outer limits, "within", or `FEW`.
    """
    found = [of for of in families.by_attribute(tally) if of.attribute == attribute]
    rows = [row for of in found for place in range(len(tally.rows)) for row in _rows(of, tally, place)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def limits(n: Floats, target: float, between: float, level: float) -> tuple[Floats, Floats]:
    """Where the rate of a site of n lies by chance and usual variation, around the target rate."""
    middle = np.arcsin(np.sqrt(target))
    half = z_value(level) * np.sqrt(0.25 / np.asarray(n, dtype=np.float64) + between)
    ends = np.clip(middle - half, 0.0, np.pi / 2), np.clip(middle + half, 0.0, np.pi / 2)
    return np.sin(ends[0]) ** 2, np.sin(ends[1]) ** 2


def side(rate: float, low: float, high: float) -> str:
    """On which side of its limits a site lies, or within."""
    return "above" if rate > high else "below" if rate < low else "within"


def _rows(of: families.Families, tally: Tally, place: int) -> Iterator[dict[str, Any]]:
    there = np.flatnonzero(of.known & (of.n[place] > 0))
    x, n = of.x[place, there], of.n[place, there]
    if len(there) < FEWEST or not 0 < x.sum() < n.sum():
        return
    effect = float(tally.effects[place, 0])
    scores = funnel_plot.proportion_scores(x / effect, n / effect)
    excess = funnel_plot.excess(scores)
    target = float(x.sum() / n.sum())
    inner, outer = (limits(n / effect, target, excess.between, level) for level in (WARNING, ACTION))
    adjusted = scores.adjusted(excess)
    measure, group_id = tally.rows[place]
    for i, column in enumerate(there.tolist()):
        rate = x[i] / n[i]
        yield {
            "measure": measure, "group_id": group_id, "attribute": of.attribute, "value": of.values[column],
            "numerator": int(x[i]), "denominator": int(n[i]), "rate": rate, "target": target,
            "low95": inner[0][i], "high95": inner[1][i], "low998": outer[0][i], "high998": outer[1][i],
            "z": scores.plain[i], "z_adjusted": adjusted[i], "overdispersion": excess.ratio,
            "between": excess.between, "method": METHOD,
            "verdict": FEW if n[i] < MINIMUM else side(rate, outer[0][i], outer[1][i]),
        }  # fmt: skip
