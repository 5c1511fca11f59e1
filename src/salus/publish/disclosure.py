"""The lines of the equity table as they may be shown: small counts hidden, and all that would give them back.

Small are a numerator, a denominator, or the rest between them. What else is hidden for their sake is the choice of
`tables` and `suppress`. With a count go the figures made of it, the gaps to a hidden reference, and the share of people
not known where their number is hidden. Hidden is never written as zero. Leaves to others: what is shown instead
(`words`), the proof that nothing gives a small count back (`attack`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from salus.equity.estimate import Disclosure
from salus.equity.tally import NOT_KNOWN
from salus.publish.policy import at
from salus.publish.tables import Key, Row, States, hide, key_of

THRESHOLD = 11
"""Counts from 1 to 10 are small: the cell size policy of the US Centers for Medicare and Medicaid Services.
"""

TOO_SMALL, NOT_SHOWN = "too small to show", "not shown"
"""The verdict of a group with a small count, and of one hidden to protect another."""

_DERIVED = (
    "rate", "low", "high", "difference", "difference_low", "difference_high", "ratio", "ratio_low",
    "ratio_high", "p", "q", "people", "people_low", "people_high", "bound_low", "bound_high",
    "adjusted", "adjusted_low", "adjusted_high", "adjusted_support",
)  # fmt: skip
_COMPARED = tuple(name for name in _DERIVED if name not in ("rate", "low", "high"))


@dataclass(frozen=True)
class Line:
    """A row of the equity table as it may be shown.

    `numerator` and `denominator` are None where hidden, with the reason in `numerator_state` and
    `denominator_state`. `figures` has the other numbers of the row; a hidden one is None.
    """

    measure: str
    group_id: str
    attribute: str
    value: str
    numerator: int | None
    denominator: int | None
    reference: str | None
    verdict: str
    reliability: str
    improvement: str | None
    level: float
    figures: Mapping[str, float | None]
    adjusted_by: str | None = None
    numerator_state: Disclosure = "open"
    denominator_state: Disclosure = "open"

    @property
    def key(self) -> Key:
        """Which line of the equity table it is."""
        return self.measure, self.group_id, self.attribute, self.value

    @property
    def family(self) -> tuple[str, str, str]:
        """The lines that partition the same units: measure, group of the measure, attribute."""
        return self.key[:3]

    @property
    def hidden(self) -> bool:
        """Whether the rate of the group is withheld."""
        return self.numerator_state != "open" or self.denominator_state != "open"

    @property
    def is_reference(self) -> bool:
        """Whether the others are compared with this group."""
        return self.reference == self.value


def protect(table: pa.Table, threshold: int = THRESHOLD) -> list[Line]:
    """The rows of an equity table with small cells hidden (threshold 1 or less hides nothing).

    Reasons in the states: "small" for a count of 1 to threshold - 1, "complementary" for one hidden to
    protect another.
    """
    rows = table.to_pylist()
    counts = {key_of(row): (row["numerator"], row["denominator"]) for row in rows}
    return _lines(rows, hide(counts, at(threshold), marks=True))


def lines(table: pa.Table, states: Mapping[Key, States]) -> list[Line]:
    """The rows of an equity table as their states let them be shown."""
    return _lines(table.to_pylist(), states)


def is_small(count: int, threshold: int = THRESHOLD) -> bool:
    """Whether a count is one that must not be shown; 0 may be."""
    return 0 < count < threshold


def _lines(rows: Sequence[Row], states: Mapping[Key, States]) -> list[Line]:
    return _without_leaks([_line(row, states[key_of(row)]) for row in rows])


def _line(row: Row, states: States) -> Line:
    figures = {name: row[name] for name in (*_DERIVED, "missing_share", "design_effect")}
    x_open, n_open = states.x == "open", states.n == "open"
    hidden = not (x_open and n_open)
    if hidden:
        figures |= dict.fromkeys(_DERIVED)
    return Line(
        *key_of(row), row["numerator"] if x_open else None, row["denominator"] if n_open else None, row["reference"],
        _verdict(row, states), row["reliability"] if n_open else "",
        row["improvement"], row["level"], figures, row["adjusted_by"], states.x, states.n,
    )  # fmt: skip


def _verdict(row: Row, states: States) -> str:
    if "small" in (states.x, states.n):
        return TOO_SMALL
    verdict: str = row["verdict"] if states == States() else NOT_SHOWN
    return verdict


def _without_leaks(lines: Sequence[Line]) -> list[Line]:
    """Drop figures that a reader could turn back into a hidden count: gaps to a hidden reference, missing
    shares.
    """
    hidden_references = {li.family for li in lines if li.hidden and li.is_reference}
    hidden_missing = {li.family for li in lines if _hides_missing(li)}
    return [_cleaned(li, hidden_references, hidden_missing) for li in lines]


def _hides_missing(line: Line) -> bool:
    return line.value in NOT_KNOWN and line.denominator_state != "open"


def _cleaned(line: Line, references: set[tuple[str, str, str]], missing: set[tuple[str, str, str]]) -> Line:
    figures = dict(line.figures)
    verdict = line.verdict
    if line.family in references and not line.hidden:
        figures |= dict.fromkeys(_COMPARED)
        verdict = "not compared" if line.reliability == "reliable" else verdict
    if line.family in missing:
        figures |= dict.fromkeys(("missing_share", "bound_low", "bound_high"))
    return replace(line, figures=figures, verdict=verdict)
