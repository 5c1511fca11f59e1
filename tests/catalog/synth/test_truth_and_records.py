"""What is true of people and measures, against the records: counted by hand here, by the engine for the catalog."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from salus.catalog import content_paths
from salus.catalog.synth import Scenario, Truth, synthesize
from salus.catalog.synth.run import RECORDS
from salus.catalog.synth.steps import MEASURES
from salus.cli.evaluate import tools
from salus.measure.run import Job, evaluate
from salus.store import load

Json = dict[str, Any]
Units = dict[str, tuple[bool, bool]]
PEOPLE = 2000


@pytest.fixture(scope="module")
def community(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("community")
    synthesize(folder, PEOPLE, 3)
    return folder


class Records:
    """Resources by type and person, and what a reader asks of them."""

    def __init__(self, folder: Path) -> None:
        self.of: defaultdict[str, defaultdict[str, list[Json]]] = defaultdict(lambda: defaultdict(list))
        for path in (folder / RECORDS).glob("*.ndjson"):
            for line in path.read_bytes().splitlines():
                row = json.loads(line)
                about = row.get("subject") or row.get("patient") or {"reference": f"Patient/{row['id']}"}
                self.of[path.stem][about["reference"].removeprefix("Patient/")].append(row)
        self.people = list(self.of["Patient"])

    def age(self, person: str) -> int:
        return 2026 - int(self.of["Patient"][person][0]["birthDate"][:4])

    def female(self, person: str) -> bool:
        return bool(self.of["Patient"][person][0]["gender"] == "female")

    def seen(self, person: str) -> bool:
        visits = (each for each in self.of["Encounter"][person] if each["class"]["code"] in ("AMB", "VR", "HH"))
        return any(each["period"]["start"].startswith("2026") for each in visits)

    def coded(self, kind: str, person: str, *codes: str) -> Iterator[Json]:
        for row in self.of[kind][person]:
            concept = row.get("code") or row.get("medicationCodeableConcept") or row.get("vaccineCode")
            if concept and any(each.get("code") in codes for each in concept.get("coding", [])):
                yield row

    def has(self, kind: str, person: str, *codes: str) -> bool:
        return any(True for _ in self.coded(kind, person, *codes))


VESSELS = ("I25.10", "I21.9", "I63.9")


def statin(records: Records) -> Iterator[tuple[str, bool]]:
    for person in records.people:
        out = records.has("Condition", person, "Z51.5", "Z34.90")
        if records.seen(person) and records.has("Condition", person, *VESSELS) and not out:
            yield person, records.has("MedicationRequest", person, "617311", "259255", "312961")


def kidney(records: Records) -> Iterator[tuple[str, bool]]:
    for person in records.people:
        failing = records.has("Condition", person, "N18.6", "Z51.5")
        if records.seen(person) and records.has("Condition", person, "E11.9", "E11.65", "E10.9") and not failing:
            lasting = [
                c
                for c in records.coded("Condition", person, "E11.9", "E11.65", "E10.9")
                if "abatementDateTime" not in c
            ]
            if lasting and records.age(person) <= 85:
                yield (
                    person,
                    records.has("Observation", person, "98979-8") and records.has("Observation", person, "9318-7"),
                )


def diabetes(records: Records) -> Iterator[tuple[str, bool]]:
    for person in records.people:
        lasting = [
            c for c in records.coded("Condition", person, "E11.9", "E11.65", "E10.9") if "abatementDateTime" not in c
        ]
        if lasting and records.seen(person) and 18 <= records.age(person) <= 75:
            tests = [o for o in records.coded("Observation", person, "4548-4") if o["effectiveDateTime"] >= "2026"]
            yield person, not tests or max(tests, key=lambda o: o["effectiveDateTime"])["valueQuantity"]["value"] > 9


def tobacco(records: Records) -> Iterator[tuple[str, bool]]:
    for person in records.people:
        if records.age(person) >= 18 and records.seen(person):
            answers = [
                o["valueCodeableConcept"]["coding"][0]["code"] for o in records.coded("Observation", person, "72166-2")
            ]
            helped = records.has("Procedure", person, "S9453") or records.has("MedicationRequest", person, "198031")
            yield person, bool(answers) and (helped or answers != ["LA18976-3"])


def breast(records: Records) -> Iterator[tuple[str, bool]]:
    for person in records.people:
        counts = records.female(person) and 40 <= records.age(person) <= 74 and records.seen(person)
        if counts and not records.has("Condition", person, "Z90.13"):
            images = records.coded("DiagnosticReport", person, "24606-6")
            yield person, any(each["effectiveDateTime"] >= "2024-10" for each in images)


def children(records: Records) -> Iterator[tuple[str, bool]]:
    doses = {"106": 4, "10": 3, "03": 1, "48": 3, "08": 3, "21": 1, "215": 4, "83": 1, "116": 3, "161": 2}
    for person in records.people:
        born = date.fromisoformat(records.of["Patient"][person][0]["birthDate"])
        if records.age(person) == 2 and records.seen(person):
            two = f"{born.year + 2}-{born.month:02}-{born.day:02}"
            given = [
                i["vaccineCode"]["coding"][0]["code"]
                for i in records.of["Immunization"][person]
                if i["occurrenceDateTime"] <= two
            ]
            yield person, all(given.count(vaccine) >= count for vaccine, count in doses.items())


COUNTED: dict[str, Callable[[Records], Iterator[tuple[str, bool]]]] = {
    "statin": statin, "kidney": kidney, "diabetes": diabetes, "tobacco": tobacco, "breast": breast,
    "children": children,
}  # fmt: skip


@pytest.fixture(scope="module")
def records(community: Path) -> Records:
    return Records(community)


def told(community: Path) -> dict[tuple[str, str], Units]:
    """By measure and its group, each unit: whether it is excluded, and whether it meets the measure."""
    found: defaultdict[tuple[str, str], Units] = defaultdict(dict)
    for row in Truth.read(community).units().to_pylist():
        found[row["measure"], row["group_id"]][row["unit_id"]] = (row["excluded"], row["numerator"])
    return found


@pytest.mark.parametrize("measure", COUNTED)
def test_the_records_say_what_is_true(community: Path, records: Records, measure: str) -> None:
    truth = told(community)[MEASURES[measure].name, MEASURES[measure].group]
    counted = dict(COUNTED[measure](records))
    assert len(counted) > 20
    assert counted == {unit: met for unit, (excluded, met) in truth.items() if not excluded}


def test_the_engine_finds_what_is_true(community: Path, tmp_path: Path) -> None:
    """Of every measure that both the catalog and the truth have: the same units, exclusions and numerators."""
    load([community / RECORDS], tmp_path / "population.duckdb")
    job = Job(tmp_path / "population.duckdb", tuple(content_paths()), Scenario().period, tmp_path / "results")
    evaluate(job, tools())
    found: defaultdict[tuple[str, str], Units] = defaultdict(dict)
    months = {}
    for row in pq.read_table(tmp_path / "results/determinations.parquet").to_pylist():
        if row["measure"] == "SalusMonthsUninsured" and row["initial_population"]:
            months[row["subject_id"]] = row["observations"]
        elif row["initial_population"]:
            of = found[row["measure"], row["group_id"]]
            of[row["unit_id"]] = (bool(row["denominator_exclusion"]), bool(row["numerator"]))
    truth = told(community)
    both = truth.keys() & found.keys()
    assert ("SalusBloodPressureControl", "1") in both
    wrong = {name: differences(truth[name], found[name]) for name in both if truth[name] != found[name]}
    assert wrong == {}
    who = Truth.read(community).who().to_pydict()
    told_months = dict(zip(who["subject_id"], who["months_uninsured"], strict=True))
    assert months == {subject: [told_months[subject]] for subject in months}


def differences(truth: Units, found: Units) -> dict[str, Any]:
    """What to look at: units only here, only there, and with other answers."""
    return {
        "only true": sorted(truth.keys() - found.keys())[:5],
        "only found": sorted(found.keys() - truth.keys())[:5],
        "otherwise": sorted(unit for unit in truth.keys() & found.keys() if truth[unit] != found[unit])[:5],
    }
