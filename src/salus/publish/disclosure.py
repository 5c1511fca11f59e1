"""Small cells are hidden before a figure is shown, and so is what would give them back.

Primary: a numerator, a denominator, or the rest between them, that counts 1 to threshold - 1 units.
Complementary: the groups of an attribute add up to the total that stands beside them, so further groups are
hidden, smallest first, until the total bounds no hidden small count tighter than 1 to threshold - 1. A group
that another attribute repeats (same counts in the same measure) is hidden there too. Hidden is never written
as zero.

Leaves to others: what is shown instead (`words`); attacks that combine several attributes, measures or
releases are not searched for here and the report says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from salus.equity.counting import NOT_KNOWN, OVERALL
from salus.equity.estimate import Disclosure

THRESHOLD = 11
"""Counts from 1 to 10 are small: the cell size policy of the US Centers for Medicare and Medicaid Services.
"""

TOO_SMALL, NOT_SHOWN = "too small to show", "not shown"
"""The verdict of a group with a small count, and of one hidden to protect another."""

_DERIVED = (
    "rate", "low", "high", "difference", "difference_low", "difference_high", "ratio", "ratio_low",
    "ratio_high", "p", "q", "people", "people_low", "people_high",
)  # fmt: skip
_COMPARED = tuple(name for name in _DERIVED if name not in ("rate", "low", "high"))
Key = tuple[str, str, str, str]


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
    numerator_state: Disclosure = "open"
    denominator_state: Disclosure = "open"

    @property
    def hidden(self) -> bool:
        """Whether the rate of the group is withheld."""
        return self.numerator_state != "open" or self.denominator_state != "open"

    @property
    def is_reference(self) -> bool:
        """Whether the others are compared with this group."""
        return self.reference == self.value


@dataclass
class _Cell:
    """Working state of one group: its counts and why each is hidden, if it is."""

    x: int
    n: int
    x_state: Disclosure = "open"
    n_state: Disclosure = "open"
    repeated: bool = False  # another attribute shows the same group: hiding it here costs it there too


_Cells = dict[Key, _Cell]


def protect(table: pa.Table, threshold: int = THRESHOLD) -> list[Line]:
    """The rows of an equity table with small cells hidden (threshold 1 or less hides nothing).

    Reasons in the states: "small" for a count of 1 to threshold - 1, "complementary" for one hidden to
    protect another.
    """
    rows = table.to_pylist()
    cells: _Cells = {_key(row): _Cell(row["numerator"], row["denominator"]) for row in rows}
    if threshold > 1:
        _hide(cells, threshold)
    return _without_leaks([_line(row, cells[_key(row)]) for row in rows])


def is_small(count: int, threshold: int = THRESHOLD) -> bool:
    """Whether a count is one that must not be shown; 0 may be."""
    return 0 < count < threshold


def _key(row: Mapping[str, Any]) -> Key:
    return row["measure"], row["group_id"], row["attribute"], row["value"]


def _hide(cells: _Cells, threshold: int) -> None:
    """Hide small cells, then alternate between complements and repetitions until nothing changes."""
    for cell in cells.values():
        _hide_small(cell, threshold)
    families, twins = _families(cells), _twins(cells)
    totals = {key[:2]: cell for key, cell in cells.items() if key[2] == OVERALL}
    before = None
    while before != (before := _snapshot(cells)):
        for (measure, group_id, attribute), members in families.items():
            if attribute != OVERALL:
                _complement(members, totals[measure, group_id], threshold)
        _repeat(twins)


def _snapshot(cells: _Cells) -> list[tuple[str, str]]:
    return [(c.x_state, c.n_state) for c in cells.values()]


def _families(cells: _Cells) -> dict[tuple[str, str, str], list[_Cell]]:
    families: dict[tuple[str, str, str], list[_Cell]] = {}
    for key, cell in cells.items():
        families.setdefault(key[:3], []).append(cell)
    return families


def _hide_small(cell: _Cell, threshold: int) -> None:
    if is_small(cell.n, threshold):
        cell.n_state = "small"
    few, all_but_few = is_small(cell.x, threshold), is_small(cell.n - cell.x, threshold)
    if few and not (all_but_few and cell.n_state == "open"):
        cell.x_state = "small"
    elif few or all_but_few or cell.n_state != "open":
        cell.x_state = "complementary"  # to say "<11" beside so small a denominator would bound the rest


def _complement(members: Sequence[_Cell], total: _Cell, threshold: int) -> None:
    """Hide further members until the visible total gives no hidden count away, denominators first."""
    if total.n_state == "open":
        while _n_leaks(members, threshold) and (more := _next(members, "n")):
            more.n_state = "complementary"
            more.x_state = "complementary" if more.x_state == "open" else more.x_state
        if _n_leaks(members, threshold):
            _blur(members, "n_state")
    if total.x_state == "open":
        while _x_leaks(members, threshold) and (more := _next(members, "x")):
            more.x_state = "complementary"
        if _x_leaks(members, threshold):
            _blur(members, "x_state")


def _next(members: Sequence[_Cell], what: str) -> _Cell | None:
    """The open member that costs least to hide; a zero protects little, and is often known to be one."""

    def cost(cell: _Cell) -> tuple[bool, bool, int]:
        count: int = getattr(cell, what)
        return count == 0, cell.repeated, count

    return min((c for c in members if getattr(c, f"{what}_state") == "open"), key=cost, default=None)


def _blur(members: Sequence[_Cell], state: str) -> None:
    """With everything hidden and the total still telling: do not even say which ones are small."""
    for cell in members:
        setattr(cell, state, "complementary")


def _n_leaks(members: Sequence[_Cell], threshold: int) -> bool:
    hidden = [c for c in members if c.n_state != "open"]
    if len(hidden) == 1 < len(members):
        return True  # the total gives it back, and with it what it is hidden for in another attribute
    bounds = [(1, threshold - 1) if c.n_state == "small" else (0, None) for c in hidden]
    protected = [_Guard(1, threshold - 1) if is_small(c.n, threshold) else None for c in hidden]
    return _leaks(bounds, protected, sum(c.n for c in hidden))


def _x_leaks(members: Sequence[_Cell], threshold: int) -> bool:
    hidden = [c for c in members if c.x_state != "open"]
    if len(hidden) == 1 < len(members):
        return True
    bounds = [_x_bounds(c, threshold) for c in hidden]
    protected = [_x_guard(c, threshold) for c in hidden]
    return _leaks(bounds, protected, sum(c.x for c in hidden))


def _x_bounds(cell: _Cell, threshold: int) -> tuple[int, int | None]:
    if cell.x_state == "small":
        return 1, threshold - 1
    return 0, cell.n if cell.n_state == "open" else None


def _x_guard(cell: _Cell, threshold: int) -> _Guard | None:
    """What a reader must not narrow down: a small numerator, or a small rest beside a visible denominator."""
    few = is_small(cell.x, threshold)
    all_but_few = cell.n_state == "open" and is_small(cell.n - cell.x, threshold)
    lows = [1] * few + [max(cell.n - threshold + 1, 0)] * all_but_few
    highs = [min(threshold - 1, cell.n)] * few + [cell.n - 1] * all_but_few
    return _Guard(min(lows), max(highs)) if lows else None


@dataclass(frozen=True)
class _Guard:
    """A hidden count must stay possible over low .. high."""

    low: int
    high: int


def _leaks(bounds: Sequence[tuple[int, int | None]], guards: Sequence[_Guard | None], total: int) -> bool:
    """Whether hidden counts that add up to `total`, each known to lie in its bounds, narrow a guarded one."""
    lows = sum(low for low, _ in bounds)
    highs = sum(high for _, high in bounds if high is not None)
    endless = sum(high is None for _, high in bounds)
    for (low, high), guard in zip(bounds, guards, strict=True):
        if guard is None:
            continue
        others_endless = endless - (high is None) > 0
        least = 0 if others_endless else total - (highs - (high or 0))
        most = total - (lows - low)
        if least > guard.low or most < guard.high:
            return True
    return False


def _twins(cells: _Cells) -> list[list[_Cell]]:
    """Groups that several attributes share: the same counts in the same measure."""
    same: dict[tuple[str, str, int, int], list[_Cell]] = {}
    for key, cell in cells.items():
        if key[2] != OVERALL and cell.n > 0:
            same.setdefault((key[0], key[1], cell.x, cell.n), []).append(cell)
    twins = [group for group in same.values() if len(group) > 1]
    for cell in (c for group in twins for c in group):
        cell.repeated = True
    return twins


def _repeat(twins: Sequence[Sequence[_Cell]]) -> None:
    """Hide what another attribute shows of a hidden group."""
    for group in twins:
        if any(c.x_state != "open" for c in group):
            _conceal(group, "x_state")
        if any(c.n_state != "open" for c in group):
            _conceal(group, "n_state")


def _conceal(cells: Sequence[_Cell], state: str) -> None:
    for cell in cells:
        if getattr(cell, state) == "open":
            setattr(cell, state, "complementary")


def _line(row: Mapping[str, Any], cell: _Cell) -> Line:
    figures = {name: row[name] for name in (*_DERIVED, "missing_share")}
    x_open, n_open = cell.x_state == "open", cell.n_state == "open"
    hidden = not (x_open and n_open)
    if hidden:
        figures |= dict.fromkeys(_DERIVED)
    return Line(
        *_key(row), cell.x if x_open else None, cell.n if n_open else None, row["reference"],
        _verdict(row, cell), row["reliability"] if n_open else "",
        row["improvement"], row["level"], figures, cell.x_state, cell.n_state,
    )  # fmt: skip


def _verdict(row: Mapping[str, Any], cell: _Cell) -> str:
    states = cell.x_state, cell.n_state
    if "small" in states:
        return TOO_SMALL
    verdict: str = row["verdict"] if states == ("open", "open") else NOT_SHOWN
    return verdict


def _without_leaks(lines: Sequence[Line]) -> list[Line]:
    """Drop figures that a reader could turn back into a hidden count: gaps to a hidden reference, missing
    shares.
    """
    hidden_references = {_family(li) for li in lines if li.hidden and li.is_reference}
    hidden_missing = {_family(li) for li in lines if _hides_missing(li)}
    return [_cleaned(li, hidden_references, hidden_missing) for li in lines]


def _family(line: Line) -> tuple[str, str, str]:
    return line.measure, line.group_id, line.attribute


def _hides_missing(line: Line) -> bool:
    return line.value in NOT_KNOWN and line.denominator_state != "open"


def _cleaned(line: Line, references: set[tuple[str, str, str]], missing: set[tuple[str, str, str]]) -> Line:
    family = _family(line)
    figures = dict(line.figures)
    verdict = line.verdict
    if family in references and not line.hidden:
        figures |= dict.fromkeys(_COMPARED)
        verdict = "not compared" if line.reliability == "reliable" else verdict
    if family in missing:
        figures["missing_share"] = None
    return replace(line, figures=figures, verdict=verdict)
