"""What engines are asked, and how they answer: the words that whoever asks shares with them.

Leaves to others: answering (`run`, `oracle`, `either`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import pyarrow as pa

    from salus.elm.clauses import Clause
    from salus.engine.costs import DefineCost


@dataclass(frozen=True)
class Wanted:
    """A define of a library; or with `over`, a function of one operand for each resource of that define's list.

    What is `optional` is left out, with a warning, when the engine cannot evaluate it.
    """

    library: str
    version: str | None
    define: str
    over: str | None = None
    optional: bool = field(default=False, compare=False)


def left_out(want: Wanted, why: object) -> str:
    """The warning for an optional define that an engine cannot evaluate."""
    return f'"{want.define}" of {want.library} is left out: {why}'


class Outcome(Struct):
    """Per wanted define a table: (pid, value), dense by pid; for a list of resources (pid, type, id), with a value each
    where the define was asked for `over` them; for another list (pid, value) rows. Timings are in seconds. `refused`
    says why what was optional is not there."""

    values: dict[Wanted, pa.Table] = {}
    timings: dict[str, float] = {}
    defines: list[DefineCost] = []
    reads: dict[str, list[str]] = {}
    warnings: list[str] = []
    gaps: list[str] = []
    refused: dict[Wanted, str] = {}


class Criteria(Struct, frozen=True):
    """Criteria of one measure group: pairs of a define and the define that gives the units it is asked of, the same
    for the initial population itself."""

    library: str
    version: str | None
    defines: tuple[tuple[str, str], ...]


class Answered(Struct, frozen=True):
    """A criterion taken apart, and its tests: columns pid (with type and id, of resources) and "0", "1" ..., in the
    order of the clause's tests. Those with the same `asked_of` have the same rows."""

    clause: Clause
    table: pa.Table
    asked_of: str
