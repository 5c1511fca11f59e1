"""Code systems by their addresses, and parts of resources made of codes.

Codes are open to anyone: ICD-10-CM, LOINC, CVX, RxNorm, HCPCS level II and HL7's own.
"""

from __future__ import annotations

from salus.catalog.synth.template import Json

HL7 = "http://terminology.hl7.org/CodeSystem"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
LOINC = "http://loinc.org"
CVX = "http://hl7.org/fhir/sid/cvx"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
SOPT = "https://nahdo.org/sopt"
UCUM = "http://unitsofmeasure.org"
RACE_AND_ETHNICITY = "urn:oid:2.16.840.1.113883.6.238"
SERVICE_TYPE = f"{HL7}/service-type"
INTERPRETATION = f"{HL7}/v3-ObservationInterpretation"
FINDINGS = [("NEG", "Negative"), ("POS", "Positive")]
"""Of `INTERPRETATION`: what a test says."""


def coding(system: str, code: str, display: str | None = None) -> Json:
    return {"system": system, "code": code} | ({"display": display} if display else {})


def concept(system: str, code: str, display: str | None = None) -> Json:
    return {"coding": [coding(system, code, display)]} | ({"text": display} if display else {})


def status(system: str, code: str) -> Json:
    """A concept of one of HL7's own code systems."""
    return {"coding": [coding(f"{HL7}/{system}", code)]}


def profile(name: str) -> Json:
    return {"profile": [f"{US_CORE}/{name}"]}


def quantity(unit: str, code: str) -> Json:
    return {"value": "<value:raw>", "unit": unit, "system": UCUM, "code": code}
