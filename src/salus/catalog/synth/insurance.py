"""Who pays: one line of insurance spells per person over four years, with Medicaid that lapses and comes back.

What counts for a person's group is who pays at the end of the year, as in docs/attributes.md. A stretch without
insurance is on record as self-pay or is a gap between coverages. Leaves to others: what being uninsured does to care
(`scenario`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from salus.catalog.synth import groups
from salus.catalog.synth.calendar import day, month_of
from salus.catalog.synth.chance import Chances
from salus.catalog.synth.dice import Dice, Flags, Reals, Whole
from salus.catalog.synth.people import People
from salus.catalog.synth.scenario import Scenario

YEARS_BEFORE = 3


@dataclass(frozen=True)
class Spells:
    """One row per spell on record, in order of people and days: who, payer, first and last day."""

    who: Whole
    payer: Whole
    start: Whole
    end: Whole


def draw_insurance(chances: Chances) -> Spells:
    """Sets the people's payer and months uninsured, and returns their spells.

    Who is uninsured is entered as true of those with anything on record; its chances are not alike in any scenario.
    """
    dice, people, scenario = chances.dice, chances.people, chances.scenario
    payer, without = _payer(dice, people, scenario)
    who = np.flatnonzero(people.recorded["payer"])
    last = np.full(len(who), day(scenario.year, 12, 31))
    chances.ledger.add("uninsured", who, payer[who] == groups.UNINSURED, without[who], last)
    people.is_in["payer"], people.is_in["uninsured"] = payer, (payer == groups.UNINSURED).astype(np.int64)
    return _spells(dice, people, payer, scenario)


def _payer(dice: Dice, people: People, scenario: Scenario) -> tuple[Whole, Reals]:
    """At the end of the year, and the chance of none: the odds of going without multiply."""
    community = scenario.community
    odds = community.uninsured_odds * np.array(groups.UNINSURED_ODDS_BY_ZIP)[people.is_in["zip"]]
    odds = odds * np.where(people.is_in["ethnicity"] == 1, community.uninsured_odds_hispanic, 1)
    odds = odds * np.where(people.is_in["language"] != groups.ENGLISH, community.uninsured_odds_other_language, 1)
    odds = odds * np.where((people.age >= 18) & (people.age < 35), community.uninsured_odds_young_adult, 1)
    without = np.where(people.age >= 65, community.uninsured_from_65, odds / (1 + odds))
    medicaid = dice.chance("insurance.medicaid", np.where(people.adult, 1.0, 1.4) * community.medicaid_before_65)
    covered = np.where(people.age >= 65, groups.MEDICARE, np.where(medicaid, groups.MEDICAID, groups.PRIVATE))
    return np.where(dice.chance("insurance.none", without), groups.UNINSURED, covered), without


def _spells(dice: Dice, people: People, payer: Whole, scenario: Scenario) -> Spells:
    """Stable spells; for some of Medicaid's a gap of 2 to 5 months in the year; for some uninsured, Medicaid before."""
    first, last = day(scenario.year - YEARS_BEFORE), day(scenario.year, 12, 31)
    who = np.arange(len(people))
    begin = np.maximum(people.birth, first)
    churn = dice.chance("insurance.churn", scenario.community.churn) & (begin < day(scenario.year))
    gap = churn & (payer == groups.MEDICAID)
    lost = churn & (payer == groups.UNINSURED)
    month = dice.between("insurance.month", 2, 7)
    months = dice.between("insurance.months", 2, 5)
    starts = np.array([day(scenario.year, m) for m in range(1, 13)])
    ends_first = starts[month - 1] - 1
    again = starts[month + months - 1]
    said = gap & dice.chance("insurance.selfpay", 0.5)
    parts = [
        (who, np.where(lost, groups.MEDICAID, payer), begin, np.where(gap | lost, ends_first, last)),
        (who[said], np.full(said.sum(), groups.UNINSURED), ends_first[said] + 1, again[said] - 1),
        (who[gap], payer[gap], again[gap], np.full(gap.sum(), last)),
        (who[lost], payer[lost], ends_first[lost] + 1, np.full(lost.sum(), last)),
    ]
    always = (payer == groups.UNINSURED) & ~lost
    people.months_uninsured = _months(people, always, gap, lost, month, months, scenario)
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.lexsort((columns[2], columns[0]))
    kept = order[people.recorded["payer"][columns[0][order]]]
    return Spells(*(column[kept] for column in columns))


def _months(
    people: People, always: Flags, gap: Flags, lost: Flags, month: Whole, months: Whole, scenario: Scenario
) -> Whole:
    """Months of the year without insurance: all that someone lived, those of the gap, or those from the loss on."""
    lived = np.where(people.birth >= day(scenario.year), 13 - month_of(people.birth), 12)
    return np.select([always, gap, lost], [lived, months, 13 - month], 0)
