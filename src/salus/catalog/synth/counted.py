"""Truth counted by group as the record has it, straight into a tally for `equity`, without a record written.

Beside the counts stand the sums of true chances, from which the gap that is to be expected follows. Leaves to others:
the table (`equity.compare`), what is true (`ledger`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from salus.catalog.synth import groups
from salus.catalog.synth.block import Drawn
from salus.catalog.synth.dice import Reals, Whole
from salus.catalog.synth.people import People
from salus.catalog.synth.steps import CARE, MEASURES
from salus.equity.tally import CROSS, DECLINED, EVERYONE, OVERALL, UNKNOWN, Tally

ATTRIBUTES = ("race", "ethnicity", "sex", "age_band", "language", "zip", "payer", "uninsured")
"""Those that Salus knows of everyone it loads."""
Column = tuple[str, str]


class Counted:
    """Counts of the units of every measure (rows, as `CARE`) by attribute and crossing (columns)."""

    def __init__(self, crossings: Sequence[tuple[str, ...]] = ()) -> None:
        self.crossings = tuple(crossings)
        self.rows = tuple((MEASURES[name].name, MEASURES[name].group) for name in CARE)
        self.columns: tuple[Column, ...] = (
            (OVERALL, EVERYONE),
            *((name, value) for name in ATTRIBUTES for value in (*groups.GROUPS[name], DECLINED, UNKNOWN)),
            *((CROSS.join(names), value) for names in crossings for value in _crossed(names)),
        )
        shape = (len(self.rows), len(self.columns))
        self.met, self.all = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        self.chance = np.zeros(shape)

    def add(self, drawn: Drawn) -> None:
        """Count in the units of a block that are not excluded."""
        inside = self._columns(drawn.people)
        for entry in (each for each in drawn.ledger if each.measure in CARE):
            row = CARE.index(entry.measure)
            counts = ~entry.excluded
            for columns in inside:
                column = columns[entry.who[counts]]
                kept = column >= 0
                where, met, chance = column[kept], entry.met[counts][kept], entry.chance[counts][kept]
                self.all[row] += np.bincount(where, minlength=len(self.columns))
                self.met[row] += np.bincount(where[met], minlength=len(self.columns))
                self.chance[row] += np.bincount(where, weights=chance, minlength=len(self.columns))

    def join(self, other: Counted) -> None:
        self.all += other.all
        self.met += other.met
        self.chance += other.chance

    @property
    def expected(self) -> Reals:
        """The mean of the units' chances: (rows, columns), nan where there is nobody."""
        with np.errstate(invalid="ignore"):
            return self.chance / self.all

    def tally(self) -> Tally:
        return Tally(self.rows, self.columns, self.met.copy(), self.all.copy())

    def _columns(self, people: People) -> list[Whole]:
        """Of each person the column, for everyone, each attribute and each crossing; -1 where it has none."""
        found, start = [np.zeros(len(people), dtype=np.int64)], 1
        for name in ATTRIBUTES:
            known = len(groups.GROUPS[name])
            code = np.where(people.on_record([name]), people.is_in[name], known + 1)
            if name == "race":
                code = np.where(people.declined_race, known, code)
            found.append(start + code)
            start += known + 2
        for names in self.crossings:
            sizes = tuple(len(groups.GROUPS[name]) for name in names)
            code = np.ravel_multi_index(tuple(people.is_in[name] for name in names), sizes)
            found.append(np.where(people.on_record(names), start + code, -1))
            start += int(np.prod(sizes))
        return found


def _crossed(names: Sequence[str]) -> list[str]:
    """The groups of a crossing, in the order of their codes."""
    return [CROSS.join(each) for each in product(*(groups.GROUPS[name] for name in names))]
