"""Low back pain, and imaging of it within four weeks that helps no one. Some have reasons for it (trauma, cancer)."""

from __future__ import annotations

import numpy as np

from salus.catalog.synth import notes
from salus.catalog.synth.care.screening import bowel_cancer
from salus.catalog.synth.care.wellness import known_hiv
from salus.catalog.synth.dice import Flags, Whole, pick, spread
from salus.catalog.synth.setting import Setting
from salus.catalog.synth.stays import Stays

IMAGES = (("24972-2", "XR Lumbar spine Views"), ("24968-0", "MR Lumbar spine"), ("24963-1", "CT Lumbar spine"))


BROKEN = "S72.001A"
MONTH, QUARTER = 28, 90


def give(setting: Setting) -> None:
    dice, year = setting.dice, setting.year
    pain = setting.ask("back", 0.10) & setting.people.adult & year.seen
    who = notes.some(pain)
    days = setting.main_day(who)
    notes.diagnosed_at(setting.chart, "back-pain", who, "M54.50", days)
    red = dice("back.red")[who] < 0.05
    notes.diagnosed(setting.chart, "back-red-flag", who[red], "S32.009A", days[red] - 3)
    red |= (bowel_cancer(setting) | known_hiv(setting))[who] | _broken(setting, who, days)
    imaged, chance = setting.happens("back-imaging", "imaged", who, days)
    which = pick(dice("back.image")[who], (0.6, 0.3, 0.1))
    when = days + spread(dice("back.wait")[who], 0, 20)
    done = imaged | (red & (dice("back.red.imaged")[who] < 0.8))
    for number, code in enumerate(IMAGES):
        kept = done & (which == number)
        notes.imaged(setting.chart, f"back-image-{number + 1}", who[kept], when[kept], code)
    counts = setting.aged(18, 75)[who] & (days <= setting.final - MONTH)
    chance = np.where(red, 0, chance)
    setting.chances.ledger.add("back-imaging", who[counts], done[counts], chance[counts], days[counts], red[counts])


def _broken(setting: Setting, who: Whole, days: Whole) -> Flags:
    """Who was in hospital with a fracture in the quarter before."""
    found = np.zeros(len(who), dtype=bool)
    for stay in (setting.hospital.stays, setting.hospital.returns):
        began = np.full(len(setting.people), setting.final + 1)
        start = stay.admitted if isinstance(stay, Stays) else stay.day
        began[stay.who] = np.where(stay.reason == BROKEN, start, setting.final + 1)
        since = days - began[who]
        found |= (since >= 0) & (since <= QUARTER)
    return found
