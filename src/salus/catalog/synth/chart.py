"""The chart of a block: resources as they are written, by type, each with the person it is about.

Rows come in batches (one template, many people) and leave sorted by person. An id is made of the person's own, the
batch's name and a number among the person's rows of that batch, so that no batch knows of another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from salus.catalog.synth.dice import Texts, Whole
from salus.catalog.synth.template import Column, Template

Rows = Mapping[str, tuple[Whole, list[str]]]
"""By type: whom the rows are about, in order of people, and the rows."""


class Chart:
    """Rows about people who are told by their position in the block; `keys` are the people's ids.

    One that is not `kept` writes nothing down, for those who ask for the truth alone.
    """

    def __init__(self, keys: Texts, kept: bool = True) -> None:
        self.keys, self.kept = keys, kept
        self._rows: defaultdict[str, list[tuple[Whole, list[str]]]] = defaultdict(list)

    def write(self, template: Template, name: str, who: Whole, **columns: Column) -> Texts:
        """One resource per entry of `who` (positions of people); returns their ids."""
        ids = self.ids(name, who)
        self.write_as(template, who, {"id": ids, **columns})
        return ids

    def write_as(self, template: Template, who: Whole, columns: Mapping[str, Column]) -> None:
        """The same under ids that are among the columns."""
        if not self.kept:
            return
        filled = template.rows(len(who), {"person": self.keys[who], **columns})
        self._rows[template.type].append((who, filled))

    def ids(self, name: str, who: Whole) -> Texts:
        """`person-name-number` for each entry of `who`, the number counting the person's entries from 1."""
        keys = self.keys[who].tolist()
        numbers = numbered(who).tolist()
        return np.array([f"{key}-{name}-{number}" for key, number in zip(keys, numbers, strict=True)], dtype=object)

    def rows(self) -> Rows:
        return {kind: _in_order(batches) for kind, batches in self._rows.items()}


def numbered(who: Whole) -> Whole:
    """For each entry, the how-manieth it is of its person, from 1."""
    order = np.argsort(who, kind="stable")
    places = np.arange(len(who))
    first = np.searchsorted(who[order], who[order], side="left")
    found = np.empty(len(who), dtype=np.int64)
    found[order] = places - first + 1
    return found


def _in_order(batches: list[tuple[Whole, list[str]]]) -> tuple[Whole, list[str]]:
    who = np.concatenate([each for each, _ in batches])
    rows = [row for _, rows in batches for row in rows]
    order = np.argsort(who, kind="stable")
    return who[order], [rows[position] for position in order.tolist()]
