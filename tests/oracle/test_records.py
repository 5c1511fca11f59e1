"""FHIR values, retrieves and codes: what a patient's records are to an expression (ELM §11, §22, §23)."""

from __future__ import annotations

from typing import Any

import elm_text as elm
import pytest

from oracle.evaluating import SCT, closed, code, d, lit, op, value
from salus.engine.oracle.elements import Element
from salus.engine.oracle.moments import Date, DateTime
from salus.engine.oracle.values import Code
from salus.errors import SalusError

VS = {"valuesets": {(SCT, "a"), (SCT, "b")}}
SECTIONS: dict[str, Any] = {"valueSets": [{"name": "VS", "id": "valuesets"}], "value_sets": VS}
IN_VS = elm.ref("VS", "ValueSetRef")
QICORE = "http://hl7.org/fhir/us/qicore/StructureDefinition/qicore-"


def concept(*codes: str) -> dict[str, Any]:
    return {"coding": [{"system": SCT, "code": c} for c in codes]}


def observation(id_: str, code_: str = "a", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id_, "code": concept(code_), **more}


def ids(found: Any) -> list[str]:
    return [each.json["id"] for each in found]


def of_x(path: str, resource: dict[str, Any]) -> Any:
    """An element of the only resource."""
    node = elm.op("SingletonFrom", elm.retrieve(resource["resourceType"]))
    return value(elm.prop(path, node), resource)


def test_a_primitive_has_a_value_an_id_and_extensions() -> None:
    extra = {"id": "x", "extension": [{"url": "u", "valueCode": "c"}]}
    patient = {"resourceType": "Patient", "id": "p", "birthDate": "2000-02", "_birthDate": extra}
    assert of_x("birthDate.value", patient) == Date((2000, 2))
    assert of_x("birthDate.id", patient) == "x"
    assert of_x("birthDate.extension", patient)[0].json["valueCode"] == "c"
    only_extension = {"resourceType": "Patient", "id": "p", "_birthDate": extra}
    assert of_x("birthDate.value", only_extension) is None
    assert of_x("birthDate", only_extension) is not None


def test_a_choice_element_is_whichever_there_is() -> None:
    assert of_x("value", observation("1", valueInteger=4)).type == "integer"
    assert of_x("value.value", observation("1", valueQuantity={"value": 1.5, "unit": "g"})).type == "decimal"
    assert of_x("effective.value", observation("1", effectiveDateTime="2020-01-01T10:00:00+02:00")) == DateTime(
        (2020, 1, 1, 10, 0, 0), 120
    )
    assert of_x("value", observation("1")) is None


def test_a_repeating_element_is_a_list_also_when_it_is_absent() -> None:
    assert of_x("component", observation("1")) == []
    assert [each.type for each in of_x("category", observation("1", category=[concept("c")]))] == ["CodeableConcept"]


@pytest.mark.parametrize(
    ("name", "expected"), [("integer", True), ("Quantity", False), ("Element", True), ("positiveInt", False)]
)
def test_is_on_fhir_types(name: str, expected: bool) -> None:
    element = elm.prop("value", elm.op("SingletonFrom", elm.retrieve("Observation")))
    node = {"type": "Is", "operand": element, "isType": f"{elm.FHIR}{name}"}
    assert value(node, observation("1", valueInteger=4)) is expected


def test_codes_of_the_model_are_codes() -> None:
    status = elm.prop("status", elm.op("SingletonFrom", elm.retrieve("Observation")))
    node = {"type": "Is", "operand": status, "isType": f"{elm.FHIR}ObservationStatus"}
    assert value(node, observation("1", status="final")) is True


def test_a_retrieve_is_by_type_code_and_value_set() -> None:
    records = (observation("1"), observation("2", "x"), observation("3", "b"))
    assert ids(value(elm.retrieve("Observation"), *records)) == ["1", "2", "3"]
    assert ids(value(elm.retrieve("Observation", IN_VS), *records, **SECTIONS)) == ["1", "3"]
    assert ids(value(elm.retrieve("Observation", op("ToList", code("x"))), *records)) == ["2"]
    assert value(elm.retrieve("Condition"), *records) == []


def test_a_retrieve_by_a_code_element_goes_by_the_code() -> None:
    node = elm.retrieve("Observation", op("ToList", code("final", "any")), path="status")
    assert ids(value(node, observation("1", status="final"), observation("2", status="entered-in-error"))) == ["1"]


def test_a_retrieve_by_an_element_of_a_choice() -> None:
    request = {"resourceType": "MedicationRequest", "id": "1", "medicationCodeableConcept": concept("a")}
    other = {"resourceType": "MedicationRequest", "id": "2", "medicationReference": {"reference": "Medication/1"}}
    node = elm.retrieve("MedicationRequest", IN_VS, path="medication")
    assert ids(value(node, request, other, **SECTIONS)) == ["1"]


def test_a_profile_that_stands_for_a_code_selects_by_it() -> None:
    bmi = {"system": "http://loinc.org", "code": "39156-5"}
    records = (observation("1"), {"resourceType": "Observation", "id": "2", "code": {"coding": [bmi]}})
    template = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-bmi"
    assert ids(value(elm.retrieve("Observation", template=template), *records)) == ["2"]


