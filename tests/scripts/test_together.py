"""Decks in one population: every resource has an id of its own, and references follow where they led."""

from __future__ import annotations

from typing import Any

import together
from salus.measure.testing.reports import ReportCase


def case(*records: dict[str, Any]) -> ReportCase:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in records]}
    return ReportCase("Deck", 1, "p", bundle, {"id": "r"})


def test_ids_and_the_references_to_them_are_renamed_and_others_are_not() -> None:
    encounter = {
        "resourceType": "Encounter",
        "id": "e",
        "subject": {"reference": "Patient/p"},
        "location": [{"location": {"reference": "Location/elsewhere"}}],
        "extension": [{"valueReference": {"reference": "Encounter/e"}}],
    }
    moved = together.renamed(case({"resourceType": "Patient", "id": "p"}, encounter), "3-1-")
    patient, found = moved.records
    assert (moved.patient, patient["id"], found["id"]) == ("3-1-p", "3-1-p", "3-1-e")
    assert found["subject"]["reference"] == "Patient/3-1-p"
    assert found["location"][0]["location"]["reference"] == "Location/elsewhere"
    assert found["extension"][0]["valueReference"]["reference"] == "Encounter/3-1-e"


def test_a_patient_without_an_id_gets_that_of_the_case() -> None:
    moved = together.renamed(case({"resourceType": "Patient"}), "0-1-")
    assert moved.records[0]["id"] == "0-1-p"
