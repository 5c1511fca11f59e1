"""`salus population`: what is inside a population file, for a person or (`--json`) for a program.

Counts only, no row's values. Leaves to others: counting (`store.contents`), who people are (`equity`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from salus.equity.attributes import attributes
from salus.equity.vocabulary import UNKNOWN
from salus.errors import UsageError
from salus.store import Population
from salus.store.contents import Contents, TypeCounts, contents

PEOPLE = ("race", "ethnicity", "language", "sex", "payer")
_FILES_SHOWN = 20


def population_command(path: Path, as_json: bool, today: date) -> None:
    """Say what is in the population. Raises UsageError (exit 2) when it is not there, or SalusError."""
    if not path.exists():
        raise UsageError(f"{path} is not there")
    with Population.open(path) as population:
        found = contents(population)
        unknown = unknown_shares(attributes(population, (date(today.year, 1, 1), today)), found.patients)
    if as_json:
        print(json.dumps({**asdict(found), "unknown": unknown}, indent=1))
    else:
        show(path, found, unknown, Console())


def unknown_shares(people: pa.Table, patients: int) -> dict[str, float]:
    """Attribute -> share of patients for whom it is unknown; empty without patients."""
    if not patients:
        return {}
    return {name: (pc.sum(pc.equal(people[name], UNKNOWN)).as_py() or 0) / patients for name in PEOPLE}


def show(path: Path, found: Contents, unknown: Mapping[str, float], console: Console) -> None:
    """Everything in tables; what there is nothing of is left out."""
    resources = sum(one.resources for one in found.types)
    said = f"{path}: {found.patients:,} patients, {resources:,} resources"
    console.print(said, highlight=False, markup=False, soft_wrap=True)
    _table(
        console,
        "What is there",
        ("type", "resources", "patients", "of nobody", "dates", "missing"),
        map(_row, found.types),
    )
    shares = [(name, f"{share:.1%}") for name, share in unknown.items()]
    _table(console, "Of how many patients it is unknown", ("attribute", "share"), shares)
    coded = [(one.element, one.values, one.no_system, one.no_code, one.text_only) for one in found.unmapped]
    _table(console, "Codes that map to nothing", ("element", "values", "no system", "no code", "only words"), coded)
    _table(console, "Set aside", ("cause", "how often"), found.quarantine.items())
    listed = [_file(one) for one in found.manifest[-_FILES_SHOWN:]]
    more = len(found.manifest) - len(listed)
    title = f"Files (the last {len(listed)}; {more:,} more with --json)" if more else "Files"
    _table(console, title, ("load", "file", "resources", "set aside", "rows kept", "when"), listed)


def _file(one: Mapping[str, Any]) -> tuple[object, ...]:
    """What fits on a line; sizes and deletions are with --json."""
    when = str(one["loaded"])[:16].replace("T", " ")
    return one["load"], one["path"], one["resources"], one["quarantined"], one["rows"], when


def _row(one: TypeCounts) -> tuple[object, ...]:
    dates = f"{one.first} to {one.last}" if one.first else ""
    missing = ", ".join(f"{name} {count:,}" for name, count in one.missing.items())
    return (one.type, one.resources, one.patients, one.nobodys or "", dates, missing)


def _table(console: Console, title: str, columns: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    table, listed = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True), list(lines)
    for number, name in enumerate(columns):
        counts = bool(listed) and all(isinstance(line[number], int) for line in listed)
        whole = name in ("type", "element", "when")  # read in one
        table.add_column(name, justify="right" if counts else "left", overflow="fold", no_wrap=whole)
    for line in listed:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else escape(str(cell)) for cell in line))
    if listed:
        console.print(f"\n[bold]{title}[/bold]", highlight=False, soft_wrap=True)
        console.print(table)
