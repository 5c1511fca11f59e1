"""Both engines say the same of records as other systems might have written them.

A fixed number of mutants, the same in every run; `make mutants` looks further.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from generated.mutants import CHANGES, mutate, renamed
from generated.records import differences, mutants
from salus.measure.content import Content

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "measure"))

from deck_expectations import measure_of, read_deck

RECORDS: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "p", "birthDate": "1960-05-05"},
    {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
        "subject": {"reference": "Patient/p"},
        "effectivePeriod": {"start": "2026-01-01T10:00:00Z", "end": "2026-01-02"},
        "valueQuantity": {"value": 7, "unit": "%", "code": "%", "system": "http://unitsofmeasure.org"},
    },
]


def test_mutants_are_the_same_for_the_same_seed_and_of_every_kind() -> None:
    def made(seed: int) -> tuple[list[dict[str, Any]], list[str]]:
        records = copy.deepcopy(RECORDS)
        return records, mutate(Random(seed), records, 3)

    assert made(1) == made(1)
    kinds = {each.rpartition(": ")[2] for seed in range(200) for each in made(seed)[1]}
    assert kinds == {change.__name__.strip("_") for change in CHANGES}


def test_records_under_another_name_refer_to_each_other() -> None:
    patient, observation = renamed(RECORDS, "-1")
    assert (patient["id"], observation["subject"]) == ("p-1", {"reference": "Patient/p-1"})
    assert RECORDS[1]["subject"] == {"reference": "Patient/p"}


@pytest.mark.parametrize("deck", ["CMS108FHIRVTEProphylaxis"])
def test_engines_agree_on_odd_records(deck: str, shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    cases = read_deck(shared_data(f"ecqm/decks/{deck}.ndjson"))
    given = Content.load([shared_data("ecqm/content")], allow_missing_valuesets=True)
    measure = measure_of(cases[0], given.measures())
    assert measure is not None
    found = list(differences(given, measure, mutants(cases, Random(1), 20), cases[0].period, tmp_path))
    assert not found, "\n".join(map(str, found))
