"""`salus equity` on the terminal."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from made_results import grouped, planted
from rich.console import Console

from salus.cli.equity import equity_command, parse_orders, parse_pairs
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


def test_long_names_have_a_line_of_their_own(tmp_path: Path) -> None:
    name = "Native Hawaiian or Other Pacific Islander"
    console = Console(record=True, width=80, file=StringIO())
    equity_command(grouped(tmp_path, {"White": (300, 400), name: (20, 60), "B": (1, 3)}), console=console)
    lines = console.export_text().splitlines()
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= 80
    place = lines.index(f"  {name}")
    assert lines[place + 1].split()[:2] == ["60", "33.3%"]
    gap = next(line for line in lines if line.startswith("1  Race: "))
    assert gap.startswith(f"1  Race: {name}, against White")
    assert "Too little data to say: 1 of 3 groups." in lines


def test_that_nothing_is_sure_is_said(tmp_path: Path) -> None:
    console = Console(record=True, width=80, file=StringIO())
    equity_command(grouped(tmp_path, {"White": (150, 300), "Black": (20, 50)}), console=console)
    text = console.export_text()
    assert "No gap is sure. What may be one, the largest first" in text
    assert "−10.0 points (−24 to +5)" in text
    assert "not sure: among 1 comparison chance alone may show as much" in text


def test_names_with_markup_are_printed_as_they_are(tmp_path: Path) -> None:
    console = Console(record=True, width=100, file=StringIO())
    equity_command(grouped(tmp_path, {"[red]White[/red]": (1, 20), "[/]": (1, 30)}), console=console)
    assert "[red]White[/red]" in console.export_text()


def test_a_direction_published_the_wrong_way_round_can_be_set_right(tmp_path: Path) -> None:
    folder = grouped(tmp_path, {"White": (20, 100), "Black": (30, 60)})
    console = Console(record=True, width=100, file=StringIO())
    equity_command(folder, improvement=["M=decrease"], console=console)
    assert "worse" in console.export_text()
    with pytest.raises(UsageError, match="no measure N; there are: M"):
        equity_command(folder, improvement=["N=decrease"], console=console)
    with pytest.raises(UsageError, match="increase or decrease, not 'down'"):
        equity_command(folder, improvement=["M=down"], console=console)


def test_pairs() -> None:
    assert parse_pairs(["race=White", "payer=a=b"], "") == {"race": "White", "payer": "a=b"}
    with pytest.raises(UsageError, match="written attribute=group, not 'race'"):
        parse_pairs(["race"], "attribute=group")


def test_gaps_are_printed_ranked_and_three_pairs_of_files_written(tmp_path: Path) -> None:
    console = Console(record=True, width=200, file=StringIO())
    folder = planted(tmp_path)
    equity_command(folder, ["uninsured", "sex"], console=console, cross=["uninsured,sex"], ordered=["sex=Male,Female"])
    text = console.export_text()
    first = next(line for line in text.splitlines() if line.startswith("1 "))
    assert "Uninsured" in first
    assert "very sure" in first
    for name in ("equity", "inequality", "gaps"):
        assert (folder / f"{name}.csv").exists()
        assert (folder / f"{name}.parquet").exists()
    assert "uninsured × sex" in (folder / "equity.csv").read_text()
    assert '"sii"' in (folder / "inequality.csv").read_text()
    with pytest.raises(UsageError, match="written race,sex"):
        equity_command(folder, cross=["race"], console=console)


def test_orders() -> None:
    assert parse_orders(["deprivation", "age=young, old"]) == {"deprivation": [], "age": ["young", "old"]}


def test_what_gaps_go_with_is_said_and_what_an_earlier_run_wrote_goes(tmp_path: Path) -> None:
    console = Console(record=True, width=200, file=StringIO())
    folder = planted(tmp_path)
    by = ["uninsured", "race", "zip"]
    equity_command(folder, by, console=console, cross=["uninsured,race"], split=["age_band", "sex"], site="zip")
    text = console.export_text()
    assert "alike: points between people alike in age and sex" in text
    assert "What a gap goes with (Controlling High Blood Pressure, Uninsured):" in text
    assert "points with age" in text
    assert "Sites outside the limits of their funnel" in text
    for name in ("parts", "crossings", "sites"):
        assert (folder / f"{name}.csv").exists()
    assert not (folder / "means.csv").exists()
    equity_command(folder, ["sex"], console=console)
    assert not (folder / "crossings.csv").exists()
    assert not (folder / "sites.parquet").exists()
