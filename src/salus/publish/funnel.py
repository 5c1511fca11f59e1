"""Where people fall out of a measure, as a chain of ever fewer: everyone, clause by clause to the numerator.

What may be shown follows the same rule as the rest of the report: no count, and no difference of two counts that stand
in it or in the headline beside it, is small. The chain is nested, so a difference of any two is a sum of the steps
between; a step that would tell hides the point before or after it, and the rest is told around the gap. Hidden is never
zero. Leaves to others: the counts (`measure.clauses`), what the headline shows (`disclosure`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from salus.publish.disclosure import THRESHOLD, is_small

Row = Mapping[str, Any]
FILE = "clauses.parquet"
_LONGEST = 140
_CHAINED = ("all", "steps")


@dataclass(frozen=True)
class Step:
    """One step: what it asks, how many are left after it and how many fell out at it; None for what is not shown.
    `part` is the population it belongs to."""

    part: str
    text: str
    left: int | None
    dropped: int | None


@dataclass(frozen=True)
class Funnel:
    """The steps of one measure group, from everyone (`start`) on; `unit` is what is counted."""

    unit: str
    start: int
    steps: tuple[Step, ...]

    @property
    def hidden(self) -> bool:
        """Whether any count is withheld."""
        return any(step.left is None for step in self.steps)


def read_clauses(folder: Path) -> dict[tuple[str, str], list[Row]]:
    """The clauses of a results folder by measure and group; empty when the run did not count them."""
    if not (folder / FILE).is_file():
        return {}
    found: dict[tuple[str, str], list[Row]] = {}
    for row in pq.read_table(folder / FILE).to_pylist():
        found.setdefault((row["measure"], row["group_id"]), []).append(row)
    return found


def funnel(rows: Sequence[Row], headline: tuple[int, int], threshold: int = THRESHOLD) -> Funnel | None:
    """The funnel of a proportion whose `headline` shows a numerator and a denominator; None when it would give small
    counts away whatever is hidden, or there is nothing to tell. `threshold` 1 hides nothing."""
    steps = list(_steps(rows))
    if not steps:
        return None
    whole = Funnel(str(rows[0]["unit"]), int(rows[0]["reached"]), tuple(steps))
    return whole if threshold <= 1 else _protected(whole, headline, threshold)


# --- the chain ---


def _steps(rows: Sequence[Row]) -> Iterator[Step]:
    """Initial population and denominator clause by clause, the exclusions, then the numerator clause by clause."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(row["population"], []).append(row)
    for name in ("initial-population", "denominator"):
        yield from _chain(name, parts.get(name, ()))
    for row in parts.get("denominator-exclusion", ())[:1]:
        yield Step("denominator-exclusion", "not excluded", row["reached"] - row["held"], row["held"])
    yield from _chain("numerator", parts.get("numerator", ()))


def _chain(part: str, rows: Sequence[Row]) -> Iterator[Step]:
    """The clauses that have to hold one after another, through nested ones; a criterion that is only an earlier one by
    another name has none."""
    chained = {row["clause"] for row in rows if row["kind"] in _CHAINED}
    for row in rows:
        inside = _parents(row["clause"]) <= chained
        trivial = row["depth"] == 0 and row["kind"] == "test" and not row["dropped"]
        if inside and row["clause"] not in chained and not trivial:
            yield Step(part, _text(row), row["reached"] - row["dropped"], row["dropped"])


def _parents(clause: str) -> set[str]:
    places = clause.split(".") if clause else []
    return {".".join(places[:i]) for i in range(len(places))}


def _text(row: Row) -> str:
    text = str(row["name"] or row["text"])
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


# --- what may be shown ---


def _protected(whole: Funnel, headline: tuple[int, int], threshold: int) -> Funnel | None:
    """Points hidden, nearest to what leaks, until no difference between what is shown is small."""
    numerator, denominator = headline
    counts = [whole.start, *(step.left or 0 for step in whole.steps)]
    shown = [not is_small(abs(count - numerator), threshold) for count in counts]
    for place, step in enumerate(whole.steps, 1):
        beside = abs(counts[place] - denominator) if step.part != "numerator" else 0
        shown[place] &= not is_small(counts[place], threshold) and not is_small(beside, threshold)
    public = whole.unit == "Patient"  # how many people there are is said at the top of the report
    if not public and not (shown[0] and not is_small(abs(whole.start - denominator), threshold)):
        return None
    shown[0] = True
    while (gap := _leak(counts, shown, threshold)) is not None:
        hide = next((place for place in gap if place > 0 and counts[place] != numerator), None)
        if hide is None:
            return None
        shown[hide] = False
    return replace(whole, steps=tuple(_told(whole.steps, shown)))


def _leak(counts: Sequence[int], shown: Sequence[bool], threshold: int) -> tuple[int, int] | None:
    """Two neighbours among what is shown whose difference is small, the later first."""
    places = [place for place, open_ in enumerate(shown) if open_]
    for earlier, later in pairwise(places):
        if is_small(counts[earlier] - counts[later], threshold):
            return later, earlier
    return None


def _told(steps: Sequence[Step], shown: Sequence[bool]) -> Iterator[Step]:
    for place, step in enumerate(steps, 1):
        both = shown[place] and shown[place - 1]
        yield replace(step, left=step.left if shown[place] else None, dropped=step.dropped if both else None)
