"""Which cells to hide so that the small ones stay hidden: the cell suppression problem, for any linear relations.

A cell is protected when, given every figure that is shown and every relation, each count of its guard is still possible
(Fischetti and Salazar 2001; Hundepool et al., Statistical Disclosure Control, ch. 4). Cells that no relation joins are
solved apart: small parts exactly, as one mixed integer programme with a copy of the table for each end of each guard;
large parts by a programme per guard and a second look at what was hidden in vain. Both are deterministic: no clock ends
them. Leaves to others: what the cells are (`tables`), and the proof (`attack`), which shares nothing with this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from salus.errors import SalusError
from salus.publish.programmes import Floats, Programme, Rows

EXACT = 1_500
"""Copies of cells up to which the best set is looked for; beyond it, a good one."""
_NODES = 2_000
_PRUNED = 2_000
_NEAR = 1e-6

Ends = tuple[int, int]
Range = tuple[float, float]
"""A least and a most; of a count, whole numbers."""


class Unprotectable(SalusError):
    """Cells that stay told whatever is hidden; `cells` are those of their relations, and what these join."""

    def __init__(self, cells: Iterable[int]) -> None:
        super().__init__("a small count is told by what is around it, whatever else is hidden")
        self.cells = frozenset(cells)


@dataclass
class Cell:
    """A count that is told, could be told, or is known by its relations alone.

    `shown` is what a reader knows of it when it is put out (least, most), None where it never is; `guard` the counts
    that must stay possible; `weight` what hiding it costs (0: it may not be hidden). `floor` and `ceiling` hold
    whatever is hidden.
    """

    shown: Range | None = None
    guard: Range | None = None
    weight: float = 0.0
    floor: float = 0.0
    ceiling: float = np.inf


@dataclass
class Problem:
    """Cells, relations (coefficients by cell, and what they add up to), and `follows`: hiding the first hides the
    second."""

    cells: list[Cell] = field(default_factory=list)
    sums: list[tuple[Mapping[int, int], int]] = field(default_factory=list)
    follows: list[tuple[int, int]] = field(default_factory=list)

    def add(self, cell: Cell) -> int:
        """Take a cell in; its number."""
        self.cells.append(cell)
        return len(self.cells) - 1

    def equal(self, one: int, other: int) -> None:
        """Two cells that count the same."""
        self.sums.append(({one: 1, other: -1}, 0))


def suppress(problem: Problem) -> set[int]:
    """The numbers of the cells to hide. Unprotectable: hiding all that may be hidden is not enough."""
    parts = [part for part in _parts(problem) if part.guards]
    if hopeless := [name for part in parts if part.hopeless() for name in part.around]:
        raise Unprotectable(hopeless)
    return {part.names[i] for part in parts for i in part.solve()}


def told(problem: Problem, hidden: Iterable[int]) -> list[int]:
    """The guarded cells that a reader can narrow down when these are hidden."""
    found, closed = [], set(hidden)
    for part in _parts(problem):
        inside = {i for i, name in enumerate(part.names) if name in closed}
        found += [part.names[i] for i, _ in part.leaks(inside)]
    return sorted(set(found))


def _parts(problem: Problem) -> Iterator[_Part]:
    """The cells that relations join; a cell with one possible value joins nothing, unless it is hidden with another."""
    root = list(range(len(problem.cells)))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    free = [not _settled(cell) for cell in problem.cells]
    for one, other in problem.follows:
        free[other] = free[other] or free[one]
    joined = [[i for i in terms if free[i]] for terms, _ in problem.sums] + [list(pair) for pair in problem.follows]
    for group in joined:
        for i in group[1:]:
            root[find(i)] = find(group[0])
    members: dict[int, list[int]] = {}
    for i in range(len(root)):
        if free[i]:
            members.setdefault(find(i), []).append(i)
    owner = {i: k for k, names in members.items() for i in names}
    sums: dict[int, list[tuple[Mapping[int, int], int]]] = {}
    for (terms, total), inside in zip(problem.sums, joined, strict=False):
        if inside:
            sums.setdefault(owner[inside[0]], []).append((terms, total))
    follows: dict[int, list[tuple[int, int]]] = {}
    for one, other in problem.follows:
        follows.setdefault(owner.get(one, -1), []).append((one, other))
    for k, names in members.items():
        yield _Part(problem, names, sums.get(k, []), follows.get(k, []))


def _settled(cell: Cell) -> bool:
    """Whether a cell is put out whatever happens, to the unit."""
    return cell.weight == 0 and cell.guard is None and cell.shown is not None and cell.shown[0] == cell.shown[1]


class _Part:
    """Cells joined by relations, numbered anew from 0."""

    def __init__(
        self, problem: Problem, names: list[int], sums: list[tuple[Mapping[int, int], int]], follows: list[Ends]
    ) -> None:
        self.names = names
        self.around = {*names, *(name for terms, _ in sums for name in terms)}
        place = {name: i for i, name in enumerate(names)}
        self.cells = [problem.cells[name] for name in names]
        self.follows = [(place[a], place[b]) for a, b in follows]
        self.relations = _relations(problem, sums, place)
        self.guards = [(i, sign) for i, cell in enumerate(self.cells) if cell.guard for sign in (1, -1)]
        self.floor = np.array([cell.floor for cell in self.cells])
        self.ceiling = np.array([cell.ceiling for cell in self.cells])
        self.open = [i for i, cell in enumerate(self.cells) if cell.shown is not None]
        self.primary = self._closed({i for i in self.open if self.cells[i].guard})

    def hopeless(self) -> bool:
        """Whether a guard is told though all is hidden that may be."""
        return bool(self.leaks(self.primary | {i for i in self.open if self.cells[i].weight > 0}))

    def solve(self) -> set[int]:
        """The cells to hide."""
        aims = self.leaks(self.primary)  # what is possible stays so when more is hidden
        if not aims:
            return self.primary
        free = [i for i in self.open if self.cells[i].weight > 0 and i not in self.primary]
        if len(aims) * len(self.cells) <= EXACT and (best := self._best(aims, free)) is not None:
            return best
        return self._pruned(self._enough())

    # --- what a reader can tell ---

    def _bounds(self, hidden: set[int]) -> tuple[Floats, Floats]:
        low, high = self.floor.copy(), self.ceiling.copy()
        for i in self.open:
            shown = self.cells[i].shown
            if i not in hidden and shown is not None:
                low[i], high[i] = shown
        return low, high

    def _extreme(self, aims: Sequence[Ends], low: Floats, high: Floats) -> Floats | None:
        """A table as far as possible to the ends of the guards aimed at, none beyond; None: no table at all."""
        goal, low, high = np.zeros(len(low)), low.copy(), high.copy()
        for i, sign in aims:
            end = _end(self.cells[i], sign)
            goal[i] -= sign
            if sign > 0:
                high[i] = max(low[i], min(high[i], end))
            else:
                low[i] = min(high[i], max(low[i], end))
        return self._tables.least(goal, low, high)

    @cached_property
    def _tables(self) -> Programme:
        return Programme(self.relations, len(self.cells))

    def leaks(self, hidden: set[int]) -> list[Ends]:
        """The ends of guards (cell, 1 for the upper and -1 for the lower) that a reader can rule out."""
        low, high = self._bounds(hidden)
        unproven = list(self.guards)
        for sign in (1, -1):  # many at once first: one table often shows most of them possible
            while aims := [aim for aim in unproven if aim[1] == sign]:
                made = self._extreme(aims, low, high)
                left = unproven if made is None else [aim for aim in unproven if not self._reaches(aim, made)]
                if len(left) == len(unproven):
                    break
                unproven = left
        return [aim for aim in unproven if not self._possible(aim, low, high)]

    def _possible(self, aim: Ends, low: Floats, high: Floats) -> bool:
        made = self._extreme([aim], low, high)
        return made is not None and self._reaches(aim, made)

    def _reaches(self, aim: Ends, table: Floats) -> bool:
        i, sign = aim
        return bool(sign * (table[i] - _end(self.cells[i], sign)) >= -_NEAR)

    # --- the best set ---

    def _best(self, aims: Sequence[Ends], free: Sequence[int]) -> set[int] | None:
        """The cheapest set as one programme: a switch per cell, a copy of the table for each end of a guard."""
        switch = {i: place for place, i in enumerate(free)}
        copies, width = len(aims), len(self.cells)
        columns = len(free) + copies * width
        low, high = np.zeros(columns), np.ones(columns)
        rows, reach = Rows(), self._reach()
        for k, aim in enumerate(aims):
            at = len(free) + k * width
            low[at : at + width], high[at : at + width] = self._copy(aim, self.primary | set(free))
            rows.block(self.relations, at)
            for i in free:
                self._switched(rows, i, at + i, switch[i], reach)
        for one, other in self.follows:
            if one in switch and other in switch:
                rows.add({switch[other]: 1.0, switch[one]: -1.0}, 0.0, np.inf)
        cost = np.zeros(columns)
        cost[: len(free)] = [self.cells[i].weight for i in free]
        made = Programme(rows, columns, whole=range(len(free)), nodes=_NODES).least(cost, low, high)
        if made is None:
            return None
        found = self._closed(self.primary | {i for i in free if made[switch[i]] > 0.5})
        return None if self.leaks(found) else found

    def _copy(self, aim: Ends, hidden: set[int]) -> tuple[Floats, Floats]:
        """The bounds of a table in which the guard's end is reached."""
        low, high = self._bounds(hidden)
        i, sign = aim
        end = _end(self.cells[i], sign)
        if sign > 0:
            low[i] = max(low[i], end)
        else:
            high[i] = min(high[i], end)
        return low, high

    def _switched(self, rows: Rows, i: int, column: int, switch: int, reach: float) -> None:
        """A cell stays as shown unless its switch is on; then it moves as far as any guard asks of it."""
        least, most = self.cells[i].shown or (0, 0)
        rows.add({column: 1.0, switch: min(reach, least - self.floor[i])}, least, np.inf)
        rows.add({column: 1.0, switch: -min(reach, self.ceiling[i] - most)}, -np.inf, most)

    def _reach(self) -> float:
        widths = [cell.guard[1] - cell.guard[0] + 1 for cell in self.cells if cell.guard]
        return 4.0 * max(widths)

    # --- a good set ---

    def _enough(self) -> set[int]:
        """Guard by guard, hide what the cheapest table at its end would move."""
        hidden = set(self.primary)
        for aim in self.leaks(hidden):
            if not self._possible(aim, *self._bounds(hidden)):
                moved = self._moved(aim, hidden)
                if not moved:
                    raise Unprotectable(self.around)
                hidden = self._closed(hidden | moved)
        return hidden

    def _moved(self, aim: Ends, hidden: set[int]) -> set[int]:
        """The open cells that change in the table nearest to the truth in which the guard's end is reached."""
        free = [i for i in self.open if self.cells[i].weight > 0 and i not in hidden]
        width = len(self.cells)
        low, high = np.zeros(width + len(free)), np.full(width + len(free), np.inf)
        low[:width], high[:width] = self._copy(aim, hidden | set(free))
        rows = Rows()
        rows.block(self.relations, 0)
        for place, i in enumerate(free):
            least, most = self.cells[i].shown or (0, 0)
            rows.add({i: 1.0, width + place: 1.0}, least, np.inf)
            rows.add({i: 1.0, width + place: -1.0}, -np.inf, most)
        cost = np.concatenate([np.zeros(width), [self.cells[i].weight for i in free]])
        made = Programme(rows, width + len(free)).least(cost, low, high)
        return set() if made is None else {i for place, i in enumerate(free) if made[width + place] > _NEAR}

    def _pruned(self, hidden: set[int]) -> set[int]:
        """Without what was hidden in vain, dearest first."""
        if len(self.cells) > _PRUNED:
            return hidden
        for i in sorted(hidden - self.primary, key=lambda i: (-self.cells[i].weight, i)):
            fewer = hidden - {i}
            if self._closed(fewer) == fewer and not self.leaks(fewer):
                hidden = fewer
        return hidden

    def _closed(self, hidden: set[int]) -> set[int]:
        """With all that has to be hidden along."""
        more = hidden | {b for a, b in self.follows if a in hidden and b in self.open}
        return more if more == hidden else self._closed(more)


def _end(cell: Cell, sign: int) -> float:
    assert cell.guard is not None
    return cell.guard[1] if sign > 0 else cell.guard[0]


def _relations(problem: Problem, sums: Sequence[tuple[Mapping[int, int], int]], place: Mapping[int, int]) -> Rows:
    """The relations over the cells of a part; what is settled goes to the other side."""
    rows = Rows()
    for terms, total in sums:
        left = float(total)
        for name, coefficient in terms.items():
            shown = problem.cells[name].shown
            left -= 0.0 if name in place else coefficient * (shown[0] if shown else 0.0)
        rows.add({place[name]: float(c) for name, c in terms.items() if name in place}, left, left)
    return rows
