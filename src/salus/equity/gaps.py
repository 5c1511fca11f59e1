"""The gaps of an equity table as a list to act on: the surest and largest first, each with how many people it is about.

A gap is a group that does worse than its reference (or differs, where a measure does not say what is better). The order
is by what the interval guarantees: the people it is about at the least. Leaves to others: the comparisons (`compare`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

_FIGURES = (
    *("difference", "difference_low", "difference_high", "people", "people_low", "people_high", "q"),
    *("pooled", "signal", "bound_low", "bound_high", "missing_share"),
)
SCHEMA = pa.schema(
    [("rank", pa.int64())]
    + [(name, pa.string()) for name in ("measure", "group_id", "attribute", "value", "reference", "sure")]
    + [("denominator", pa.int64())]
    + [(name, pa.float64()) for name in _FIGURES]
)
SURE = ((0.001, "very sure"), (0.01, "sure"))
"""What a false discovery rate is called; up to 1 - level a gap is "fairly sure", above it "not sure"."""
_GAP = ("worse", "higher", "lower")


def gap_table(table: pa.Table) -> pa.Table:
    """Every comparison of an equity table in which the group does worse or may (SCHEMA), in order.

    First those claimed at the table's false discovery rate, by the people they are about at the least; then those that
    are not, by the people they may be about. Groups with too little data to say are not listed.
    """
    rows = [row for row in table.to_pylist() if row["q"] is not None and _is_gap(row)]
    rows.sort(key=_order)
    listed = [{"rank": place, "sure": sure(row), **row} for place, row in enumerate(rows, 1)]
    return pa.Table.from_pylist([{name: row[name] for name in SCHEMA.names} for row in listed], schema=SCHEMA)


def sure(row: Mapping[str, Any]) -> str:
    """How sure a gap is, in words."""
    named = next((word for limit, word in SURE if row["q"] < limit), None)
    return named or ("fairly sure" if row["q"] < 1.0 - row["level"] else "not sure")


def _is_gap(row: Mapping[str, Any]) -> bool:
    if row["verdict"] in _GAP:
        return True
    return row["verdict"] == "no clear difference" and (row["people"] or 0.0) > 0.0


def _order(row: Mapping[str, Any]) -> tuple[bool, float, float]:
    claimed = row["verdict"] in _GAP
    people = row["people_low"] if claimed else row["people"]
    if people is None:  # the measure does not say what is better
        people = row["denominator"] * abs(row["difference"])
    return not claimed, -people, row["q"]
