"""Draws people: who they are, how they are insured, and what happened to their blood pressure.

The result is plain facts, with the truth a measure should find (`Story.denominator`, `excluded`,
`controlled`). Leaves to others: the planted numbers (`scenario`), FHIR (`records`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from salus.catalog.synth.dice import Dice
from salus.catalog.synth.scenario import Scenario

ADULT, OLDEST, MEDICARE_AGE = 18, 85, 65
LANGUAGE_OF_HISPANIC = {"es": 0.48, "en": 0.52}
LANGUAGE_OF_ASIAN = {"zh": 0.22, "vi": 0.16, "en": 0.62}
LANGUAGE_OF_OTHERS = {"en": 0.95, "ru": 0.03, "ar": 0.02}
SITES = ("harbor", "hill", "valley")


@dataclass(frozen=True)
class Person:
    """Who someone is; `None` is what the record does not say."""

    number: int
    birth: date
    sex: str  # female, male
    race: str | None  # a key of Scenario.race
    hispanic: bool | None
    language: str | None
    zip_code: str
    insurance: str  # commercial, medicaid, medicare, uninsured: the truth
    insurance_recorded: bool
    site: str

    @property
    def key(self) -> str:
        return f"synthetic-{self.number:07d}"

    @property
    def uninsured(self) -> bool:
        return self.insurance == "uninsured"


@dataclass(frozen=True)
class Visit:
    """A finished contact on one day: `AMB`ulatory, `VR` (video), `EMER`gency or `IMP` (in hospital)."""

    day: date
    kind: str


@dataclass(frozen=True)
class Reading:
    """Blood pressure in mm Hg, taken at a visit; `status` as in FHIR."""

    visit: int  # position in Story.visits
    systolic: int
    diastolic: int
    status: str = "final"


@dataclass(frozen=True)
class Diagnosis:
    """`until`: the day it ended; `known`: digits of the onset on record (4 year, 7 month, 10 day)."""

    code: str
    since: date
    until: date | None = None
    refuted: bool = False
    known: int = 10


@dataclass(frozen=True)
class Story:
    """What happened to one person, and the truth about it in the period."""

    visits: tuple[Visit, ...]
    readings: tuple[Reading, ...]
    diagnoses: tuple[Diagnosis, ...]
    denominator: bool
    excluded: bool
    controlled: bool


def age_on(birth: date, day: date) -> int:
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def draw_person(dice: Dice, number: int, scenario: Scenario) -> Person:
    birth = draw_birth(dice, scenario)
    zip_code = dice.of(tuple(scenario.uninsured_odds_by_zip))
    hispanic = dice.chance(scenario.hispanic * scenario.hispanic_by_zip[zip_code])
    race = dice.weighed(scenario.race)
    language = draw_language(dice, race, hispanic)
    insurance = draw_insurance(dice, scenario, birth, zip_code, hispanic, language)
    return Person(
        number,
        birth,
        sex=dice.of(("female", "male")),
        race=None if dice.chance(scenario.missing_race) else race,
        hispanic=None if dice.chance(scenario.missing_ethnicity) else hispanic,
        language=None if dice.chance(scenario.missing_language) else language,
        zip_code=zip_code,
        insurance=insurance,
        insurance_recorded=not dice.chance(scenario.unknown_payer),
        site=dice.of(SITES),
    )


def draw_birth(dice: Dice, scenario: Scenario) -> date:
    """Of all ages from two, with more of those whom blood pressure concerns."""
    decade = dice.weighed({0: 6, 10: 6, 20: 9, 30: 12, 40: 15, 50: 18, 60: 17, 70: 11, 80: 6})
    end = date(scenario.year - decade, 12, 31)
    return end - timedelta(days=dice.between(730 if decade == 0 else 0, 3651))


def draw_language(dice: Dice, race: str, hispanic: bool) -> str:
    if hispanic:
        return dice.weighed(LANGUAGE_OF_HISPANIC)
    return dice.weighed(LANGUAGE_OF_ASIAN if race == "asian" else LANGUAGE_OF_OTHERS)


def draw_insurance(dice: Dice, scenario: Scenario, birth: date, zip_code: str, hispanic: bool, language: str) -> str:
    """Insurance through the whole year; the odds of going without multiply."""
    age = age_on(birth, scenario.period[1])
    if age >= MEDICARE_AGE:
        return "uninsured" if dice.chance(scenario.uninsured_from_65) else "medicare"
    odds = scenario.uninsured_odds * scenario.uninsured_odds_by_zip[zip_code]
    odds *= scenario.uninsured_odds_hispanic if hispanic else 1
    odds *= scenario.uninsured_odds_other_language if language != "en" else 1
    odds *= scenario.uninsured_odds_young_adult if ADULT <= age < 35 else 1
    return "uninsured" if dice.chance(odds / (1 + odds)) else dice.weighed(scenario.insurance_before_65)


def draw_story(dice: Dice, person: Person, scenario: Scenario) -> Story:
    """The year of one person: diagnoses, visits, readings, and what a measure should make of them."""
    first, last = scenario.period
    age = age_on(person.birth, last)
    hypertension, active = draw_hypertension(dice, age, first)
    exclusion = draw_exclusion(dice, person, age, first) if active else ()
    controlled = dice.chance(scenario.control(person.uninsured)) if active else dice.chance(0.9)
    unread = not controlled and dice.chance(scenario.no_reading)
    visits = draw_visits(dice, person, first, last)
    seen = any(visit.kind in ("AMB", "VR") and visit.day >= first for visit in visits)
    denominator = active and seen and ADULT <= age <= OLDEST
    return Story(
        visits,
        () if unread else tuple(draw_readings(dice, visits, controlled)),
        (*hypertension, *exclusion),
        denominator,
        excluded=denominator and bool(exclusion),
        controlled=denominator and controlled,
    )


def draw_hypertension(dice: Dice, age: int, first: date) -> tuple[tuple[Diagnosis, ...], bool]:
    """The diagnosis, if any, and whether it stands in the period (some ended before, some were refuted)."""
    if not dice.chance(max(0.0, min(0.72, (age - 14) / 75))):
        return (), False
    since = first - timedelta(days=dice.between(30, 3000))
    known = dice.weighed({10: 0.8, 7: 0.1, 4: 0.1})
    if dice.chance(0.03):
        return (Diagnosis("I10", since, until=first - timedelta(days=dice.between(5, 25)), known=known),), False
    if dice.chance(0.02):
        return (Diagnosis("I10", since, refuted=True, known=known),), False
    return (Diagnosis("I10", since, known=known),), True


def draw_exclusion(dice: Dice, person: Person, age: int, first: date) -> tuple[Diagnosis, ...]:
    since = first + timedelta(days=dice.between(0, 200))
    if person.sex == "female" and ADULT <= age < 45 and dice.chance(0.06):
        return (Diagnosis("Z33.1", since, until=since + timedelta(days=150)),)
    if dice.chance(0.02):
        return (Diagnosis("N18.6", since),)
    return (Diagnosis("Z51.5", since),) if dice.chance(0.004) else ()


def draw_visits(dice: Dice, person: Person, first: date, last: date) -> tuple[Visit, ...]:
    """Visits in order of days; the uninsured come less often, and more often to the emergency room.

    Days lie far enough apart that no visit falls into a stay in hospital.
    """
    count = dice.weighed({0: 0.16, 1: 0.34, 2: 0.3, 3: 0.2} if person.uninsured else {0: 0.04, 1: 0.2, 2: 0.36, 3: 0.4})
    emergency = dice.chance(0.16 if person.uninsured else 0.07)
    before = [Visit(dice.day(first - timedelta(days=300), first - timedelta(days=20)), "AMB")]
    days = dice.days(first + timedelta(days=14), last - timedelta(days=14), count + emergency, apart=5)
    kinds = [dice.weighed({"AMB": 0.9, "VR": 0.1}) for _ in days]
    if emergency:
        kinds[dice.between(0, count)] = dice.weighed({"EMER": 0.8, "IMP": 0.2})
    return tuple(before + [Visit(*pair) for pair in zip(days, kinds, strict=True)])


def draw_readings(dice: Dice, visits: tuple[Visit, ...], controlled: bool) -> list[Reading]:
    """One reading a visit: the last in the office tells the truth, earlier and emergency ones need not."""
    office = [position for position, visit in enumerate(visits) if visit.kind in ("AMB", "VR")]
    readings = []
    for position, visit in enumerate(visits):
        low = controlled if position == office[-1] else dice.chance(0.3 if visit.kind == "EMER" else 0.5)
        readings.append(Reading(position, *draw_pressure(dice, low)))
    if dice.chance(0.02):  # typed into the wrong chart, and taken back
        readings.append(Reading(office[-1], *draw_pressure(dice, not controlled), status="entered-in-error"))
    return readings


def draw_pressure(dice: Dice, low: bool) -> tuple[int, int]:
    """Systolic and diastolic pressure, both below 140/90 or not; one of the two is enough to be high."""
    if low:
        return dice.between(104, 139), dice.between(62, 89)
    which = dice.weighed({"both": 0.5, "systolic": 0.35, "diastolic": 0.15})
    systolic = dice.between(118, 139) if which == "diastolic" else dice.between(140, 188)
    return systolic, dice.between(66, 89) if which == "systolic" else dice.between(90, 112)
