"""One block of people, whole: drawn, cared for, written. The same for a seed, whatever else is drawn.

This is the order of things; each is a module of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from salus.catalog.synth.calendar import day
from salus.catalog.synth.care import access, chronic, hospital, imaging, screening, vaccines, voices, wellness
from salus.catalog.synth.chance import Chances
from salus.catalog.synth.chart import Chart, Rows
from salus.catalog.synth.dice import Dice, Whole
from salus.catalog.synth.discharges import draw_discharges
from salus.catalog.synth.encounters import write_claims, write_encounters
from salus.catalog.synth.insurance import draw_insurance
from salus.catalog.synth.ledger import Ledger
from salus.catalog.synth.mess import spoil
from salus.catalog.synth.people import People, draw_people
from salus.catalog.synth.pregnancies import Pregnancies, draw_pregnancies
from salus.catalog.synth.registry import write_coverages, write_people
from salus.catalog.synth.scenario import Scenario
from salus.catalog.synth.setting import Setting
from salus.catalog.synth.stays import AFTER, Stays, draw_stays
from salus.catalog.synth.visits import Hospital, draw_appointments, draw_visits, the_year

CARE = (chronic, screening, vaccines, wellness, hospital, imaging, access, voices)


@dataclass(frozen=True)
class Drawn:
    """A block as it came out: its people, what is true of them, and their records by type."""

    people: People
    ledger: Ledger
    rows: Rows


def draw_block(scenario: Scenario, seed: int, number: int, records: bool = True) -> Drawn:
    """Block `number` (from 0) of what `seed` and the scenario make; without records it is there sooner."""
    dice = Dice(seed, number)
    people = draw_people(dice, scenario)
    chart, ledger = Chart(people.keys, records), Ledger(people.keys)
    setting = _setting(Chances(scenario, dice, people, chart, ledger))
    write_people(chart, dice, people, access.needs_interpreter(setting))
    write_encounters(setting)
    write_claims(setting)
    for domain in CARE:
        domain.give(setting)
    return Drawn(people, ledger, spoil(chart.rows(), dice, scenario.mess))


def _setting(chances: Chances) -> Setting:
    """Who pays and when everyone is seen, which all care hangs on."""
    people = chances.people
    spells = draw_insurance(chances)
    stays = draw_stays(chances)
    pregnancies = draw_pregnancies(chances)
    hospital = Hospital(stays, pregnancies, *draw_discharges(chances, stays, pregnancies))
    came, first, later = draw_appointments(chances, _windows(people, stays, pregnancies))
    visits = draw_visits(chances, hospital, came, first, later)
    ids = write_coverages(chances.chart, spells)
    return Setting(chances, spells, ids, hospital, later, visits, the_year(chances, visits))


def _windows(people: People, stays: Stays, pregnancies: Pregnancies) -> tuple[Whole, Whole]:
    """For each person the days from and before which no office visit falls: a stay in hospital and the weeks after."""
    start = np.full(len(people), day(2200))
    start[stays.who] = stays.admitted - 1
    start[pregnancies.who] = pregnancies.delivery - 1
    return start, start + AFTER
