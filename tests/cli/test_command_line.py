"""The command line itself: exit codes, what it understands, and that it is quick to say so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from salus import __version__
from salus.cli import main as cli
from salus.equity import estimate
from salus.errors import SalusError, UsageError


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        cli.main(list(arguments))
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (0, f"salus {__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["load"],
        ["load", "records"],
        ["evaluate", "p.duckdb", "--content", "c", "--period", "2026-01-01", "--out", "r"],
        ["evaluate", "p.duckdb", "--content", "c", "--period", "2026", "2027", "--out", "r"],
        ["demo", "--people", "few"],
    ],
)
def test_a_wrong_command_ends_with_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err


@pytest.mark.parametrize(
    ("error", "code"), [(SalusError("it broke"), 1), (UsageError("not so"), 2), (OSError("disk"), 1)]
)
def test_errors_for_the_user_become_exit_codes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("salus.cli.demo.demo_command", broken)
    assert run(capsys, "demo") == (code, "", f"salus: {error}\n")


def test_an_unexpected_error_shows_no_values(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("could not convert '1931-02-03 Jane Doe'")

    monkeypatch.setattr("salus.cli.demo.demo_command", broken)
    monkeypatch.delenv("SALUS_DEBUG", raising=False)
    code, _, err = run(capsys, "demo")
    assert code == 1
    assert "ValueError" in err
    assert "Jane" not in err


def test_content_may_be_several_words_after_the_population() -> None:
    given = ["evaluate", "p", "--content", "a", "b", "c", "--measure", "m", "--content", "d", "--out", "r"]
    assert cli.spread(given) == [
        *("evaluate", "p", "--content", "a", "--content", "b", "--content", "c"),
        *("--measure", "m", "--content", "d", "--out", "r"),
    ]


@pytest.mark.parametrize(
    "given", [["evaluate", "--content", "a", "p"], ["load", "a", "b", "--into", "p"], ["--version"], []]
)
def test_other_words_stay_as_they_are(given: list[str]) -> None:
    assert cli.spread(given) == given


@pytest.mark.parametrize("command", ["load", "evaluate", "test", "equity"])
def test_a_command_is_the_same_laid_out_alone(capsys: pytest.CaptureFixture[str], command: str) -> None:
    alone = cli.asked_for([command, "--help"])
    assert len(alone.registered_commands) == 1
    shown = []
    for program in (alone, cli.app):
        with pytest.raises(SystemExit):
            program([command, "--help"], prog_name="salus")
        shown.append(capsys.readouterr().out)
    assert shown[0] == shown[1]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--version", "evaluate"], ["evaluat"], ["catalog", "list"]])
def test_what_is_no_command_by_itself_is_left_to_the_whole(arguments: list[str]) -> None:
    assert cli.asked_for(arguments) is cli.app


def test_demo_touches_no_folder_that_is_not_its_own(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    code, _, err = run(capsys, "demo", "--out", str(tmp_path))
    assert code == 2
    assert "holds other things" in err
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("salus.cli.main", {"duckdb", "pyarrow", "numpy", "scipy"}),
        ("salus.cli.evaluate, salus.equity.attributes, salus.engine.either", {"pyarrow", "numpy", "rich", "tomllib"}),
    ],
    ids=["help", "evaluate, until the database works"],
)
def test_quick_because_nothing_large_is_loaded(modules: str, heavy: set[str]) -> None:
    """Which a test can tell without a clock."""
    program = f"import sys, {modules}; print(*sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_defaults_are_those_of_the_parts() -> None:
    assert estimate.MINIMUM == cli.MINIMUM
