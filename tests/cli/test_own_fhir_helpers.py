"""Content without FHIRHelpers: Salus has the conversions itself, and both engines give the same by them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salus.cli import main as cli
from salus.cql.helpers import fhir_helpers
from salus.cql.translations import Translations
from salus.measure.texts import LibraryTexts

TEXT = """library Plain
using FHIR version '4.0.1'
include FHIRHelpers version '4.0.1'
codesystem "S": 's'
parameter "Measurement Period" Interval<DateTime>
context Patient
define "Woman": Patient.gender = 'female'
define "Alive": Patient.deceased as FHIR.boolean is false
define "Stays": [Encounter] E where E.period during "Measurement Period" return E.status + '!'
define "Open stays": Count([Encounter] E where E.period overlaps after "Measurement Period")
define "Sober": Count([Observation] O where (O.value as FHIR.Quantity) > 1 'kg')
define "Exact": Count([Observation] O where FHIRHelpers.ToQuantity(O.value as FHIR.Quantity) is not null)
define "Over 2 kg": Count([Observation] O where start of FHIRHelpers.ToInterval(O.value as FHIR.Quantity) > 2 'kg')
define "Cross": exists [Observation] O where O.code ~ Code 'c' from "S"
define "Low end": start of FHIRHelpers.ToInterval(First([Encounter] E sort by id.value).period)
"""

SUBJECT = {"subject": {"reference": "Patient/p"}}
GRAMS = {"value": 1500, "unit": "grams", "system": "http://unitsofmeasure.org", "code": "g"}
RECORDS = [
    {"resourceType": "Patient", "id": "p", "gender": "female", "deceasedBoolean": False},
    {
        "resourceType": "Encounter", "id": "e", "status": "finished", **SUBJECT,
        "period": {"start": "2026-02-01T10:00:00Z", "end": "2026-02-02T10:00:00Z"},
    },
    {"resourceType": "Encounter", "id": "f", "status": "planned", **SUBJECT, "period": {"start": "2026-05-01"}},
    {
        "resourceType": "Observation", "id": "o", "status": "final", **SUBJECT,
        "code": {"coding": [{"system": "s", "code": "c"}]}, "valueQuantity": GRAMS,
    },
    {
        "resourceType": "Observation", "id": "u", "status": "final", **SUBJECT,
        "code": {"text": "?"}, "valueQuantity": {"value": 3, "comparator": ">", "unit": "kg"},
    },
]  # fmt: skip


def test_every_conversion_of_the_model_is_there_and_sound() -> None:
    texts = LibraryTexts()
    made = Translations(texts).of("FHIRHelpers", "4.0.1")
    assert made.diagnostics == ()
    assert len(made.elm["statements"]["def"]) > 250
    texts.add_file(fhir_helpers().text.replace("4.0.1'\nusing", "9'\nusing").encode(), "FHIRHelpers.cql")
    assert texts.versions("FHIRHelpers") == ["9"]  # content with its own is read with that


@pytest.mark.parametrize("engine", ["duckdb", "oracle"])
def test_implied_conversions_need_no_content(engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Plain.cql").write_text(TEXT)
    (tmp_path / "records.ndjson").write_text("\n".join(map(json.dumps, RECORDS)))
    salus = _runner(capsys)
    salus("load", tmp_path / "records.ndjson", "--into", tmp_path / "p.duckdb")
    period = ("--period", "2026-01-01", "2026-12-31")
    out = salus(
        "run", tmp_path / "Plain.cql", "--population", tmp_path / "p.duckdb", *period, "--engine", engine, "--json"
    )
    found: dict[str, list[str | None]] = {}
    for told in map(json.loads, out.splitlines()):
        found.setdefault(told["define"], []).append(told["value"])
    assert found == {
        "Woman": ["true"],
        "Alive": ["true"],
        "Stays": ["finished!"],
        "Open stays": ["1"],
        "Sober": ["1"],
        "Exact": ["1"],
        "Over 2 kg": ["1"],
        "Cross": ["true"],
        "Low end": ["2026-02-01 10:00:00.000000"],
    }


def _runner(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(*arguments: Any) -> str:
        with pytest.raises(SystemExit) as left:
            cli.main([str(each) for each in arguments])
        said = capsys.readouterr()
        assert not left.value.code, said.err
        return said.out

    return run
