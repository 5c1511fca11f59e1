"""The oracle over a population: the shapes of an outcome, episodes, records without a patient, explanations."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import elm_text as elm
import pytest

from in_memory import Content
from oracle.evaluating import lit, op
from salus.engine import oracle
from salus.engine.asked import Wanted
from salus.engine.oracle.records import Patients
from salus.errors import SalusError
from salus.store import Population, load

PERIOD = (date(2026, 1, 1), date(2026, 12, 31))
RECORDS = [
    {"resourceType": "Patient", "id": "p1", "gender": "female"},
    {"resourceType": "Patient", "id": "p2"},
    {"resourceType": "Encounter", "id": "e2", "subject": {"reference": "Patient/p1"}, "length": {"value": 2}},
    {"resourceType": "Encounter", "id": "e1", "subject": {"reference": "Patient/p1"}, "length": {"value": 1}},
    {
        "resourceType": "MedicationRequest",
        "id": "m",
        "subject": {"reference": "Patient/p2"},
        "medicationReference": {"reference": "Medication/drug"},
    },
    {"resourceType": "Medication", "id": "drug"},
]
LENGTH = elm.prop("length.value.value", elm.ref("x", "OperandRef"))
FUNCTION = {"type": "FunctionDef", "name": "length", "operand": [{"name": "x"}], "expression": LENGTH}
DEFINES = {
    "Sex": elm.prop("gender.value", elm.ref("Patient")),
    "Encounters": elm.retrieve("Encounter"),
    "Drugs": elm.retrieve("Medication"),
    "Numbers": lit([1, 2]),
    "Period": elm.op("DateFrom", elm.op("End", elm.ref("Measurement Period", "ParameterRef"))),
    "Two": elm.op("SingletonFrom", elm.retrieve("Encounter"), locator="5:1-5:9"),
    "Quantity": op("ToQuantity", 3),
}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("oracle")
    source = folder / "records.ndjson"
    source.write_text("".join(json.dumps(r) + "\n" for r in RECORDS), encoding="utf-8")
    load([source], folder / "population.duckdb")
    return folder / "population.duckdb"


CONTENT = Content({"L": elm.library("L", DEFINES, parameters=[{"name": "Measurement Period"}], functions=[FUNCTION])})


def answer(people: Path, define: str, over: str | None = None) -> tuple[list[dict[str, Any]], list[str]]:
    wanted = Wanted("L", "1", define, over)
    with Population.open(people, read_only=True) as population:
        outcome = oracle.run(population, CONTENT, [wanted], PERIOD)
    return outcome.values[wanted].to_pylist(), outcome.warnings


def test_a_scalar_is_a_row_per_patient(people: Path) -> None:
    assert answer(people, "Sex")[0] == [{"pid": 1, "value": "female"}, {"pid": 2, "value": None}]
    assert answer(people, "sex")[0] == answer(people, "Sex")[0]
    assert answer(people, "Quantity")[0][0]["value"]["unit"] == "1"
    assert answer(people, "Period")[0][0]["value"].date() == date(2026, 12, 31)


def test_a_list_is_a_row_per_element(people: Path) -> None:
    encounters = [{"pid": 1, "type": "Encounter", "id": "e1"}, {"pid": 1, "type": "Encounter", "id": "e2"}]
    assert answer(people, "Encounters")[0] == encounters
    assert [row["value"] for row in answer(people, "Numbers")[0]] == [1, 2, 1, 2]


def test_a_record_without_a_patient_is_seen_by_those_who_refer_to_it(people: Path) -> None:
    assert answer(people, "Drugs")[0] == [{"pid": 2, "type": "Medication", "id": "drug"}]


def test_a_function_is_answered_for_each_resource_of_a_list(people: Path) -> None:
    rows, _ = answer(people, "length", over="Encounters")
    assert [(row["id"], row["value"]) for row in rows] == [("e1", 1), ("e2", 2)]
    with pytest.raises(SalusError, match="is no list of resources"):
        answer(people, "length", over="Numbers")


def test_what_fails_for_one_patient_is_null_for_that_patient(people: Path) -> None:
    rows, warnings = answer(people, "Two")
    assert [row["value"] for row in rows] == [None, None]
    assert warnings == ["L 1, line 5: singleton from found more than one element (1 times)"]


def test_a_trace_has_every_node_of_one_patient(people: Path) -> None:
    trace = oracle.Trace()
    with Population.open(people, read_only=True) as population:
        basis = oracle.setting(CONTENT, PERIOD)
        interpreter = oracle.Interpreter(basis, Patients(population, only=1).of(1, "p1"), trace)
        library = basis.includes.open("L", "1", "the run")
        assert oracle.value_of(interpreter, library, Wanted("L", "1", "Two")) is None
    [(place, found)] = [(p, v) for p, v in trace.of("Two") if p.locator]
    assert (place.library, place.locator, found) == ("L", "5:1-5:9", [None])


def test_references_of_a_transaction_lead_to_the_ids_that_the_load_gave(tmp_path: Path) -> None:
    def entry(url: str, **resource: Any) -> dict[str, Any]:
        return {"fullUrl": url, "resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}

    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            entry("urn:uuid:1", resourceType="Patient", id="p"),
            entry("urn:uuid:2", resourceType="Encounter", id="e", subject={"reference": "urn:uuid:1"}),
        ],
    }
    (tmp_path / "bundle.json").write_text(json.dumps(bundle), encoding="utf-8")
    load([tmp_path / "bundle.json"], tmp_path / "population.duckdb")
    with Population.open(tmp_path / "population.duckdb") as population:
        (records,) = Patients(population)
    assert records.of("Encounter")[0].json["subject"]["reference"] == "Patient/p"
