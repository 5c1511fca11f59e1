"""Stays, returns and births: their diagnoses, and what is true of what follows them.

When they are is drawn in `stays` and `pregnancies`; their encounters are written by `encounters`.
"""

from __future__ import annotations

from salus.catalog.synth import notes
from salus.catalog.synth.setting import Setting
from salus.catalog.synth.visits import STAY


def give(setting: Setting) -> None:
    stays = setting.stays
    ids = setting.visits.ids[notes.some(setting.visits.purpose == STAY)]
    for measure, (met, chance) in stays.truth.items():
        setting.chances.ledger.add(measure, stays.who, met, chance, stays.discharged, unit=ids)
    _births(setting)


def _births(setting: Setting) -> None:
    """Supervision of the pregnancy from the first prenatal visit on, the weeks at birth, the birth itself."""
    born = setting.pregnancies
    notes.diagnosed(setting.chart, "pregnancy", born.who, "Z34.90", born.first, born.delivery)
    for name, code in (("delivery", "O80"), ("weeks", "Z3A.40"), ("outcome", "Z37.0")):
        notes.diagnosed_at(setting.chart, name, born.who, code, born.delivery)
    setting.chances.ledger.add("prenatal", born.who, born.early, born.chance, born.delivery)
