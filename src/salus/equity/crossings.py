"""How much of each measure's variation lies in crossings, and how much of that is more than their attributes' own
effects: the MAIHDA rows of the inequality table.

Leaves to others: the models (`multilevel`), the crossings' own rows (`compare`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from salus.equity import families, multilevel
from salus.equity.families import Families
from salus.equity.intervals import Floats
from salus.equity.summary import SCHEMA
from salus.equity.tally import CROSS, Tally

FEWEST = 6
"""Crossings with fewer groups say nothing about a variance."""
MOST_MODELS = 200
"""Measures times crossings that are modelled; beyond (every pair of everything) there is `pooled` and `signal`."""
METHOD = "logistic random intercept, adaptive quadrature"


def crossing_table(tally: Tally, level: float) -> pa.Table:
    """Four rows (summary.SCHEMA) per measure and crossing of known groups, or none where there are more than
    `MOST_MODELS` to fit: `vpc` (share of variance between crossings, latent scale), `vpc_response` (the same of
    probabilities), `mor` (median odds ratio) and `pcv` (share of the variance that the attributes' effects explain).

    A family whose model cannot be fitted, as where a whole group has or lacks the outcome, has no rows.
    """
    crossed = [of for of in families.by_attribute(tally) if CROSS in of.attribute]
    if len(crossed) * len(tally.rows) > MOST_MODELS:
        return SCHEMA.empty_table()
    rows = [row for of in crossed for row in _rows(of, tally, level)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _rows(of: Families, tally: Tally, level: float) -> Iterator[dict[str, Any]]:
    missing = families.missing(of)
    for row, (measure, group_id) in enumerate(tally.rows):
        there = np.flatnonzero(of.known & (of.n[row] > 0))
        if len(there) < FEWEST:
            continue
        x, n, values = of.x[row, there], of.n[row, there], [of.values[i] for i in there]
        about = {"measure": measure, "group_id": group_id, "attribute": of.attribute, "level": level}
        about |= {"groups": len(there), "people": int(n.sum()), "missing_share": float(missing[row]), "method": METHOD}
        for index, value, equal in _fitted(x, n, values):
            yield {**about, "index": index, "value": value, "equal": equal}


def _fitted(x: Floats, n: Floats, values: Sequence[str]) -> list[tuple[str, float, float]]:
    """(index, value, what it is without inequality); nothing where no model can be fitted."""
    try:
        null = multilevel.binary(x, n, np.ones((len(n), 1)))
        full = multilevel.binary(x, n, main_effects(values))
    except (ValueError, np.linalg.LinAlgError):
        return []
    found = [
        ("vpc", null.partition, 0.0),
        ("vpc_response", null.response_partition(n), 0.0),
        ("mor", null.median_odds_ratio, 1.0),
    ]
    return found + ([("pcv", multilevel.change(null, full), 1.0)] if null.between > 0 else [])


def main_effects(values: Sequence[str]) -> Floats:
    """A constant and one column per group of each attribute but its first: shape (crossings, columns)."""
    parts = list(zip(*(value.split(CROSS) for value in values), strict=True))
    columns = [np.ones(len(values))]
    for part in parts:
        columns += [np.array([p == level for p in part], dtype=np.float64) for level in sorted(set(part))[1:]]
    return np.stack(columns, axis=1)
