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
from salus.equity.counting import OVERALL, Cell
from salus.equity.intervals import Floats

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Families:
    """One attribute: `places` of the cells, shape (families, groups), their counts, and which groups are known."""

    attribute: str
    places: Places
    values: tuple[str, ...]
    x: Floats
    n: Floats
    known: npt.NDArray[np.bool_]


def by_attribute(cells: Sequence[Cell]) -> list[Families]:
    """The cells of each attribute, "overall" left out, in the order they come."""
    places: dict[str, dict[tuple[str, str, str], list[int]]] = {}
    for place, cell in enumerate(cells):
        if cell.attribute != OVERALL:
            places.setdefault(cell.attribute, {}).setdefault(cell.family, []).append(place)
    return [_family(cells, attribute, np.array(list(of.values()))) for attribute, of in places.items()]


def _family(cells: Sequence[Cell], attribute: str, places: Places) -> Families:
    x, n = (np.array([getattr(cells[i], k) for i in places.ravel().tolist()], dtype=np.float64) for k in "xn")
    first = [cells[i] for i in places[0].tolist()]
    known = np.array([cell.known for cell in first])
    values = tuple(cell.value for cell in first)
    return Families(attribute, places, values, x.reshape(places.shape), n.reshape(places.shape), known)


def borrowed(cells: Sequence[Cell], families: Sequence[Families], level: float) -> dict[str, Floats]:
    """Columns of all cells: the rate pooled with the rest of its family, its interval, and how much of it is the
    group's own; nan where nobody is, and of "overall"."""
    names = ("pooled", "pooled_low", "pooled_high", "signal")
    columns = {name: np.full(len(cells), np.nan) for name in names}
    for of in families:
        found = pooling.borrowed(of.x, of.n, level)
        for name, values in zip(names, (found.rate, found.low, found.high, found.signal), strict=True):
            columns[name][of.places] = np.where(of.n > 0, values, np.nan)
    return columns


def bounds(cells: Sequence[Cell], families: Sequence[Families], references: dict[int, int]) -> dict[str, Floats]:
    """The least and the greatest difference to the reference there could be, whoever the unknown are.

    `references` maps a cell's place to its reference's. Least: all unknown who met the measure are of the reference,
    all who did not are of the group; greatest: the other way round (Manski 1989 J Hum Resour 24:343, worst case).
    nan of a group that is itself not known, or has no reference.
    """
    low, high = (np.full(len(cells), np.nan) for _ in range(2))
    for of in families:
        met, missed = (np.where(of.known, 0.0, part).sum(axis=1) for part in (of.x, of.n - of.x))
        for row, places in enumerate(of.places):
            for column in np.flatnonzero(of.known & (of.n[row] > 0)):
                place, other = int(places[column]), references.get(int(places[column]))
                if other is not None and other != place:
                    least, greatest = _ends(cells[place], cells[other], met[row], missed[row])
                    low[place], high[place] = least, greatest
    return {"bound_low": low, "bound_high": high}


def _ends(group: Cell, reference: Cell, met: float, missed: float) -> tuple[float, float]:
    least = group.x / (group.n + missed) - (reference.x + met) / (reference.n + met)
    greatest = (group.x + met) / (group.n + met) - reference.x / (reference.n + missed)
    return least, greatest


def missing(of: Families) -> Floats:
    """The share of each family's units whose group is not known."""
    gone = np.where(of.known, 0.0, of.n).sum(axis=1)
    return intervals.quotient(gone, of.n.sum(axis=1))