def test_a_profile_of_what_was_not_done_goes_by_what_a_record_says_of_itself() -> None:
    def request(id_: str, profile: str | None, *, forbidden: bool) -> dict[str, Any]:
        meta = {"meta": {"profile": [f"{QICORE}{profile}"]}} if profile else {}
        return {"resourceType": "ServiceRequest", "id": id_, "doNotPerform": forbidden, **meta}

    records = (
        request("1", "servicerequest", forbidden=True),
        request("2", "servicenotrequested", forbidden=True),
        request("3", None, forbidden=False),
        request("4", None, forbidden=True),
    )
    positive = elm.retrieve("ServiceRequest", template=f"{QICORE}servicerequest")
    negative = elm.retrieve("ServiceRequest", template=f"{QICORE}servicenotrequested")
    assert ids(value(positive, *records)) == ["1", "3"]
    assert ids(value(negative, *records)) == ["2", "4"]


def test_what_a_modifier_extension_forbids_was_not_requested() -> None:
    url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DeviceRequest.doNotPerform"

    def request(id_: str, *extensions: dict[str, Any]) -> dict[str, Any]:
        return {"resourceType": "DeviceRequest", "id": id_, "modifierExtension": list(extensions)}

    records = (
        request("1", {"url": url, "valueBoolean": True}),
        request("2", {"url": url, "valueBoolean": False}),
        request("3"),
        request("4", {"url": "http://other", "valueBoolean": True}),
    )
    assert ids(value(elm.retrieve("DeviceRequest", template=f"{QICORE}devicenotrequested"), *records)) == ["1"]
    assert ids(value(elm.retrieve("DeviceRequest", template=f"{QICORE}devicerequest"), *records)) == ["2", "3", "4"]


def test_a_value_set_of_which_nothing_was_done_is_found_by_its_url() -> None:
    def request(id_: str, **code_: Any) -> dict[str, Any]:
        return {"resourceType": "ServiceRequest", "id": id_, "doNotPerform": True, "code": code_}

    def not_done(url: str) -> dict[str, Any]:
        return {"extension": [{"url": f"{QICORE}notDoneValueSet", "valueCanonical": url}]}

    records = (
        request("1", **not_done("valuesets|2")),
        request("2", **not_done("others")),
        request("3", **concept("a")),
    )
    by_code = elm.retrieve("ServiceRequest", IN_VS, template=f"{QICORE}servicenotrequested")
    by_set = by_code | {"codeComparator": "~"}
    assert ids(value(by_set, *records, **SECTIONS)) == ["1"]
    assert ids(value(by_code, *records, **SECTIONS)) == ["3"]


def test_a_union_of_retrieves_is_in_the_order_of_the_records() -> None:
    records = (observation("1", "b"), observation("2", "a"))
    both = op("Union", *(elm.retrieve("Observation", op("ToList", code(c))) for c in "ab"))
    assert ids(value(both, *records)) == ["1", "2"]
    assert ids(value(op("Union", both, both), *records)) == ["1", "2"]


def in_set(kind: str, operand: Any) -> dict[str, Any]:
    name = "codes" if kind.startswith("Any") else "code"
    return {"type": kind, name: lit(operand), "valueset": {"name": "VS"}}


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (in_set("InValueSet", code("a")), True),
        (in_set("InValueSet", code("a", "other")), False),
        (in_set("InValueSet", op("ToConcept", [code("x"), code("b")])), True),
        (in_set("InValueSet", "a"), True),
        (in_set("InValueSet", None), False),
        (in_set("AnyInValueSet", [code("x"), None, code("a")]), True),
        (in_set("AnyInValueSet", None), False),
    ],
)
def test_membership_of_value_sets(node: dict[str, Any], expected: bool) -> None:
    assert value(node, **SECTIONS) is expected


def test_terminology_by_name() -> None:
    sections: dict[str, Any] = {
        "codeSystems": [{"name": "S", "id": SCT}],
        "codes": [{"name": "A", "id": "a", "codeSystem": {"name": "S"}, "display": "An a"}],
        "concepts": [{"name": "C", "code": [{"name": "A"}], "display": "A concept"}],
    }
    assert value(elm.ref("A", "CodeRef"), **sections) == Code("a", SCT, None, "An a")
    assert value(elm.prop("codes", elm.ref("C", "ConceptRef")), **sections) == [Code("a", SCT, None, "An a")]
    with pytest.raises(SalusError, match="has no Code called B"):
        value(elm.ref("B", "CodeRef"), **sections)


@pytest.mark.parametrize(("birth", "at", "expected"), [((2000, 2, 29), (2018, 2, 28), 17), ((2000, 1), (2018, 6), 18)])
def test_ages(birth: tuple[int, ...], at: tuple[int, ...], expected: int) -> None:
    assert value(op("CalculateAgeAt", d(*birth), d(*at), precision="Year")) == expected
    assert value(op("CalculateAge", d(2000, 7, 1), precision="Year")) == 26


def test_elements_of_system_values() -> None:
    assert value(elm.prop("low", lit(closed(1, 2)))) == 1
    assert value(elm.prop("lowClosed", lit(closed(1, 2)))) is True
    assert value(elm.prop("unit", {"type": "Quantity", "value": 1, "unit": "g"})) == "g"


def test_an_instance_of_a_fhir_type() -> None:
    string = {"type": "Instance", "classType": f"{elm.FHIR}string", "element": [{"name": "value", "value": lit("a")}]}
    made = value(
        {"type": "Instance", "classType": f"{elm.FHIR}Reference", "element": [{"name": "reference", "value": string}]}
    )
    assert isinstance(made, Element)
    assert made.json == {"reference": "a"}
