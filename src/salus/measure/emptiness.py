"""Why a measure counts no one: how many patients each clause of its initial population holds for.

A rate over no one is not a zero and is not silent: the run says which clause nobody meets, or which the records cannot
tell. Leaves to others: finding and counting the clauses (`measure.clauses`), showing the warning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from salus.engine.run import Criteria
from salus.measure.definition import Group, MeasureDefinition
from salus.measure.libraries import Identity

ClauseCounts = Sequence[tuple[str, int, int, int]]
CountClauses = Callable[[Criteria], ClauseCounts]


def is_empty(rows: pa.Table) -> bool:
    """Whether no determination of a group (a table as `scoring.determine` makes it) is in the initial population."""
    return not pc.any(rows["initial_population"]).as_py()


def reason(measure: MeasureDefinition, group: Group, library: Identity, patients: int, count: CountClauses) -> str:
    """One sentence: no one is in the initial population, and what each of its clauses holds for."""
    head = f"no one of {patients:,} patients is in the initial population of {measure.name}"
    criterion = group.population("initial-population")
    if criterion is None or not patients:
        return head
    own = criterion.expression
    clauses = count(Criteria(library.name, library.version, ((own, own),)))
    return f"{head}: {'; '.join(_said(*clause) for clause in clauses)}" if clauses else head


def _said(text: str, held: int, failed: int, unknown: int) -> str:
    told = f", cannot be told for {unknown:,}" if unknown else ""
    return f"'{_short(text)}' holds for {held:,}{told}"


def _short(text: str) -> str:
    return text if len(text) <= 90 else f"{text[:87]}..."
