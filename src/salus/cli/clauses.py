"""Where a population falls out, on the screen: a table of clauses per group and population.

Leaves to others: the counts (`measure.clauses`), and reports that go to others (`publish`): these are for the house.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from salus.measure.explain.reasons import spelled

Row = Mapping[str, Any]
_COUNTS = ("come here", "fall out", "only here", "holds", "fails", "unknown")
_NARROWEST = 20
_WORDS = {"all": "all of: ", "any": "any of: ", "not": "not: "}


def show_clauses(title: str, table: pa.Table, console: Console) -> None:
    """Every clause with how many come to it, fall out at it, and only there; and for how many it holds, fails, cannot
    be told, of all that the criterion is asked of."""
    console.print(Text(title, style="bold"))
    rows: list[Row] = table.to_pylist()
    groups = list(dict.fromkeys(row["group_id"] for row in rows))
    for (group_id, population), members in groupby(rows, key=lambda row: (row["group_id"], row["population"])):
        told = list(members)
        where = f"Group {group_id}, " if len(groups) > 1 else ""
        noun = "people" if told[0]["unit"] == "Patient" else f"{told[0]['unit']} resources"
        console.print()
        console.print(_headline(f"{where}{spelled(population)}", told[0], noun))
        if len(told) > 1:
            console.print(_table(told, console.width))


def _headline(name: str, whole: Row, noun: str) -> Text:
    unknown = f", {whole['unknown']:,} cannot be told" if whole["unknown"] else ""
    text = Text(f"{name[0].upper()}{name[1:]}", style="bold")
    return text.append(
        f": {whole['held']:,} of the {whole['reached']:,} {noun} it is asked of{unknown}", style="default"
    )


def _table(rows: list[Row], width: int) -> Table:
    """The clauses are cut where the screen is narrow, the counts never."""
    cells = [(_clause(row), list(_counts(row))) for row in rows[1:]]
    widths = [
        max(len(word) for word in (*name.split(), *(counts[n].plain for _, counts in cells)))
        for n, name in enumerate(_COUNTS)
    ]
    left = max(width - sum(widths) - 2 * len(widths), _NARROWEST)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("clause", no_wrap=True, overflow="ellipsis", max_width=left)
    for name, wide in zip(_COUNTS, widths, strict=True):
        table.add_column(name.replace(" ", "\n"), justify="right", min_width=wide)
    for clause, counts in cells:
        table.add_row(clause, *counts)
    return table


def _clause(row: Row) -> Text:
    indent, kind = "  " * (row["depth"] - 1), _WORDS.get(row["kind"], "")
    return Text(f"{indent}{kind}{row['name'] or row['text']}", style="bold" if row["kind"] != "test" else "")


def _counts(row: Row) -> Iterator[Text]:
    dropped = Text(f"{row['dropped']:,}", style="red" if row["dropped"] else "dim")
    yield from (Text(f"{row['reached']:,}"), dropped)
    yield Text("" if row["only"] is None else f"{row['only']:,}", style="dim" if not row["only"] else "")
    yield from (Text(f"{row[name]:,}", style="dim") for name in ("held", "failed", "unknown"))
