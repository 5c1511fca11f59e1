"""What a domain of care is given to work with: a block's people, when they were seen, and where to write."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from salus.catalog.synth.calendar import day
from salus.catalog.synth.chance import Chances
from salus.catalog.synth.chart import Chart
from salus.catalog.synth.dice import Dice, Flags, Reals, Texts, Whole
from salus.catalog.synth.insurance import Spells
from salus.catalog.synth.people import People
from salus.catalog.synth.registry import CLINICIAN_IDS
from salus.catalog.synth.visits import Appointments, Hospital, Visits, Year


@dataclass(frozen=True)
class Setting:
    chances: Chances
    spells: Spells
    spell_ids: Texts
    hospital: Hospital
    appointments: Appointments
    visits: Visits
    year: Year

    @property
    def people(self) -> People:
        return self.chances.people

    @property
    def dice(self) -> Dice:
        return self.chances.dice

    @property
    def chart(self) -> Chart:
        return self.chances.chart

    @property
    def first(self) -> int:
        """The first day of the year."""
        return day(self.chances.scenario.year)

    @property
    def final(self) -> int:
        """The last day of the year."""
        return day(self.chances.scenario.year, 12, 31)

    def main_day(self, who: Whole) -> Whole:
        """The day of the visit at which care is planned; of those never seen, the first of the year."""
        return np.where(self.year.main[who] >= 0, self.visits.day[self.year.main[who]], self.first)

    def last_day(self, who: Whole) -> Whole:
        return np.where(self.year.last[who] >= 0, self.visits.day[self.year.last[who]], self.first)

    def main_id(self, who: Whole) -> Texts:
        return self.visits.ids[self.year.main[who]]

    def last_id(self, who: Whole) -> Texts:
        return self.visits.ids[self.year.last[who]]

    def clinician_of(self, places: Whole) -> Texts:
        """Ids of the clinicians of visits (positions in `visits`)."""
        return CLINICIAN_IDS[self.people.is_in["site"][self.visits.who[places]], self.visits.clinician[places]]

    def aged(self, low: int, high: int) -> Flags:
        """Completed years on the last day of the year."""
        return (self.people.age >= low) & (self.people.age <= high)

    def happens(self, measure: str, step: str, who: Whole, days: Whole) -> tuple[Flags, Reals]:
        return self.chances.happens(measure, step, who, days)

    def ask(self, question: str, probability: float | Reals) -> Flags:
        return self.dice.chance(question, probability)
