"""`salus explain` as a person calls it: exit codes, what it shows and what it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from measure.test_explain import MEASURE, PEOPLE, evaluated
from salus.cli import main as cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluated(tmp_path_factory.mktemp("command"), PEOPLE)


@pytest.fixture
def run(results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")

    def command(*arguments: str, folder: Path = results) -> tuple[int, str, str]:
        code = 0
        try:
            cli.main(["explain", str(folder), *arguments])
        except SystemExit as left:
            code = int(left.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_one_subject_on_the_screen(run: Run) -> None:
    code, out, err = run("--measure", MEASURE, "--subject", "high")
    assert (code, err) == (0, "")
    assert "✓ In the denominator." in out
    assert "✗ Not in the numerator: the criterion is not met." in out
    assert "152 is not below 140" in out
    assert '✓ exists "Visits"' in out


def test_page_and_machine_form(run: Run, tmp_path: Path) -> None:
    page, told = tmp_path / "high.html", tmp_path / "high.json"
    code, _, _ = run("--measure", MEASURE, "--subject", "high", "--html", str(page), "--json", str(told))
    assert code == 0
    text = page.read_text(encoding="utf-8")
    assert "152 is not below 140" in text
    assert "default-src 'none'" in text
    assert "<script" not in text
    assert 'src="' not in text
    assert '<span class="false">' in text
    found = json.loads(told.read_text())
    assert (found["subject"], found["agrees"]) == ("high", True)
    numerator = next(c for c in found["groups"][0]["units"][0]["criteria"] if c["population"] == "numerator")
    assert (numerator["met"], numerator["member"]) == (False, False)


def test_it_writes_nothing_else(run: Run, results: Path) -> None:
    def state() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in results.parent.rglob("*") if path.is_file()}

    before = state()
    assert run("--measure", MEASURE, "--subject", "high")[0] == 0
    assert state() == before


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--measure", "CMS1", "--subject", "high"], "'CMS1' is not a measure of the results"),
        (["--measure", MEASURE, "--subject", "nobody"], "there is no subject 'nobody' in the results"),
        (["--measure", MEASURE, "--subject", "high", "--unit", "x"], "subject 'high' has no resource 'x'"),
        (["--measure", MEASURE, "--subject", "high", "--content", "gone"], "the content gone is not there"),
    ],
)
def test_what_is_not_there_ends_with_2(run: Run, arguments: list[str], complaint: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert complaint in err


def test_no_results_end_with_1(run: Run, tmp_path: Path) -> None:
    code, _, err = run("--measure", MEASURE, "--subject", "high", folder=tmp_path)
    assert code == 1
    assert "is no results folder" in err


def test_where_a_population_falls_out(run: Run, tmp_path: Path) -> None:
    told = tmp_path / "clauses.json"
    code, out, err = run("--measure", MEASURE, "--json", str(told))
    assert (code, err) == (0, "")
    assert "Initial population: 3 of the 6 people it is asked of" in out
    assert 'Visit.period.start.value during day of "Measurement Period"' in out
    found = json.loads(told.read_text())
    assert found["warnings"] == []
    assert {"reached", "dropped", "only", "held", "failed", "unknown"} <= found["clauses"][0].keys()


def test_a_page_is_about_one_subject(run: Run) -> None:
    code, _, err = run("--measure", MEASURE, "--html", "page.html")
    assert code == 2
    assert "name it with --subject" in err
