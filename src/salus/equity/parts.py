"""What each gap goes with: how much of it is that a group's people have other insurance, ages or sites, and how much
remains between like people.

One row per credible gap and attribute, Kitagawa's two parts with intervals; and one row for all of them together, split
by Oaxaca and Blinder's method. A part is a description, not an effect. Leaves to others: the arithmetic (`decompose`,
`joint`), which gaps are credible (`compare`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from salus.equity.adjusted import fits, standard_attributes, strata_counts
from salus.equity.compare import Settings, compared
from salus.equity.counting import Crossing, Units, attribute_names, read_units, tally
from salus.equity.decompose import Part, across_sites, explained
from salus.equity.gaps import CLAIMS
from salus.equity.intervals import Floats
from salus.equity.results import Results
from salus.equity.tally import Tally

USUAL = ("payer", "age_band", "site")
"""What gaps are split by, unless something else is asked for; `uninsured` where there is no payer."""
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("measure", "group_id", "attribute", "value", "reference", "by")]
    + [(name, pa.float64()) for name in ("difference", "goes_with", "goes_with_low", "goes_with_high")]
    + [(name, pa.float64()) for name in ("remains", "remains_low", "remains_high")]
    + [("strata", pa.int64()), ("support", pa.float64()), ("level", pa.float64()), ("method", pa.string())]
)
"""Columns of the table of parts; docs/attributes.md says what each means."""
METHOD = "kitagawa; delta method"
METHOD_TOGETHER = "oaxaca-blinder, all together; delta method"


def usual_parts(there: Sequence[str]) -> tuple[str, ...]:
    """The attributes gaps are split by where nothing else is asked for."""
    names = [name if name != "payer" or "payer" in there else "uninsured" for name in USUAL]
    return tuple(name for name in names if name in there)


@dataclass(frozen=True)
class Split:
    """The cells of a results folder, its equity table, and the parts of that table's gaps."""

    cells: Tally
    table: pa.Table
    parts: pa.Table


def split_table(
    results: Results, by: Sequence[str], settings: Settings, crossings: Sequence[Crossing], parts: Sequence[str] = ()
) -> Split:
    """The equity table as of `compare.equity_table`, with its gaps split by `parts` (default: `usual_parts`); the units
    are read once for both."""
    there = attribute_names(results)
    names = parts or usual_parts(there)
    crossed = [name for crossing in crossings for name in crossing]
    units = read_units(results, by, [*crossed, *names, *standard_attributes(there, settings.standard)])
    cells = tally(units, by, crossings)
    table = compared(cells, results, settings, units)
    return Split(cells, table, part_table(table, units, cells, names, results))


def part_table(table: pa.Table, units: Units, tally: Tally, by: Sequence[str], results: Results) -> pa.Table:
    """The parts of every credible gap of an equity table (SCHEMA), single attributes only, in the table's order.

    Only strata in which both groups have people tell the parts apart: `support` is the share of the group's units in
    them, `difference` the gap among those. A gap whose groups share no stratum of an attribute has no row for it. With
    two attributes or more that have rows, further rows, whose method says so, split the whole gap by all of them. What
    a measure counts itself splits none of its gaps: all of a gap in being uninsured goes with insurance.
    """
    alone = pc.is_in(table["attribute"], pa.array(list(units.values), pa.string()))
    claimed = table.filter(pc.and_(alone, pc.is_in(table["verdict"], pa.array(CLAIMS))))
    counted = _Counted(units, tally)
    rows = [row for gap in claimed.to_pylist() for row in _rows(gap, counted, _telling(by, gap, results))]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _telling(by: Sequence[str], gap: Mapping[str, Any], results: Results) -> list[str]:
    info = results.measure(gap["measure"])
    return [name for name in by if name != gap["attribute"] and not info.counts(name)]


@dataclass
class _Counted:
    """Counts of two groups by strata, tables made once."""

    units: Units
    tally: Tally
    made: dict[tuple[str, ...], tuple[Floats, Floats]] = field(default_factory=dict)
    effects: dict[int, float] = field(default_factory=dict)

    def pair(self, gap: Mapping[str, Any], strata: tuple[str, ...]) -> tuple[Floats, Floats]:
        """x of n of the group and its reference, as many people as there would be were all units of a person alike:
        shape (2, strata). Intervals are rather too long than too short."""
        key = (gap["attribute"], *strata)
        if key not in self.made:
            self.made[key] = strata_counts(self.units, self.tally, gap["attribute"], strata)
        x, n = self.made[key]
        row = self.tally.rows.index((gap["measure"], gap["group_id"]))
        values = [value for _, value in self.tally.columns[self.tally.attributes[gap["attribute"]]]]
        both = [values.index(gap[name]) for name in ("value", "reference")]
        return x[row, both] / self._alike(row), n[row, both] / self._alike(row)

    def _alike(self, row: int) -> float:
        """A person's units are all in one stratum, so that shares of strata vary as people do."""
        if row not in self.effects:
            repeats = self.units.repeats(row)
            self.effects[row] = 1.0 if repeats is None else repeats.alike()
        return self.effects[row]


def _rows(gap: Mapping[str, Any], counted: _Counted, by: Sequence[str]) -> Iterator[dict[str, Any]]:
    about = {name: gap[name] for name in ("measure", "group_id", "attribute", "value", "reference", "level")}
    level, shared = gap["level"], []
    for name in by:
        if not fits(counted.units, (gap["attribute"], name)):
            continue
        found = across_sites(*counted.pair(gap, (name,)), level)
        if found is not None:
            shared.append(name)
            sizes = {"strata": found.sites, "support": found.share, "method": METHOD}
            difference = found.across.value + found.within.value
            yield about | {"by": name, "difference": difference} | _parts(found.across, found.within) | sizes
    if len(shared) > 1 and fits(counted.units, (gap["attribute"], *shared)):
        yield from _together(about, counted, gap, tuple(shared))


def _together(
    about: Mapping[str, Any], counted: _Counted, gap: Mapping[str, Any], names: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    """Each attribute's own part while the others are the same, then all of them."""
    x, n = counted.pair(gap, names)
    found = explained(x, n, [len(counted.units.values[name]) for name in names], gap["level"])
    sizes = {"strata": int((n > 0).any(axis=0).sum()), "support": 1.0, "method": METHOD_TOGETHER}
    for name, part in zip(names, found.parts, strict=True):
        yield {**about, "by": name, "difference": found.difference, **_parts(part), **sizes}
    whole = " + ".join(names)
    yield {**about, "by": whole, "difference": found.difference, **_parts(found.explained, found.rest), **sizes}


def _parts(goes_with: Part, remains: Part | None = None) -> dict[str, float]:
    found = {"goes_with": goes_with} | ({} if remains is None else {"remains": remains})
    return {
        name + suffix: value
        for name, part in found.items()
        for suffix, value in (("", part.value), ("_low", part.low), ("_high", part.high))
    }
