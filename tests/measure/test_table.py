"""Measures of a table: the same results folder from rows of any kind, and every fault at its key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Run = Callable[..., tuple[int, str, str]]
PERIOD = ("--period", "2026-01-01", "2026-12-31")
STAFF = """\
employee,department,hired,left_on,trained_on,rating
ann,nursing,2020-05-01,,2026-03-01,4
bob,nursing,2020-05-01,,,5
cyd,lab,2026-06-01,,2026-12-31,3
dan,lab,2015-01-01,2025-12-31,2025-03-01,2
eve,lab,2015-01-01,2026-02-01,2027-01-01,
fay,lab,2027-01-01,,2026-05-01,1
"""
TRAINED = """\
[measure]
name = "SafetyTraining"
scoring = "proportion"
improvement = "increase"
[measure.table]
subject = "employee"
period = ["hired", "left_on"]
attributes = ["department"]
[measure.populations]
initial-population = ["true", "Everyone employed on some day of the period."]
denominator = "hired <= period_end"
denominator-exclusion = "left_on < DATE '2026-03-01'"
numerator = "trained_on BETWEEN period_start AND period_end"
"""


@pytest.fixture
def staff(tmp_path: Path) -> Path:
    (tmp_path / "staff.csv").write_text(STAFF)
    (tmp_path / "trained.toml").write_text(TRAINED)
    return tmp_path


def evaluated(salus: Run, folder: Path, table: str = "staff.csv") -> tuple[int, str]:
    arguments = ("evaluate", folder / table, "--content", folder / "trained.toml", *PERIOD, "--out", folder / "results")
    code, _, err = salus(*arguments)
    return code, err


def test_a_workforce_measure_gives_the_same_results_folder_as_any(salus: Run, staff: Path) -> None:
    assert evaluated(salus, staff) == (0, "")
    results = staff / "results"
    rows = pq.read_table(results / "determinations.parquet").to_pylist()
    names = ("initial_population", "denominator", "denominator_exclusion", "numerator")
    assert {row["subject_id"]: tuple(bool(row[name]) for name in names) for row in rows} == {
        "ann": (True, True, False, True),
        "bob": (True, True, False, False),
        "cyd": (True, True, False, True),
        "dan": (False, False, False, False),
        "eve": (True, True, True, False),
        "fay": (False, False, False, False),
    }
    assert {row["unit_id"] for row in rows} == {"ann", "bob", "cyd", "dan", "eve", "fay"}
    attributes = {
        row["subject_id"]: row["department"] for row in pq.read_table(results / "attributes.parquet").to_pylist()
    }
    assert attributes["ann"] == "nursing"
    run = json.loads((results / "run.json").read_text())
    (group,) = run["measures"][0]["groups"]
    assert (group["counts"]["numerator"], round(group["score"], 6)) == (2, 0.666667)
    assert group["populations"]["numerator"] == "trained_on BETWEEN period_start AND period_end"
    assert run["content"]["measures"]["SafetyTraining|1.0.0"]


def test_what_a_measure_counts_itself_goes_with_its_results(salus: Run, staff: Path) -> None:
    own = TRAINED.replace('"increase"', '"increase"\nnot_by = ["department", "departmnt"]', 1)
    (staff / "trained.toml").write_text(own)
    assert evaluated(salus, staff)[0] == 0
    run = json.loads((staff / "results/run.json").read_text())
    assert run["measures"][0]["not_by"] == ["department", "departmnt"]
    (warning,) = run["warnings"]
    assert "not_by: departmnt is no attribute of these results; did you mean department?" in warning


def test_what_comes_after_works_unchanged(salus: Run, staff: Path) -> None:
    assert evaluated(salus, staff)[0] == 0
    assert salus("equity", staff / "results", "--by", "department")[0] == 0
    code, _, err = salus("report", staff / "results", "--out", staff / "report.html")
    assert (code, err) == (0, "")
    assert "SafetyTraining" in (staff / "report.html").read_text()


def test_parquet_is_read_too(salus: Run, staff: Path) -> None:
    table = pa.table({"employee": ["ann", "bob"], "hired": ["2020-01-01"] * 2, "left_on": [None, "2026-02-02"]})
    table = table.append_column("trained_on", pa.array([None, None], pa.date32()))
    table = table.append_column("department", pa.array(["lab", "lab"]))
    table = table.set_column(2, "left_on", table["left_on"].cast(pa.date32()))
    table = table.set_column(1, "hired", table["hired"].cast(pa.date32()))
    pq.write_table(table, staff / "staff.parquet")
    assert evaluated(salus, staff, "staff.parquet") == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"trained_on BETWEEN', '"traned_on BETWEEN', "numerator: Binder Error"),
        (
            '"trained_on BETWEEN period_start AND period_end"',
            '"rating + 1"',
            "numerator: `rating + 1` is no truth value",
        ),
        (
            "\"left_on < DATE '2026-03-01'\"",
            '"CAST(department AS INTEGER) > 1"',
            "denominator-exclusion: it cannot be worked",
        ),
        ("hired <= period_end", "(SELECT count(*) FROM read_csv('/etc/passwd')) > 0", "denominator: Permission Error"),
        (
            "hired <= period_end",
            "true) AS made FROM t) ORDER BY 1; DROP TABLE t; SELECT made FROM (SELECT salus_place, (true",
            "denominator: one SQL expression is wanted",
        ),
        ("hired <= period_end", "hired <=", "denominator: Parser Error"),
        ('subject = "employee"', 'subjct = "employee"', "'subjct' is not known; did you mean subject?"),
        ('subject = "employee"', 'subject = "employe"', "subject: Binder Error"),
        ('subject = "employee"', 'subject = "department"', "a subject has several rows; `unit` is to tell them apart"),
        ('attributes = ["department"]', 'attributes = ["team"]', "attributes: Binder Error"),
        (
            'attributes = ["department"]',
            'attributes = "rating"',
            "attributes is written as a list of texts, not 'rating'",
        ),
        ('["department"]', '["department", "Department"]', "attributes: Department is there already"),
        ('subject = "employee"', "subject = 3", "[measure.table]: subject is written as a text, not 3"),
        ('period = ["hired", "left_on"]', "period = 3", "period is written as a text, or a list of texts, not 3"),
        ('period = ["hired", "left_on"]', 'period = "department"', "period: it cannot be worked out for some row"),
    ],
)
def test_faults_name_file_and_key_and_never_a_value(salus: Run, staff: Path, old: str, new: str, said: str) -> None:
    text = (staff / "trained.toml").read_text()
    assert old in text
    (staff / "trained.toml").write_text(text.replace(old, new))
    code, err = evaluated(salus, staff)
    assert (code, "trained.toml" in err, said in err) == (1, True, True), err
    assert "nursing" not in err
    assert not (staff / "results").exists()


def test_a_table_is_asked_for_measures_of_tables_only(salus: Run, staff: Path) -> None:
    (staff / "trained.toml").write_text("[other]\n")
    code, err = evaluated(salus, staff)
    assert (code, "there is no measure of a table" in err) == (1, True)


def test_tests_of_a_table_run_on_rows(salus: Run, staff: Path) -> None:
    row = "{ department = 'lab', hired = 2020-01-01, left_on = 2026-12-31, trained_on = %s }"
    tests = (
        "[tests]\nperiod = ['2026-01-01', '2026-12-31']\n[test.late]\nrows = ["
        + row % "2027-01-01"
        + "]\nin = ['initial-population', 'denominator']\n"
    )
    (staff / "tests.toml").write_text(tests)
    code, out, err = salus("test", staff)
    assert (code, "pass  SafetyTraining: 1 tests on 1 engine" in out) == (0, True), out + err
    (staff / "tests.toml").write_text(tests.replace("2027-01-01", "2026-12-31"))
    code, out, _ = salus("test", staff)
    assert code == 1
    assert "late on table: is in initial-population, denominator, numerator; expected initial-population" in out


def test_tests_beside_several_measures_say_which(salus: Run, staff: Path) -> None:
    (staff / "other.toml").write_text(TRAINED.replace("SafetyTraining", "Another"))
    row = "rows = [{ department = 'lab', hired = 2020-01-01, left_on = 2026-12-31, trained_on = 2027-01-01 }]"
    tests = f"period = ['2026-01-01', '2026-12-31']\n[test.late]\n{row}\nin = ['initial-population', 'denominator']\n"
    (staff / "tests.toml").write_text(f"[tests]\n{tests}")
    code, _, err = salus("test", staff)
    assert code == 1
    assert "tests.toml: which measure? There is Another, SafetyTraining in the folder" in err
    (staff / "tests.toml").write_text(f"[tests]\nmeasure = 'SafetyTraining'\n{tests}")
    code, out, _ = salus("test", staff)
    assert (code, "pass  SafetyTraining: 1 tests" in out) == (0, True)


def test_a_cell_that_fits_no_column_is_named(salus: Run, staff: Path) -> None:
    period = "[tests]\nperiod = ['2026-01-01', '2026-12-31']\n"
    for cells in ("{ hired = 1 }, { hired = 'x' }", "{ hired = 99999999999999999999 }"):
        (staff / "tests.toml").write_text(f"{period}[test.odd]\nin = []\nrows = [{cells}]\n")
        code, _, err = salus("test", staff)
        assert (code, "tests.toml, rows: the values of hired make no column" in err) == (1, True), err


def test_several_measures_are_asked_of_one_table(salus: Run, staff: Path) -> None:
    rated = TRAINED.replace("SafetyTraining", "Rated").replace(
        "trained_on BETWEEN period_start AND period_end", "rating > 3"
    )
    (staff / "trained.toml").write_text(TRAINED)
    (staff / "rated.toml").write_text(rated.replace('period = ["hired", "left_on"]\n', ""))
    content = (staff / "trained.toml", staff / "rated.toml")
    arguments = ("evaluate", staff / "staff.csv", "--content", *content, *PERIOD, "--out", staff / "results")
    assert salus(*arguments)[0] == 0
    run = json.loads((staff / "results/run.json").read_text())
    found = {each["name"]: each["groups"][0]["counts"] for each in run["measures"]}
    assert {name: (counts["initial_population"], counts["numerator"]) for name, counts in found.items()} == {
        "SafetyTraining": (4, 2),
        "Rated": (6, 2),
    }
    assert set(run["content"]["measures"]) == {"SafetyTraining|1.0.0", "Rated|1.0.0"}
    assert run["population"]["resources"] == {"rows": 6}


@pytest.mark.parametrize("name", ["s*.csv", "staff[1].csv", "staf?.csv"])
def test_a_name_like_a_pattern_is_that_file_alone(salus: Run, staff: Path, name: str) -> None:
    (staff / name).write_text(STAFF.replace("ann", "zoe"))
    assert evaluated(salus, staff, name) == (0, "")
    rows = pq.read_table(staff / "results/determinations.parquet").to_pylist()
    assert sorted(row["subject_id"] for row in rows) == ["bob", "cyd", "dan", "eve", "fay", "zoe"]


@pytest.mark.parametrize("option", [["--clauses"], ["--individual"], ["--profile"], ["--memory", "1GB"]])
def test_an_option_that_a_table_does_not_have_is_refused(salus: Run, staff: Path, option: list[str]) -> None:
    arguments = ("evaluate", staff / "staff.csv", "--content", staff / "trained.toml", *PERIOD)
    code, _, err = salus(*arguments, "--out", staff / "results", *option)
    assert code == 2
    assert f"staff.csv is a table: {option[0]} is for populations" in err
    assert not (staff / "results").exists()
