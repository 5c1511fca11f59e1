"""`salus population`: counts of what is inside, never a value of it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from made import observation, patient, write

from salus.cli.population import population_command
from salus.errors import UsageError
from salus.store import load

SECRET = "Jane <b>Secret</b>"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Two patients; an Observation of each kind of code."""
    code = {"system": "http://loinc.org", "code": "1-1"}
    write(
        tmp_path / "records.ndjson",
        patient("a", gender="female", birthDate="1950-02-03", name=[{"text": SECRET}]),
        patient("b", birthDate=SECRET),
        observation("1", "a", status="final", code={"coding": [code]}, effectiveDateTime="2019-03-04"),
        observation("2", "a", status="final", code={"coding": [{"code": SECRET}]}, effectiveDateTime="2021-03"),
        observation("3", "b", code={"text": SECRET}, category=[{"coding": [{"system": "s"}]}]),
        "nonsense " + SECRET,
        {"resourceType": "Location", "id": "l"},
    )
    load([tmp_path / "records.ndjson"], tmp_path / "p.duckdb")
    return tmp_path / "p.duckdb"


def test_as_json(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    population_command(made, True, date(2026, 6, 1))
    out = capsys.readouterr().out
    found = json.loads(out)
    assert SECRET not in out
    types = {one["type"]: one for one in found["types"]}
    assert {name: one["resources"] for name, one in types.items()} == {"Location": 1, "Observation": 3, "Patient": 2}
    seen = types["Observation"]
    assert (seen["patients"], seen["first"], seen["last"]) == (2, "2019-03", "2021-03")
    assert seen["missing"] == {"status": 1, "date": 1}
    assert types["Patient"]["missing"] == {"gender": 1, "birthDate": 1}
    assert types["Location"]["nobodys"] == 1
    assert {one["element"]: list(one.values())[1:] for one in found["unmapped"]} == {
        "Observation.code": [3, 1, 0, 1],
        "Observation.category": [1, 0, 1, 0],
    }
    assert found["quarantine"] == {"is not valid JSON": 1, "Patient.birthDate is not a FHIR date or time": 1}
    assert found["unknown"] == {"race": 1.0, "ethnicity": 1.0, "language": 1.0, "sex": 0.5, "payer": 1.0}
    (file,) = found["manifest"]
    assert (file["resources"], file["rows"], file["quarantined"], file["load"]) == (6, 6, 1, 1)


def test_for_a_person(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    population_command(made, False, date(2026, 6, 1))
    out = capsys.readouterr().out
    assert "2 patients, 6 resources" in out
    for word in ("What is there", "50.0%", "Codes that map to nothing", "Set aside", "Files"):
        assert word in out
    assert "Secret" not in out


def test_a_population_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        population_command(tmp_path / "none", False, date(2026, 6, 1))
