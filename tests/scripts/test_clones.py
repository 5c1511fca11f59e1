"""Clones are the deck's patients under ids of their own; references follow and counts add up."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import clones


def bundle(patient: str, numerator: int) -> dict[str, Any]:
    counts = {"initial-population": 1, "numerator": numerator}
    populations = [{"code": {"coding": [{"code": code}]}, "count": n} for code, n in counts.items()]
    report = {
        "resourceType": "MeasureReport",
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
        "group": [{"population": populations}],
    }
    visit = {
        "resourceType": "Encounter",
        "id": f"{patient}-visit",
        "subject": {"reference": f"Patient/{patient}"},
        "participant": [{"individual": {"reference": "Practitioner/elsewhere"}}],
    }
    entries = [{"resourceType": "Patient", "id": patient}, visit, report]
    return {"resourceType": "Bundle", "entry": [{"resource": each} for each in entries]}


@pytest.fixture
def deck(tmp_path: Path) -> Any:
    path = tmp_path / "deck.ndjson"
    path.write_text("".join(json.dumps(bundle(*each)) + "\n" for each in (("ada", 1), ("ada-2", 0))))
    return clones.Deck.read(path)


def test_every_clone_has_its_own_ids_and_references_follow(deck: Any, tmp_path: Path) -> None:
    written = tmp_path / "clones.ndjson"
    assert clones.write_clones(deck, written, 5, 2) == (5 * (2 + 2), written.stat().st_size)
    rows = [json.loads(line) for line in written.read_bytes().splitlines()]
    ids = Counter((row["resourceType"], row["id"]) for row in rows)
    patients = [key for kind, key in ids if kind == "Patient"]
    assert max(ids.values()) == 1
    assert patients == ["ada-0", "ada-2-0", "ada-1", "ada-2-1", "ada-2"]
    subjects = Counter(row["subject"]["reference"] for row in rows if "subject" in row)
    assert subjects == {f"Patient/{patient}": 3 for patient in patients}


def test_references_that_leave_the_bundle_stay(deck: Any) -> None:
    text = b"".join(clones.clones(deck, 2, 0))
    assert text.count(b'"Practitioner/elsewhere"') == 2


def test_expected_counts_add_up(deck: Any) -> None:
    assert (deck.first, deck.last) == ("2026-01-01", "2026-12-31")
    assert deck.expected(5) == {"initial-population": 5, "numerator": 3}
