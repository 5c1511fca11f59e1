"""The commands for those who write CQL: lint, translate, run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from salus.elm.library import Library

Run = Callable[..., tuple[int, str, str]]

SOUND = """library Mine version '1'
using FHIR version '4.0.1'
include Helpers
valueset "Visits": 'urn:visits'
parameter "Measurement Period" Interval<DateTime> default Interval[@2026-01-01T00:00:00.0, @2027-01-01T00:00:00.0)
context Patient
define "Adult": AgeInYearsAt(@2026-01-01) >= 18
define "Visits of any kind": [Encounter]
define "States": "Visits of any kind" V return V.status.value
define "Starts": start of "Measurement Period"
define "Two": Helpers.Two
define function double(a Integer): a * 2
"""

RECORDS = [
    {"resourceType": "Patient", "id": "a", "birthDate": "1970-05-01"},
    {"resourceType": "Patient", "id": "b", "birthDate": "2010-05-01"},
    {"resourceType": "Encounter", "id": "e", "status": "finished", "subject": {"reference": "Patient/a"}},
    {"resourceType": "Encounter", "id": "f", "status": "planned", "subject": {"reference": "Patient/a"}},
]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "Mine.cql"
    path.write_text(SOUND)
    (tmp_path / "Helpers.cql").write_text("library Helpers\ndefine Two: 1 + 1\n")
    return path


@pytest.fixture
def population(tmp_path: Path, salus: Run) -> Path:
    records = tmp_path / "records.ndjson"
    records.write_text("".join(json.dumps(each) + "\n" for each in RECORDS))
    assert salus("load", records, "--into", tmp_path / "p.duckdb")[0] == 0
    return tmp_path / "p.duckdb"


def test_lint_of_sound_text_is_quiet(salus: Run, mine: Path) -> None:
    assert salus("lint", mine) == (0, "0 errors, 0 warnings in 1 library\n", "")


def test_lint_tells_every_error_with_its_line(salus: Run, mine: Path) -> None:
    mine.write_text(SOUND.replace("V.status", "V.statu").replace("a * 2", "(a * 2"))
    code, out, _ = salus("lint", mine)
    assert code == 1
    assert f"{mine}:9:" in out
    assert "did you mean status?" in out
    assert f"{mine}:12:" in out
    assert "2 errors, 0 warnings in 1 library" in out


def test_lint_for_machines(salus: Run, mine: Path) -> None:
    mine.write_text(SOUND.replace("Helpers.Two", "Helpers.Tow"))
    code, out, _ = salus("lint", "--json", mine)
    (found,) = json.loads(out)
    assert code == 1
    assert (found["line"], found["severity"], found["library"]) == (11, "error", str(mine))


def test_lint_of_a_folder_is_of_all_in_it(salus: Run, mine: Path) -> None:
    assert salus("lint", mine.parent)[1].endswith("in 2 libraries\n")


def test_included_libraries_may_be_elsewhere(salus: Run, mine: Path, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    helpers = (tmp_path / "Helpers.cql").rename(tmp_path / "shared" / "Helpers.cql")
    code, out, _ = salus("lint", mine)
    assert code == 1
    assert "there is no library Helpers" in out
    assert salus("lint", mine, "--content", helpers.parent)[0] == 0


@pytest.mark.parametrize("command", [["lint"], ["translate", "--out", "o"]])
def test_a_file_that_is_not_there_or_no_cql(salus: Run, tmp_path: Path, command: list[str]) -> None:
    assert salus(*command, tmp_path / "no.cql") == (2, "", f"salus: {tmp_path / 'no.cql'} is not there\n")
    (tmp_path / "x.json").write_text('{"resourceType": "Patient"}')
    assert salus(*command, tmp_path / "x.json") == (1, "", f"salus: no CQL in {tmp_path / 'x.json'}\n")


def test_translate_writes_an_elm_document_for_each_library(salus: Run, mine: Path, tmp_path: Path) -> None:
    out = tmp_path / "elm"
    assert salus("translate", mine.parent, "--out", out)[0] == 0
    assert sorted(path.name for path in out.iterdir()) == ["Helpers.json", "Mine-1.json"]
    library = Library(json.loads((out / "Mine-1.json").read_text())["library"])
    assert "Adult" in library.define_names()


def test_translate_leaves_out_what_has_errors(salus: Run, mine: Path, tmp_path: Path) -> None:
    mine.write_text(SOUND.replace("a * 2", "a *"))
    code, out, err = salus("translate", mine.parent, "--out", tmp_path / "elm")
    assert code == 1
    assert out == f"{tmp_path / 'elm' / 'Helpers.json'}\n"
    assert f"{mine}:12:" in err


@pytest.mark.parametrize("engine", ["duckdb", "oracle"])
def test_run_counts_over_everyone(salus: Run, mine: Path, population: Path, engine: str) -> None:
    code, out, _ = salus("run", mine, "--population", population, "--engine", engine)
    assert code == 0
    for line in ("1 true, 1 false, 0 null", "2 resources of 1 patients", "2 values of 1 patients", "2 values, 0 null"):
        assert line in out


def test_run_shows_the_values_of_one_patient(salus: Run, mine: Path, population: Path) -> None:
    _, out, _ = salus("run", mine, "--population", population, "--subject", "a")
    assert all(each in out for each in ("true", "Encounter/e", "Encounter/f", "planned", "2026-01-01"))
    assert salus("run", mine, "--population", population, "--subject", "x")[0] == 1


@pytest.mark.parametrize("engine", ["duckdb", "oracle"])
def test_run_for_machines(salus: Run, mine: Path, population: Path, engine: str) -> None:
    only = ("--define", "Adult", "--define", "States", "--json", "--engine", engine)
    code, out, _ = salus("run", mine, "--population", population, *only)
    assert code == 0
    found = [json.loads(line) for line in out.splitlines()]
    assert sorted(map(str, (list(each.values()) for each in found))) == [
        "['a', 'Adult', 'true']",
        "['a', 'States', 'finished']",
        "['a', 'States', 'planned']",
        "['b', 'Adult', 'false']",
    ]


def test_run_takes_a_period(salus: Run, mine: Path, population: Path) -> None:
    arguments = ("--define", "Starts", "--subject", "a", "--period", "2024-02-01", "2024-12-31")
    assert "2024-02-01" in salus("run", mine, "--population", population, *arguments)[1]


def test_run_of_a_define_that_is_not_there(salus: Run, mine: Path, population: Path) -> None:
    code, _, err = salus("run", mine, "--population", population, "--define", "Audlt")
    assert (code, err) == (2, 'salus: Mine 1 has no define "Audlt"; did you mean Adult?\n')


def test_run_of_text_with_errors_says_all_of_them(salus: Run, mine: Path, population: Path) -> None:
    mine.write_text(SOUND.replace("V.status", "V.statu").replace("a * 2", "a *"))
    code, _, err = salus("run", mine, "--population", population)
    assert code == 1
    assert f"{mine}:9:" in err
    assert f"{mine}:12:" in err


@pytest.mark.parametrize("engine", ["duckdb", "oracle"])
def test_codes_of_elements_that_nobody_asked_for_before_are_found(engine: str, salus: Run, tmp_path: Path) -> None:
    coded = {"coding": [{"system": "urn:s", "code": "benefit"}]}
    claim = {
        "resourceType": "ExplanationOfBenefit", "id": "x", "patient": {"reference": "Patient/a"},
        "subType": coded, "item": [{"sequence": 1, "adjudication": [{"category": coded}]}],
    }  # fmt: skip
    records, path = tmp_path / "records.ndjson", tmp_path / "Codes.cql"
    records.write_text("".join(json.dumps(each) + "\n" for each in (RECORDS[0], claim)))
    path.write_text("""library Codes using FHIR version '4.0.1'
        codesystem "S": 'urn:s'
        code "Benefit": 'benefit' from "S"
        context Patient
        define function concept(c FHIR.CodeableConcept):
          Concept { codes: c.coding C return Code { code: C.code.value, system: C.system.value } }
        define "Top": exists ([ExplanationOfBenefit] E where concept(E.subType) ~ "Benefit")
        define "Deep": exists ([ExplanationOfBenefit] E
          where exists (E.item I where exists (I.adjudication A
            where exists (A.category.coding C where C.code.value = 'benefit')
              and concept(A.category) ~ "Benefit")))""")
    for define in ("Deep", "Top"):
        population = tmp_path / f"{define}.duckdb"
        salus("load", records, "--into", population)
        only = ("--define", define, "--subject", "a", "--json", "--engine", engine)
        code, out, err = salus("run", path, "--population", population, *only)
        assert (code, [json.loads(line)["value"] for line in out.splitlines()]) == (0, ["true"]), err


@pytest.mark.parametrize("engine", ["duckdb", "oracle"])
def test_a_list_is_told_in_its_order_with_what_is_null_in_it(
    engine: str, salus: Run, tmp_path: Path, population: Path
) -> None:
    path = tmp_path / "Ordered.cql"
    path.write_text("""library Ordered using FHIR version '4.0.1' context Patient
        define "Written": {3, null, 1}
        define "Parts": Split('c,a,b', ',')
        define "Sorted": [Encounter] E sort by id.value desc
        define "Values": [Encounter] E return all E.status.value sort desc
        define "Unsorted": [Encounter] E return all if E.status.value = 'planned' then 'planned' else null
        define "None": {} as List<Integer>""")
    code, out, _ = salus("run", path, "--population", population, "--json", "--subject", "a", "--engine", engine)
    assert code == 0
    told: dict[str, list[str | None]] = {}
    for line in map(json.loads, out.splitlines()):
        told.setdefault(line["define"], []).append(line["value"])
    assert told == {
        "Written": ["3", None, "1"],
        "Parts": ["c", "a", "b"],
        "Sorted": ["Encounter/f", "Encounter/e"],
        "Values": ["planned", "finished"],
        "Unsorted": [None, "planned"],
    }


@pytest.mark.parametrize("engine", ["duckdb", "oracle"])
def test_quantities_that_logic_puts_together_are_compared_by_their_units(
    engine: str, salus: Run, tmp_path: Path
) -> None:
    """Of a text of the records, which the database does not know while it is asked: no silent null."""
    weight = {"resourceType": "Observation", "subject": {"reference": "Patient/a"}, "status": "final", "code": {}}
    seen = [weight | {"id": unit, "valueQuantity": {"value": 80, "unit": unit}} for unit in ("kg", "g")]
    records, path = tmp_path / "records.ndjson", tmp_path / "Made.cql"
    records.write_text("".join(json.dumps(each) + "\n" for each in (RECORDS[0], *seen)))
    path.write_text("""library Made using FHIR version '4.0.1' context Patient
        define "Heavy": Count([Observation] O let q: O.value as FHIR.Quantity
          where System.Quantity { value: q.value.value, unit: q.unit.value } > 70 'kg')""")
    population = tmp_path / "p.duckdb"
    assert salus("load", records, "--into", population)[0] == 0
    only = ("--define", "Heavy", "--subject", "a", "--json", "--engine", engine)
    code, out, err = salus("run", path, "--population", population, *only)
    assert (code, [json.loads(line)["value"] for line in out.splitlines()]) == (0, ["1"]), err
