"""`salus load` as a person meets it: what it refuses, what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from salus.catalog.synth import synthesize
from salus.cli.load import is_population, load_command
from salus.errors import UsageError


@pytest.fixture
def records(tmp_path: Path) -> Path:
    synthesize(tmp_path / "community", people=30, seed=1)
    return tmp_path / "community/records"


def test_says_what_was_loaded(records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    into = tmp_path / "population.duckdb"
    load_command([records], into)
    assert "30 patients" in capsys.readouterr().out
    assert is_population(into)


def test_the_same_again_is_said_to_be_nothing_new(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "population.duckdb"
    load_command([records], into)
    capsys.readouterr()
    load_command([records], into)
    assert "30 patients" in (said := capsys.readouterr().out)
    assert "Nothing new" in said


def test_a_population_may_be_replaced(records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    into = tmp_path / "population.duckdb"
    load_command([records], into)
    load_command([records], into, replace=True)
    assert "Nothing new" not in capsys.readouterr().out


def test_nothing_but_a_population_is_replaced(records: Path, tmp_path: Path) -> None:
    into = tmp_path / "thesis.txt"
    into.write_text("years of work")
    with pytest.raises(UsageError, match="is no population"):
        load_command([records], into)
    assert into.read_text() == "years of work"


def test_a_folder_is_no_file(records: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names a file"):
        load_command([records], tmp_path)


def test_what_is_read_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        load_command([tmp_path / "nowhere"], tmp_path / "population.duckdb")
