"""The commands for those who write measures: new measure, test, catalog."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def mine(salus: Run, tmp_path: Path) -> Path:
    assert salus("new", "measure", "Weighed", "--into", tmp_path)[0] == 0
    return tmp_path / "Weighed"


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_what_is_started_passes_and_says_what_it_does_not_cover(salus: Run, mine: Path) -> None:
    code, out, _ = salus("test", mine)
    assert code == 0
    assert "pass  Weighed: 2 tests on 2 engines" in out
    assert 'never false: exists Common."Visits During"("Measurement Period")' in out


def test_what_is_started_is_sound_and_can_be_evaluated(salus: Run, mine: Path, tmp_path: Path) -> None:
    assert salus("lint", mine)[1].startswith("0 errors, 0 warnings")
    (tmp_path / "p.ndjson").write_text('{"resourceType": "Patient", "id": "a", "birthDate": "1970-05-01"}\n')
    salus("load", tmp_path / "p.ndjson", "--into", tmp_path / "p.duckdb")
    out = tmp_path / "results"
    period = ("--period", "2026-01-01", "2026-12-31")
    assert salus("evaluate", tmp_path / "p.duckdb", "--content", mine, *period, "--out", out)[0] == 0
    assert json.loads((out / "run.json").read_text())["measures"][0]["name"] == "Weighed"


def test_a_wrong_expectation_fails_in_words(salus: Run, mine: Path) -> None:
    edit(mine / "tests.toml", 'in = ["initial-population", "denominator"]', 'in = ["initial-population"]')
    code, out, _ = salus("test", mine)
    assert code == 1
    said = "is in initial-population, denominator; expected initial-population (the weight was taken before the period)"
    assert f"not-weighed on duckdb: {said}" in out
    assert f"not-weighed on oracle: {said}" in out
    assert "2 tests of 1 measure: 1 failed" in out


def test_a_missing_value_set_stops_the_tests_unless_it_may_be_missing(salus: Run, mine: Path) -> None:
    edit(mine / "valuesets.toml", "Weighed-body-weight", "another")
    code, _, err = salus("test", mine)
    assert code == 1
    assert "ValueSet/Weighed-body-weight" in err
    code, out, _ = salus("test", mine, "--allow-missing-valuesets")
    assert code == 1
    assert "weighed on duckdb: is in initial-population, denominator; expected" in out
    assert "warning: " in out
    assert "ValueSet/Weighed-body-weight" in out


def test_a_wrong_measure_fails(salus: Run, mine: Path) -> None:
    edit(mine / "Weighed.cql", ">= 18", ">= 48")
    code, out, _ = salus("test", mine, "--json")
    (told,) = json.loads(out)
    assert (code, told["passed"]) == (1, False)
    assert {each["test"] for each in told["tests"] if each["problems"]} == {"weighed", "not-weighed"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'effective = "2026-12-31"',
            'efective = "2026-12-31"',
            "Observation.efective: Observation has no such",
        ),
        ("loinc#29463-7", "29463-7", "a code is written system#code"),
        ("Encounter =", "Encouter =", "FHIR has no resource Encouter; did you mean Encounter?"),
        ('"denominator", "numerator"', '"denominatr"', "in = 'denominatr' is no population; did you mean denominator"),
        ('like = "weighed"', 'like = "weighd"', "like 'weighd', which is no test here"),
        ("about =", "abuot =", "'abuot' is not known; did you mean about?"),
        ("[test.weighed]", "[test.weighed", "tests.toml"),
        (
            "[test.weighed]",
            "[tests]\nperiod = 3\n[test.weighed]",
            "[tests]: period is written as a list of two days, not 3",
        ),
        ("[test.weighed]", "[[tests]]\n[test.weighed]", "[tests] is written as a table, not [{}]"),
        ("[test.weighed]", "[test]\nx = 3\n[test.weighed]", "[test]: x is written as a table, not 3"),
        ('like = "weighed"', 'like = ["weighed"]', "[test.not-weighed]: like is written as a text, not ['weighed']"),
        ('like = "weighed"', "also.Encounter = 3", "also: Encounter is written as a table, or a list of tables, not 3"),
        (
            'like = "weighed"',
            'like = "weighed"\nalso.Patient = {}',
            "[test.not-weighed]: Patient is written as a table",
        ),
        ("Patient = {", "Patient = [{}]\nPerson = {", "[test.weighed]: Patient is written as a table, not [{}]"),
        (
            "Encounter = {",
            "Encounter = [3]\nBasic = {",
            "Encounter is written as a table, or a list of tables, not [3]",
        ),
        ('class = "act#AMB"', "status = ['a']", "Encounter.status: ['a'] is no code"),
        ('class = "act#AMB"', "type = [['a'], [3]]", "Encounter.type: a code is written system#code"),
        ('value = "71 kg"', "valueQuantity = nan", "Observation.valueQuantity: nan is no number"),
        ('value = "71 kg"', 'resourceType = "Patient"', "Observation.resourceType: it is Observation, not 'Patient'"),
    ],
)
def test_faults_of_tests_name_file_test_and_element(salus: Run, mine: Path, old: str, new: str, said: str) -> None:
    edit(mine / "tests.toml", old, new)
    code, _, err = salus("test", mine)
    assert code == 1
    assert "tests.toml" in err
    assert said in err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("scoring = ", "scorng = ", "'scorng' is not known; did you mean scoring?"),
        ('"proportion"', '"propotion"', "scoring: 'propotion' is not known; did you mean proportion"),
        ("numerator = [", "numertor = [", "'numertor' is not known; did you mean numerator"),
        ('improvement = "increase"', 'improvement = "up"', "improvement: 'up' is not known"),
        ("[measure]", "[[measure]]", "[measure] is written as a table, not ["),
        ('period = ["2026-01-01", "2026-12-31"]', "period = 3", "period is written as a list of two days, not 3"),
        ("[measure]", "[measure]\nevidence = [{}]", "evidence 1 needs grade"),
        ("[measure]", "[measure]\nevidence = 'a'", "evidence is written as a list of tables, not 'a'"),
        ("[measure]", "[measure]\nstratifiers = ['a']", "stratifiers is written as a table, not ['a']"),
        ("[measure]", "[measure]\ngroup = [{}]", "[measure], group 1 needs populations"),
        ("[measure]", "[measure]\ngroup = [{populatons = {}}]", "'populatons' is not known; did you mean populations"),
        (
            'denominator = ["Denominator"',
            'denominator = {expression = "A", methd = "B"}\n"x" = ["D"',
            "'methd' is not known",
        ),
    ],
)
def test_faults_of_a_measure_name_file_and_key(salus: Run, mine: Path, old: str, new: str, said: str) -> None:
    edit(mine / "measure.toml", old, new)
    code, _, err = salus("test", mine)
    assert code == 1
    assert "measure.toml" in err
    assert said in err


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("x = 3", "[valueset]: x is written as a table, not 3"),
        ("[valueset.x]\ntitle = 'X'", "[valueset.x] needs codes"),
        ("[valueset.x]\ntitle = 'X'\ncodes.cvx = 3", "[valueset.x], codes.cvx is written as a table, not 3"),
        ("[valueset.x]\ntitle = 'X'\ncodes.cvx.1 = 3", "codes.cvx: 1 is written as a text, not 3"),
        ("[valueset.x]\ntitel = 'X'", "[valueset.x]: 'titel' is not known; did you mean title?"),
        ("[valueset.x]\ntitle = 'X'\ntitle = 'Y'", "Cannot overwrite a value"),
    ],
)
def test_faults_of_value_sets_name_file_and_key(salus: Run, mine: Path, written: str, said: str) -> None:
    (mine / "more.toml").write_text(f"[valueset]\n{written}\n")
    code, _, err = salus("test", mine)
    assert (code, "more.toml" in err, said in err) == (1, True, True), err


def test_a_file_without_tests_is_named(salus: Run, mine: Path) -> None:
    (mine / "tests.toml").write_text("[tests]\n")
    code, _, err = salus("test", mine)
    assert (code, "tests.toml holds no tests" in err) == (1, True)


def test_a_folder_named_like_a_file_is_no_file(salus: Run, mine: Path) -> None:
    (mine / "more.toml").mkdir()
    assert salus("test", mine)[0] == 0


def test_a_folder_is_never_written_over(salus: Run, mine: Path) -> None:
    code, _, err = salus("new", "measure", "Weighed", "--into", mine.parent)
    assert (code, "it stays as it is" in err) == (2, True)
    assert salus("new", "measure", "Not a name", "--into", mine.parent)[0] == 2


def test_the_catalog_is_listed_shown_and_tested(salus: Run) -> None:
    code, out, _ = salus("catalog", "list")
    assert (code, "SalusBloodPressureControl" in out) == (0, True)
    code, out, _ = salus("catalog", "show", "BloodPressure")
    assert code == 0
    assert "library SalusBloodPressureControl version '1.0.0'" in out
    code, out, _ = salus("catalog", "test", "BloodPressure")
    assert (code, "pass  SalusBloodPressureControl" in out) == (0, True)
    assert salus("catalog", "show", "Nothing")[0] == 2
    assert salus("catalog", "show", "Zzz")[2] == "salus: 'Zzz' is no measure of the catalog\n"


def test_patients_may_come_as_fhir(salus: Run, mine: Path) -> None:
    records = [
        {"resourceType": "Patient", "id": "given", "birthDate": "1970-05-01"},
        {
            "resourceType": "Encounter",
            "id": "visit",
            "status": "finished",
            "class": {"code": "AMB"},
            "subject": {"reference": "Patient/given"},
            "period": {"start": "2026-02-01", "end": "2026-02-01"},
        },
    ]
    (mine / "people.ndjson").write_text("".join(json.dumps(each) + "\n" for each in records))
    with (mine / "tests.toml").open("a") as file:
        file.write('\n[test.given]\nin = ["initial-population", "denominator"]\n')
    assert salus("test", mine)[0] == 0
    with (mine / "tests.toml").open("a") as file:
        file.write("\n[test.nobody]\nin = []\n")
    code, out, _ = salus("test", mine)
    assert (code, "there is no patient nobody in the records" in out) == (1, True)
