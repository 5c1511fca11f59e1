"""Kinds of entries in a chart: diagnoses, results, procedures, prescriptions, vaccinations. One function a kind.

Each takes whom it is about (positions of people) and columns in step with that. Leaves to others: what is entered,
and when.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from salus.catalog.synth.chart import Chart
from salus.catalog.synth.codes import (
    CVX,
    HCPCS,
    HL7,
    ICD10,
    LOINC,
    RXNORM,
    UCUM,
    coding,
    concept,
    profile,
    quantity,
    status,
)  # fmt: skip
from salus.catalog.synth.dice import Flags, Texts, Whole
from salus.catalog.synth.template import Column, Json, Template

PATIENT = {"reference": "Patient/<person>"}
AT_VISIT = {"reference": "Encounter/<visit>"}


# --- conditions ---


@cache
def _condition(ended: bool, refuted: bool, category: str) -> Template:
    made: Json = {
        "resourceType": "Condition",
        "id": "<id>",
        "meta": profile("us-core-condition-problems-health-concerns"),
        "clinicalStatus": status("condition-clinical", "resolved" if ended else "active"),
        "verificationStatus": status("condition-ver-status", "refuted" if refuted else "confirmed"),
        "category": [status("condition-category", category)],
        "code": {"coding": [coding(ICD10, "<code>")]},
        "subject": PATIENT,
        "onsetDateTime": "<onset:day>",
        "recordedDate": "<onset:day>",
    }
    if refuted:
        del made["clinicalStatus"]  # con-5: not with entered-in-error; left out of the refuted too
    if ended:
        made["abatementDateTime"] = "<until:day>"
    return Template(made)


def diagnosed(
    chart: Chart, name: str, who: Whole, code: Column, since: Whole, until: Whole | None = None, refuted: bool = False
) -> Texts:
    """Problems on the list, by ICD-10-CM; with `until`, resolved on that day."""
    template = _condition(until is not None, refuted, "problem-list-item")
    ended = {} if until is None else {"until": until}
    return chart.write(template, name, who, code=code, onset=since, **ended)


def diagnosed_at(chart: Chart, name: str, who: Whole, code: Column, days: Whole) -> Texts:
    """Diagnoses of an encounter, over the same day."""
    return chart.write(_condition(True, False, "encounter-diagnosis"), name, who, code=code, onset=days, until=days)


# --- observations ---


@cache
def _observation(category: str, code: str, display: str, value: tuple[str, str] | None) -> Template:
    made: Json = {
        "resourceType": "Observation",
        "id": "<id>",
        "status": "final",
        "category": [status("observation-category", category)],
        "code": concept(LOINC, code, display),
        "subject": PATIENT,
        "encounter": AT_VISIT,
        "effectiveDateTime": "<day:day>T09:15:00-08:00",
    }
    if value is None:
        made["valueCodeableConcept"] = {"coding": [coding("<system>", "<answer>", "<said>")]}
    else:
        made["valueQuantity"] = quantity(*value)
    return Template(made)


def measured(
    chart: Chart, name: str, who: Whole, days: Whole, visit: Column, code: tuple[str, str], unit: tuple[str, str],
    value: Column, category: str = "laboratory",
) -> Texts:  # fmt: skip
    """Numbers with a unit; `code` is LOINC and its display, `unit` the unit and its UCUM code."""
    return chart.write(_observation(category, *code, unit), name, who, day=days, visit=visit, value=value)


def answered(
    chart: Chart, name: str, who: Whole, days: Whole, visit: Column, code: tuple[str, str],
    answers: list[tuple[str, str]], which: Whole, category: str = "survey", system: str = LOINC,
) -> Texts:  # fmt: skip
    """Coded answers: `which` are positions in `answers`."""
    told, said = _picked(answers, which)
    template = _observation(category, *code, None)
    return chart.write(template, name, who, day=days, visit=visit, system=system, answer=told, said=said)


# --- what is done and given ---


@cache
def _procedure(code: str, display: str) -> Template:
    return Template(
        {
            "resourceType": "Procedure",
            "id": "<id>",
            "meta": profile("us-core-procedure"),
            "status": "completed",
            "code": concept(HCPCS, code, display),
            "subject": PATIENT,
            "encounter": AT_VISIT,
            "performedPeriod": {"start": "<day:day>T09:20:00-08:00", "end": "<day:day>T09:40:00-08:00"},
        }
    )


def done(chart: Chart, name: str, who: Whole, days: Whole, visit: Column, code: tuple[str, str]) -> Texts:
    """Procedures, by HCPCS level II."""
    return chart.write(_procedure(*code), name, who, day=days, visit=visit)


PRESCRIPTION = Template(
    {
        "resourceType": "MedicationRequest",
        "id": "<id>",
        "meta": profile("us-core-medicationrequest"),
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": concept(RXNORM, "<code>", "<display>"),
        "subject": PATIENT,
        "encounter": AT_VISIT,
        "authoredOn": "<day:day>T09:30:00-08:00",
        "requester": {"reference": "Practitioner/<clinician>"},
        "dosageInstruction": [
            {
                "text": "as directed",
                "timing": {"repeat": {"boundsPeriod": {"start": "<day:day>", "end": "<until:day>"}}},
            }
        ],
        "dispenseRequest": {
            "validityPeriod": {"start": "<day:day>", "end": "<until:day>"},
            "numberOfRepeatsAllowed": 3,
            "expectedSupplyDuration": {"value": 90, "unit": "days", "system": UCUM, "code": "d"},
        },
    }
)


def prescribed(
    chart: Chart, name: str, who: Whole, days: Whole, visit: Column, clinician: Column, drugs: list[tuple[str, str]],
    which: Whole,
) -> Texts:  # fmt: skip
    """Prescriptions for a year from the day, by RxNorm: `which` are positions in `drugs` (code and display)."""
    code, display = _picked(drugs, which)
    columns = {"visit": visit, "clinician": clinician, "code": code, "display": display}
    return chart.write(PRESCRIPTION, name, who, day=days, until=days + 360, **columns)


@cache
def _immunization(code: str, display: str) -> Template:
    return Template(
        {
            "resourceType": "Immunization",
            "id": "<id>",
            "meta": profile("us-core-immunization"),
            "status": "completed",
            "vaccineCode": concept(CVX, code, display),
            "patient": PATIENT,
            "occurrenceDateTime": "<day:day>",
            "primarySource": True,
        }
    )


def vaccinated(chart: Chart, name: str, who: Whole, days: Whole, vaccine: tuple[str, str]) -> Texts:
    """Vaccinations, by CVX."""
    return chart.write(_immunization(*vaccine), name, who, day=days)


@cache
def _report(code: str, display: str) -> Template:
    return Template(
        {
            "resourceType": "DiagnosticReport",
            "id": "<id>",
            "status": "final",
            "category": [{"coding": [coding(f"{HL7}/v2-0074", "RAD", "Radiology")]}],
            "code": concept(LOINC, code, display),
            "subject": PATIENT,
            "effectiveDateTime": "<day:day>T10:00:00-08:00",
            "issued": "<day:day>T15:00:00-08:00",
        }
    )


def imaged(chart: Chart, name: str, who: Whole, days: Whole, code: tuple[str, str]) -> Texts:
    """Reports of imaging, by LOINC."""
    return chart.write(_report(*code), name, who, day=days)


def _picked(pairs: list[tuple[str, str]], which: Whole) -> tuple[Texts, Texts]:
    """The codes and the displays at these positions."""
    codes, displays = (np.array(column, dtype=object)[which] for column in zip(*pairs, strict=True))
    return codes, displays


def some(flags: Flags) -> Whole:
    """The positions of those of whom it is so."""
    return np.flatnonzero(flags)
