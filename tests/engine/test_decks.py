"""The published test decks, end to end: every case of the four measures exact in every population.

`salus load` of a deck and `salus evaluate` of its measure, then the determinations against the expected individual
MeasureReport of each case. Data are read in place (CC0); nothing of them is kept here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from salus.cli.evaluate import evaluate_command
from salus.store import load

DECKS = {
    "CMS122FHIRDiabetesAssessGreaterThan9Percent": 36,
    "CMS125FHIRBreastCancerScreening": 39,
    "CMS130FHIRColorectalCancerScreening": 38,
    "CMS165FHIRControllingHighBloodPressure": 39,
}


def expected(deck: Path) -> dict[str, dict[str, bool]]:
    """Patient id -> population -> whether the case is in it."""
    found: dict[str, dict[str, bool]] = {}
    for line in deck.read_text(encoding="utf-8").splitlines():
        resources = [entry["resource"] for entry in json.loads(line)["entry"]]
        [patient] = [r for r in resources if r["resourceType"] == "Patient"]
        [report] = [r for r in resources if r["resourceType"] == "MeasureReport"]
        found[patient["id"]] = _populations(report["group"][0])
    return found


def _populations(group: dict[str, Any]) -> dict[str, bool]:
    return {p["code"]["coding"][0]["code"].replace("-", "_"): bool(p.get("count", 0)) for p in group["population"]}


@pytest.mark.parametrize("measure", DECKS)
def test_every_case_is_exact(measure: str, shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    deck, content = shared_data(f"ecqm/decks/{measure}.ndjson"), shared_data("ecqm/content")
    load([deck], tmp_path / "population.duckdb")
    period = (date(2026, 1, 1), date(2026, 12, 31))
    evaluate_command(tmp_path / "population.duckdb", [content], [measure], period, tmp_path / "results")
    rows = {
        row["subject_id"]: row for row in pq.read_table(tmp_path / "results" / "determinations.parquet").to_pylist()
    }
    cases = expected(deck)
    misses = {
        subject: (population, wanted)
        for subject, case in cases.items()
        for population, wanted in case.items()
        if rows[subject][population] is not wanted
    }
    assert len(cases) == DECKS[measure]
    assert misses == {}
