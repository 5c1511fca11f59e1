"""Appointments kept, missed and cancelled; interpreters offered to those who need one.

Leaves to others: first visits of the year (`visits`), follow-up after hospital (`stays`).
"""

from __future__ import annotations

import numpy as np

from salus.catalog.synth import groups, notes
from salus.catalog.synth.calendar import day
from salus.catalog.synth.codes import SERVICE_TYPE, concept
from salus.catalog.synth.dice import Flags, Texts, Whole, spread
from salus.catalog.synth.registry import CLINICIAN_IDS, site_ids
from salus.catalog.synth.setting import Setting
from salus.catalog.synth.template import Column, Template

NEED = 0.7  # of those whose language is another one
INTERPRETED = ("T1013", "Sign language or oral interpretive services, per 15 minutes")
CANCELLED = 0.10
APPOINTMENT = Template(
    {
        "resourceType": "Appointment",
        "id": "<id>",
        "status": "<status>",
        "serviceType": [concept(SERVICE_TYPE, "124", "General Practice")],
        "start": "<day:day>T09:00:00-08:00",
        "end": "<day:day>T09:30:00-08:00",
        "created": "<asked:day>",
        "participant": [
            {"actor": {"reference": "Patient/<person>"}, "status": "accepted"},
            {"actor": {"reference": "Practitioner/<clinician>"}, "status": "accepted"},
            {"actor": {"reference": "Location/<site>"}, "status": "accepted"},
        ],
    }
)


def needs_interpreter(setting: Setting) -> Flags:
    """Who is on record as needing one."""
    other: Flags = setting.people.is_in["language"] != groups.ENGLISH
    return other & setting.ask("interpreter.needed", NEED) & setting.people.recorded["language"]


def give(setting: Setting) -> None:
    _appointments(setting)
    _interpreters(setting)


def _appointments(setting: Setting) -> None:
    made = setting.appointments
    status = np.where(made.kept, "fulfilled", "noshow").astype(object)
    wait = spread(setting.dice.on("appointments.wait", made.who, made.day), 2, 40)
    ids = _write(setting, "appointment", made.who, made.day, wait, status)
    setting.chances.ledger.add("no-shows", made.who, ~made.kept, 1 - made.chance, made.day, unit=ids)
    gone = notes.some(setting.ask("appointments.cancelled", CANCELLED) & (setting.people.birth < setting.first))
    year = setting.chances.scenario.year
    when = setting.dice.between("appointments.cancelled.day", day(year, 1, 15), day(year, 12, 10))[gone]
    _write(
        setting,
        "appointment-cancelled",
        gone,
        when,
        spread(setting.dice("appointments.cancelled.wait")[gone], 2, 40),
        "cancelled",
    )


def _write(setting: Setting, name: str, who: Whole, days: Whole, wait: Whole, status: Column) -> Texts:
    people = setting.people
    return setting.chart.write(
        APPOINTMENT, name, who, day=days, asked=days - wait, status=status, site=site_ids(people)[who],
        clinician=CLINICIAN_IDS[people.is_in["site"][who], people.clinician[who]],
    )  # fmt: skip


def _interpreters(setting: Setting) -> None:
    """Of a person who needs one, at every office visit of the year or at none."""
    who = notes.some(needs_interpreter(setting) & setting.year.seen)
    days = setting.main_day(who)
    offered, chance = setting.happens("interpreter", "offered", who, days)
    given = np.zeros(len(setting.people), dtype=bool)
    given[who[offered]] = True
    visits = setting.visits
    places = notes.some(given[visits.who] & (visits.kind <= 2) & (visits.day >= setting.first))
    notes.done(setting.chart, "interpreter", visits.who[places], visits.day[places], visits.ids[places], INTERPRETED)
    setting.chances.ledger.add("interpreter", who, offered, chance, days)
