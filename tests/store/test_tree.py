"""Needs are spelt as the tables spell them, and a tree of them knows its tables, columns and JSON structure."""

from __future__ import annotations

import pytest

from salus.errors import SalusError
from salus.store.tree import Need, canonical, grow, prune, relation, structure

DOSAGE = "MedicationRequest.dosageInstruction"


@pytest.mark.parametrize(
    ("table", "column", "need"),
    [
        ("Observation", "valueQuantity.value", ("Observation", "valueQuantity.value")),
        ("Observation", "effectiveDateTime", ("Observation", "effectiveDateTime")),
        ("Observation", "effectiveDateTime.low", ("Observation", "effectiveDateTime")),
        ("Encounter", "period.start.prec", ("Encounter", "period.start")),
        ("Observation", "valueRange.low", ("Observation", "valueRange.low")),
        ("Observation", "component", ("Observation.component", "")),
        ("Observation.component", "", ("Observation.component", "")),
        ("Observation", "component.code", ("Observation.component", "code")),
        ("Observation", "category", ("Observation", "category")),
        ("Patient.name", "given", ("Patient.name.given", "value")),
        ("Patient.name.given", "value", ("Patient.name.given", "value")),
        ("Timing", "event", None),
        ("Appointment", "requestedPeriod", ("Appointment.requestedPeriod", "")),
        (DOSAGE, "timing.event", (f"{DOSAGE}.timing.event", "value")),
        (f"{DOSAGE}.timing.event", "value.low", (f"{DOSAGE}.timing.event", "value")),
        ("Patient.extension.extension", "valueCoding", ("Patient.extension.extension", "valueCoding")),
    ],
)
def test_every_way_to_ask_for_an_element_is_one_need(table: str, column: str, need: tuple[str, str] | None) -> None:
    if need is None:
        with pytest.raises(SalusError, match="is not a FHIR R4 resource type"):
            canonical(table, column)
    else:
        assert canonical(table, column) == Need(*need)


@pytest.mark.parametrize(
    ("table", "column", "message"),
    [
        ("Nothing", "x", "'Nothing' is not a FHIR R4 resource type"),
        ("Observation", "value", "no element 'value' in Observation"),
        ("Observation", "valueQuantity.nothing", "no element 'nothing' in Observation.valueQuantity"),
        ("Observation", "code.coding", "no element 'coding' in Observation.code"),
        ("Observation", "status.low", "no element 'low' in Observation.status"),
        ("Patient", "contained", "Patient.contained holds a resource"),
    ],
)
def test_what_there_is_no_column_for_is_an_error(table: str, column: str, message: str) -> None:
    with pytest.raises(SalusError, match=message.replace(".", r"\.")):
        canonical(table, column)


def tree(*needs: tuple[str, str]):  # type: ignore[no-untyped-def]
    return grow(needs[0][0].split(".")[0], (canonical(*need) for need in needs))


def test_a_tree_has_the_structure_duckdb_is_to_read() -> None:
    root = tree(
        ("Observation", "status"),
        ("Observation", "issued"),
        ("Observation", "valueQuantity.value"),
        ("Observation", "code"),
        ("Observation", "category"),
        ("Observation", "valuePeriod"),
        ("Observation.component", "valueInteger"),
        ("Observation.note", ""),
        ("Observation.component.valueSampledData", "data"),
    )
    assert structure(root) == {
        "status": "VARCHAR",
        "issued": "VARCHAR",
        "valueQuantity": {"value": "VARCHAR"},
        "code": "JSON",
        "category": "JSON",
        "valuePeriod": "JSON",
        "component": ["JSON"],
        "note": ["JSON"],
    }
    assert structure(root.kids["component"]) == {"valueInteger": "VARCHAR", "valueSampledData": {"data": "VARCHAR"}}
    assert structure(prune(root, {"Observation": frozenset({"status", "unknown"})})) == {"status": "VARCHAR"}


def test_what_no_row_has_is_not_read() -> None:
    root = tree(
        ("Observation", "status"),
        ("Observation.component", "valueTime"),
        ("Observation.component.valueSampledData", "data"),
        ("Observation.note", "authorString"),
    )
    known = {"Observation": frozenset({"component", "note"}), "Observation.component": frozenset({"code"})}
    assert structure(prune(root, known)) == {"note": ["JSON"]}


def test_a_tree_has_a_table_for_every_repeating_element() -> None:
    top = relation(
        tree(
            ("MedicationRequest", "dispenseRequest.quantity.value"),
            ("MedicationRequest.dosageInstruction", "timing.repeat.frequency"),
            ("MedicationRequest.dosageInstruction.timing.event", "value"),
            ("MedicationRequest.dosageInstruction.doseAndRate", "doseQuantity.value"),
        )
    )
    assert [column.name for column in top.columns] == [
        "dispenseRequest",
        "dispenseRequest.quantity",
        "dispenseRequest.quantity.value",
    ]
    (dosage,) = top.children
    assert (dosage.table, dosage.path) == ("MedicationRequest.dosageInstruction", ("dosageInstruction",))
    assert [column.name for column in dosage.columns] == ["timing", "timing.repeat", "timing.repeat.frequency"]
    event, dose = dosage.children
    assert (event.table, event.path) == ("MedicationRequest.dosageInstruction.timing.event", ("timing", "event"))
    assert [column.typed[0] for column in event.columns] == [("value.low", "TIMESTAMP")]
    assert [column.name for column in dose.columns] == ["doseQuantity", "doseQuantity.value"]


def test_the_id_of_a_resource_is_its_own_column_and_that_of_an_element_is_typed() -> None:
    top = relation(tree(("Encounter", "id"), ("Encounter.diagnosis", "id")))
    assert top.columns == ()
    assert [column.name for column in top.children[0].columns] == ["id"]
