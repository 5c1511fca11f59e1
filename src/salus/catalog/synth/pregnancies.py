"""Pregnancies that end in the year: the mothers of the children born in it, and some women whose child is seen
elsewhere.

Leaves to others: the encounters (`visits`), the diagnoses (`care.pregnancy`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from salus.catalog.synth.calendar import day
from salus.catalog.synth.chance import Chances
from salus.catalog.synth.dice import Flags, Reals, Texts, Whole, spread
from salus.catalog.synth.stays import may_stay

TERM = 280
ELSEWHERE = 0.05


@dataclass(frozen=True)
class Pregnancies:
    """One row per delivery; then one per prenatal visit."""

    who: Whole
    delivery: Whole
    discharged: Whole
    delivery_reason: Texts
    first: Whole  # day of the first prenatal visit
    early: Flags
    chance: Reals
    visit_who: Whole
    visit_day: Whole
    visit_reason: Texts


def draw_pregnancies(chances: Chances) -> Pregnancies:
    dice, people, year = chances.dice, chances.people, chances.scenario.year
    births = np.full(len(people), -1)
    newborn = np.flatnonzero((people.age == 0) & (people.mother >= 0) & (people.birth >= day(year)))
    births[people.mother[newborn]] = people.birth[newborn]
    people.birth[newborn] = births[people.mother[newborn]]  # twins: one day
    fertile = people.female & (people.age >= 18) & (people.age < 45)
    elsewhere = fertile & dice.chance("pregnancies.elsewhere", ELSEWHERE) & (births < 0)
    births = np.where(elsewhere, dice.between("pregnancies.day", day(year, 1, 5), day(year, 12, 20)), births)
    births[may_stay(dice)] = -1
    who = np.flatnonzero(births >= 0)
    delivery = births[who]
    conceived = delivery - TERM
    early, chance = chances.happens("prenatal", "early", who, delivery)
    roll = dice("pregnancies.first")[who]
    first = conceived + 7 * np.where(early, spread(roll, 7, 11), spread(roll, 16, 27)) + 2
    days = np.column_stack([first, conceived + 7 * 30 + 1, conceived + 7 * 36 + 1])
    return Pregnancies(
        who, delivery, np.minimum(delivery + 2, day(year, 12, 31)), np.full(len(who), "O80", dtype=object),
        first, early, chance,
        np.repeat(who, 3), days.ravel(), _reasons(days, conceived),
    )  # fmt: skip


def _reasons(days: Whole, conceived: Whole) -> Texts:
    """Supervision of pregnancy in the trimester of the visit: under 14 weeks, under 28 weeks, later."""
    weeks = (days - conceived[:, None]) // 7
    trimester = np.array(["Z34.91", "Z34.92", "Z34.93"], dtype=object)
    return np.asarray(trimester[np.searchsorted([14, 28], weeks, side="right")]).ravel()
