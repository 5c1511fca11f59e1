"""Low back pain, and imaging of it within four weeks that helps no one. Some have reasons for it (trauma, cancer)."""

from __future__ import annotations

import numpy as np

from salus.catalog.synth import notes
from salus.catalog.synth.dice import pick, spread
from salus.catalog.synth.setting import Setting

IMAGES = (("24972-2", "XR Lumbar spine Views"), ("24968-0", "MR Lumbar spine"), ("24963-1", "CT Lumbar spine"))


def give(setting: Setting) -> None:
    dice, year = setting.dice, setting.year
    pain = setting.ask("back", 0.10) & setting.people.adult & year.seen
    who = notes.some(pain)
    days = setting.main_day(who)
    notes.diagnosed_at(setting.chart, "back-pain", who, "M54.50", days)
    red = dice("back.red")[who] < 0.05
    notes.diagnosed(setting.chart, "back-red-flag", who[red], "S32.009A", days[red] - 3)
    imaged, chance = setting.happens("back-imaging", "imaged", who, days)
    which = pick(dice("back.image")[who], (0.6, 0.3, 0.1))
    when = days + spread(dice("back.wait")[who], 0, 20)
    done = imaged | (red & (dice("back.red.imaged")[who] < 0.8))
    for number, code in enumerate(IMAGES):
        kept = done & (which == number)
        notes.imaged(setting.chart, f"back-image-{number + 1}", who[kept], when[kept], code)
    counts = setting.aged(18, 75)[who]
    met, chance = np.where(red, done, imaged), np.where(red, 0, chance)
    setting.chances.ledger.add("back-imaging", who[counts], met[counts], chance[counts], days[counts], red[counts])
