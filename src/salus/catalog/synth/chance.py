"""How likely a step of a measure is for each person under the scenario, and whether it happens.

Everyone starts from the same chance (`steps`); the scenario's effects move it for those they name. The rolls of a
step do not depend on the scenario: what happens to someone without an effect happens in any scenario.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from salus.catalog.synth.calendar import month_of
from salus.catalog.synth.chart import Chart
from salus.catalog.synth.dice import Dice, Flags, Reals, Whole
from salus.catalog.synth.ledger import Ledger
from salus.catalog.synth.people import People
from salus.catalog.synth.scenario import Effect, Scenario
from salus.catalog.synth.steps import MEASURES


@dataclass(frozen=True)
class Chances:
    """A block's dice under a scenario, with its people, their chart and the ledger of what is true."""

    scenario: Scenario
    dice: Dice
    people: People
    chart: Chart
    ledger: Ledger

    def of(self, measure: str, step: str, who: Whole, day: Whole) -> Reals:
        """The chance of a step for each of `who` (positions of people) on its day."""
        chance = np.full(len(who), MEASURES[measure].steps[step])
        for effect in self.scenario.effects:
            if (effect.measure, effect.step) == (measure, step):
                chance = moved(chance, effect, concerns(effect, self.people, who, day))
        return chance

    def happens(
        self, measure: str, step: str, who: Whole, day: Whole, rolls: Reals | None = None
    ) -> tuple[Flags, Reals]:
        """Whether the step happens, and its chance; `rolls` where a person is asked more than once."""
        chance = self.of(measure, step, who, day)
        rolls = self.dice(f"{measure}.{step}")[who] if rolls is None else rolls
        return rolls < chance, chance


def concerns(effect: Effect, people: People, who: Whole, day: Whole) -> Flags:
    """Whether the effect moves the chances of each of `who` on its day."""
    named = people.among(effect.who)[who]
    return named if effect.start is None else named & (month_of(day) >= effect.start)


def moved(chance: Reals, effect: Effect, named: Flags) -> Reals:
    """Chances after an effect: a difference of chances, kept between 0 and 1, or a ratio of odds."""
    if effect.scale == "odds":
        after = chance * effect.size / (1 - chance + chance * effect.size)
    else:
        after = np.clip(chance + effect.size, 0, 1)
    return np.where(named, after, chance)
