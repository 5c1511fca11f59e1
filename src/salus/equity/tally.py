"""Cells as arrays: how many units of each group count, and how many of those meet the measure, all measures at once.

Every measure has the same groups of every attribute, so the cells are a matrix: a row per measure and group of the
measure, a column per attribute and group of people. Leaves to others: reading units (`counting`), rates and comparisons
(`compare`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

OVERALL, EVERYONE = "overall", "everyone"
UNKNOWN, DECLINED = "unknown", "declined"
NOT_KNOWN = (UNKNOWN, DECLINED)
"""Groups that stand for a missing attribute: always shown, never the reference."""
CROSS = " × "
"""Stands between the attributes, and between the groups, of a crossing."""

Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Cell:
    """The units of one group in one measure: x in the numerator, n in the denominator."""

    measure: str
    group_id: str
    attribute: str
    value: str
    x: int
    n: int

    @property
    def family(self) -> tuple[str, str, str]:
        """The cells that partition the same units: measure, group, attribute."""
        return self.measure, self.group_id, self.attribute

    @property
    def known(self) -> bool:
        """Whether it is known who these are."""
        return is_known(self.value)


def is_known(value: str) -> bool:
    """Whether a group says who its people are: no part of it is "unknown" or "declined"."""
    return not any(part in NOT_KNOWN for part in value.split(CROSS))


def sort_key(value: str) -> list[tuple[int, str]]:
    """Known groups first, then "declined", then "unknown"; by name within; crossings part by part."""
    return [(NOT_KNOWN[::-1].index(part) + 1 if part in NOT_KNOWN else 0, part) for part in value.split(CROSS)]


@dataclass(frozen=True)
class Tally:
    """The cells of a results folder in reading order: measure by measure, and in each the same columns.

    `rows` are (measure, group of the measure), `columns` (attribute, group of people), the groups of an attribute side
    by side; `x` of `n` has shape (rows, columns). `design` has the design effect of each row: by how much its units,
    several of one person among them, say less than as many people would (1 where it is not given). Goes through its
    cells as a sequence of `Cell` would.
    """

    rows: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]
    x: Whole
    n: Whole
    design: Floats | None = None

    def __iter__(self) -> Iterator[Cell]:
        counts = zip(self.x.ravel().tolist(), self.n.ravel().tolist(), strict=True)
        for row in self.rows:
            for column in self.columns:
                yield Cell(*row, *column, *next(counts))

    def __len__(self) -> int:
        return self.n.size

    def counted(self, x: Sequence[int], n: Sequence[int]) -> Tally:
        """The same cells with other counts, given in reading order."""
        met, all_ = (np.array(counts, dtype=np.int64).reshape(self.n.shape) for counts in (x, n))
        return replace(self, x=met, n=all_)

    @cached_property
    def effects(self) -> Floats:
        """The design effect of each cell: shape (rows, columns)."""
        design = np.ones(len(self.rows)) if self.design is None else self.design
        return np.broadcast_to(design[:, None], self.n.shape)

    @cached_property
    def effective(self) -> tuple[Floats, Floats]:
        """x and n of as many people, each counted once, as would say as much (Rao and Scott 1992): what intervals and
        tests are made of."""
        return self.x / self.effects, self.n / self.effects

    @cached_property
    def attributes(self) -> dict[str, slice]:
        """Which columns each attribute has, "overall" among them."""
        names = [attribute for attribute, _ in self.columns]
        starts = [i for i, name in enumerate(names) if not i or names[i - 1] != name]
        return {names[a]: slice(a, b) for a, b in zip(starts, [*starts[1:], len(names)], strict=True)}

    @cached_property
    def known(self) -> Bools:
        """Which columns say who their people are; "everyone" does not tell one group from another."""
        return np.array([name != OVERALL and is_known(value) for name, value in self.columns], dtype=np.bool_)
