"""Encounters, and the claims for them. Leaves to others: when they are (`visits`) and what happens at them (`care`)."""

from __future__ import annotations

from functools import cache

import numpy as np

from salus.catalog.synth import groups, notes
from salus.catalog.synth.calendar import day
from salus.catalog.synth.codes import HCPCS, HL7, ICD10, SERVICE_TYPE, coding, concept, profile, status
from salus.catalog.synth.dice import Texts, Whole
from salus.catalog.synth.registry import payer_id, site_ids
from salus.catalog.synth.setting import Setting
from salus.catalog.synth.template import Json, Template
from salus.catalog.synth.visits import AMBULATORY, EMERGENCY, INPATIENT, KINDS, OFFICE, RETURN, STAY

DISPLAYS = ("ambulatory", "virtual", "home health", "emergency", "inpatient encounter")
CLINIC = ("G0463", "Hospital outpatient clinic visit for assessment and management of a patient")
CENTER = ("G0467", "Federally qualified health center (FQHC) visit, established patient")
ANY_AT_CENTER = ("T1015", "Clinic visit/encounter, all-inclusive")
CENTERS = ("valley", "market")
COSTS = ((95, 260), (60, 140), (120, 220), (700, 2600), (8000, 32000))
"""The least and the most that is paid for a visit of each kind, in US dollars."""


@cache
def _encounter(
    kind: int, type_code: tuple[str, str] | None, primary: bool, because: bool, planned: bool, moved: bool
) -> Template:
    span = {"start": "<day:day>T09:00:00-08:00", "end": "<end:day>T09:40:00-08:00"}
    made: Json = {
        "resourceType": "Encounter",
        "id": "<id>",
        "meta": profile("us-core-encounter"),
        "status": "finished",
        "class": coding(f"{HL7}/v3-ActCode", KINDS[kind], DISPLAYS[kind]),
        "type": [concept(HCPCS, *type_code) if type_code else {"text": f"{DISPLAYS[kind]} visit"}],
        "subject": notes.PATIENT,
        "participant": [{"individual": {"reference": "Practitioner/<clinician>"}}],
        "period": span,
        "serviceProvider": {"reference": "Organization/<site>"},
    }
    if primary:
        made["serviceType"] = concept(SERVICE_TYPE, "124", "General Practice")
    if because:
        made["reasonCode"] = [{"coding": [coding(ICD10, "<reason>")]}]
    if kind == INPATIENT:
        made["priority"] = status("v3-ActPriority", "EL" if planned else "EM")
        made["diagnosis"] = [
            {"condition": {"reference": "Condition/<condition>"}, "use": status("diagnosis-role", "AD"), "rank": 1}
        ]
        made["hospitalization"] = {
            "dischargeDisposition": status("discharge-disposition", "other-hcf" if moved else "home")
        }
    return Template(made)


def write_encounters(setting: Setting) -> None:
    """One per visit; in hospital with the condition it is for.

    Those who come back are discharged to another facility, so that no visit is due after that stay.
    """
    visits = setting.visits
    conditions = _admissions(setting)
    planned = np.zeros(len(visits.who), dtype=bool)
    planned[visits.purpose == STAY] = setting.hospital.stays.planned
    center = np.isin(setting.people.is_in["site"][visits.who], [list(groups.SITES).index(site) for site in CENTERS])
    told = (visits.kind, visits.purpose == RETURN, visits.purpose == OFFICE, center, visits.reason != "", planned)
    kinds, of = np.unique(np.column_stack(told), axis=0, return_inverse=True)
    clinician, site = setting.clinician_of(np.arange(len(visits.who))), site_ids(setting.people)[visits.who]
    for number, (kind, moved, primary, at_center, because, elective) in enumerate(kinds.tolist()):
        kept = notes.some(of.ravel() == number)
        code = _type(bool(at_center), bool(primary)) if kind == AMBULATORY else None
        setting.chart.write_as(
            _encounter(kind, code, bool(primary), bool(because), bool(elective), bool(moved)),
            visits.who[kept],
            {
                "id": visits.ids[kept], "day": visits.day[kept], "end": visits.end[kept], "clinician": clinician[kept],
                "site": site[kept], "reason": visits.reason[kept], "condition": conditions[kept],
            },
        )  # fmt: skip


