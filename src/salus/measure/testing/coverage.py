"""Which clauses of a measure the people of its tests made true, and which they made false.

A clause that was never false could as well not be there, one that was never true may hold for no one: no test would
notice. Stands on the counts of `measure.clauses`, where a clause is counted for those who come to its criterion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Gap:
    """A clause of which only one outcome was seen; `missing`: "true" or "false"."""

    text: str
    define: str
    missing: str


@dataclass(frozen=True)
class Coverage:
    """Outcomes (two per clause) that were seen, of how many there are, and the clauses that lack one."""

    seen: int
    there: int
    gaps: tuple[Gap, ...]


def coverage(clauses: pa.Table) -> Coverage:
    """Of a table of `measure.clauses.SCHEMA`; a clause that stands in several criteria counts once, and a criterion
    that is only another one's name ("all of the initial population") not at all: it cannot be false.
    """
    held: dict[str, int] = {}
    failed: dict[str, int] = {}
    names: dict[str, str] = {}
    criteria = {f'"{row["name"]}"' for row in clauses.to_pylist() if not row["depth"]}
    for row in clauses.to_pylist():
        text = row["text"]
        if not row["depth"] and text in criteria:
            continue
        held[text] = held.get(text, 0) + row["held"]
        failed[text] = failed.get(text, 0) + row["failed"] + row["unknown"]
        names[text] = names.get(text) or row["name"]
    gaps = tuple(
        Gap(text, names[text], missing)
        for text in held
        for missing, count in (("true", held[text]), ("false", failed[text]))
        if not count
    )
    return Coverage(2 * len(held) - len(gaps), 2 * len(held), gaps)


def told(covered: Coverage, most: int = 20) -> Iterator[str]:
    """The coverage in sentences, the first line alone where nothing lacks."""
    share = covered.seen / covered.there if covered.there else 1
    yield f"clauses: {covered.seen} of {covered.there} outcomes seen ({share:.0%})"
    for gap in covered.gaps[:most]:
        yield f"never {gap.missing}: {gap.define or gap.text}"
    if len(covered.gaps) > most:
        yield f"and {len(covered.gaps) - most} more"
