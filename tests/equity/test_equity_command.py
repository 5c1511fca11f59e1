"""`salus equity` on the terminal."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from made_results import grouped, planted
from rich.console import Console

from salus.cli.equity import equity_command, parse_references
from salus.errors import UsageError


def test_the_table_reads_well_and_says_what_it_wrote(tmp_path: Path) -> None:
    console = Console(record=True, width=100, file=StringIO())
    equity_command(planted(tmp_path), ["uninsured"], console=console)
    text = console.export_text()
    assert "Controlling High Blood Pressure" in text
    assert "No one counts: the denominator is empty." in text
    assert "7% not known" in text
    lines = [line.split() for line in text.splitlines() if line.startswith("  Uninsured")]
    assert [line[-1] for line in lines] == ["worse", "worse"]  # one per measure that counts anybody
    assert "small cells are not hidden" in text
    assert (tmp_path / "equity.csv").exists()


def test_names_with_markup_are_printed_as_they_are(tmp_path: Path) -> None:
    console = Console(record=True, width=100, file=StringIO())
    equity_command(grouped(tmp_path, {"[red]White[/red]": (1, 20), "[/]": (1, 30)}), console=console)
    assert "[red]White[/red]" in console.export_text()


def test_references_are_pairs() -> None:
    assert parse_references(["race=White", "payer=a=b"]) == {"race": "White", "payer": "a=b"}
    with pytest.raises(UsageError, match="attribute=group"):
        parse_references(["race"])
