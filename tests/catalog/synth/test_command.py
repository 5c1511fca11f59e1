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
    assert f"{tmp_path / '[red]out' / 'records'} is for `salus load`" in said
