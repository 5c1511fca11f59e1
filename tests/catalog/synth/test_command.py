"""`salus synth`: what it says, and in whose words."""

from __future__ import annotations

from pathlib import Path

import pytest

from salus.cli.synth import synth_command


def test_titles_and_folders_are_said_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What looks like markup is none."""
    (tmp_path / "mine.toml").write_text('title = "[/x] né [bold]"')
    synth_command(tmp_path / "[red]out", 5, 1, str(tmp_path / "mine.toml"), None, mess=False, workers=1)
    said = capsys.readouterr().out
    assert "Scenario mine: [/x] né [bold]." in said
    assert f"salus load '{tmp_path / '[red]out' / 'records'}' --into" in said


def test_what_to_do_next_names_the_year_that_measures_are_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    synth_command(tmp_path / "out", 5, 1, "null", 2031, mess=False, workers=1)
    assert "--period 2031-01-01 2031-12-31" in capsys.readouterr().out
