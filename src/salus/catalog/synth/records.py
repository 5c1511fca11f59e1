"""Makes FHIR R4 resources, US Core shaped, of a person and their story.

Codes are those anyone may use: ICD-10-CM, LOINC, HCPCS level II, HL7's own. Who the people are is drawn in
`people`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from salus.catalog.synth.people import Diagnosis, Person, Reading, Story, Visit

Json = dict[str, Any]
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
HL7 = "http://terminology.hl7.org/CodeSystem"
RACE_AND_ETHNICITY = "urn:oid:2.16.840.1.113883.6.238"
RACES = {
    "white": ("2106-3", "White"),
    "black": ("2054-5", "Black or African American"),
    "asian": ("2028-9", "Asian"),
    "native": ("1002-5", "American Indian or Alaska Native"),
    "islander": ("2076-8", "Native Hawaiian or Other Pacific Islander"),
}
SEVERAL = (("white", "black"), ("white", "asian"), ("black", "native"))  # whom "several" may mean, by number
LANGUAGES = {
    "en": "English",
    "es": "Spanish",
    "zh": "Chinese",
    "vi": "Vietnamese",
    "ru": "Russian",
    "ar": "Arabic",
}
PAYERS = {
    "commercial": ("5", "Private Health Insurance", "Evergreen Mutual"),
    "medicaid": ("2", "Medicaid", "State Medicaid"),
    "medicare": ("1", "Medicare", "Medicare"),
    "uninsured": ("81", "Self-pay", None),
}
CLASSES = {"AMB": "ambulatory", "VR": "virtual", "EMER": "emergency", "IMP": "inpatient encounter"}
SITES = {"harbor": "Harbor Clinic", "hill": "Hill Clinic", "valley": "Valley Health Center"}
SYSTOLIC, DIASTOLIC = ("8480-6", "Systolic blood pressure"), ("8462-4", "Diastolic blood pressure")


def coding(system: str, code: str, display: str) -> Json:
    return {"system": system, "code": code, "display": display}


def concept(system: str, code: str, display: str) -> Json:
    return {"coding": [coding(system, code, display)], "text": display}


def status(system: str, code: str) -> Json:
    return {"coding": [{"system": f"{HL7}/{system}", "code": code}]}


def profile(name: str) -> Json:
    return {"profile": [f"{US_CORE}/{name}"]}


def organizations() -> Iterator[Json]:
    """The clinics and the payers: resources that belong to no one."""
    names = SITES | {kind: name for kind, (_, _, name) in PAYERS.items() if name}
    for key, name in names.items():
        yield {
            "resourceType": "Organization",
            "id": key,
            "meta": profile("us-core-organization"),
            "active": True,
            "name": name,
        }


def resources(person: Person, story: Story) -> Iterator[Json]:
    """Everything on record about one person."""
    yield patient(person)
    if person.insurance_recorded:
        yield coverage(person)
    for position, visit in enumerate(story.visits):
        yield encounter(person, position, visit)
    for position, diagnosis in enumerate(story.diagnoses):
        yield condition(person, position, diagnosis)
    for position, reading in enumerate(story.readings):
        yield blood_pressure(person, position, reading, story.visits[reading.visit])


def patient(person: Person) -> Json:
    made: Json = {
        "resourceType": "Patient",
        "id": person.key,
        "meta": profile("us-core-patient"),
        "extension": list(extensions(person)),
        "identifier": [{"system": "urn:salus:synthetic", "value": person.key}],
        "name": [{"family": f"Synthetic{person.number}", "given": ["Pat"]}],
        "gender": person.sex,
        "birthDate": person.birth.isoformat(),
        "address": [{"use": "home", "city": "Nowhere", "postalCode": person.zip_code, "country": "US"}],
    }
    if person.language:
        language = concept("urn:ietf:bcp:47", person.language, LANGUAGES[person.language])
        made["communication"] = [{"language": language, "preferred": True}]
    return made


def extensions(person: Person) -> Iterator[Json]:
    if person.race:
        yield category_extension("us-core-race", race_codings(person))
    if person.hispanic is not None:
        code = ("2135-2", "Hispanic or Latino") if person.hispanic else ("2186-5", "Not Hispanic or Latino")
        yield category_extension("us-core-ethnicity", [coding(RACE_AND_ETHNICITY, *code)])
    yield {"url": f"{US_CORE}/us-core-birthsex", "valueCode": person.sex[0].upper()}


def race_codings(person: Person) -> list[Json]:
    if person.race == "declined":
        return [coding(f"{HL7}/v3-NullFlavor", "ASKU", "asked but unknown")]
    names = SEVERAL[person.number % len(SEVERAL)] if person.race == "several" else (str(person.race),)
    return [coding(RACE_AND_ETHNICITY, *RACES[name]) for name in names]


def category_extension(name: str, codings: list[Json]) -> Json:
    parts = [{"url": "ombCategory", "valueCoding": each} for each in codings]
    text = {"url": "text", "valueString": ", ".join(each["display"] for each in codings)}
    return {"url": f"{US_CORE}/{name}", "extension": [*parts, text]}


def coverage(person: Person) -> Json:
    code, display, payer = PAYERS[person.insurance]
    return {
        "resourceType": "Coverage",
        "id": f"{person.key}-coverage",
        "meta": profile("us-core-coverage"),
        "identifier": [{"system": "urn:salus:synthetic:member", "value": f"{person.key}-member"}],
        "status": "active",
        "type": concept("https://nahdo.org/sopt", code, display),
        "beneficiary": {"reference": f"Patient/{person.key}"},
        "relationship": status("subscriber-relationship", "self"),
        "period": {"start": "2025-01-01", "end": "2026-12-31"},
        "payor": [{"reference": f"Organization/{person.insurance}" if payer else f"Patient/{person.key}"}],
    }


def at(day: date, hour: int, minute: int) -> str:
    """A moment in the clinics' own time, which is eight hours behind UTC all year."""
    return f"{day.isoformat()}T{hour:02}:{minute:02}:00-08:00"


