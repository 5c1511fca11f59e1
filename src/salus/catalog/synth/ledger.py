"""What is true of each person and measure: written down as it is drawn, never read off the records.

A row is a unit of a measure's initial population: a person, or one of their episodes. Leaves to others: sums (`truth`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from salus.catalog.synth.dice import Flags, Reals, Texts, Whole


@dataclass(frozen=True)
class Entry:
    """One measure's units in a block.

    who: positions of people; unit: ids of episodes, or the people's own; excluded, met: flags; chance: that the unit
    meets the measure, were it drawn again with these people; day: when it was decided, which tells before from after
    an intervention.
    """

    measure: str
    who: Whole
    unit: Texts
    excluded: Flags
    met: Flags
    chance: Reals
    day: Whole

    def only(self, kept: Flags) -> Entry:
        """The units that are kept."""
        return Entry(
            self.measure,
            self.who[kept],
            self.unit[kept],
            self.excluded[kept],
            self.met[kept],
            self.chance[kept],
            self.day[kept],
        )


class Ledger:
    """The entries of a block, a measure after the other."""

    def __init__(self, keys: Texts) -> None:
        self._keys = keys
        self._entries: list[Entry] = []

    def add(
        self,
        measure: str,
        who: Whole,
        met: Flags,
        chance: Reals,
        day: Whole,
        excluded: Flags | None = None,
        unit: Texts | None = None,
    ) -> None:
        """`measure` by short name; everything else as in `Entry`, in step with `who`."""
        out = np.zeros(len(who), dtype=bool) if excluded is None else excluded
        unit = self._keys[who] if unit is None else unit
        self._entries.append(Entry(measure, who, unit, out, met & ~out, chance, day))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)
