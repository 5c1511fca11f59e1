"""Public records load whole: the four decks, and a synthetic population with transaction Bundles."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from made import rows

from salus.fhir.reading import read
from salus.store import Population, load

DECKS = (
    "CMS122FHIRDiabetesAssessGreaterThan9Percent",
    "CMS125FHIRBreastCancerScreening",
    "CMS130FHIRColorectalCancerScreening",
    "CMS165FHIRControllingHighBloodPressure",
)
Shared = Callable[[str], Path]


@pytest.mark.parametrize("name", DECKS)
def test_every_resource_of_a_deck_is_kept_with_its_patient(tmp_path: Path, shared_data: Shared, name: str) -> None:
    deck = shared_data(f"ecqm/decks/{name}.ndjson")
    expected = Counter(record.resource["resourceType"] for record in read([deck]) if record.resource)
    report = load([deck], tmp_path / "p.duckdb")
    assert report.resources == expected
    assert (report.quarantined, report.orphans, report.superseded) == (0, 0, 0)
    with Population.open(tmp_path / "p.duckdb") as people:
        for kind in ("Encounter", "Condition", "Observation"):
            owned = rows(
                people,
                f"""SELECT k.id, p.id, r.json FROM "{kind}" k
                JOIN patient p ON p.pid = k.pid JOIN raw."{kind}" r ON r.seq = k.seq""",
            )
            assert len(owned) == expected[kind]
            for own_id, patient_id, text in owned:
                resource = json.loads(text)
                assert (resource["id"], resource["subject"]["reference"]) == (own_id, f"Patient/{patient_id}")


def test_typed_values_are_those_of_the_records(tmp_path: Path, shared_data: Shared) -> None:
    """Every Encounter's class, period and types, told again from the columns."""
    deck = shared_data(f"ecqm/decks/{DECKS[0]}.ndjson")
    load([deck], tmp_path / "p.duckdb")
    with Population.open(tmp_path / "p.duckdb") as people:
        told = rows(
            people,
            """SELECT e.id, e.status, c.code, strftime(e."period.start.low", '%Y-%m-%dT%H:%M:%S.%g'),
                (SELECT list(t.code ORDER BY l.ord, t.ord) FROM concept_list l
                    JOIN coding t USING (cid) WHERE l.lid = e.type)
            FROM "Encounter" e JOIN coding c ON c.cid = e.class""",
        )
    encounters = [r.resource for r in read([deck]) if r.resource and r.resource["resourceType"] == "Encounter"]
    expected = [
        (
            one["id"],
            one["status"],
            one["class"]["code"],
            one["period"]["start"].removesuffix("+00:00").removesuffix("Z")[:19] + ".000",
            [coding["code"] for concept in one["type"] for coding in concept["coding"]],
        )
        for one in encounters
    ]
    assert sorted(told) == sorted(expected)


def test_a_synthetic_population_of_transaction_bundles(tmp_path: Path, shared_data: Shared) -> None:
    report = load([shared_data("fhir/synthea-qicore-177.tar.xz")], tmp_path / "p.duckdb")
    assert report.patients == 177
    assert report.orphans == 0
    assert report.resources["Observation"] == 15942
    assert len(report.skipped) == 42
    with Population.open(tmp_path / "p.duckdb") as people:
        unresolved = """SELECT count(*) FROM "Encounter" WHERE "serviceProvider.reference" NOT LIKE 'Organization/%'"""
        assert rows(people, unresolved) == [(0,)]
        assert rows(people, "SELECT count(DISTINCT pid) FROM visible")[0] == (177,)
        insurers = rows(people, 'SELECT count(*) FROM "Claim.insurance" WHERE "coverage.display" IS NOT NULL')
        assert insurers[0][0] > 5000
        races = """SELECT count(DISTINCT x.pid) FROM "Patient.extension" x WHERE x.url LIKE '%us-core-race'"""
        assert rows(people, races) == [(177,)]
