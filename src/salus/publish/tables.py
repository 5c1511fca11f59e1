"""The equity table as cells and relations, and which of its counts to hide.

Of every group there are three counts: its units, those in the numerator, and the rest. The groups of an attribute add
up to everyone; a group that another attribute repeats is one cell; measures that count the same people everywhere are
one table; and what an earlier release told of the same group, and the few by whom it grew, count too. Of a mean there
are its people and its total, which add up alike. Leaves to others: choosing (`suppress`), what a line then shows
(`disclosure`), which means are about a few (`averages`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from salus.equity.tally import CROSS, OVERALL
from salus.publish.policy import Policy
from salus.publish.suppress import Cell, Ends, Problem, Unprotectable, suppress, told

Key = tuple[str, str, str, str]
"""A line of the equity table: measure, group of the measure, attribute, value."""
Part = Literal["n", "x", "rest"]
State = Literal["open", "small", "complementary"]
Row = Mapping[str, Any]

Counts = tuple[float, int]
"""Numerator and denominator of a line; of a mean its total and its people."""
NEAR = 0.1
"""How near to the total of a few people a reader may not come, as a share of it: the p of the p% rule."""

_PARTS: tuple[Part, ...] = ("n", "x", "rest")
_DEAR = 1_000.0
_CHEAP = 0.3  # a crossing is hidden rather than a group of one of its attributes


def key_of(row: Row) -> Key:
    """Which line a row of the equity table is."""
    return row["measure"], row["group_id"], row["attribute"], row["value"]


@dataclass(frozen=True)
class States:
    """Why the counts of a line are hidden, if they are."""

    x: State = "open"
    n: State = "open"


@dataclass(frozen=True)
class Average:
    """A mean, time or ratio as a `total` over `n` people. It may not be told where it is about a `few`; `signed`: what
    is added up may be negative. `each`: it is a mean per person, so that a reader has the total too; `scale`
    is what totals of the measure are multiplied by here."""

    total: float
    n: int
    few: bool = False
    signed: bool = False
    each: bool = True
    scale: float = 1.0

    def guard(self, policy: Policy) -> tuple[float, float] | None:
        """Between which totals a reader must not tell; None where it may be told. A zero may be where a count may."""
        if not (self.few or policy.small(self.n)):
            return None
        reach = NEAR * max(abs(self.total), float(self.n)) if self.total or policy.small(0) else 0.0
        least = self.total - reach
        return (least if self.signed else max(least, 0.0)), self.total + reach


@dataclass
class Tables:
    """All counts of a release, by line and part; `problem` is what `suppress` solves. `at_stake` are the measures and
    groups of them whose totals may be hidden although they are not small. `averages` are the lines that are means."""

    policy: Policy
    rows: Mapping[Key, Counts]
    averages: Mapping[Key, Average] = field(default_factory=dict)
    at_stake: frozenset[tuple[str, str]] = frozenset()
    problem: Problem = field(default_factory=Problem)
    places: dict[tuple[Key, Part], int] = field(default_factory=dict)

    def build(self, relations: Iterable[Callable[[Tables], None]] = ()) -> Tables:
        """Take in every line, then what joins them; `relations` are further ones."""
        most = max((n for _, n in self.rows.values()), default=0)
        for key, (x, n) in self.rows.items():
            if key in self.averages:
                self._average(key, self.averages[key], most)
            else:
                self._line(key, int(x), n, most)
        for join in (_margins, _crossed, _twins, _linked, *relations):
            join(self)
        return self

    def _line(self, key: Key, x: int, n: int, most: int) -> None:
        for part, count in zip(_PARTS, (n, x, n - x), strict=True):
            small = self.policy.small(count) and not (part == "rest" and n == 0)
            told_, weight = self._told(key, part, count, n)
            guard = (self.policy.least, self.policy.threshold - 1) if small else None
            cost = weight * (1.0 + 0.4 * count / (most + 1.0) + 0.5 * (count == 0))
            self.places[key, part] = self.problem.add(Cell(told_, guard, cost))
        units, met, rest = (self.places[key, part] for part in _PARTS)
        self.problem.sums.append(({met: 1, rest: 1, units: -1}, 0))
        self.problem.follows.append((units, met))

    def _average(self, key: Key, of: Average, most: int) -> None:
        """A mean that is shown tells its people and its total to the unit, whatever is rounded."""
        total = of.total
        weight = (_DEAR if key[:2] in self.at_stake else 0.0) if key[2] == OVERALL else 1.0
        cost = weight * (1.0 + 0.4 * of.n / (most + 1.0))
        free = cost if of.n or self.policy.small(0) else 0.0
        small = (self.policy.least, self.policy.threshold - 1) if self.policy.small(of.n) else None
        floor = float("-inf") if of.signed else 0.0
        units = self.places[key, "n"] = self.problem.add(Cell((of.n, of.n), small, free))
        figure = self.places[key, "x"] = self.problem.add(Cell((total, total), of.guard(self.policy), free, floor))
        self.problem.follows.append((units, figure))

    def _told(self, key: Key, part: Part, count: int, n: int) -> tuple[Ends | None, float]:
        """What a reader knows of a count that is put out, and what hiding it costs; an empty group is no secret."""
        if part == "rest":
            return None, 0.0
        if n == 0 and not self.policy.small(0):
            return (0, 0), 0.0
        if key[2] == OVERALL:
            hides = self.policy.small(count) or key[:2] in self.at_stake
            return (count, count), _DEAR if hides else 0.0
        price = _CHEAP if CROSS in key[2] else 1.0
        return self.policy.behind(count) if not self.policy.small(count) else (count, count), price


def hide(
    rows: Mapping[Key, Ends],
    policy: Policy,
    marks: bool,
    relations: Sequence[Callable[[Tables], None]] = (),
    averages: Mapping[Key, Average] | None = None,
) -> dict[Key, States]:
    """The states of every line (key -> numerator, denominator; of `averages`: figure, people).

    With `marks`, a count that is small itself is "small" where saying so tells nothing more; everything else hidden is
    "complementary". Totals are kept where that is possible. Unprotectable: nothing helps.
    """
    means = averages or {}
    every = {**rows, **{key: (of.total, of.n) for key, of in means.items()}}
    if not every or not policy.hides:
        return dict.fromkeys(every, States())
    tables, hidden = _solved(Tables(policy, every, means), relations)
    marked = _marked(tables, hidden) if marks else set()
    return {key: States(*(_state(tables, key, part, hidden, marked) for part in ("x", "n"))) for key in every}


def _solved(of: Tables, relations: Sequence[Callable[[Tables], None]]) -> tuple[Tables, set[int]]:
    """The tables and what is to be hidden of them: totals only of measures in which nothing else is enough."""
    at_stake: frozenset[tuple[str, str]] = frozenset()
    while True:
        tables = Tables(of.policy, of.rows, of.averages, at_stake).build(relations)
        try:
            return tables, suppress(tables.problem)
        except Unprotectable as problem:
            more = at_stake | {key[:2] for (key, _), place in tables.places.items() if place in problem.cells}
            if more == at_stake:
                raise
            at_stake = more


def _state(tables: Tables, key: Key, part: Part, hidden: set[int], marked: set[int]) -> State:
    place = tables.places[key, part]
    if place not in hidden:
        return "open"
    return "small" if place in marked else "complementary"


def _marked(tables: Tables, hidden: set[int]) -> set[int]:
    """The hidden small counts that may be called small: unless what is around them then says more."""
    cells, policy = tables.problem.cells, tables.policy
    families: dict[tuple[str, ...], set[int]] = {}
    for key in tables.rows:
        families.setdefault(key[:3], set()).update(_callable(tables, key, hidden))
    marked = {i for members in families.values() for i in members}
    for i in marked:
        cells[i].floor, cells[i].ceiling = policy.least, policy.threshold - 1
    owner = {place: key[:3] for (key, _), place in tables.places.items()}
    while marked and (leaks := told(tables.problem, hidden)):
        gone = {i for leak in leaks for i in families[owner[leak]]} & marked or set(marked)
        for i in gone:
            cells[i].floor, cells[i].ceiling = 0, float("inf")
        marked -= gone
    return marked


def _callable(tables: Tables, key: Key, hidden: set[int]) -> list[int]:
    """To say "<11" of a numerator beside a denominator that leaves few others would bound the rest."""
    n, x, rest = (tables.places[key, part] for part in _PARTS)
    guarded = [tables.problem.cells[i].guard is not None for i in (n, x, rest)]
    met = [x] if guarded[1] and not (guarded[2] and n not in hidden) else []
    return [i for i in ([n] * guarded[0] + met) if i in hidden]


# --- what joins the lines ---


def _margins(tables: Tables) -> None:
    """The groups of an attribute add up to everyone."""
    families: dict[tuple[str, str, str], list[Key]] = {}
    for key in tables.rows:
        if key[2] != OVERALL:
            families.setdefault((key[0], key[1], key[2]), []).append(key)
    totals = {key[:2]: key for key in tables.rows if key[2] == OVERALL}
    for family, members in families.items():
        whole = totals.get(family[:2])
        for part in ("n", "x") if whole else ():
            terms = {tables.places[key, part]: 1 for key in members}
            tables.problem.sums.append((terms | {tables.places[whole, part]: -1}, 0))  # type: ignore[index]


def _crossed(tables: Tables) -> None:
    """The groups of a crossing that share a group of one of its attributes add up to that group."""
    inside: dict[tuple[Key, str], list[Key]] = {}
    for key in tables.rows:
        for attribute, value in zip(key[2].split(CROSS), key[3].split(CROSS), strict=False) if CROSS in key[2] else ():
            inside.setdefault(((*key[:2], attribute, value), key[2]), []).append(key)
    for (whole, _), members in inside.items():
        for part in ("n", "x") if whole in tables.rows else ():
            terms = {tables.places[key, part]: 1 for key in members}
            tables.problem.sums.append((terms | {tables.places[whole, part]: -1}, 0))


def _twins(tables: Tables) -> None:
    """Groups that several attributes share: the same counts in the same measure."""
    same: dict[tuple[str, str, float, int], list[Key]] = {}
    for key, (x, n) in tables.rows.items():
        if key[2] != OVERALL and n > 0:
            same.setdefault((key[0], key[1], x, n), []).append(key)
    for twins in same.values():
        for other in twins[1:]:
            if other[2] != twins[0][2]:
                _join(tables, twins[0], other, ("n", "x"), ("n", "x"))


def _linked(tables: Tables) -> None:
    """Measure groups that count the same people in every group: one's numerator may be another's denominator."""
    seen: dict[tuple[Any, ...], tuple[list[Key], Part]] = {}
    for members in _by_measure(tables.rows).values():
        for part in _PARTS[:2] if members[0] in tables.averages else _PARTS:
            counts = tuple((*key[2:], _count(tables.rows[key], part)) for key in members)
            first, of = seen.setdefault(counts, (members, part))
            if first is not members and any(count[2] for count in counts):
                for one, other in zip(first, members, strict=True):
                    _join(tables, one, other, (of,), (part,))


def _join(tables: Tables, one: Key, other: Key, parts: Iterable[Part], others: Iterable[Part]) -> None:
    for a, b in zip(parts, others, strict=True):
        tables.problem.equal(tables.places[one, a], tables.places[other, b])


def _by_measure(rows: Iterable[Key]) -> dict[tuple[str, str], list[Key]]:
    found: dict[tuple[str, str], list[Key]] = {}
    for key in rows:
        found.setdefault(key[:2], []).append(key)
    return found


def _count(counts: Counts, part: Part) -> float:
    x, n = counts
    return {"n": n, "x": x, "rest": n - x}[part]
