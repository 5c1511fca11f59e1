"""Gaps between like people: each group's difference to its reference had both the same ages and sexes.

Direct standardisation to everyone the measure counts, over the strata in which both groups have anybody; how many of
the group's people these are is said beside it. Leaves to others: the arithmetic (`standardise`), what else a gap goes
with (`parts`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from salus.equity.counting import Units
from salus.equity.intervals import Floats, quotient
from salus.equity.standardise import direct_proportion
from salus.equity.tally import Tally, Whole

USUAL = ("age_band", "sex")
"""What is held equal unless something else is asked for."""
ADJUSTED = ("adjusted", "adjusted_low", "adjusted_high", "adjusted_support")
"""Columns of the equity table that this module fills."""
MOST_CELLS = 20_000_000
"""Strata of all measures and groups; an attribute with more (ZIP codes by age and sex) is not standardised."""


def standard_attributes(there: Sequence[str], asked: Sequence[str] | None) -> tuple[str, ...]:
    """The attributes to hold equal: those asked for, else the usual ones that are there."""
    return tuple(name for name in USUAL if name in there) if asked is None else tuple(asked)


def adjusted(units: Units, tally: Tally, references: Whole, by: Sequence[str], level: float) -> dict[str, Floats]:
    """Columns of all cells (rows, columns): the standardised difference to the reference, its interval, and the
    `support`: the share of the group's units in strata where the reference has units too.

    `references` has the column of each cell's reference, -1 for none. An attribute is not standardised by itself; nan
    for crossings, for everyone, and where nothing is left to hold equal or no stratum has both groups. Interval: the
    two standardised rates' arms put together (Newcombe's method 10 with `direct_proportion`'s), of as many people as
    say as much within the strata (`design`).
    """
    columns = {name: np.full(tally.n.shape, np.nan) for name in ADJUSTED}
    held = {attribute: tuple(name for name in by if name != attribute) for attribute in tally.attributes}
    told = {a: s for a, s in held.items() if a in units.values and s and fits(units, (a, *s))}
    effects = units.design_within([(attribute, *strata) for attribute, strata in told.items()])
    for (attribute, strata), effect in zip(told.items(), effects.T, strict=True):
        where = tally.attributes[attribute]
        x, n = (counts / effect[:, None, None] for counts in strata_counts(units, tally, attribute, strata))
        found = _differences(x, n, references[:, where] - where.start, level)
        for name, values in zip(ADJUSTED, found, strict=True):
            columns[name][:, where] = values
    return columns


def strata_counts(units: Units, tally: Tally, attribute: str, strata: tuple[str, ...]) -> tuple[Floats, Floats]:
    """x of n by the groups of an attribute, as the tally has them, and the strata: (rows, groups, strata)."""
    table = units.table((attribute, *strata)).astype(np.float64)
    values = [value for _, value in tally.columns[tally.attributes[attribute]]]
    kept = table[:, [units.values[attribute].index(value) for value in values]]
    flat = kept.reshape(len(tally.rows), len(values), units.size(strata), 2)
    return flat[..., 1], flat.sum(axis=-1)


def fits(units: Units, names: tuple[str, ...]) -> bool:
    """Whether a table of these attributes is small enough to be made."""
    return units.size(names) * max(len(units.rows), 1) <= MOST_CELLS


def _differences(x: Floats, n: Floats, own: Whole, level: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Value, ends and support of each group against the group at `own` (rows, groups; below 0: none)."""
    place = np.maximum(own, 0)[..., None]
    x0, n0 = (np.take_along_axis(counts, place, axis=1) for counts in (x, n))
    both = (n > 0) & (n0 > 0)
    standard = np.where(both, n.sum(axis=1, keepdims=True), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        group, other = direct_proportion(x, n, standard, level), direct_proportion(x0, n0, standard, level)
        value = group.value - other.value
        low = value - np.hypot(group.value - group.low, other.high - other.value)
        high = value + np.hypot(group.high - group.value, other.value - other.low)
    support = quotient(np.where(both, n, 0.0).sum(axis=-1), n.sum(axis=-1))
    compared = (own >= 0) & (own != np.arange(own.shape[1])) & both.any(axis=-1)
    value, low, high, support = (np.where(compared, part, np.nan) for part in (value, low, high, support))
    return value, low, high, support
