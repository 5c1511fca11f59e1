"""The gaps of an equity table as a list to act on: the surest and largest first, each with how many people it is about.

A gap is a group that does worse than its reference (or differs, where a measure does not say what is better). The order
is by what the interval guarantees: the people it is about at the least. Leaves to others: the comparisons (`compare`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_FIGURES = (
    *("difference", "difference_low", "difference_high", "people", "people_low", "people_high", "q"),
    *("pooled", "signal", "bound_low", "bound_high", "missing_share"),
    *("adjusted", "adjusted_low", "adjusted_high", "adjusted_support"),
)
SCHEMA = pa.schema(
    [("rank", pa.int64())]
    + [(name, pa.string()) for name in ("measure", "group_id", "attribute", "value", "reference", "sure")]
    + [("denominator", pa.int64())]
    + [(name, pa.float64()) for name in _FIGURES]
    + [("adjusted_by", pa.string())]
)
SURE = ((0.001, "very sure"), (0.01, "sure"))
"""What a false discovery rate is called; up to 1 - level a gap is "fairly sure", above it "not sure"."""
CLAIMS = ("worse", "higher", "lower")
"""Verdicts that claim a gap."""


def gap_table(table: pa.Table) -> pa.Table:
    """Every comparison of an equity table in which the group does worse or may (SCHEMA), in order.

    First those claimed at the table's false discovery rate, by the people they are about at the least; then those that
    are not, by the people they may be about. Groups with too little data to say are not listed.
    """
    doubted = pc.and_(pc.equal(table["verdict"], "no clear difference"), pc.greater(table["people"], 0.0))
    gap = pc.or_(pc.is_in(table["verdict"], pa.array(CLAIMS)), pc.fill_null(doubted, False))
    rows = table.filter(pc.and_(pc.is_valid(table["q"]), gap))
    rows = rows.take(pa.array(_order(rows)))
    added = {"rank": pa.array(range(1, len(rows) + 1)), "sure": pa.array(_sure(rows), pa.string())}
    return pa.table([added[name] if name in added else rows[name] for name in SCHEMA.names], schema=SCHEMA)


def sure(q: float, level: float) -> str:
    """How sure a gap is, in words, from its false discovery rate."""
    named = next((word for limit, word in SURE if q < limit), None)
    return named or ("fairly sure" if q < 1.0 - level else "not sure")


def _sure(rows: pa.Table) -> list[str]:
    return [sure(q, level) for q, level in zip(rows["q"].to_pylist(), rows["level"].to_pylist(), strict=True)]


def _order(rows: pa.Table) -> npt.NDArray[np.int64]:
    """Places in the order of the list."""
    claimed = np.array(pc.is_in(rows["verdict"], pa.array(CLAIMS)), dtype=np.bool_)
    people, least, q, n, gap = (
        rows[name].to_numpy().astype(np.float64) for name in ("people", "people_low", "q", "denominator", "difference")
    )
    about = np.where(claimed, least, people)
    about = np.where(np.isnan(about), n * np.abs(gap), about)  # the measure does not say what is better
    return np.lexsort((q, -about, ~claimed))
