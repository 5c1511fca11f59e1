"""What follows a discharge, from a stay or a birth: a visit within a week or a month, and of stays a return.

Leaves to others: when people are in hospital (`stays`, `pregnancies`), the encounters (`visits`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from salus.catalog.synth.chance import Chances
from salus.catalog.synth.dice import Flags, Reals, Texts, Whole, spread
from salus.catalog.synth.pregnancies import Pregnancies
from salus.catalog.synth.stays import Stays

RETURN_NIGHTS = 3


@dataclass(frozen=True)
class Discharges:
    """One row per discharge, first those of stays, then those of births; each with chances of its own.

    week, month: seen within 7 and within 30 days; seen_on: the day of that visit, where there is one.
    """

    who: Whole
    day: Whole
    week: tuple[Flags, Reals]
    month: tuple[Flags, Reals]
    seen_on: Whole


@dataclass(frozen=True)
class Returns:
    """One row per stay: whether it is followed by another one within 30 days; of those that are, when that begins."""

    back: tuple[Flags, Reals]
    who: Whole
    day: Whole
    reason: Texts

    @property
    def end(self) -> Whole:
        return self.day + RETURN_NIGHTS


def draw_discharges(chances: Chances, stays: Stays, pregnancies: Pregnancies) -> tuple[Discharges, Returns]:
    """Seen within a week; else within a month. Nobody is seen while in hospital again."""
    dice = chances.dice
    who = np.concatenate([stays.who, pregnancies.who])
    days = np.concatenate([stays.discharged, pregnancies.discharged])
    week, soon = chances.happens("follow-up-7", "week", who, days)
    later, late = chances.happens("follow-up-30", "month", who, days)
    roll = dice("discharges.seen")[who]
    seen_on = days + np.where(week, spread(roll, 1, 7), spread(roll, 9, 28))
    month = week | later, 1 - (1 - soon) * (1 - late)
    found = Discharges(who, days, (week, soon), month, seen_on)
    return found, _returns(chances, stays, found)


def _returns(chances: Chances, stays: Stays, discharges: Discharges) -> Returns:
    back, likely = chances.happens("readmission", "return", stays.who, stays.discharged)
    count = len(stays.who)
    seen, seen_on = discharges.month[0][:count], discharges.seen_on[:count]
    day = stays.discharged + spread(chances.dice("discharges.return")[stays.who], 10, 27)
    meets = seen & (seen_on >= day) & (seen_on <= day + RETURN_NIGHTS)
    day = np.where(meets, seen_on + 1, day)
    return Returns((back, likely), stays.who[back], day[back], stays.reason[back])
