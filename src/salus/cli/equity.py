"""`salus equity`: every measure by who people are, as a table on the terminal and in equity.parquet and
equity.csv.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from salus.equity.compare import Settings, equity_table, write_table
from salus.equity.counting import OVERALL
from salus.equity.estimate import MINIMUM
from salus.equity.results import Results
from salus.errors import UsageError
from salus.publish import words

MOST_GROUPS = 15
"""Groups of one attribute printed; the files have all of them."""

_STYLES = {
    "worse": "bold red",
    "better": "blue",
    "reference": "bold",
    "too few to say": "dim",
    "no one": "dim",
}


def equity_command(
    results: Path,
    by: Sequence[str] = (),
    level: float = 0.95,
    minimum: int = MINIMUM,
    references: Sequence[str] = (),
    control: bool = True,
    improvement: Sequence[str] = (),
    console: Console | None = None,
) -> None:
    """Compare the groups of the attributes `by` (default: all) and print and write the equity table.

    `references` are "attribute=group" texts, `improvement` "measure=decrease" ones (to set right a measure
    whose published direction is wrong). The table and the files are for use inside the house: they hide no
    small cells. Raises UsageError (exit 2) or SalusError (exit 1).
    """
    opened = Results.open(results, parse_pairs(improvement, "measure=decrease"))
    settings = Settings(level, minimum, parse_pairs(references, "attribute=group"), control)
    table = equity_table(opened, by, settings)
    parquet, csv = write_table(table, results)
    console = console or Console()
    _print(table, opened, console)
    console.print(f"\n{parquet} and {csv} written: {table.num_rows:,} rows.", highlight=False)
    console.print("They are for use inside the house: small cells are not hidden.", style="dim")


def parse_pairs(texts: Sequence[str], form: str) -> dict[str, str]:
    """["race=White"] -> {"race": "White"}; UsageError, showing `form`, for a text that is no pair."""
    pairs = [text.partition("=") for text in texts]
    wrong = [text for text, (name, sign, _) in zip(texts, pairs, strict=True) if not sign or not name]
    if wrong:
        raise UsageError(f"this is written {form}, not {wrong[0]!r}")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _print(table: pa.Table, results: Results, console: Console) -> None:
    for (measure, group_id), rows in groupby(table.to_pylist(), lambda r: (r["measure"], r["group_id"])):
        _print_measure(list(rows), results, measure, group_id, console)


def _print_measure(
    rows: Sequence[Mapping[str, Any]], results: Results, measure: str, group_id: str, console: Console
) -> None:
    info = results.measure(measure)
    console.print()
    console.print(Text(info.label, style="bold"), Text(f"({measure}, group {group_id})", style="dim"))
    if not rows[0]["denominator"]:
        console.print("  No one counts: the denominator is empty.", style="dim")
        return
    level = f"{rows[0]['level']:.0%}"
    grid = Table(box=None, pad_edge=False)
    for heading in ("", "n", "rate", level, "points", level, "verdict"):
        justify: Literal["left", "right"] = "left" if heading in ("", "verdict") else "right"
        grid.add_column(heading, justify=justify, no_wrap=bool(heading))
    for attribute, members in groupby(rows, lambda r: r["attribute"]):
        _add_attribute(grid, attribute, list(members))
    console.print(grid)


def _add_attribute(grid: Table, attribute: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if attribute != OVERALL:
        missing = rows[0]["missing_share"]
        note = f"{words.percent(missing, 0)} not known" if missing else ""
        grid.add_row(Text(words.attribute_label(attribute), style="bold"), *[""] * 5, Text(note, style="dim"))
    kept = sorted(rows, key=lambda r: -r["denominator"])[:MOST_GROUPS]
    for row in (r for r in rows if r in kept):
        grid.add_row(*_cells(row))
    if len(rows) > len(kept):
        grid.add_row(Text(f"  and {len(rows) - len(kept)} smaller groups", style="dim"))


def _cells(row: Mapping[str, Any]) -> list[Text]:
    overall = row["attribute"] == OVERALL
    name = "Everyone" if overall else "  " + words.group_label(row["attribute"], row["value"])
    verdict = "" if overall and row["verdict"] == "not compared" else row["verdict"]
    texts = [
        name,
        words.number(row["denominator"]),
        words.percent(row["rate"]),
        words.percent_range(row["low"], row["high"], 0),
        words.points(row["difference"]),
        words.points_range(row["difference_low"], row["difference_high"], 0),
        verdict,
    ]
    style = "dim" if row["reliability"] != "reliable" else ""
    return [Text(text, style=style) for text in texts[:-1]] + [Text(verdict, style=_STYLES.get(verdict, ""))]
