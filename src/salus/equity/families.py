"""Families of cells as arrays: all measures' groups of one attribute side by side, counts in, columns out.

Every measure has the same groups of an attribute, so no array is ragged. Leaves to others: counting (`counting`), what
is made of the arrays (`compare`, `summary`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from salus.equity import intervals, pooling
from salus.equity.intervals import Floats
from salus.equity.tally import OVERALL, Bools, Tally, Whole


@dataclass(frozen=True, slots=True)
class Families:
    """One attribute: its columns in the tally, the groups' names and which are known, counts of (families, groups)."""

    attribute: str
    columns: slice
    values: tuple[str, ...]
    x: Floats
    n: Floats
    known: Bools


def by_attribute(tally: Tally) -> list[Families]:
    """The cells of each attribute, "overall" left out, in the order they come."""
    return [_family(tally, name, columns) for name, columns in tally.attributes.items() if name != OVERALL]


def _family(tally: Tally, attribute: str, columns: slice) -> Families:
    x, n = (counts[:, columns].astype(np.float64) for counts in (tally.x, tally.n))
    return Families(attribute, columns, tuple(v for _, v in tally.columns[columns]), x, n, tally.known[columns])


def missing(of: Families) -> Floats:
    """The share of each family's units whose group is not known."""
    gone = np.where(of.known, 0.0, of.n).sum(axis=1)
    return intervals.quotient(gone, of.n.sum(axis=1))


def largest(of: Families, wanted: str | None = None) -> Whole:
    """Which group each family compares with: the one wanted, else its largest known one; -1 where nobody is in one."""
    if wanted is not None:
        return np.full(len(of.n), of.values.index(wanted))
    size = np.where(of.known, of.n, 0.0)
    return np.where(size.max(axis=1, initial=0.0) > 0, size.argmax(axis=1), -1)


def borrowed(families: Sequence[Families], effects: Floats, level: float) -> dict[str, Floats]:
    """Columns of all cells: the rate pooled with the rest of its family, its interval, and how much of it is the
    group's own; nan where nobody is, and of "overall". `effects` has the design effect of each cell (rows, columns)."""
    names = ("pooled", "pooled_low", "pooled_high", "signal")
    columns = {name: np.full(effects.shape, np.nan) for name in names}
    for of in families:
        effect = effects[:, of.columns]
        found = pooling.borrowed(of.x / effect, of.n / effect, level)
        for name, values in zip(names, (found.rate, found.low, found.high, found.signal), strict=True):
            columns[name][:, of.columns] = np.where(of.n > 0, values, np.nan)
    return columns


def bounds(families: Sequence[Families], references: npt.NDArray[np.int64]) -> dict[str, Floats]:
    """The least and the greatest difference to the reference there could be, whoever the unknown are.

    `references` has the column of each cell's reference (rows, columns; -1: none). Least: all unknown who met the
    measure are of the reference, all who did not are of the group; greatest: the other way round (Manski 1989 J Hum
    Resour 24:343, worst case). nan of a group that is itself not known, or has no reference but itself.
    """
    low, high = (np.full(references.shape, np.nan) for _ in range(2))
    for of in families:
        met, missed = (np.where(of.known, 0.0, part).sum(axis=1, keepdims=True) for part in (of.x, of.n - of.x))
        own = references[:, of.columns] - of.columns.start
        x0, n0 = (np.take_along_axis(part, np.maximum(own, 0), axis=1) for part in (of.x, of.n))
        compared = of.known & (of.n > 0) & (own >= 0) & (own != np.arange(len(of.values)))
        least = intervals.quotient(of.x, of.n + missed) - intervals.quotient(x0 + met, n0 + met)
        greatest = intervals.quotient(of.x + met, of.n + met) - intervals.quotient(x0, n0 + missed)
        low[:, of.columns] = np.where(compared, least, np.nan)
        high[:, of.columns] = np.where(compared, greatest, np.nan)
    return {"bound_low": low, "bound_high": high}
