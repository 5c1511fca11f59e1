"""One figure for a whole attribute: the inequality table, every measure's inequality by every attribute.

Groups that are not known are left out of it and their share is said. Leaves to others: the measures (`contrasts`,
`dispersion`, `unified`), the groups' own rows (`compare`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from salus.equity import contrasts, families, groups, unified
from salus.equity.contrasts import Measured
from salus.equity.families import Families
from salus.equity.groups import Groups
from salus.equity.results import Results
from salus.equity.tally import CROSS, Tally
from salus.errors import UsageError

MOST_GROUPS = 60
"""Attributes with more groups (ZIP codes) have too many to be summed up one against another."""

SCHEMA = pa.schema(
    [("measure", pa.string()), ("group_id", pa.string()), ("attribute", pa.string()), ("index", pa.string())]
    + [(name, pa.float64()) for name in ("value", "error", "low", "high", "corrected")]
    + [("equal", pa.float64()), ("level", pa.float64()), ("groups", pa.int64()), ("people", pa.int64())]
    + [("missing_share", pa.float64()), ("method", pa.string())]
)
"""Columns of the inequality table; docs/attributes.md says what each means. `equal` is what the index is when there is
no inequality."""

ORDERED = {
    "D": contrasts.difference,
    "R": contrasts.ratio_of_ends,
    "aci": contrasts.absolute_concentration,
    "rci": contrasts.relative_concentration,
    "wagstaff": contrasts.wagstaff,
    "erreygers": contrasts.erreygers,
    "sii": contrasts.slope_index,
    "rii": contrasts.relative_index,
    "PAR": contrasts.attributable_risk,
    "PAF": contrasts.attributable_fraction,
}
"""Indices of groups in an order of advantage; capital letters where `dispersion` has the same name for no order."""
_EQUAL_AT_ONE = ("R", "rii", "r")


def inequality_table(
    results: Results, tally: Tally, level: float, ordered: Mapping[str, Sequence[str]] | None = None
) -> pa.Table:
    """All indices of every measure and attribute (SCHEMA) with two known groups or more, crossings left out.

    `ordered` maps an attribute to its groups from the least to the most advantaged; an empty list takes them in the
    order of their names, numbers as numbers. Errors and intervals are of as many people as say as much as the units
    (`Tally.effective`). UsageError: an attribute or a group that is not there.
    """
    found = [of for of in families.by_attribute(tally) if CROSS not in of.attribute and of.known.sum() <= MOST_GROUPS]
    rows: list[dict[str, Any]] = []
    orders = _orders(found, ordered or {})
    for of in found:
        rows += _rows(of, tally, results, level, orders.get(of.attribute))
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _orders(found: Sequence[Families], ordered: Mapping[str, Sequence[str]]) -> dict[str, list[int]]:
    """Places of the known groups in order of advantage."""
    by_name = {of.attribute: of for of in found}
    orders = {}
    for attribute, wanted in ordered.items():
        if attribute not in by_name:
            raise UsageError(f"no attribute {attribute} to put in order; there are: {', '.join(by_name) or 'none'}")
        known = [v for v, k in zip(by_name[attribute].values, by_name[attribute].known, strict=True) if k]
        chosen = list(wanted) or sorted(known, key=_natural)
        if sorted(chosen) != sorted(known):
            raise UsageError(f"the order of {attribute} must name each of its groups once: {', '.join(known)}")
        orders[attribute] = [by_name[attribute].values.index(value) for value in chosen]
    return orders


def _natural(value: str) -> tuple[int, float, str]:
    try:
        return 0, float(value), value
    except ValueError:
        return 1, 0.0, value


def _rows(
    of: Families, tally: Tally, results: Results, level: float, order: Sequence[int] | None
) -> Iterator[dict[str, Any]]:
    known = np.flatnonzero(of.known) if order is None else np.array(order)
    enough = (of.n[:, known] > 0).sum(axis=1) > 1
    if not enough.any():
        return
    rows = [tally.rows[i] for i in np.flatnonzero(enough)]
    favourable = [results.measure(*row).improvement != "decrease" for row in rows]
    effect = tally.effects[enough][:, known]
    taken = groups.of_counts(of.x[enough][:, known] / effect, of.n[enough][:, known] / effect, favourable, level)
    missing, people = families.missing(of)[enough], of.n[enough][:, known].sum(axis=1)
    for index, (measured, method) in _indices(taken, order is not None).items():
        for row, (measure, group_id) in enumerate(rows):
            about: dict[str, Any] = {"measure": measure, "group_id": group_id, "attribute": of.attribute}
            about |= {"people": int(people[row]), "missing_share": float(missing[row]), "method": method}
            yield about | _row(index, measured, row, taken)


def _indices(taken: Groups, in_order: bool) -> dict[str, tuple[Measured, str]]:
    found = {name: (measured, "test inversion") for name, measured in unified.inequality(taken).items()}
    if in_order:
        found |= {name: (index(taken), "mover-wilson") for name, index in ORDERED.items()}
    return found


def _row(index: str, measured: Measured, row: int, taken: Groups) -> dict[str, Any]:
    figures = {name: getattr(measured, name) for name in ("value", "error", "low", "high", "corrected")}
    return {
        "index": index,
        **{name: _or_none(None if array is None else array[row]) for name, array in figures.items()},
        "equal": 1.0 if index in _EQUAL_AT_ONE else 0.0,
        "level": taken.level,
        "groups": int(taken.there[row].sum()),
    }


def _or_none(value: Any) -> float | None:
    return None if value is None or np.isnan(value) else float(value)
