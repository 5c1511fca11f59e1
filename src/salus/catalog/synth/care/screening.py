"""Screening for cancer of bowel, breast and cervix: ordered at a visit, and then done or not.

Traps: tests of years before that count no more, organs that are no longer there. Leaves to others: vaccination,
lifestyle.
"""

from __future__ import annotations

import numpy as np

from salus.catalog.synth import notes
from salus.catalog.synth.codes import FINDINGS, INTERPRETATION
from salus.catalog.synth.dice import Flags, Reals, Texts, Whole, pick, spread
from salus.catalog.synth.setting import Setting

COLONOSCOPY = ("G0121", "Colorectal cancer screening; colonoscopy on individual not meeting criteria for high risk")
FIT = ("57905-2", "Hemoglobin.gastrointestinal.lower [Presence] in Stool by Immunoassay --1st specimen")
STOOL_DNA = (
    "77353-1",
    "Noninvasive colorectal cancer DNA and occult blood screening [Interpretation] in Stool Narrative",
)
MAMMOGRAM = ("24606-6", "MG Breast Screening")
CYTOLOGY = ("10524-7", "Microscopic observation [Identifier] in Cervix by Cyto stain")
HPV = ("21440-3", "Human papilloma virus 16+18+31+33+35+45+51+52+56 DNA [Presence] in Cervix by Probe")


def give(setting: Setting) -> None:
    _bowel(setting)
    _breast(setting)
    _cervix(setting)


def ordered_and_done(setting: Setting, measure: str, who: Whole) -> tuple[Flags, Reals, Whole]:
    """Whether the test is ordered and done, the chance of both, and the day of the visit."""
    days = setting.main_day(who)
    ordered, first = setting.happens(measure, "ordered", who, days)
    done, second = setting.happens(measure, "done", who, days)
    return ordered & done, first * second, days


def bowel_cancer(setting: Setting) -> Flags:
    return setting.ask("bowel.cancer", 0.008) & setting.aged(45, 120)


def _bowel(setting: Setting) -> None:
    """By stool test in the year, or by colonoscopy within ten; without either, some had a stool test two years ago."""
    dice, chart = setting.dice, setting.chart
    cancer = bowel_cancer(setting)
    ill = notes.some(cancer)
    notes.diagnosed(
        chart, "bowel-cancer", ill, "C18.9", setting.first - dice.between("bowel.cancer.since", 30, 2000)[ill]
    )
    who = notes.some(setting.aged(45, 75) & setting.year.seen)
    done, chance, days = ordered_and_done(setting, "colorectal", who)
    how = pick(dice("bowel.how")[who], (0.45, 0.35, 0.20))
    ids, when = setting.main_id(who), days + dice.between("bowel.wait", 0, 14)[who]
    scope = done & (how == 1)
    past = setting.first - dice.between("bowel.scope", 30, 1000)[who]
    scoped = np.where(dice("bowel.scope.now")[who] < 0.4, when, past)
    notes.done(chart, "colonoscopy", who[scope], scoped[scope], ids[scope], COLONOSCOPY)
    for name, code, kept in (("fit", FIT, done & (how == 0)), ("stool-dna", STOOL_DNA, done & (how == 2))):
        _finding(setting, name, who[kept], when[kept], ids[kept], code)
    late = ~done & (dice("bowel.late")[who] < 0.3)
    _finding(
        setting,
        "fit-before",
        who[late],
        (setting.first - spread(dice("bowel.when")[who], 400, 900))[late],
        ids[late],
        FIT,
    )
    out = cancer[who]
    setting.chances.ledger.add("colorectal", who, done, np.where(out, 0, chance), days, out)


def _finding(setting: Setting, name: str, who: Whole, days: Whole, visit: Texts, code: tuple[str, str]) -> None:
    which = (setting.dice(f"{name}.finding")[who] < 0.05).astype(np.int64)
    notes.answered(setting.chart, name, who, days, visit, code, FINDINGS, which, "laboratory", INTERPRETATION)


def _breast(setting: Setting) -> None:
    dice, chart = setting.dice, setting.chart
    removed = setting.ask("breast.removed", 0.012) & setting.people.female & setting.aged(40, 120)
    gone = notes.some(removed)
    notes.diagnosed(
        chart, "mastectomy", gone, "Z90.13", setting.first - dice.between("breast.removed.since", 30, 2000)[gone]
    )
    who = notes.some(setting.people.female & setting.aged(40, 74) & setting.year.seen)
    done, chance, days = ordered_and_done(setting, "breast", who)
    now = dice("breast.now")[who] < 0.6
    when = np.where(
        now, days + dice.between("breast.wait", 0, 14)[who], setting.first - dice.between("breast.when", 20, 250)[who]
    )
    notes.imaged(chart, "mammogram", who[done], when[done], MAMMOGRAM)
    late = ~done & (dice("breast.late")[who] < 0.3)
    notes.imaged(
        chart,
        "mammogram-before",
        who[late],
        (setting.first - spread(dice("breast.when")[who], 500, 1000))[late],
        MAMMOGRAM,
    )
    out = removed[who]
    setting.chances.ledger.add("breast", who, done, np.where(out, 0, chance), days, out)


def _cervix(setting: Setting) -> None:
    """Cytology within three years, or for those from 30 on HPV within five."""
    dice, chart, people = setting.dice, setting.chart, setting.people
    removed = setting.ask("cervix.removed", np.where(people.age >= 40, 0.10, 0.005)) & people.female & people.adult
    gone = notes.some(removed)
    notes.diagnosed(
        chart, "hysterectomy", gone, "Z90.710", setting.first - dice.between("cervix.removed.since", 30, 2000)[gone]
    )
    who = notes.some(people.female & setting.aged(21, 64) & setting.year.seen)
    done, chance, days = ordered_and_done(setting, "cervical", who)
    older = people.age[who] >= 36
    hpv = older & (dice("cervix.hpv")[who] < 0.5)
    before = np.minimum(700, 365 * np.maximum(people.age[who] - 24, 0))
    past = setting.first - spread(dice("cervix.when")[who], 10, np.maximum(before, 10))
    when = np.where((dice("cervix.now")[who] < 0.4) | (people.age[who] < 27), days, past)
    ids = setting.main_id(who)
    for name, code, kept in (("cytology", CYTOLOGY, done & ~hpv), ("hpv", HPV, done & hpv)):
        _finding(setting, name, who[kept], when[kept], ids[kept], code)
    out = removed[who]
    setting.chances.ledger.add("cervical", who, done, np.where(out, 0, chance), days, out)
