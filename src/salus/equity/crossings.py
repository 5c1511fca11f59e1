"""How much of each measure's variation lies in crossings, and which crossings fare other than their attributes alone
would have it: MAIHDA, one model without and one with the attributes' own effects.

Leaves to others: the models (`multilevel`), the crossings' own rows (`compare`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import special

from salus.equity import families, multilevel
from salus.equity.families import Families
from salus.equity.intervals import Floats, z_value
from salus.equity.multilevel import Model
from salus.equity.summary import SCHEMA
from salus.equity.tally import CROSS, Tally

FEWEST = 6
"""Crossings with fewer groups say nothing about a variance."""
MOST_MODELS = 200
"""Measures times crossings that are modelled; beyond (every pair of everything) there is `pooled` and `signal`."""
METHOD = "logistic random intercept, adaptive quadrature"
STRATA = pa.schema(
    [(name, pa.string()) for name in ("measure", "group_id", "attribute", "value")]
    + [("numerator", pa.int64()), ("denominator", pa.int64())]
    + [(name, pa.float64()) for name in ("rate", "expected", "modelled", "beyond", "beyond_low", "beyond_high")]
    + [("verdict", pa.string()), ("level", pa.float64()), ("method", pa.string())]
)
"""Columns of the table of crossings; docs/attributes.md says what each means."""


def crossing_tables(tally: Tally, level: float) -> tuple[pa.Table, pa.Table]:
    """The indices (summary.SCHEMA) of every measure and crossing of known groups, and its strata (STRATA); both empty
    where there are more than `MOST_MODELS` to fit.

    Indices: `vpc` (share of variance between crossings, latent scale), `vpc_response` (the same of probabilities),
    `mor` (median odds ratio) and `pcv` (share of the variance that the attributes' effects explain). Strata: the rate
    as `expected` from the attributes' own effects, as `modelled` with the crossing's own part, and what that part adds
    (`beyond`) with its interval given the fitted model. `verdict`: "higher" or "lower" than expected where the interval
    says so, else "as expected".

    Where units are several of one person, models are of as many people as say as much (`Tally.effective`; weighting the
    likelihood so is the approximation of Rao and Scott 1992): between crossings one effect holds for all.

    A group of which nobody or everybody meets the measure is left out with its crossings; a family whose model cannot
    be fitted all the same has no rows.
    """
    crossed = [of for of in families.by_attribute(tally) if CROSS in of.attribute]
    if len(crossed) * len(tally.rows) > MOST_MODELS:
        return SCHEMA.empty_table(), STRATA.empty_table()
    indices: list[dict[str, Any]] = []
    strata: list[dict[str, Any]] = []
    for of in crossed:
        for row in range(len(tally.rows)):
            _fit(of, tally, row, level, indices, strata)
    return pa.Table.from_pylist(indices, schema=SCHEMA), pa.Table.from_pylist(strata, schema=STRATA)


def _fit(
    of: Families, tally: Tally, row: int, level: float, indices: list[dict[str, Any]], strata: list[dict[str, Any]]
) -> None:
    """Add one family's rows to both tables."""
    there = _estimable(of, row)
    if len(there) < FEWEST:
        return
    values, counted = [of.values[i] for i in there], of.n[row, there]
    effect = float(tally.effects[row, 0])
    x, n = of.x[row, there] / effect, counted / effect
    try:
        null = multilevel.binary(x, n, np.ones((len(n), 1)))
        full = multilevel.binary(x, n, main_effects(values))
    except (ValueError, np.linalg.LinAlgError):
        return
    measure, group_id = tally.rows[row]
    about = {"measure": measure, "group_id": group_id, "attribute": of.attribute, "level": level, "method": METHOD}
    sizes = {"groups": len(there), "people": int(counted.sum()), "missing_share": float(families.missing(of)[row])}
    indices += [
        {**about, **sizes, "index": index, "value": value, "equal": equal}
        for index, value, equal in _indices(null, full, n)
    ]
    strata += [about | each for each in _strata(full, of.x[row, there], counted, values, level)]


def _estimable(of: Families, row: int) -> npt.NDArray[np.int64]:
    """The known crossings with people in, without those of a group of which nobody or everybody meets the measure: its
    own effect would have no end."""
    parts = np.array([value.split(CROSS) for value in of.values], dtype=object)
    kept = of.known & (of.n[row] > 0)
    while True:
        before = kept.copy()
        for part in parts.T:
            for group in set(part[kept]):
                inside = kept & (part == group)
                if not 0 < of.x[row, inside].sum() < of.n[row, inside].sum():
                    kept &= ~inside
        if np.array_equal(before, kept):
            return np.flatnonzero(kept)


def _indices(null: Model, full: Model, n: Floats) -> list[tuple[str, float, float]]:
    """(index, value, what it is without inequality)."""
    found = [
        ("vpc", null.partition, 0.0),
        ("vpc_response", null.response_partition(n), 0.0),
        ("mor", null.median_odds_ratio, 1.0),
    ]
    return found + ([("pcv", multilevel.change(null, full), 1.0)] if null.between > 0 else [])


def _strata(full: Model, x: Floats, n: Floats, values: Sequence[str], level: float) -> Iterator[dict[str, Any]]:
    expected, modelled = full.rates()
    reach = z_value(level) * full.residual_error
    low, high = (special.expit(full.fixed + full.residual + side * reach) - expected for side in (-1.0, 1.0))
    for i, value in enumerate(values):
        verdict = "higher" if low[i] > 0 else "lower" if high[i] < 0 else "as expected"
        yield {
            "value": value, "numerator": int(x[i]), "denominator": int(n[i]), "rate": x[i] / n[i],
            "expected": expected[i], "modelled": modelled[i], "beyond": modelled[i] - expected[i],
            "beyond_low": low[i], "beyond_high": high[i], "verdict": verdict,
        }  # fmt: skip


def main_effects(values: Sequence[str]) -> Floats:
    """A constant and one column per group of each attribute but its first: shape (crossings, columns)."""
    parts = list(zip(*(value.split(CROSS) for value in values), strict=True))
    columns = [np.ones(len(values))]
    for part in parts:
        columns += [np.array([p == level for p in part], dtype=np.float64) for level in sorted(set(part))[1:]]
    return np.stack(columns, axis=1)
