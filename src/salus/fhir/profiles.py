"""Profiles that stand for a code or a state: retrieving by them means retrieving by that.

Real records seldom carry `meta.profile`, so a retrieve of US Core Blood Pressure has to select Observations
by the code the profile fixes. Every code is LOINC. Sources: FHIR R4 "Vital Signs profiles"
(hl7.org/fhir/R4/observation-vitalsigns.html, the table of required codes) and the profile pages of US Core
3.1.1 to 7.0.0 (hl7.org/fhir/us/core), where each fixes `Observation.code`. Pulse oximetry requires both of
its codings; the smoking status value set (us-core-smoking-status-observation-codes) has one code.

QI-Core states what was not done by profiles of the same types: a retrieve of ServiceNotRequested selects requests with
`doNotPerform`, a retrieve of ServiceRequest those without. What was not done may be any of a whole value set: then its
code is no code but an extension that names the set (`sets_not_done`). Source: QI-Core 6.0.0, "Negation"
(hl7.org/fhir/us/qicore).

Leaves to others: what else profiles constrain (category, cardinality), which selects nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

LOINC = "http://loinc.org"


class State(Struct, frozen=True):
    """What a profile says of a status or flag: that `element` is `value`, or (`negated`) that it is not.

    An `element` that FHIR R4 does not have is told by a modifier extension with one of the URLs `modifiers` and a
    valueBoolean.
    named_by, contradicted_by: URLs by which a resource says in `meta.profile` that it is in the state, or in the
    opposite one; such a resource is taken at its word.
    """

    element: str
    value: str | bool
    negated: bool = False
    named_by: tuple[str, ...] = ()
    contradicted_by: tuple[str, ...] = ()
    modifiers: tuple[str, ...] = ()


class Profile(Struct, frozen=True):
    """A profile: the FHIR type it constrains, the codes it stands for as (system, code), and the state it stands for.

    Both are empty for a profile that selects by type alone.
    """

    base: str
    codes: tuple[tuple[str, str], ...]
    states: tuple[State, ...] = ()


_CORE = "http://hl7.org/fhir/StructureDefinition/"
_US = "http://hl7.org/fhir/us/core/StructureDefinition/"

_OBSERVATION_CODES: dict[str, tuple[str, ...]] = {
    # FHIR R4 core
    f"{_CORE}vitalsigns": (),
    f"{_CORE}vitalspanel": ("85353-1",),
    f"{_CORE}resprate": ("9279-1",),
    f"{_CORE}heartrate": ("8867-4",),
    f"{_CORE}oxygensat": ("2708-6",),
    f"{_CORE}bodytemp": ("8310-5",),
    f"{_CORE}bodyheight": ("8302-2",),
    f"{_CORE}headcircum": ("9843-4",),
    f"{_CORE}bodyweight": ("29463-7",),
    f"{_CORE}bmi": ("39156-5",),
    f"{_CORE}bp": ("85354-9",),
    # US Core
    f"{_US}us-core-vital-signs": (),
    f"{_US}us-core-blood-pressure": ("85354-9",),
    f"{_US}us-core-average-blood-pressure": ("96607-7",),
    f"{_US}us-core-bmi": ("39156-5",),
    f"{_US}us-core-body-height": ("8302-2",),
    f"{_US}us-core-body-temperature": ("8310-5",),
    f"{_US}us-core-body-weight": ("29463-7",),
    f"{_US}us-core-head-circumference": ("9843-4",),
    f"{_US}us-core-heart-rate": ("8867-4",),
    f"{_US}us-core-respiratory-rate": ("9279-1",),
    f"{_US}us-core-pulse-oximetry": ("59408-5", "2708-6"),
    f"{_US}pediatric-bmi-for-age": ("59576-9",),
    f"{_US}pediatric-weight-for-height": ("77606-2",),
    f"{_US}head-occipital-frontal-circumference-percentile": ("8289-1",),
    f"{_US}us-core-smokingstatus": ("72166-2",),
    f"{_US}us-core-observation-pregnancystatus": ("82810-3",),
    f"{_US}us-core-observation-pregnancyintent": ("86645-9",),
    f"{_US}us-core-observation-sexual-orientation": ("76690-7",),
    f"{_US}us-core-observation-occupation": ("11341-5",),
}

CODED_PROFILES: dict[str, Profile] = {
    url: Profile("Observation", tuple((LOINC, code) for code in codes)) for url, codes in _OBSERVATION_CODES.items()
}

_QI = "http://hl7.org/fhir/us/qicore/StructureDefinition/qicore-"

# QI-Core states an activity positively and negatively by a pair of profiles of one type, which differ in a flag
# or status: (type, element, the value that negates, positive profile, negation profiles).
_NEGATIONS: tuple[tuple[str, str, str | bool, str, tuple[str, ...]], ...] = (
    ("ServiceRequest", "doNotPerform", True, "servicerequest", ("servicenotrequested",)),
    ("DeviceRequest", "doNotPerform", True, "devicerequest", ("devicenotrequested",)),
    ("MedicationRequest", "doNotPerform", True, "medicationrequest", ("medicationnotrequested", "mednotrequested")),
    ("Procedure", "status", "not-done", "procedure", ("procedurenotdone",)),
    ("Immunization", "status", "not-done", "immunization", ("immunizationnotdone",)),
    ("Communication", "status", "not-done", "communication", ("communicationnotdone",)),
    (
        "MedicationAdministration",
        "status",
        "not-done",
        "medicationadministration",
        ("medicationadministrationnotdone", "mednotadministered"),
    ),
    (
        "MedicationDispense",
        "status",
        "declined",
        "medicationdispense",
        ("medicationdispensedeclined", "mednotdispensed"),
    ),
    ("Task", "status", "rejected", "task", ("taskrejected",)),
)
# QI-Core 6, and QI-Core 4 and 5.
_DEVICE_NOT_REQUESTED = (
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-DeviceRequest.doNotPerform",
    f"{_QI}doNotPerform",
)
_CANCELLED = {f"{_QI}observationcancelled": Profile("Observation", (), (State("status", "cancelled"),))}


def _pair(base: str, element: str, value: str | bool, positive: str, negations: tuple[str, ...]) -> dict[str, Profile]:
    done, undone = (f"{_QI}{positive}",), tuple(f"{_QI}{name}" for name in negations)
    modifiers = _DEVICE_NOT_REQUESTED if base == "DeviceRequest" else ()
    asserted = Profile(base, (), (State(element, value, True, done, undone, modifiers),))
    denied = Profile(base, (), (State(element, value, False, undone, done, modifiers),))
    return dict.fromkeys(done, asserted) | dict.fromkeys(undone, denied)


STATE_PROFILES: dict[str, Profile] = _CANCELLED | {
    url: profile for negation in _NEGATIONS for url, profile in _pair(*negation).items()
}

NOT_DONE = f"{_QI}notDoneValueSet"
"""Stands in for a code system where a concept names a value set of which nothing was done."""

_SETS_NOT_DONE = (NOT_DONE, f"{_CORE}cqf-notDoneValueSet")


def sets_not_done(concept: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(NOT_DONE, url) for each value set that a CodeableConcept (JSON) names as not done, without its version."""
    for extension in concept.get("extension") or ():
        if isinstance(extension, Mapping) and extension.get("url") in _SETS_NOT_DONE:
            url = extension.get("valueCanonical") or extension.get("valueUri") or ""
            yield NOT_DONE, str(url).partition("|")[0]
