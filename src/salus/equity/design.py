"""Design effects: how much less the units of one person say than as many people would (stays, visits, prescriptions).

An effect is the variance of a rate with each person's units taken together, by that of as many independent units;
counts divided by it are those of as many people, each counted once (Kish 1965, Survey Sampling, ch. 5; Rao and
Scott 1992 Biometrics 48:577; with people as clusters the variance is the robust one of Liang and Zeger 1986 Biometrika
73:13).
Leaves to others: reading units (`counting`), what is made of effects (`tally`, `adjusted`, `parts`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from salus.equity.tally import Floats, Whole


@dataclass(frozen=True, slots=True)
class Repeats:
    """One row's units by person: how many each has, and how many of those met the measure."""

    units: Whole
    met: Floats

    def overall(self) -> float:
        """The effect on everyone's rate."""
        rate = self.met.sum() / self.units.sum()
        return _effect(((self.met - rate * self.units) ** 2).sum(), self.units.sum() * rate * (1.0 - rate))

    def within(self, cell: npt.NDArray[np.integer], cells: int) -> float:
        """The effect on the rates of cells of people, one for all cells: what people of a cell have in common is theirs
        and not a person's. `cell` is each person's; a cell of one person says nothing of it."""
        there = self.units > 0
        of = cell[there]
        units, met, people = (
            np.bincount(of, weights, cells) for weights in (self.units[there], self.met[there], np.ones(len(of)))
        )
        rate = met / np.maximum(units, 1.0)
        away = np.bincount(of, (self.met[there] - rate[of] * self.units[there]) ** 2, cells)
        several = people > 1
        people, units, rate = people[several], units[several], rate[several]
        together = away[several] * people / (people - 1.0)
        return _effect(together.sum(), (units * rate * (1.0 - rate) * units / (units - 1.0)).sum())

    def alike(self) -> float:
        """The effect were all units of a person the same, as the groups they are in are: the most there is."""
        return _effect((self.units.astype(np.float64) ** 2).sum(), self.units.sum())


def by_person(person: npt.NDArray[np.int32], met: npt.NDArray[np.generic], people: int) -> Repeats | None:
    """Units by the place of their person among `people`; those beyond are not told apart and left out. None where
    nobody has two."""
    units = np.bincount(person, minlength=people)[:people]
    if units.max(initial=0) <= 1:
        return None
    hits = np.bincount(person, weights=met, minlength=people)[:people]
    return Repeats(units, hits.astype(np.float64))


def _effect(together: float, alone: float) -> float:
    """To two decimals, and never below 1: an effect of everyone is let out with a release."""
    return max(1.0, round(float(together / alone), 2)) if alone > 0 else 1.0
