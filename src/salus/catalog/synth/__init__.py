"""Synthetic people with a planted truth: the demo, and the oracle of statistics that claim to find a gap.

`synthesize` writes FHIR R4 Bulk Data (one NDJSON file per type) and `truth.json` beside it; the same seed
gives the same bytes on every machine. Files: `dice` (chance), `scenario` (what is planted), `people` (who
and what happened), `records` (FHIR), `truth` (what a measure should find).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import orjson

from salus.catalog.synth import records
from salus.catalog.synth.dice import Dice
from salus.catalog.synth.people import draw_person, draw_story
from salus.catalog.synth.records import Json
from salus.catalog.synth.scenario import Scenario
from salus.catalog.synth.truth import Truth

__all__ = ["Scenario", "Truth", "synthesize"]
Files = Mapping[str, IO[bytes]]
TYPES = ("Organization", "Patient", "Coverage", "Encounter", "Condition", "Observation")


def synthesize(folder: Path, people: int, seed: int, scenario: Scenario | None = None) -> Truth:
    """Writes `people` people into `folder` and returns the truth, which is also in its `truth.json`."""
    truth = Truth(scenario or Scenario(), seed)
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        files = {name: stack.enter_context((folder / f"{name}.ndjson").open("wb")) for name in TYPES}
        for organization in records.organizations():
            write(files, organization)
        for number in range(1, people + 1):
            add_person(files, truth, number)
    (folder / "truth.json").write_bytes(orjson.dumps(truth.as_json(), option=orjson.OPT_INDENT_2))
    return truth


def add_person(files: Files, truth: Truth, number: int) -> None:
    dice = Dice(truth.seed, number)
    person = draw_person(dice, number, truth.scenario)
    story = draw_story(dice, person, truth.scenario)
    truth.add(person, story)
    for resource in records.resources(person, story):
        write(files, resource)


def write(files: Files, resource: Json) -> None:
    files[resource["resourceType"]].write(orjson.dumps(resource, option=orjson.OPT_APPEND_NEWLINE))
