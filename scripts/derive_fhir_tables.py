"""Derive `src/salus/fhir/r4.json`, the FHIR R4 facts Salus ships, from the published model descriptions.

Reads `fhir-modelinfo-4.0.1.xml`, `qicore-modelinfo-6.0.0.xml` and `uscore-modelinfo-6.1.0.xml` (Apache-2.0,
clinical_quality_language) and writes one compact JSON file, sorted, so that a rerun on the same input writes
the same bytes. Leaves to `salus.fhir.model` every question about what the facts mean.

    python scripts/derive_fhir_tables.py ../shared/data/modelinfo

The file's parts:
- `types`: type name -> {`base`, `code` (primary code path, when there is one), `elements`: name ->
  specifier}. A specifier is a type name, `*` behind it when the element repeats, `?` before a choice and `|`
  between its types: `?Quantity|CodeableConcept`.
- `coded`: names of the enumeration types of the model description, which are all strings and stand as `code`
  in `types`.
- `owner`: resource type -> element paths that name the patient a resource belongs to, best first.
- `profiles`: URL of a QI-Core or US Core profile -> the FHIR resource type it constrains.
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

MODEL = "{urn:hl7-org:elm-modelinfo:r1}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
SYSTEM = {"String": "string", "Boolean": "boolean", "Integer": "integer", "Decimal": "decimal"}
SYSTEM |= {"Date": "date", "DateTime": "dateTime", "Time": "time"}
# The elements that say whose record a resource is, best first (FHIR R4 compartment definition "patient" names
# them and also who performed, sent or recorded it, which does not make it that patient's record).
OWNER_ELEMENTS = ("subject", "patient", "beneficiary", "individual", "candidate", "for")
# Types whose patient stands deeper or under a more general element; from their `patient` search parameter.
OWNER_ELSEWHERE = {
    "Appointment": ["participant.actor"],
    "AppointmentResponse": ["actor"],
    "Provenance": ["target"],
}
OWNER_ELSEWHERE |= {"SupplyRequest": ["deliverTo"]}


def main(folder: Path, target: Path) -> None:
    """Write the table at `target` from the model descriptions in `folder`."""
    fhir = _type_infos(folder / "fhir-modelinfo-4.0.1.xml")
    coded = sorted(name for name, info in fhir.items() if _is_enumeration(info))
    types = {name: _type(info, frozenset(coded)) for name, info in fhir.items() if name not in coded}
    table = {
        "types": dict(sorted(types.items())),
        "coded": coded,
        "owner": dict(sorted(_owners(types))),
        "profiles": dict(sorted(_profiles(folder, types))),
    }
    target.write_text(json.dumps(table, indent=0, separators=(",", ":")) + "\n", encoding="utf-8")


def _type_infos(path: Path) -> dict[str, ET.Element]:
    return {info.get("name", ""): info for info in ET.parse(path).getroot().findall(f"{MODEL}typeInfo")}


def _is_enumeration(info: ET.Element) -> bool:
    """The description gives every required binding a type of its own: one string `value`, no identifier."""
    elements = info.findall(f"{MODEL}element")
    return info.get("identifier") is None and [e.get("elementType") for e in elements] == ["System.String"]


def _type(info: ET.Element, coded: frozenset[str]) -> dict[str, object]:
    elements = {e.get("name", ""): _specifier(e, coded) for e in info.findall(f"{MODEL}element")}
    entry: dict[str, object] = {"base": _plain(info.get("baseType", ""), frozenset())}
    if code := info.get("primaryCodePath"):
        entry["code"] = code
    if elements:
        entry["elements"] = elements
    return entry


def _specifier(element: ET.Element, coded: frozenset[str]) -> str:
    if single := element.get("elementType"):
        return _plain(single, coded)
    specifier = element.find(f"{MODEL}elementTypeSpecifier")
    if specifier is None:
        raise ValueError(f"element {element.get('name')} has no type")
    if specifier.get(XSI_TYPE) == "ChoiceTypeSpecifier":
        return "?" + "|".join(_plain(c.get("name") or "", coded) for c in specifier)
    inner = specifier.get("elementType") or specifier[0].get("name") or ""
    return _plain(inner, coded) + "*"


def _plain(name: str, coded: frozenset[str]) -> str:
    name = name.removeprefix("FHIR.")
    if name.startswith("System."):
        return SYSTEM.get(name.removeprefix("System."), "")
    return "code" if name in coded else name


def _owners(types: dict[str, dict[str, object]]) -> Iterator[tuple[str, list[str]]]:
    for name, entry in types.items():
        if entry["base"] != "DomainResource":
            continue
        elements = entry.get("elements")
        assert isinstance(elements, dict)
        found = [e for e in OWNER_ELEMENTS if elements.get(e, "").rstrip("*") == "Reference"]
        if found or name in OWNER_ELSEWHERE:
            yield name, found or OWNER_ELSEWHERE[name]


def _profiles(folder: Path, types: dict[str, dict[str, object]]) -> Iterator[tuple[str, str]]:
    for file in ("uscore-modelinfo-6.1.0.xml", "qicore-modelinfo-6.0.0.xml"):
        for name, info in _type_infos(folder / file).items():
            base = info.get("target") or name
            url = info.get("identifier", "")
            if info.get("retrievable") == "true" and base in types and "/us/" in url:
                yield url, base


if __name__ == "__main__":
    here = Path(__file__).resolve().parent.parent
    main(Path(sys.argv[1]), here / "src/salus/fhir/r4.json")
