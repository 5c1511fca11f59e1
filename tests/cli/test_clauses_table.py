"""The table of clauses on a narrow screen."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from salus.cli.clauses import show_clauses


def row(depth: int, text: str, reached: int, dropped: int) -> dict[str, Any]:
    counts = {"reached": reached, "dropped": dropped, "only": dropped, "held": reached - dropped, "failed": dropped}
    about = {"group_id": "0", "population": "initial_population", "unit": "Patient", "kind": "test"}
    return {**about, **counts, "unknown": 0, "depth": depth, "name": "", "text": text}


@pytest.mark.parametrize("width", [80, 120])
def test_counts_are_whole_on_a_narrow_screen_and_clauses_are_cut(width: int) -> None:
    rows = [row(0, "Initial Population", 1_234_567, 34_567), row(1, "a clause of many words " * 9, 1_234_567, 34_567)]
    console = Console(width=width, record=True)
    show_clauses("A measure", pa.Table.from_pylist(rows), console)
    [told] = [line for line in console.export_text().splitlines() if line.startswith("a clause")]
    assert told.split("…")[1].split() == ["1,234,567", "34,567", "34,567", "1,200,000", "34,567", "0"]
    assert len(told) <= width
