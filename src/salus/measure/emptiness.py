"""Why a measure counts no one: how many patients each clause of its initial population holds for.

A rate over no one is not a zero and is not silent: the run says which clause nobody meets, or which the records cannot
tell. Leaves to others: finding and counting the clauses (`measure.clauses`), showing the warning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from salus.engine.asked import Criteria
from salus.errors import SalusError
from salus.measure.definition import Group, MeasureDefinition
from salus.measure.libraries import Identity

Empty = tuple[MeasureDefinition, Group, Identity]
"""A group of a measure that counts no one, and the measure's library."""
ClauseCounts = Sequence[tuple[str, int, int, int]]
CountClauses = Callable[[Sequence[Criteria]], Sequence[ClauseCounts]]
"""Counts the clauses of criteria, each by itself. Raises SalusError where it cannot."""


def is_empty(rows: pa.Table) -> bool:
    """Whether no determination of a group (a table as `scoring.determine` makes it) is in the initial population."""
    return not pc.any(rows["initial_population"]).as_py()


def reasons(empty: Sequence[Empty], patients: int, count: CountClauses) -> list[str]:
    """A sentence each: no one is in the initial population, and what each of its clauses holds for."""
    asked = [criteria for each in empty if patients and (criteria := _criteria(*each))]
    clauses: dict[Criteria | None, ClauseCounts] = dict(zip(asked, _counted(asked, count), strict=True))
    return [_sentence(each[0], patients, clauses.get(_criteria(*each), ())) for each in empty]


def _criteria(measure: MeasureDefinition, group: Group, library: Identity) -> Criteria | None:
    criterion = group.population("initial-population")
    if criterion is None:
        return None
    return Criteria(library.name, library.version, ((criterion.expression, criterion.expression),))


def _counted(asked: Sequence[Criteria], count: CountClauses) -> Sequence[ClauseCounts]:
    """All at once, as most of what they need is the same; by halves where something stands in the way of that."""
    try:
        return count(asked) if asked else []
    except SalusError:  # another engine made the run; what this one does not support must not undo it
        half = len(asked) // 2
        return [*_counted(asked[:half], count), *_counted(asked[half:], count)] if half else [[]]


def _sentence(measure: MeasureDefinition, patients: int, clauses: ClauseCounts) -> str:
    head = f"no one of {patients:,} patients is in the initial population of {measure.name}"
    return f"{head}: {'; '.join(_said(*clause) for clause in clauses)}" if clauses else head


def _said(text: str, held: int, failed: int, unknown: int) -> str:
    told = f", cannot be told for {unknown:,}" if unknown else ""
    return f"'{_short(text)}' holds for {held:,}{told}"


def _short(text: str) -> str:
    return text if len(text) <= 90 else f"{text[:87]}..."
