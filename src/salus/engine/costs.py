"""What a run cost, define by define, so that an author sees what is slow and where it is written.

Leaves to others: measuring (`duckdb`), showing (`cli`).
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from salus.logic.compiler import Origin


class Cost(Struct, frozen=True):
    """What one statement took: seconds, rows made, and bytes the engine held after it.

    `label` is the define's name where the statement makes the define itself, else what part of it this is.
    """

    label: str
    origin: Origin | None
    seconds: float
    rows: int
    memory: int


class DefineCost(Struct, frozen=True):
    """What a define took by itself, without the defines it refers to; `locator` is its place in the CQL text. `rows`
    are those of its own table, `memory` the most bytes the engine held while it was made."""

    library: str
    define: str
    locator: str
    seconds: float = 0.0
    rows: int = 0
    statements: int = 0
    memory: int = 0


OUTSIDE = Origin("", "(shared by all)", "")
"""What belongs to no define: slices of tables, and rows that outputs alone ask for."""


def per_define(costs: Iterable[Cost]) -> list[DefineCost]:
    """The costs of each define, slowest first."""
    found: dict[Origin, DefineCost] = {}
    for cost in costs:
        origin = cost.origin or OUTSIDE
        so_far = found.get(origin, DefineCost(origin.library, origin.define, origin.locator))
        found[origin] = _with(so_far, cost)
    return sorted(found.values(), key=lambda each: -each.seconds)


def _with(so_far: DefineCost, cost: Cost) -> DefineCost:
    return replace(
        so_far,
        seconds=so_far.seconds + cost.seconds,
        rows=so_far.rows + (cost.rows if cost.label == so_far.define else 0),
        statements=so_far.statements + 1,
        memory=max(so_far.memory, cost.memory),
    )
