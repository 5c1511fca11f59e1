"""What a report rests on: the lines that may be shown, what gaps go with, earlier periods, and means.

Leaves to others: the figures (`salus.equity`), what may be shown (`disclosure`), the page (`report`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from salus.equity.attributes import ATTRIBUTES
from salus.equity.compare import Settings, equity_table
from salus.equity.counting import Crossing, attribute_names
from salus.equity.means import SCHEMA, mean_table
from salus.equity.parts import METHOD, split_table
from salus.equity.results import Results
from salus.publish import words
from salus.publish.disclosure import Line, protect
from salus.publish.tables import Key, key_of


@dataclass(frozen=True)
class Asked:
    """By what a report compares, how, what is hidden, and beside which earlier results."""

    by: Sequence[str] = ()
    settings: Settings = field(default_factory=Settings)
    threshold: int = 1
    cross: Sequence[Crossing] = ()
    earlier: Sequence[Results] = ()


@dataclass(frozen=True)
class Evidence:
    """`lines` may be shown. `parts` has what a line's gap goes with, `periods` earlier lines by what the period is
    called, oldest first, `means` the table of means."""

    lines: Sequence[Line]
    parts: Mapping[Key, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    periods: Sequence[tuple[str, Sequence[Line]]] = ()
    means: pa.Table = field(default_factory=SCHEMA.empty_table)


def attributes_of(results: Results, by: Sequence[str]) -> Sequence[str]:
    """What to report by: what was asked for, else Salus's own attributes."""
    if by:
        return by
    there = pq.read_schema(results.attributes).names
    return [name for name in (a.name for a in ATTRIBUTES) if name in there]


def gather(results: Results, asked: Asked) -> Evidence:
    """All of it from the results folders."""
    by, settings = attributes_of(results, asked.by), asked.settings
    made = split_table(results, by, settings, asked.cross)
    lines = protect(made.table, asked.threshold)
    parts = _shown_parts(made.parts, lines)
    periods = sorted((_period(each), _earlier(each, by, asked)) for each in asked.earlier)
    return Evidence(lines, parts, periods, mean_table(results, by, settings))


def _period(results: Results) -> str:
    """What a period is called: when it ends; sorts by time."""
    return results.period[1] if results.period else "earlier"


def _earlier(results: Results, by: Sequence[str], asked: Asked) -> Sequence[Line]:
    """An earlier period's lines by the same attributes, as far as it has them."""
    there = attribute_names(results)
    return protect(equity_table(results, [name for name in by if name in there], asked.settings), asked.threshold)


def _shown_parts(parts: pa.Table, lines: Sequence[Line]) -> dict[Key, list[Mapping[str, Any]]]:
    """Kitagawa's parts of the gaps that are said, each attribute alone."""
    said = {li.key for li in lines if li.figures["difference"] is not None}
    found: dict[Key, list[Mapping[str, Any]]] = {}
    for row in parts.to_pylist():
        key = key_of(row)
        if key in said and row["method"] == METHOD:
            found.setdefault(key, []).append(row)
    return found


def notes(line: Line, parts: Sequence[Mapping[str, Any]]) -> list[str]:
    """What else is to be said of a gap: how sure, between like people, what it goes with, what the unknown could do."""
    found = [words.certainty(line), words.alike(line), words.goes_with(parts), words.whoever(line)]
    return [text for text in found if text]
