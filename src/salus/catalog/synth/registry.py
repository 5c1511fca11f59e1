"""Who and where: Organization, Location, Practitioner and PractitionerRole once for all; Patient and Coverage of each
person.

Leaves to others: everything that happens at a visit (`care`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import orjson

from salus.catalog.synth import groups
from salus.catalog.synth.chart import Chart
from salus.catalog.synth.codes import (
    HL7,
    RACE_AND_ETHNICITY,
    SERVICE_TYPE,
    SOPT,
    US_CORE,
    coding,
    concept,
    profile,
    status,
)  # fmt: skip
from salus.catalog.synth.dice import Dice, Flags, Texts, Whole
from salus.catalog.synth.insurance import Spells
from salus.catalog.synth.people import CLINICIANS, GIVEN, SURNAMES, People
from salus.catalog.synth.template import Json, Template

INTERPRETER = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"
PATIENT = Template(
    {
        "resourceType": "Patient",
        "id": "<id>",
        "meta": profile("us-core-patient"),
        "extension": "<extension:raw>",
        "identifier": [{"system": "urn:salus:synthetic", "value": "<id>"}],
        "active": True,
        "name": [{"use": "official", "family": "<family>", "given": ["<given>"]}],
        "gender": "<gender>",
        "birthDate": "<birth:day>",
        "address": [
            {
                "use": "home",
                "line": ["<house> <street>"],
                "city": "Nowhere",
                "state": "WA",
                "postalCode": "<zip>",
                "country": "US",
            }
        ],
        "communication": "<communication:raw>",
        "generalPractitioner": [{"reference": "Practitioner/<clinician>"}],
        "managingOrganization": {"reference": "Organization/<site>"},
    }
)
COVERAGE = Template(
    {
        "resourceType": "Coverage",
        "id": "<id>",
        "meta": profile("us-core-coverage"),
        "identifier": [{"system": "urn:salus:synthetic:member", "value": "<id>"}],
        "status": "active",
        "type": {"coding": [coding(SOPT, "<code>", "<display>")], "text": "<display>"},
        "beneficiary": {"reference": "Patient/<person>"},
        "relationship": status("subscriber-relationship", "self"),
        "period": {"start": "<start:day>", "end": "<end:day>"},
        "payor": [{"reference": "<payor>"}],
    }
)
STREETS = ("Alder St", "Birch Ave", "Cedar Rd", "Dogwood Ln", "Elm St", "Fir Ct", "Grove Way", "Hazel St")


def clinician_id(site: str, number: int) -> str:
    return f"{site}-clinician-{number + 1}"


CLINICIAN_IDS: Texts = np.array(
    [[clinician_id(site, number) for number in range(CLINICIANS)] for site in groups.SITES], dtype=object
)
"""By position of site and of clinician."""


def registry() -> Iterator[Json]:
    """The clinics, the payers and the clinicians: resources that belong to no one."""
    names = groups.SITES | {payer_id(kind): each[2] for kind, each in groups.PAYERS.items() if each[2]}
    for identifier, name in names.items():
        yield {
            "resourceType": "Organization",
            "id": identifier,
            "meta": profile("us-core-organization"),
            "active": True,
            "name": name,
        }
    for site, name in groups.SITES.items():
        yield {
            "resourceType": "Location",
            "id": site,
            "status": "active",
            "name": name,
            "managingOrganization": {"reference": f"Organization/{site}"},
        }
        for number in range(CLINICIANS):
            yield from _clinician(site, number)


def _clinician(site: str, number: int) -> Iterator[Json]:
    identifier = clinician_id(site, number)
    surname = SURNAMES[(number * 5 + len(site)) % len(SURNAMES)]
    yield {
        "resourceType": "Practitioner",
        "id": identifier,
        "meta": profile("us-core-practitioner"),
        "identifier": [{"system": "urn:salus:synthetic:clinician", "value": identifier}],
        "active": True,
        "name": [{"family": surname, "given": [GIVEN[number % 2][number]], "prefix": ["Dr."]}],
    }
    yield {
        "resourceType": "PractitionerRole",
        "id": f"{identifier}-role",
        "active": True,
        "practitioner": {"reference": f"Practitioner/{identifier}"},
        "organization": {"reference": f"Organization/{site}"},
        "location": [{"reference": f"Location/{site}"}],
        "specialty": [concept(SERVICE_TYPE, "124", "General Practice")],
    }


def payer_id(payer: str) -> str:
    return f"payer-{payer.lower()}"


def write_people(chart: Chart, dice: Dice, people: People, interpreter: Flags) -> None:
    """A Patient for everyone; `interpreter`: who is on record as needing one."""
    who = np.arange(len(people))
    female = people.is_in["sex"]
    chart.write_as(
        PATIENT,
        who,
        {
            "id": people.keys,
            "extension": _extensions(people, interpreter),
            "family": _named(SURNAMES, dice.between("people.surname", 0, len(SURNAMES) - 1)[people.family]),
            "given": np.array(GIVEN, dtype=object)[female, dice.between("people.given", 0, len(GIVEN[0]) - 1)],
            "gender": _named([sex.lower() for sex in groups.SEXES], female),
            "birth": people.birth,
            "house": dice.between("people.house", 1, 999)[people.family],
            "street": _named(STREETS, dice.between("people.street", 0, len(STREETS) - 1)[people.family]),
            "zip": _named(groups.ZIPS, people.is_in["zip"]),
            "communication": _languages(people),
            "clinician": CLINICIAN_IDS[people.is_in["site"], people.clinician],
            "site": site_ids(people),
        },
    )


def site_ids(people: People) -> Texts:
    return _named(list(groups.SITES), people.is_in["site"])


def _named(names: tuple[str, ...] | list[str], positions: Whole) -> Texts:
    return np.array(names, dtype=object)[positions]


def _extensions(people: People, interpreter: Flags) -> list[str]:
    """Race and ethnicity where on record, sex at birth, and the need of an interpreter: JSON, made once per kind."""
    race = np.where(people.recorded["race"], people.is_in["race"], np.where(people.declined_race, -2, -1))
    ethnicity = np.where(people.recorded["ethnicity"], people.is_in["ethnicity"], -1)
    made: dict[tuple[int, ...], str] = {}
    kinds = zip(race.tolist(), ethnicity.tolist(), people.is_in["sex"].tolist(), interpreter.tolist(), strict=True)
    return [made.get(kind) or made.setdefault(kind, _extension(*kind)) for kind in kinds]


def _extension(race: int, ethnicity: int, sex: int, interpreter: int) -> str:
    parts: list[Json] = []
    if race == -2:
        parts.append(_category("us-core-race", [coding(f"{HL7}/v3-NullFlavor", "ASKU", "asked but unknown")]))
    elif race >= 0:
        codes = list(groups.RACES.values())[race]
        parts.append(_category("us-core-race", [coding(RACE_AND_ETHNICITY, *code) for code in codes]))
    if ethnicity >= 0:
        codes = list(groups.ETHNICITIES.values())[ethnicity]
        parts.append(_category("us-core-ethnicity", [coding(RACE_AND_ETHNICITY, *code) for code in codes]))
    parts.append({"url": f"{US_CORE}/us-core-birthsex", "valueCode": groups.SEXES[sex][0]})
    if interpreter:
        parts.append({"url": INTERPRETER, "valueBoolean": True})
    return orjson.dumps(parts).decode()


def _category(name: str, codings: list[Json]) -> Json:
    parts = [{"url": "ombCategory", "valueCoding": each} for each in codings]
    text = {"url": "text", "valueString": ", ".join(each["display"] for each in codings)}
    return {"url": f"{US_CORE}/{name}", "extension": [*parts, text]}


def _languages(people: People) -> Texts:
    """Patient.communication; where the language is not on record, what data-absent-reason calls unknown."""
    known = [
        orjson.dumps([{"language": concept("urn:ietf:bcp:47", code, name), "preferred": True}]).decode()
        for name, code in groups.LANGUAGES.items()
    ]
    absent = f"{HL7}/data-absent-reason"
    known.append(orjson.dumps([{"language": concept(absent, "unknown", "Unknown")}]).decode())
    return _named(known, np.where(people.recorded["language"], people.is_in["language"], len(known) - 1))


def write_coverages(chart: Chart, spells: Spells) -> Texts:
    """A Coverage per spell; self-pay has the person as payor. Returns their ids."""
    kinds = list(groups.PAYERS.values())
    own = [f"Organization/{payer_id(kind)}" for kind in groups.PAYERS]
    payor = np.where(spells.payer == groups.UNINSURED, "Patient/" + chart.keys[spells.who], _named(own, spells.payer))
    return chart.write(
        COVERAGE,
        "coverage",
        spells.who,
        code=_named([kind[0] for kind in kinds], spells.payer),
        display=_named([kind[1] for kind in kinds], spells.payer),
        start=spells.start,
        end=spells.end,
        payor=payor,
    )
