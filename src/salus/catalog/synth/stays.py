"""Stays in hospital of adults in the year: why and when.

A person has at most one first stay, from the middle of January to early November, so that the month after it lies in
the year. Leaves to others: deliveries (`pregnancies`), what follows (`discharges`), the encounters (`visits`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from salus.catalog.synth.calendar import day
from salus.catalog.synth.chance import Chances
from salus.catalog.synth.dice import Dice, Flags, Reals, Texts, Whole, pick

PREVENTABLE = ("I50.9", "J44.1", "J18.9", "N39.0")
PREVENTABLE_SHARES = (5, 4, 4, 3)
OTHER = ("K35.80", "K80.00", "S72.001A", "A41.9")
OTHER_SHARES = (3, 4, 2, 3)
PLANNED = "M17.11"
OTHER_FROM, PLANNED_FROM = 0.955, 0.99
LIKELIEST = 0.25
"""No scenario makes a preventable admission likelier than this; who rolls higher is never in hospital for one."""
AFTER = 46  # days that belong to a stay: no other visit falls in them


@dataclass(frozen=True)
class Stays:
    """One row per first stay of a person."""

    who: Whole
    admitted: Whole
    discharged: Whole
    reason: Texts
    planned: Flags


def may_stay(dice: Dice) -> Flags:
    """Who could be in hospital under some scenario."""
    rolls = dice("preventable.admitted")
    return (rolls < LIKELIEST) | (rolls >= OTHER_FROM)


def draw_stays(chances: Chances) -> Stays:
    dice, people, year = chances.dice, chances.people, chances.scenario.year
    adults = np.flatnonzero(people.adult)
    admitted = dice.between("stays.day", day(year, 1, 16), day(year, 11, 8))
    chance = np.minimum(chances.of("preventable", "admitted", adults, admitted[adults]), LIKELIEST)
    rolls = dice("preventable.admitted")[adults]
    avoidable = rolls < chance
    chances.ledger.add("preventable", adults, avoidable, chance, admitted[adults])
    who = adults[avoidable | (rolls >= OTHER_FROM)]
    rolls = dice("preventable.admitted")[who]
    discharged = admitted + dice.between("stays.nights", 2, 8)
    return Stays(who, admitted[who], discharged[who], _reasons(dice, who, rolls), rolls >= PLANNED_FROM)


def _reasons(dice: Dice, who: Whole, rolls: Reals) -> Texts:
    why = dice("stays.reason")[who]
    avoidable = np.array(PREVENTABLE, dtype=object)[pick(why, PREVENTABLE_SHARES)]
    other = np.array(OTHER, dtype=object)[pick(why, OTHER_SHARES)]
    return np.where(rolls >= PLANNED_FROM, PLANNED, np.where(rolls >= OTHER_FROM, other, avoidable))
