"""Short names of code systems, for those who write codes by hand: `loinc#4548-4`.

A short name that is not in the list is one of HL7's own systems (`v3-ActPriority`), an address is itself.
Leaves to others: what a code means, and whether it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

HL7: Final = "http://terminology.hl7.org/CodeSystem/"
SYSTEMS: Final[Mapping[str, str]] = {
    "act": f"{HL7}v3-ActCode",
    "bcp-47": "urn:ietf:bcp:47",
    "cvx": "http://hl7.org/fhir/sid/cvx",
    "hcpcs": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "icd-10-cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "icd-10-pcs": "http://www.cms.gov/Medicare/Coding/ICD10",
    "loinc": "http://loinc.org",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "snomed": "http://snomed.info/sct",
    "sopt": "https://nahdo.org/sopt",
    "ucum": "http://unitsofmeasure.org",
}


def system(name: str) -> str:
    """The address of a code system by its short name."""
    return SYSTEMS.get(name) or (name if ":" in name else HL7 + name)
