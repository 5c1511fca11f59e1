"""Vaccination of children by their second birthday, and of everyone against influenza; of the old against pneumococci.

Leaves to others: what a measure counts as complete.
"""

from __future__ import annotations

import numpy as np

from salus.catalog.synth import notes
from salus.catalog.synth.calendar import day, months_later
from salus.catalog.synth.dice import pick, spread
from salus.catalog.synth.setting import Setting

DTAP, IPV = ("106", "DTaP, 5 pertussis antigens"), ("10", "IPV")
MMR, HIB = ("03", "MMR"), ("48", "Hib (PRP-T)")
HEP_B, VARICELLA = ("08", "Hep B, adolescent or pediatric"), ("21", "varicella")
PCV, ROTA = (
    ("215", "Pneumococcal conjugate PCV15, polysaccharide CRM197 conjugate, adjuvant, PF"),
    ("116", "rotavirus, pentavalent"),
)
HEP_A, FLU_CHILD = (
    ("83", "Hep A, ped/adol, 2 dose"),
    ("161", "Influenza, injectable, quadrivalent, preservative free, pediatric"),
)
FLU, FLU_OLD = (
    ("150", "influenza, injectable, quadrivalent, preservative free"),
    ("205", "influenza, seasonal vaccine, quadrivalent, adjuvanted, 0.5mL dose, preservative free"),
)
PCV20, ZOSTER, TDAP = (
    ("216", "Pneumococcal conjugate PCV20, polysaccharide CRM197 conjugate, adjuvant, PF"),
    ("187", "zoster recombinant"),
    ("115", "Tdap"),
)
SERIES = (
    ("dtap", DTAP, (2, 4, 6, 15)), ("ipv", IPV, (2, 4, 6)), ("hib", HIB, (2, 4, 6, 12)), ("hepb", HEP_B, (0, 1, 6)),
    ("pcv", PCV, (2, 4, 6, 12)), ("rota", ROTA, (2, 4, 6)), ("mmr", MMR, (12,)), ("varicella", VARICELLA, (12,)),
    ("hepa", HEP_A, (12, 18)),
)  # fmt: skip
MISSABLE = ("dtap", "mmr", "varicella", "hepb")
"""Of a child whose series is not complete, the last dose of one of these is missing at the least."""


def give(setting: Setting) -> None:
    _children(setting)
    _first_influenza(setting)
    _influenza(setting)
    _older(setting)


def _children(setting: Setting) -> None:
    """The series of those born since the year before last but one: complete, or without some doses."""
    people, dice, final = setting.people, setting.dice, setting.final
    who = notes.some(people.age <= 3)
    two = months_later(people.birth[who], 24)
    complete, chance = setting.happens("children", "complete", who, two)
    missing = pick(dice("children.missing")[who], (2, 3, 2, 4))
    for name, vaccine, months in SERIES:
        for number, month in enumerate(months):
            due = months_later(people.birth[who], month) + spread(
                dice(f"children.{name}.{number}")[who], 1 if month else 0, 9
            )
            last = number == len(months) - 1
            skipped = (
                ~complete & (missing == MISSABLE.index(name))
                if last and name in MISSABLE
                else np.zeros(len(who), dtype=bool)
            )
            given = (due <= final) & ~skipped
            notes.vaccinated(setting.chart, f"{name}-{number + 1}", who[given], due[given], vaccine)
    counts = (people.age[who] == 2) & setting.year.seen[who]
    setting.chances.ledger.add("children", who[counts], complete[counts], chance[counts], two[counts])


def _first_influenza(setting: Setting) -> None:
    """The first two doses of those who are two in the year, before the season that counts begins (the July before)."""
    people, dice = setting.people, setting.dice
    who = notes.some(people.age == 2)
    june = day(setting.chances.scenario.year - 1, 6, 30)
    for number in (0, 1):
        due = people.birth[who] + 181 + 30 * number + spread(dice(f"children.flu.{number}")[who], 0, 9)
        given = np.maximum(np.minimum(due, june - 1 + number), people.birth[who] + 180 + number)
        notes.vaccinated(setting.chart, f"flu-first-{number + 1}", who, given, FLU_CHILD)


def _influenza(setting: Setting) -> None:
    """Offered at a visit and taken: in the season that begins before the year, or in its autumn."""
    people, dice, year = setting.people, setting.dice, setting.chances.scenario.year
    who = notes.some((months_later(people.birth, 6) <= setting.first) & setting.year.seen)
    days = setting.main_day(who)
    offered, first = setting.happens("influenza", "offered", who, days)
    taken, second = setting.happens("influenza", "given", who, days)
    given = offered & taken
    when = spread(dice("influenza.day")[who], day(year - 1, 10, 1), day(year, 3, 20))
    when = np.maximum(when, people.birth[who] + 200)
    old, young = people.age[who] >= 65, people.age[who] < 3
    which = (("flu-old", FLU_OLD, old), ("flu-young", FLU_CHILD, young), ("flu", FLU, ~old & ~young))
    for name, vaccine, of_age in which:
        kept = given & of_age
        notes.vaccinated(setting.chart, name, who[kept], when[kept], vaccine)
    setting.chances.ledger.add("influenza", who, given, first * second, days)


def _older(setting: Setting) -> None:
    people, dice = setting.people, setting.dice
    who = notes.some(people.adult & setting.year.seen)
    days = setting.main_day(who)
    given, chance = setting.happens("pneumococcal", "given", who, days)
    given &= people.age[who] >= 65
    when = np.where(
        dice("pneumococcal.now")[who] < 0.3, days, setting.first - dice.between("pneumococcal.when", 10, 180)[who]
    )
    notes.vaccinated(setting.chart, "pcv20", who[given], when[given], PCV20)
    counts = people.age[who] >= 66
    setting.chances.ledger.add("pneumococcal", who[counts], given[counts], chance[counts], days[counts])
    for name, vaccine, low, share in (("zoster", ZOSTER, 50, 0.35), ("tdap", TDAP, 18, 0.45)):
        kept = notes.some(setting.ask(name, share) & (people.age >= low))
        notes.vaccinated(
            setting.chart, name, kept, setting.first - dice.between(f"{name}.when", 10, 1000)[kept], vaccine
        )
