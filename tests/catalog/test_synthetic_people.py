"""Synthetic people: the same for everyone, whole, messy as meant, and with the truth that was planted."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from salus.catalog.synth import Scenario, synthesize
from salus.catalog.synth.dice import Dice
from salus.catalog.synth.people import draw_person, draw_story
from salus.catalog.synth.truth import Truth

Json = dict[str, Any]
TYPES = ("Organization", "Patient", "Coverage", "Encounter", "Condition", "Observation")


def drawn(people: int, seed: int = 1, scenario: Scenario | None = None) -> Truth:
    """The truth of a run, without writing records."""
    truth = Truth(scenario or Scenario(), seed)
    for number in range(1, people + 1):
        dice = Dice(seed, number)
        person = draw_person(dice, number, truth.scenario)
        truth.add(person, draw_story(dice, person, truth.scenario))
    return truth


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    synthesize(folder, people=400, seed=5)
    return folder


def rows(folder: Path, kind: str) -> list[Json]:
    return [json.loads(line) for line in (folder / f"{kind}.ndjson").read_bytes().splitlines()]


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if "reference" in value else []
        return own + [found for each in value.values() for found in references(each)]
    return [found for each in value for found in references(each)] if isinstance(value, list) else []


def test_same_seed_same_bytes(written: Path, tmp_path: Path) -> None:
    synthesize(tmp_path, people=400, seed=5)
    for name in [f"{kind}.ndjson" for kind in TYPES] + ["truth.json"]:
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes()


def test_another_seed_other_people(written: Path, tmp_path: Path) -> None:
    synthesize(tmp_path, people=400, seed=6)
    assert (tmp_path / "Patient.ndjson").read_bytes() != (written / "Patient.ndjson").read_bytes()


def test_a_person_is_the_same_in_a_larger_run(written: Path, tmp_path: Path) -> None:
    synthesize(tmp_path, people=20, seed=5)
    for kind in TYPES:
        small = (tmp_path / f"{kind}.ndjson").read_bytes()
        assert (written / f"{kind}.ndjson").read_bytes().startswith(small)


def test_every_reference_resolves_and_every_id_is_its_own(written: Path) -> None:
    everything = [row for kind in TYPES for row in rows(written, kind)]
    ids = Counter(f"{row['resourceType']}/{row['id']}" for row in everything)
    assert max(ids.values()) == 1
    assert {reference for row in everything for reference in references(row)} <= ids.keys()


def test_the_record_leaves_things_out(written: Path) -> None:
    patients = rows(written, "Patient")
    races = [row for row in patients if any("us-core-race" in part["url"] for part in row["extension"])]
    assert 0 < len(patients) - len(races) < 0.2 * len(patients)
    assert 0 < len(patients) - len(rows(written, "Coverage")) < 0.1 * len(patients)
    assert any(len(row["onsetDateTime"]) == 4 for row in rows(written, "Condition"))


def test_the_uninsured_are_on_record_as_paying_themselves(written: Path) -> None:
    coverages = rows(written, "Coverage")
    self_pay = [row for row in coverages if row["type"]["coding"][0]["code"] == "81"]
    assert self_pay
    assert all(row["payor"][0]["reference"] == row["beneficiary"]["reference"] for row in self_pay)


def test_truth_holds_the_planted_and_the_realised(written: Path) -> None:
    truth = json.loads((written / "truth.json").read_text())
    assert truth["planted"] == {
        "what": "the uninsured are treated worse for blood pressure",
        "insured": 0.66,
        "uninsured": 0.46,
        "gap": -0.2,
    }
    groups = truth["groups"]["insured"]
    assert truth["realised"]["gap"] == groups["uninsured"]["rate"] - groups["insured"]["rate"]
    for attribute in truth["groups"].values():
        assert sum(each["numerator"] for each in attribute.values()) == truth["overall"]["numerator"]


def standard_error(rate: float, people: int) -> float:
    return math.sqrt(rate * (1 - rate) / people)


def test_planted_probabilities_come_true_in_the_long_run() -> None:
    scenario = Scenario()
    groups = drawn(20_000).groups["insured"]
    for group, planted in (("insured", scenario.control_insured), ("uninsured", scenario.control_uninsured)):
        count = groups[group]
        assert count.rate == pytest.approx(planted, abs=4 * standard_error(planted, count.denominator))


def test_other_gaps_appear_by_confounding_and_vanish_with_the_cause() -> None:
    def hispanic_gap(scenario: Scenario) -> float:
        groups = drawn(40_000, scenario=scenario).groups["ethnicity_on_record"]
        return (groups["hispanic"].rate or 0) - (groups["not hispanic"].rate or 0)

    assert hispanic_gap(Scenario(control_uninsured=0.0)) < -0.05
    assert hispanic_gap(Scenario(control_uninsured=0.66)) == pytest.approx(0, abs=0.03)


def test_dice_fall_as_weighed() -> None:
    dice = Dice(1, 1)
    falls = Counter(dice.weighed({"a": 3, "b": 1}) for _ in range(4000))
    assert falls["a"] / 4000 == pytest.approx(0.75, abs=4 * standard_error(0.75, 4000))
    assert {dice.between(1, 3) for _ in range(200)} == {1, 2, 3}
