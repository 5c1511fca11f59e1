"""When people meet their clinic or hospital: everything that becomes an Encounter, in order of days.

Office visits of the year are a first one and appointments after it, kept or not; they lie clear of stays in hospital.
Visits of the years before have no planted differences. Leaves to others: stays (`stays`), pregnancies
(`pregnancies`), what happens at a visit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from salus.catalog.synth.calendar import day
from salus.catalog.synth.chance import Chances
from salus.catalog.synth.chart import numbered
from salus.catalog.synth.dice import Dice, Flags, Reals, Texts, Whole, pick
from salus.catalog.synth.discharges import Discharges, Returns
from salus.catalog.synth.people import CLINICIANS
from salus.catalog.synth.pregnancies import Pregnancies
from salus.catalog.synth.stays import Stays

AMBULATORY, VIRTUAL, HOME, EMERGENCY, INPATIENT = range(5)
KINDS = ("AMB", "VR", "HH", "EMER", "IMP")
OFFICE, FOLLOW_UP, PRENATAL, DELIVERY, STAY, RETURN, URGENT = range(7)
FIRST_DAY, DAYS = 10, 334
"""Office visits of the year begin on the eleventh day and leave its last three weeks free."""
APPOINTMENTS, BEFORE = 3, 6
OWN_CLINICIAN = 0.72
MOST = 24  # encounters of a person
URGENT_REASONS = ("R07.9", "S93.401A", "J06.9", "R10.9")
URGENT_SHARES = (3, 3, 5, 4)


@dataclass(frozen=True)
class Appointments:
    """Appointments after the first visit: one row each; `chance` is that it is kept."""

    who: Whole
    day: Whole
    kept: Flags
    chance: Reals


@dataclass(frozen=True)
class Visits:
    """One row per encounter, in order of people and days; `reason` is ICD-10-CM or empty."""

    who: Whole
    day: Whole
    end: Whole
    kind: Whole
    purpose: Whole
    reason: Texts
    clinician: Whole  # as in People.clinician
    ids: Texts


@dataclass(frozen=True)
class Year:
    """The office visits of the scenario's year, person by person: positions in `Visits`, -1 where there is none.

    main: one at random, at which care is planned; last: the last one.
    """

    seen: Flags
    main: Whole
    last: Whole


Part = tuple[Whole, Whole, Whole, Whole, Whole, Texts]  # who, day, end, kind, purpose, reason


def draw_appointments(chances: Chances, windows: tuple[Whole, Whole]) -> tuple[Flags, Whole, Appointments]:
    """Whether and when people come first in the year, and their appointments after that."""
    dice, people = chances.dice, chances.people
    who = np.arange(len(people))
    start = np.full(len(people), day(chances.scenario.year))
    came, chance = chances.happens("primary-care", "visit", who, start)
    chances.ledger.add("primary-care", who, came, chance, start)
    count = dice.choose("visits.count", (0.28, 0.34, 0.24, 0.14))
    days = _spaced(dice.rows("visits.days", APPOINTMENTS + 1), count + 1, windows, chances.scenario.year)
    days[:, 0] = _soon_after_birth(dice, people.birth, days[:, 0], chances.scenario.year)
    asked = came[:, None] & (np.arange(APPOINTMENTS) < count[:, None]) & (days[:, 1:] > days[:, :1])
    whose, which = np.nonzero(asked)
    kept, likely = chances.happens(
        "no-shows", "kept", whose, days[:, 1:][asked], dice.rows("visits.kept", APPOINTMENTS)[asked]
    )
    return came, days[:, 0], Appointments(whose, days[whose, which + 1], kept, likely)


def _soon_after_birth(dice: Dice, birth: Whole, first: Whole, year: int) -> Whole:
    """The first visit, of those born in the year within ten days of birth."""
    soon = np.minimum(birth + dice.between("visits.newborn", 1, 10), day(year, 12, 31))
    return np.where(birth >= day(year), soon, first)


def _spaced(rolls: Reals, count: Whole, windows: tuple[Whole, Whole], year: int) -> Whole:
    """Days of the year in order, one in each of `count` even stretches, at least two apart and none in the window."""
    start = day(year)
    low = np.clip(windows[0] - start, FIRST_DAY, FIRST_DAY + DAYS)[:, None]
    high = np.clip(windows[1] - start, FIRST_DAY, FIRST_DAY + DAYS)[:, None]
    free = DAYS - (high - low)
    places = np.arange(rolls.shape[1])
    days = FIRST_DAY + np.floor((places + 0.96 * rolls) / count[:, None] * free).astype(np.int64)
    return np.asarray(start + days + (high - low) * (days >= low))


@dataclass(frozen=True)
class Hospital:
    """Everything in hospital, and what follows it."""

    stays: Stays
    pregnancies: Pregnancies
    discharges: Discharges
    returns: Returns


def draw_visits(chances: Chances, hospital: Hospital, came: Flags, first: Whole, later: Appointments) -> Visits:
    who = np.flatnonzero(came)
    parts = [_office(who, first[who]), _office(later.who[later.kept], later.day[later.kept]), _before(chances)]
    parts += [_after(chances, hospital.discharges), *_hospital(hospital)]
    parts.append(_prenatal(hospital.pregnancies, parts))
    parts.append(_urgent(chances, parts))
    return _assemble(chances, parts)


def _after(chances: Chances, discharges: Discharges) -> Part:
    """The visits after a discharge, as far as they lie in the year."""
    kept = discharges.month[0] & (discharges.seen_on <= day(chances.scenario.year, 12, 31))
    return _part(discharges.who[kept], discharges.seen_on[kept], FOLLOW_UP)


def _part(who: Whole, days: Whole, purpose: int, reason: str = "") -> Part:
    reasons = np.full(len(who), reason, dtype=object)
    return who, days, days, np.full(len(who), AMBULATORY), np.full(len(who), purpose), reasons


def _office(who: Whole, days: Whole) -> Part:
    return _part(who, days, OFFICE)


def _before(chances: Chances) -> Part:
    """Visits of the three years before: one or two a year, for those already born."""
    dice, people = chances.dice, chances.people
    start = day(chances.scenario.year - 3)
    rolls = dice.rows("visits.before", BEFORE)
    days = start + ((np.arange(BEFORE) + 0.96 * rolls) / BEFORE * (day(chances.scenario.year) - start)).astype(np.int64)
    came = (dice.rows("visits.before.came", BEFORE) < 0.62) & (days >= people.birth[:, None])
    who, which = np.nonzero(came)
    return _office(who, days[who, which])


def _prenatal(pregnancies: Pregnancies, parts: list[Part]) -> Part:
    days = _clear(pregnancies.visit_who, pregnancies.visit_day, parts)
    return (*_part(pregnancies.visit_who, days, PRENATAL)[:5], pregnancies.visit_reason)


def _clear(who: Whole, days: Whole, parts: list[Part]) -> Whole:
    """The days, or the first after them on which the person has nothing else."""
    taken = {pair for part in parts for pair in zip(part[0].tolist(), part[1].tolist(), strict=True)}
    free = []
    for person, start in zip(who.tolist(), days.tolist(), strict=True):
        while (person, start) in taken:
            start += 1
        free.append(start)
    return np.array(free, dtype=np.int64)


def _hospital(hospital: Hospital) -> list[Part]:
    stays, returns, pregnancies = hospital.stays, hospital.returns, hospital.pregnancies
    found = []
    for who, start, end, purpose, reason in (
        (stays.who, stays.admitted, stays.discharged, STAY, stays.reason),
        (returns.who, returns.day, returns.end, RETURN, returns.reason),
        (pregnancies.who, pregnancies.delivery, pregnancies.discharged, DELIVERY, pregnancies.delivery_reason),
    ):
        found.append((who, start, end, np.full(len(who), INPATIENT), np.full(len(who), purpose), reason))
    return found


def _urgent(chances: Chances, parts: list[Part]) -> Part:
    """Emergency visits of the year, each on a day on which nothing else is."""
    dice, year = chances.dice, chances.scenario.year
    who = np.flatnonzero(dice.chance("visits.urgent", 0.16) & (chances.people.birth < day(year)))
    days = dice.between("visits.urgent.day", day(year, 1, 15), day(year, 12, 1))[who]
    free = _clear(who, days, parts)
    reason = np.array(URGENT_REASONS, dtype=object)[pick(dice("visits.urgent.reason")[who], URGENT_SHARES)]
    return who, free, free, np.full(len(who), EMERGENCY), np.full(len(who), URGENT), reason


def _assemble(chances: Chances, parts: list[Part]) -> Visits:
    """All in order of people and days."""
    who, days, end, kind, purpose, reason = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((days, who))
    who, days, end, kind, purpose, reason = (column[order] for column in (who, days, end, kind, purpose, reason))
    people, dice = chances.people, chances.dice
    office = purpose == OFFICE
    own = (who, numbered(who) - 1)  # each person's own rolls, in order of visits
    rolls = dice.rows("visits.kind", MOST)[own]
    kind = np.where(office & (rolls < 0.10), VIRTUAL, kind)
    kind = np.where(office & (people.age[who] >= 65) & (rolls > 0.97), HOME, kind)
    other = np.floor(dice.rows("visits.other", MOST)[own] * CLINICIANS).astype(np.int64)
    clinician = np.where(dice.rows("visits.own", MOST)[own] < OWN_CLINICIAN, people.clinician[who], other)
    return Visits(who, days, end, kind, purpose, reason, clinician, chances.chart.ids("visit", who))


def the_year(chances: Chances, visits: Visits) -> Year:
    size, first = len(chances.people), day(chances.scenario.year)
    office = np.flatnonzero(
        (visits.kind <= HOME) & (visits.day >= first) & (visits.day <= day(chances.scenario.year, 12, 31))
    )
    count = np.bincount(visits.who[office], minlength=size)
    begins = np.cumsum(count) - count
    chosen = np.floor(chances.dice("visits.main") * count).astype(np.int64)
    seen = count > 0
    places = np.append(office, -1)  # so that a position beyond the end is none
    main = np.where(seen, places[np.minimum(begins + chosen, len(office))], -1)
    last = np.where(seen, places[np.minimum(begins + np.maximum(count - 1, 0), len(office))], -1)
    return Year(seen, main, last)
