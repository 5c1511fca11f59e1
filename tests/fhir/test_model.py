"""The FHIR facts: elements, kinds, columns, profiles; and that the shipped table is what its script makes."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from salus.errors import SalusError
from salus.fhir import model
from salus.fhir.model import Element

ROOT = Path(__file__).resolve().parent.parent.parent


def test_an_element_has_its_type_and_whether_it_repeats() -> None:
    assert model.element("Encounter", "period") == Element("period", ("Period",), many=False)
    assert model.element("Encounter", "diagnosis") == Element("diagnosis", ("Encounter.Diagnosis",), many=True)
    assert model.element("Encounter", "nonsense") is None


def test_choice_elements_stand_under_their_bare_name_and_members_under_their_json_names() -> None:
    value = model.element("Observation", "value")
    assert value is not None
    assert value.choice
    assert value.types[:2] == ("Quantity", "CodeableConcept")
    assert model.element("Observation", "valueQuantity") is None
    assert model.member("Observation", "valueQuantity") == Element("valueQuantity", ("Quantity",), many=False)
    assert model.member("Observation", "value") is None


@pytest.mark.parametrize(
    ("element", "type_name", "name"),
    [
        ("effective", "dateTime", "effectiveDateTime"),
        ("value", "CodeableConcept", "valueCodeableConcept"),
        ("dose", "SimpleQuantity", "doseQuantity"),
        ("value", "base64Binary", "valueBase64Binary"),
    ],
)
def test_choice_names(element: str, type_name: str, name: str) -> None:
    assert model.choice_name(element, type_name) == name


def test_elements_are_inherited() -> None:
    for type_name in ("Observation", "Observation.Component", "Quantity", "Period", "SimpleQuantity", "string"):
        found = model.element(type_name, "extension")
        assert found == Element("extension", ("Extension",), many=True), type_name
    assert model.element("Age", "value") == model.element("Quantity", "value")
    assert model.element("Observation", "meta") == Element("meta", ("Meta",), many=False)
    assert model.element("Observation.Component", "modifierExtension") is not None
    assert model.element("Quantity", "modifierExtension") is None


def test_backbone_types_answer_to_their_fhir_path_too() -> None:
    assert model.resolve("Encounter.location") == "Encounter.Location"
    assert model.resolve("Observation.component.valueQuantity") == "Quantity"
    assert model.resolve("MedicationRequest.dosageInstruction.timing.repeat") == "Timing.Repeat"
    assert model.resolve("Observation.component.referenceRange") == "Observation.ReferenceRange"
    assert model.element("Encounter.location", "status") == model.element("Encounter.Location", "status")


def test_coded_types_of_the_model_description_are_codes() -> None:
    assert model.resolve("ObservationStatus") == "code"
    assert model.element("Observation", "status") == Element("status", ("code",), many=False)


@pytest.mark.parametrize("name", ["Nothing", "Encounter.nothing", "Encounter.period.start.more"])
def test_an_unknown_type_is_an_error_that_names_it(name: str) -> None:
    with pytest.raises(SalusError, match=name):
        model.elements(name)


@pytest.mark.parametrize(
    ("type_name", "kind"),
    [
        ("boolean", "primitive"),
        ("instant", "primitive"),
        ("ObservationStatus", "primitive"),
        ("Coding", "concept"),
        ("CodeableConcept", "concept"),
        ("Quantity", "complex"),
        ("Encounter.Location", "complex"),
        ("Encounter", "resource"),
        ("Bundle", "resource"),
        ("Resource", "resource"),
    ],
)
def test_kinds(type_name: str, kind: str) -> None:
    assert model.kind(type_name) == kind


@pytest.mark.parametrize(
    ("type_name", "path", "columns"),
    [
        ("Patient", "active", (("active", "BOOLEAN"),)),
        ("Encounter.diagnosis", "rank", (("rank", "INTEGER"),)),
        ("Observation", "valueQuantity", (("valueQuantity", "BOOLEAN"),)),
        ("Observation", "valueQuantity.value", (("valueQuantity.value", "DECIMAL(28,8)"),)),
        ("Observation", "valueTime", (("valueTime", "VARCHAR"),)),
        ("Observation", "code", (("code", "INTEGER"),)),
        ("Observation", "category", (("category", "INTEGER"),)),
        ("Observation", "component", ()),
        ("Patient.name", "given", ()),
        ("Patient", "contained", ()),
        (
            "Patient",
            "birthDate",
            (("birthDate.low", "TIMESTAMP"), ("birthDate.high", "TIMESTAMP"), ("birthDate.prec", "UTINYINT")),
        ),
    ],
)
def test_columns_of_an_element(type_name: str, path: str, columns: tuple[tuple[str, str], ...]) -> None:
    assert model.columns(type_name, path) == columns


def test_columns_of_what_is_not_there() -> None:
    with pytest.raises(SalusError, match=r"Observation has no element 'valueQuantity\.nothing'"):
        model.columns("Observation", "valueQuantity.nothing")


def test_no_element_takes_the_name_of_a_key_column() -> None:
    for name in model.RESOURCES:
        assert not {"pid", "rid"} & lower(name), name
    for name in {t for r in model.RESOURCES for e in model.elements(r).values() if e.many for t in e.types}:
        if model.kind(name) == "complex":
            assert not {"pid", "rid", "parent", "eid", "ord"} & lower(name), name


def lower(type_name: str) -> set[str]:
    return {name.lower() for name in model.elements(type_name)}


def test_resource_names_do_not_meet_other_tables_whatever_their_case() -> None:
    others = {"concept", "coding", "concept_list", "visible", "column_fact", "load_file", "quarantine"}
    names = [name.lower() for name in model.RESOURCES]
    assert len(set(names)) == len(names)
    assert not others & set(names)


def test_primary_code_paths_and_owners() -> None:
    assert model.primary_code_path("Encounter") == "type"
    assert model.primary_code_path("Observation") == "code"
    assert model.primary_code_path("Patient") is None
    assert model.owner_paths("Observation") == ("subject",)
    assert model.owner_paths("Coverage") == ("beneficiary",)
    assert model.owner_paths("Appointment") == ("participant.actor",)
    assert model.owner_paths("Organization") == ()


def test_profiles_that_stand_for_a_code() -> None:
    core = "http://hl7.org/fhir/us/core/StructureDefinition/"
    pressure = model.PROFILES[f"{core}us-core-blood-pressure"]
    assert (pressure.base, pressure.codes) == ("Observation", (("http://loinc.org", "85354-9"),))
    assert model.PROFILES["http://hl7.org/fhir/StructureDefinition/bp"] == pressure
    assert len(model.PROFILES[f"{core}us-core-pulse-oximetry"].codes) == 2
    qicore = "http://hl7.org/fhir/us/qicore/StructureDefinition/"
    assert model.PROFILES[f"{qicore}qicore-flag"] == model.Profile("Flag", ())
    [forbidden] = model.PROFILES[f"{qicore}qicore-devicenotrequested"].states
    assert (forbidden.element, forbidden.value, forbidden.negated) == ("doNotPerform", True, False)
    assert [url.rpartition("/")[2] for url in forbidden.modifiers] == [
        "extension-DeviceRequest.doNotPerform",
        "qicore-doNotPerform",
    ]
    assert all(profile.base in model.RESOURCES for profile in model.PROFILES.values())


def test_the_shipped_table_is_what_its_script_makes(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("derive", ROOT / "scripts/derive_fhir_tables.py")
    assert spec is not None
    assert spec.loader is not None
    derive = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(derive)
    derive.main(shared_data("modelinfo"), tmp_path / "r4.json")
    assert (tmp_path / "r4.json").read_bytes() == (ROOT / "src/salus/fhir/r4.json").read_bytes()
