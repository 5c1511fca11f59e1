"""Tobacco, depression, HIV: asked or tested at a visit, and what follows from the answer."""

from __future__ import annotations

import numpy as np

from salus.catalog.synth import notes
from salus.catalog.synth.calendar import months_later
from salus.catalog.synth.codes import FINDINGS, INTERPRETATION
from salus.catalog.synth.dice import Flags, pick, spread
from salus.catalog.synth.setting import Setting

SMOKING = ("72166-2", "Tobacco smoking status")
SMOKING_ANSWERS = [
    ("LA18976-3", "Current every day smoker"),
    ("LA15920-4", "Former smoker"),
    ("LA18978-9", "Never smoker"),
]
SMOKERS = 0.14
CLASSES = ("S9453", "Smoking cessation classes, non-physician provider, per session")
PATCH = [("198031", "nicotine 7 MG/Day 24HR Transdermal System")]
PHQ9 = ("44261-6", "Patient Health Questionnaire 9 item (PHQ-9) total score [Reported]")
PLAN = ("G8431", "Screening for depression is documented as being positive and a follow-up plan is documented")
POSITIVE = 0.13
HIV_TEST = ("56888-1", "HIV 1+2 Ab+HIV1 p24 Ag [Presence] in Serum or Plasma by Immunoassay")


def give(setting: Setting) -> None:
    _tobacco(setting)
    _depression(setting)
    _hiv(setting)


def _tobacco(setting: Setting) -> None:
    """Asked, and where someone smokes, helped by classes or a patch."""
    dice, people = setting.dice, setting.people
    who = notes.some((people.age >= 12) & setting.year.seen)
    days, ids = setting.main_day(who), setting.main_id(who)
    asked, first = setting.happens("tobacco", "asked", who, days)
    helped, second = setting.happens("tobacco", "helped", who, days)
    smokes = dice("tobacco.smokes")[who] < SMOKERS
    which = np.where(smokes, 0, 1 + pick(dice("tobacco.before")[who], (0.25, 0.75)))
    notes.answered(
        setting.chart,
        "tobacco",
        who[asked],
        days[asked],
        ids[asked],
        SMOKING,
        SMOKING_ANSWERS,
        which[asked],
        "social-history",
    )
    treated = asked & smokes & helped
    by_patch = dice("tobacco.patch")[who] < 0.5
    classes, patch = treated & ~by_patch, treated & by_patch
    notes.done(setting.chart, "tobacco-class", who[classes], days[classes], ids[classes], CLASSES)
    notes.prescribed(
        setting.chart, "tobacco-patch", who[patch], days[patch], ids[patch],
        setting.clinician_of(setting.year.main[who])[patch], PATCH, np.zeros(patch.sum(), dtype=np.int64),
    )  # fmt: skip
    met, chance = asked & (helped | ~smokes), first * np.where(smokes, second, 1)
    counts = setting.aged(18, 120)[who]
    setting.chances.ledger.add("tobacco", who[counts], met[counts], chance[counts], days[counts])


def _depression(setting: Setting) -> None:
    """PHQ-9 of those without a diagnosis of long standing, and a plan where it is 10 or more."""
    dice = setting.dice
    low, bipolar = (
        setting.ask("depression.known", 0.08) & setting.people.adult,
        setting.ask("bipolar", 0.012) & setting.people.adult,
    )
    for name, code, kept in (("depression", "F33.1", low), ("bipolar", "F31.9", bipolar)):
        ill = notes.some(kept)
        notes.diagnosed(setting.chart, name, ill, code, setting.first - dice.between(f"{name}.since", 100, 2000)[ill])
    who = notes.some((setting.people.age >= 12) & setting.year.seen)
    days, ids = setting.main_day(who), setting.main_id(who)
    screened, first = setting.happens("depression", "screened", who, days)
    followed, second = setting.happens("depression", "followed", who, days)
    positive = dice("depression.positive")[who] < POSITIVE
    roll = dice("depression.score")[who]
    score = np.where(positive, spread(roll, 10, 24), spread(roll, 0, 8))
    points = ("{score}", "{score}")
    notes.measured(
        setting.chart, "phq9", who[screened], days[screened], ids[screened], PHQ9, points, score[screened], "survey"
    )
    plan = screened & positive & followed
    notes.done(setting.chart, "depression-plan", who[plan], days[plan], ids[plan], PLAN)
    out: Flags = (low | bipolar)[who]
    met, chance = screened & (followed | ~positive), first * np.where(positive, second, 1)
    setting.chances.ledger.add("depression", who, met, np.where(out, 0, chance), days, out)


def known_hiv(setting: Setting) -> Flags:
    return setting.ask("hiv.known", 0.004) & setting.people.adult


def _hiv(setting: Setting) -> None:
    """Tested once, now or in the years before; those known to have HIV are not asked for."""
    dice = setting.dice
    known = known_hiv(setting)
    ill = notes.some(known)
    notes.diagnosed(setting.chart, "hiv", ill, "B20", setting.first - dice.between("hiv.since", 100, 3000)[ill])
    who = notes.some(setting.aged(15, 65) & setting.year.seen)
    days = setting.main_day(who)
    tested, chance = setting.happens("hiv", "tested", who, days)
    past = np.maximum(setting.first - dice.between("hiv.when", 10, 1000)[who], setting.people.birth[who] + 15 * 366)
    old_enough = months_later(setting.people.birth[who], 15 * 12)
    when = np.where((dice("hiv.now")[who] < 0.5) | (past >= setting.first), np.maximum(days, old_enough), past)
    none = np.zeros(tested.sum(), dtype=np.int64)
    notes.answered(
        setting.chart, "hiv-test", who[tested], when[tested], setting.main_id(who)[tested], HIV_TEST, FINDINGS, none,
        "laboratory", INTERPRETATION,
    )  # fmt: skip
    out = known[who]
    setting.chances.ledger.add("hiv", who, tested, np.where(out, 0, chance), days, out)