def _type(center: bool, primary: bool) -> tuple[str, str]:
    """What the visit is billed as: only primary care of a health center has a code that says so."""
    if not center:
        return CLINIC
    return CENTER if primary else ANY_AT_CENTER


def _admissions(setting: Setting) -> Texts:
    """By visit, the id of the condition that a stay in hospital is for."""
    visits = setting.visits
    found: Texts = np.full(len(visits.who), "", dtype=object)
    stay = notes.some(visits.kind == INPATIENT)
    found[stay] = notes.diagnosed_at(
        setting.chart, "admission", visits.who[stay], visits.reason[stay], visits.day[stay]
    )
    return found


def _claim() -> Template:
    return Template(
        {
            "resourceType": "ExplanationOfBenefit",
            "id": "<id>",
            "status": "active",
            "type": status("claim-type", "<type>"),
            "use": "claim",
            "patient": notes.PATIENT,
            "billablePeriod": {"start": "<day:day>", "end": "<end:day>"},
            "created": "<end:day>",
            "insurer": {"reference": "Organization/<payer>"},
            "provider": {"reference": "Organization/<site>"},
            "outcome": "complete",
            "insurance": [{"focal": True, "coverage": {"reference": "Coverage/<coverage>"}}],
            "item": [
                {
                    "sequence": 1,
                    "productOrService": {"text": "<what>"},
                    "encounter": [{"reference": "Encounter/<visit>"}],
                }
            ],
            "total": [
                {
                    "category": status("adjudication", "benefit"),
                    "amount": {"value": "<cost:raw>", "currency": "USD"},
                }
            ],
        }
    )


CLAIM = _claim()


def write_claims(setting: Setting) -> None:
    """An ExplanationOfBenefit for each visit of the last two years on which an insurance was in force."""
    visits, spells = setting.visits, setting.spells
    recent = notes.some(visits.day >= day(setting.chances.scenario.year - 1))
    spell = _in_force(setting, recent)
    kept = spell >= 0
    recent, spell = recent[kept], spell[kept]
    kind = visits.kind[recent]
    low, high = (np.array([cost[end] for cost in COSTS])[kind] for end in (0, 1))
    roll = setting.dice.on("claims.cost", visits.who[recent], visits.day[recent])
    names = np.array([payer_id(payer) for payer in groups.PAYERS], dtype=object)
    setting.chart.write(
        CLAIM, "claim", visits.who[recent],
        type=np.where(kind >= EMERGENCY, "institutional", "professional").astype(object),
        day=visits.day[recent], end=visits.end[recent], payer=names[spells.payer[spell]],
        site=site_ids(setting.people)[visits.who[recent]], coverage=setting.spell_ids[spell],
        what=np.array(DISPLAYS, dtype=object)[kind], visit=visits.ids[recent],
        cost=np.round(low + roll * roll * (high - low), 2),
    )  # fmt: skip


def _in_force(setting: Setting, places: Whole) -> Whole:
    """For each of these visits the position of the spell it falls in, -1 where no one but the person pays or nothing
    is on record.
    """
    visits, spells = setting.visits, setting.spells
    step = 100_000  # more than any day: people and days in one number, in the order of both
    begins = spells.who * step + spells.start
    found = np.searchsorted(begins, visits.who[places] * step + visits.day[places], side="right") - 1
    inside = np.maximum(found, 0)
    covered = (
        (found >= 0)
        & (spells.who[inside] == visits.who[places])
        & (spells.end[inside] >= visits.day[places])
        & (spells.payer[inside] != groups.UNINSURED)
    )
    return np.where(covered, found, -1)
