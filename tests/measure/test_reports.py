"""Test cases that come as FHIR: records and the MeasureReport that is expected of them, however they are laid out."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]
Json = dict[str, Any]
IN = ("initial-population", "denominator", "numerator")


@pytest.fixture
def mine(salus: Run, tmp_path: Path) -> Path:
    """A measure without tests of its own."""
    assert salus("new", "measure", "Weighed", "--into", tmp_path / "content")[0] == 0
    (tmp_path / "content/Weighed/tests.toml").unlink()
    return tmp_path / "content/Weighed"


def records(person: str, weighed: str = "2026-12-31") -> list[Json]:
    subject = {"reference": f"Patient/{person}"}
    act = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    weight = {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]}
    day = {"start": "2026-12-31T10:00:00Z", "end": "2026-12-31T11:00:00Z"}
    made = [
        {"resourceType": "Patient", "id": person, "birthDate": "1980-05-01"},
        {"resourceType": "Encounter", "class": act, "period": day, "subject": subject},
        {"resourceType": "Observation", "code": weight, "effectiveDateTime": weighed, "subject": subject},
    ]
    return [{"id": f"{person}-{i}", "status": "final" if i == 2 else "finished", **each} for i, each in enumerate(made)]


def report(*inside: str, measure: str = "https://elsewhere.example/Measure/Weighed|0.1.0", **facts: Any) -> Json:
    coded = [{"code": {"coding": [{"code": code}]}, "count": int(code in inside)} for code in IN]
    about = [{"url": "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-testCaseDescription"}]
    about[0]["valueMarkdown"] = "weighed on the\nlast day"
    made = {"resourceType": "MeasureReport", "id": "expected", "status": "complete", "type": "individual"}
    made |= {"measure": measure, "period": {"start": "2026-01-01", "end": "2026-12-31T23:59:59Z"}}
    return {**made, "extension": about, "group": [{"id": "draft", "population": coded}], **facts}


def bundle(resources: Iterable[Json]) -> str:
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": r} for r in resources]})


def test_bundles_of_an_authoring_tool_are_judged_on_both_engines(salus: Run, mine: Path, tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases/ann.json").write_text(bundle([*records("ann"), report(*IN)]))
    (tmp_path / "cases/bob.json").write_text(bundle([*records("bob", "2025-12-31"), report(*IN)]))
    code, out, _ = salus("test", tmp_path / "cases", "--content", mine)
    assert code == 1
    assert "FAIL  Weighed: 2 tests on 2 engines" in out
    for engine in ("duckdb", "oracle"):
        assert f"bob (bob.json) on {engine}: numerator: expected 1, found 0 (weighed on the last day)" in out
    assert "ann (ann.json) on" not in out
    assert "clauses: " in out
    (tmp_path / "cases/bob.json").write_text(bundle([*records("bob", "2025-12-31"), report(*IN[:2])]))
    assert salus("test", tmp_path / "cases", "--content", mine)[:2][0] == 0


def test_a_zip_and_lines_of_bundles_too(salus: Run, mine: Path, tmp_path: Path) -> None:
    lines = [bundle([*records(name), report(*IN)]) for name in ("ann", "bob")]
    (tmp_path / "deck.ndjson").write_text("\n".join(lines))
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("series/cyd.json", bundle([*records("cyd"), report(*IN[:1])]))
    code, out, _ = salus("test", tmp_path / "deck.ndjson", tmp_path / "export.zip", "--content", mine, "--json")
    deck, export = json.loads(out)
    assert (code, deck["passed"], export["passed"]) == (1, True, False)
    assert [each["test"] for each in deck["tests"][::2]] == ["ann (deck.ndjson)", "bob (deck.ndjson:2)"]
    assert export["tests"][0]["problems"] == [f"{each}: expected 0, found 1" for each in ("denominator", "numerator")]


def test_a_report_by_itself_finds_its_person(salus: Run, mine: Path, tmp_path: Path) -> None:
    """In a content repository every record is a file, and a case a folder; elsewhere a report names its subject."""
    for name in ("ann", "bob"):
        for resource in [*records(name), report(*IN)]:
            folder = tmp_path / "cases" / name / resource["resourceType"]
            folder.mkdir(parents=True)
            (folder / "one.json").write_text(json.dumps(resource))
    (tmp_path / "cases/cyd.json").write_text(bundle(records("cyd")))
    named = report(*IN, subject={"reference": "Patient/cyd"})
    (tmp_path / "cases/cyd-report.json").write_text(json.dumps(named))
    code, out, _ = salus("test", tmp_path / "cases", "--content", mine, "--engine", "duckdb")
    assert (code, "3 tests of 1 measure: all passed" in out) == (0, True)


def test_each_case_is_for_the_measure_it_names(salus: Run, mine: Path, tmp_path: Path) -> None:
    text = (mine / "measure.toml").read_text().replace("Weighed", "Other")
    text = text.replace('["Numerator"', '["Denominator"')
    other = tmp_path / "content/Other"
    other.mkdir()
    (other / "measure.toml").write_text(text)
    (other / "Other.cql").write_text((mine / "Weighed.cql").read_text().replace("library Weighed", "library Other"))
    cases = [bundle([*records("ann", "2025-12-31"), report(*IN, measure="Measure/Other")])]
    cases.append(bundle([*records("bob", "2025-12-31"), report(*IN[:2])]))
    (tmp_path / "deck.ndjson").write_text("\n".join(cases))
    code, out, _ = salus("test", tmp_path / "deck.ndjson", "--content", tmp_path / "content", "--engine", "duckdb")
    assert (code, "2 tests of 2 measures: all passed" in out) == (0, True)
    (tmp_path / "deck.ndjson").write_text(bundle([*records("ann"), report(*IN, measure="Measure/Othr")]))
    code, _, err = salus("test", tmp_path / "deck.ndjson", "--content", tmp_path / "content")
    assert (code, "there is no measure Measure/Othr; did you mean Other?" in err) == (1, True)


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        ([report()], "it cannot be told which Patient this MeasureReport is about"),
        ([*records("a"), *records("b"), report()], "it cannot be told which Patient"),
        ([*records("a"), report(period={"start": "soon"})], "does not say for which period"),
        ([*records("a"), report(group=[])], "the report has 0 groups, Weighed has 1"),
        ([*records("a"), report(group=[{"population": [{"count": 1}]}])], "a population of the report has no code"),
        ([*records("a"), "x", report()], "is not a FHIR resource"),
    ],
)
def test_faults_name_the_file(salus: Run, mine: Path, tmp_path: Path, resources: list[Json], said: str) -> None:
    (tmp_path / "case.json").write_text(bundle(resources))
    code, _, err = salus("test", tmp_path / "case.json", "--content", mine)
    assert code == 1
    assert "case.json" in err
    assert said in err


def test_a_report_without_its_person_is_an_error(salus: Run, mine: Path, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps(report(subject={"reference": "Patient/nobody"})))
    code, _, err = salus("test", tmp_path / "r.json", "--content", mine)
    assert (code, "r.json:1: the records of the person this MeasureReport is about are not here" in err) == (1, True)


def test_reports_of_a_population_are_no_cases(salus: Run, mine: Path, tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text(bundle([*records("a"), report(type="summary")]))
    code, _, err = salus("test", tmp_path / "case.json", "--content", mine)
    assert (code, "no tests in" in err) == (1, True)
