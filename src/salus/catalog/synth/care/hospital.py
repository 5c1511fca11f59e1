"""Stays, returns and births: their diagnoses, and what is true of what follows them.

When they are is drawn in `stays`, `pregnancies` and `discharges`; their encounters are written by `encounters`.
"""

from __future__ import annotations

import numpy as np

from salus.catalog.synth import notes
from salus.catalog.synth.dice import Texts
from salus.catalog.synth.setting import Setting
from salus.catalog.synth.visits import DELIVERY, RETURN, STAY

MONTH = 30  # the days after a discharge, which have to lie in the year for it to count


def give(setting: Setting) -> None:
    _follow_up(setting)
    _readmission(setting)
    _births(setting)


def _ids(setting: Setting, purpose: int) -> Texts:
    """The encounters of a purpose, in order of people; nobody has two."""
    return setting.visits.ids[notes.some(setting.visits.purpose == purpose)]


def _follow_up(setting: Setting) -> None:
    """Of stays and births; after a return, which ends in another facility, no visit is due."""
    found, returns = setting.hospital.discharges, setting.hospital.returns
    who = np.concatenate([found.who, returns.who])
    days = np.concatenate([found.day, returns.end])
    unit = np.concatenate([_ids(setting, STAY), _ids(setting, DELIVERY), _ids(setting, RETURN)])
    out = np.arange(len(who)) >= len(found.who)
    counts = days <= setting.final - MONTH
    none = np.zeros(len(returns.who))
    for measure, (met, chance) in (("follow-up-7", found.week), ("follow-up-30", found.month)):
        met, chance = np.concatenate([met, none > 0]), np.concatenate([chance, none])
        setting.chances.ledger.add(
            measure, who[counts], met[counts], chance[counts], days[counts], out[counts], unit[counts]
        )


def _readmission(setting: Setting) -> None:
    stays, returns = setting.hospital.stays, setting.hospital.returns
    back, likely = returns.back
    setting.chances.ledger.add("readmission", stays.who, back, likely, stays.discharged, unit=_ids(setting, STAY))
    counts = returns.end <= setting.final - MONTH
    out = np.ones(counts.sum(), dtype=bool)
    setting.chances.ledger.add(
        "readmission",
        returns.who[counts],
        ~out,
        np.zeros(len(out)),
        returns.end[counts],
        out,
        _ids(setting, RETURN)[counts],
    )


def _births(setting: Setting) -> None:
    """Supervision of the pregnancy from the first prenatal visit on, the weeks at birth, the birth itself."""
    born = setting.hospital.pregnancies
    notes.diagnosed(setting.chart, "pregnancy", born.who, "Z34.90", born.first, born.delivery)
    for name, code in (("delivery", "O80"), ("weeks", "Z3A.40"), ("outcome", "Z37.0")):
        notes.diagnosed_at(setting.chart, name, born.who, code, born.delivery)
    setting.chances.ledger.add(
        "prenatal", born.who, born.early, born.chance, born.delivery, unit=_ids(setting, DELIVERY)
    )
