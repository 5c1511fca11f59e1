"""A few people with hypertension, as FHIR resources: what the tests of the Python door and of the pages load."""

from __future__ import annotations

from typing import Any


def resource(kind: str, number: int, **facts: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": f"{kind.lower()}-{number}", **facts}


def record(number: int) -> list[dict[str, Any]]:
    """A person with hypertension, a visit and a reading; every third reading is high, more often where uninsured."""
    who, uninsured = {"reference": f"Patient/patient-{number}"}, number % 2 == 0
    high = number % 3 == 0 or (uninsured and number % 10 != 0)
    payer = {"system": "https://nahdo.org/sopt", "code": "81" if uninsured else "5"}
    pressure = [("8480-6", 165 if high else 120), ("8462-4", 95 if high else 75)]
    parts = [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "valueQuantity": {
                "value": value,
                "unit": "mm[Hg]",
                "system": "http://unitsofmeasure.org",
                "code": "mm[Hg]",
            },
        }
        for code, value in pressure
    ]
    visit = {"coding": [{"system": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "code": "G0463"}]}
    illness = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I10"}]}
    states = "http://terminology.hl7.org/CodeSystem/condition-"
    return [
        resource("Patient", number, gender="female" if number % 4 else "male", birthDate=f"{1950 + number % 30}-05-01"),
        resource("Coverage", number, status="active", beneficiary=who, payor=[who], type={"coding": [payer]},
                 period={"start": "2025-01-01", "end": "2027-01-01"}),
        resource("Encounter", number, status="finished", subject=who, type=[visit],
                 **{"class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}},
                 period={"start": "2026-03-01T09:00:00Z", "end": "2026-03-01T10:00:00Z"}),
        resource("Condition", number, subject=who, code=illness, onsetDateTime="2024-01-01",
                 clinicalStatus={"coding": [{"system": states + "clinical", "code": "active"}]},
                 verificationStatus={"coding": [{"system": states + "ver-status", "code": "confirmed"}]}),
        resource("Observation", number, status="final", subject=who, effectiveDateTime="2026-03-01T09:30:00Z",
                 code={"coding": [{"system": "http://loinc.org", "code": "85354-9"}]}, component=parts),
    ]  # fmt: skip
