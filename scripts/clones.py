"""Clones the patients of a test deck under new ids, fast: one replacement of bytes per clone.

A deck is NDJSON of Bundles, each a patient's resources and the MeasureReport expected of them. `Deck.read`
marks every id and reference of a Bundle once; a clone is the marked text with the mark replaced. `expected`
says what a measure must count. Used by `bench.py`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]
MARK = "@clone@"
# Laboratory results that no measure of the decks asks for.
UNRELATED = (
    *(
        ("2345-7", "Glucose", "mg/dL"),
        ("2160-0", "Creatinine", "mg/dL"),
        ("3094-0", "Urea nitrogen", "mg/dL"),
    ),
    *(("2951-2", "Sodium", "mmol/L"), ("2823-3", "Potassium", "mmol/L"), ("2075-0", "Chloride", "mmol/L")),
    *(
        ("718-7", "Hemoglobin", "g/dL"),
        ("6690-2", "Leukocytes", "10*3/uL"),
        ("777-3", "Platelets", "10*3/uL"),
    ),
    ("8310-5", "Body temperature", "Cel"),
)


@dataclass(frozen=True)
class Case:
    """One patient of a deck: their resources with ids and references marked, and what is expected of them."""

    patient: str
    resources: tuple[Json, ...]
    counts: Counter[str]


@dataclass(frozen=True)
class Deck:
    """The cases of a deck and the period they are about (first and last day)."""

    cases: tuple[Case, ...]
    first: str
    last: str

    @classmethod
    def read(cls, path: Path) -> Deck:
        bundles = [json.loads(line) for line in path.read_bytes().splitlines()]
        period = report(bundles[0])["period"]
        return cls(tuple(map(case, bundles)), period["start"][:10], period["end"][:10])

    def expected(self, patients: int) -> Counter[str]:
        """Population code -> count over the first `patients` clones."""
        total: Counter[str] = Counter()
        rounds, rest = divmod(patients, len(self.cases))
        for position, each in enumerate(self.cases):
            times = rounds + (position < rest)
            total.update({code: count * times for code, count in each.counts.items()})
        return +total


def report(bundle: Json) -> Json:
    (found,) = [each for each in resources(bundle) if each["resourceType"] == "MeasureReport"]
    return found


def resources(bundle: Json) -> list[Json]:
    return [entry["resource"] for entry in bundle["entry"]]


def case(bundle: Json) -> Case:
    counts: Counter[str] = Counter()
    for group in report(bundle)["group"]:
        for population in group["population"]:
            counts[population["code"]["coding"][0]["code"]] += population.get("count", 0)
    kept = [each for each in resources(bundle) if each["resourceType"] != "MeasureReport"]
    (patient,) = [each["id"] for each in kept if each["resourceType"] == "Patient"]
    names = {f"{each['resourceType']}/{each['id']}" for each in kept}
    return Case(patient, tuple({**mark(each, names), "id": each["id"] + MARK} for each in kept), counts)


def mark(value: Any, names: set[str]) -> Any:
    """The same JSON with the mark behind every reference to one of `names`."""
    if isinstance(value, dict):
        made = {key: mark(each, names) for key, each in value.items()}
        return made | {"reference": value["reference"] + MARK} if value.get("reference") in names else made
    return [mark(each, names) for each in value] if isinstance(value, list) else value


def unrelated(patient: str, number: int) -> Json:
    code, display, unit = UNRELATED[number % len(UNRELATED)]
    day = f"{2024 + number % 3}-{number % 12 + 1:02}-{number % 28 + 1:02}"
    value = {"value": 3 + number * 7 % 97, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    return {
        "resourceType": "Observation",
        "id": f"added-{number}-{patient}{MARK}",
        "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code, "display": display}]},
        "subject": {"reference": f"Patient/{patient}{MARK}"},
        "effectiveDateTime": f"{day}T08:30:00.000Z",
        "valueQuantity": value,
    }


def templates(deck: Deck, observations: int) -> list[bytes]:
    """Each case as one line of NDJSON per resource, still marked."""
    made = []
    for each in deck.cases:
        added = [unrelated(each.patient, number) for number in range(observations)]
        rows = [*each.resources, *added]
        made.append(b"".join(json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in rows))
    return made


def clones(deck: Deck, patients: int, observations: int) -> Iterator[bytes]:
    marked = templates(deck, observations)
    for number in range(patients):
        position = number % len(marked)
        yield marked[position].replace(MARK.encode(), b"-%d" % (number // len(marked)))


def write_clones(deck: Deck, path: Path, patients: int, observations: int) -> tuple[int, int]:
    """Writes the clones as NDJSON of resources; returns how many resources and bytes that is."""
    with path.open("wb", buffering=2**20) as file:
        written = sum(map(file.write, clones(deck, patients, observations)))
    rounds, rest = divmod(patients, len(deck.cases))
    own = sum(len(each.resources) * (rounds + (position < rest)) for position, each in enumerate(deck.cases))
    return own + patients * observations, written
