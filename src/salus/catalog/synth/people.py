"""Draws people: who they are, where they live, in which family and with whom at the clinic.

People who follow one another are families: a child is of the adult before it, and shares language, race,
neighbourhood and clinic with it. Leaves to others: insurance (`insurance`), what happens to them (`visits`, `care`),
FHIR (`registry`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from salus.catalog.synth import groups
from salus.catalog.synth.calendar import birthday_before, day, years_old
from salus.catalog.synth.dice import Dice, Flags, Reals, Texts, Whole, pick
from salus.catalog.synth.scenario import Scenario, Who

CLINICIANS = 12  # at each site
CHILDREN = 0.24
ADULT_AGES = (
    (18, 24, 0.11), (25, 34, 0.17), (35, 44, 0.17), (45, 54, 0.17), (55, 64, 0.17), (65, 74, 0.13),
    (75, 84, 0.06), (85, 94, 0.02),
)  # fmt: skip
SURNAMES = (
    *(
        "Abel",
        "Bach",
        "Castro",
        "Diaz",
        "Engel",
        "Flores",
        "Green",
        "Hall",
        "Ito",
        "Jansen",
        "Kim",
        "Lopez",
        "Moore",
        "Nguyen",
    ),
    *("Owens", "Park", "Quinn", "Rivera", "Stone", "Tran", "Ueda", "Vargas", "Wong", "Xu", "Young", "Zapata"),
)
GIVEN = (
    ("Ada", "Beth", "Clara", "Dora", "Eva", "Fay", "Gina", "Hana", "Ines", "Jo", "Kaya", "Lena", "Mei", "Nora"),
    ("Abe", "Ben", "Carl", "Dan", "Eli", "Finn", "Gus", "Hugo", "Ivan", "Jim", "Kai", "Leo", "Max", "Noah"),
)


@dataclass
class People:
    """A block of people, by position; groups are positions in `groups.GROUPS`.

    `family`: the position of the family's adult; `mother`: of the mother of a child, or -1. `recorded`: by attribute,
    whether the record says the group (`declined` apart). `months_uninsured`: of the scenario's year.
    """

    keys: Texts
    birth: Whole
    age: Whole  # completed years on the last day of the year
    is_in: dict[str, Whole]
    family: Whole
    mother: Whole
    clinician: Whole
    recorded: dict[str, Flags]
    declined_race: Flags
    months_uninsured: Whole = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def female(self) -> Flags:
        return np.asarray(self.is_in["sex"] == groups.FEMALE)

    @property
    def adult(self) -> Flags:
        return np.asarray(self.age >= 18)

    def among(self, who: Who) -> Flags:
        """Whether each person is in all the groups named."""
        found = np.ones(len(self), dtype=bool)
        for attribute, group in who.items():
            found &= self.is_in[attribute] == groups.GROUPS[attribute].index(group)
        return found

    def on_record(self, attributes: Iterable[str]) -> Flags:
        """Whether the record says of each person all the groups of these attributes."""
        found = np.ones(len(self), dtype=bool)
        for attribute in attributes:
            found &= self.recorded.get(attribute, True)
        return found


def key(number: int) -> str:
    return f"p{number:07d}"


def draw_people(dice: Dice, scenario: Scenario) -> People:
    size = dice.size
    child = dice.chance("people.child", CHILDREN)
    child[0] = False
    family = np.maximum.accumulate(np.where(child, 0, np.arange(size)))
    sex = dice.choose("people.sex", (0.51, 0.49))
    age = _ages(dice, child)
    birth = birthday_before(age, dice("people.birthday"), day(scenario.year + 1))
    mother = np.where(child & (sex[family] == groups.FEMALE) & _can_be_mother(age, family), family, -1)
    is_in = _family_traits(dice, scenario, family) | {"sex": sex}
    is_in["age_band"] = np.searchsorted(list(groups.AGE_BANDS.values()), age, side="right") - 1
    first = dice.block * size + 1
    people = People(
        keys=np.array([key(number) for number in range(first, first + size)], dtype=object),
        birth=birth,
        age=years_old(birth, day(scenario.year, 12, 31)),
        is_in=is_in,
        family=family,
        mother=mother,
        clinician=dice.between("people.clinician", 0, CLINICIANS - 1),
        recorded=_recorded(dice, scenario),
        declined_race=dice.chance("record.declined", scenario.record.declined_race),
    )
    people.recorded["race"] &= ~people.declined_race
    return people


def _ages(dice: Dice, child: Flags) -> Whole:
    """Children of all ages, with more of the youngest, who are seen most; adults as `ADULT_AGES`."""
    bands = dice.choose("people.ages", [share for _, _, share in ADULT_AGES])
    low, high = (np.array([band[end] for band in ADULT_AGES])[bands] for end in (0, 1))
    young = dice.choose("people.child.age", [3, 3, 3] + [1] * 15)
    return np.where(child, young, dice.between("people.adult.age", low, high))


def _can_be_mother(age: Whole, family: Whole) -> Flags:
    apart = age[family] - age
    return np.asarray((apart >= 19) & (apart <= 40))


def _family_traits(dice: Dice, scenario: Scenario, family: Whole) -> dict[str, Whole]:
    """Neighbourhood, ethnicity, race, language and clinic of the family's adult."""
    zips = dice.choose("people.zip", groups.ZIP_SHARES)
    share = scenario.community.hispanic * np.array(groups.HISPANIC_BY_ZIP)[zips]
    hispanic = dice.chance("people.hispanic", share).astype(np.int64)
    race = dice.choose("people.race", groups.RACE_SHARES)
    site = np.where(
        dice.chance("people.near", 0.6), zips % len(groups.SITES), dice.between("people.site", 0, len(groups.SITES) - 1)
    )
    traits = {
        "zip": zips,
        "ethnicity": hispanic,
        "race": race,
        "language": _language(dice, race, hispanic),
        "site": site,
    }
    return {name: values[family] for name, values in traits.items()}


def _language(dice: Dice, race: Whole, hispanic: Whole) -> Whole:
    rolls: Reals = dice("people.language")
    of_asian = pick(rolls, groups.OF_ASIAN)
    of_others = np.where(race == groups.ASIAN, of_asian, pick(rolls, groups.OF_OTHERS))
    return np.where(hispanic == 1, pick(rolls, groups.OF_HISPANIC), of_others)


def _recorded(dice: Dice, scenario: Scenario) -> dict[str, Flags]:
    record: Mapping[str, float] = {
        "race": scenario.record.missing_race,
        "ethnicity": scenario.record.missing_ethnicity,
        "language": scenario.record.missing_language,
        "payer": scenario.record.unknown_payer,
    }
    found = {name: ~dice.chance(f"record.{name}", share) for name, share in record.items()}
    return found | {"uninsured": found["payer"]}