def encounter(person: Person, position: int, visit: Visit) -> Json:
    end = at(visit.day + timedelta(days=3), 11, 0) if visit.kind == "IMP" else at(visit.day, 9, 40)
    kind = ("T1015", "Clinic visit/encounter, all-inclusive") if person.site == "valley" else ("G0463", "Clinic visit")
    made: Json = {
        "resourceType": "Encounter",
        "id": f"{person.key}-encounter-{position}",
        "meta": profile("us-core-encounter"),
        "status": "finished",
        "class": coding(f"{HL7}/v3-ActCode", visit.kind, CLASSES[visit.kind]),
        "type": [{"text": f"{CLASSES[visit.kind]} visit"}],
        "subject": {"reference": f"Patient/{person.key}"},
        "period": {"start": at(visit.day, 9, 0), "end": end},
        "serviceProvider": {"reference": f"Organization/{person.site}"},
    }
    if visit.kind == "AMB":
        made["type"] = [concept("http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", *kind)]
    return made


def condition(person: Person, position: int, diagnosis: Diagnosis) -> Json:
    made: Json = {
        "resourceType": "Condition",
        "id": f"{person.key}-condition-{position}",
        "meta": profile("us-core-condition-problems-health-concerns"),
        "clinicalStatus": status("condition-clinical", "resolved" if diagnosis.until else "active"),
        "verificationStatus": status("condition-ver-status", "refuted" if diagnosis.refuted else "confirmed"),
        "category": [status("condition-category", "problem-list-item")],
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": diagnosis.code}]},
        "subject": {"reference": f"Patient/{person.key}"},
        "onsetDateTime": diagnosis.since.isoformat()[: diagnosis.known],
        "recordedDate": diagnosis.since.isoformat(),
    }
    if diagnosis.until:
        made["abatementDateTime"] = diagnosis.until.isoformat()
    return made


def blood_pressure(person: Person, position: int, reading: Reading, visit: Visit) -> Json:
    return {
        "resourceType": "Observation",
        "id": f"{person.key}-observation-{position}",
        "meta": profile("us-core-blood-pressure"),
        "status": reading.status,
        "category": [{"coding": [{"system": f"{HL7}/observation-category", "code": "vital-signs"}]}],
        "code": concept("http://loinc.org", "85354-9", "Blood pressure panel with all children optional"),
        "subject": {"reference": f"Patient/{person.key}"},
        "encounter": {"reference": f"Encounter/{person.key}-encounter-{reading.visit}"},
        "effectiveDateTime": at(visit.day, 9, 10 + (reading.status != "final")),
        "component": [part(SYSTOLIC, reading.systolic), part(DIASTOLIC, reading.diastolic)],
    }


def part(code: tuple[str, str], value: int) -> Json:
    quantity = {"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    return {"code": concept("http://loinc.org", *code), "valueQuantity": quantity}
