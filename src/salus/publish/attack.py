"""The attacker: what a reader of released files can work out about the counts that are not shown.

Shares no code with what hides them, and reads nothing but the release and earlier ones. Every count is an unknown whole
number, not negative; every printed figure is a constraint on it: counts to their rounding, rates, differences and
ratios to their last digit, Wilson intervals by trying every pair that prints so, shares of people not known, groups
that add up to everyone, groups and measures that are seen to be the same. A mean times its people is a total, and
totals add up as counts do; where nothing printed is below zero, none is taken to be. An index of inequality says over
how many people it was taken. For each count asked for, the least and the most that is possible is found by integer
programming. Leaves to others: what is too much to know (`certificate`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from statistics import NormalDist

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csc_array

from salus.errors import SalusError

TABLE, MEANS, INDICES, ABOUT = "equity.csv", "means.csv", "inequality.csv", "release.json"
MOST = 100_000_000
"""A count above it is not thought of."""
_TRIED = 1_000_000
_FIGURE_DIGITS = 4
"""Digits to which the figures of a table of means are printed."""

_EVERYONE = "overall", "everyone"
Line = tuple[str, str, str, str]
Name = tuple[int, Line, str]
"""Which release (0: the one under attack), which line, and n, x or rest; of a mean n or total."""
Range = tuple[float, float]
Count = tuple[Line, str]
"""A line, and which of its counts."""
Terms = Mapping[Name, float]

_SAME_GROUPS = ((("payer", "Uninsured"), ("uninsured", "yes")), (("payer", "unknown"), ("uninsured", "unknown")))
"""What docs/attributes.md tells everyone."""


@dataclass
class Knowledge:
    """Bounds of every count, and linear constraints (terms, least, most)."""

    bounds: dict[Name, Range] = field(default_factory=dict)
    rules: list[tuple[Terms, float, float]] = field(default_factory=list)

    def narrow(self, name: Name, low: float, high: float) -> None:
        """A count lies between."""
        least, most = self.bounds[name]
        self.bounds[name] = max(least, int(np.ceil(low - 1e-9))), min(most, int(np.floor(high + 1e-9)))

    def rule(self, terms: Terms, low: float, high: float) -> None:
        """A sum of counts lies between."""
        self.rules.append((terms, low, high))


@dataclass(frozen=True)
class Released:
    """A release as read from its folder: its lines as text (those of means have a figure), its indices of inequality,
    its policy and period."""

    folder: Path
    about: Mapping[str, object]
    lines: Mapping[Line, Mapping[str, str]]
    indices: Sequence[Mapping[str, str]] = ()

    @classmethod
    def read(cls, folder: Path) -> Released:
        """SalusError names the file that is not there or cannot be read."""
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            lines = {_line(row): row for row in _rows(folder / TABLE)}
            lines |= {_line(row): _mean(row) for row in _rows(folder / MEANS, optional=True)}
            indices = _rows(folder / INDICES, optional=True)
        except (OSError, ValueError, KeyError) as problem:
            raise SalusError(f"{folder} is no release of salus publish: {problem}") from problem
        return cls(folder, about, lines, indices)

    @property
    def period(self) -> tuple[str, str]:
        """First and last day; empty texts when not stated."""
        given = self.about.get("period")
        start, end = given if isinstance(given, list) and len(given) == 2 else ("", "")
        return str(start), str(end)

    def count(self, line: Line, part: str) -> Range | None:
        """What a printed count says, its rounding allowed for; None where it is not printed."""
        text = self.lines[line]["denominator" if part == "n" else "numerator"]
        return self._unrounded(int(text)) if text else None

    def parts(self, line: Line) -> tuple[str, ...]:
        """What a line counts, or adds up."""
        return ("n", "total") if "figure" in self.lines[line] else ("n", "x")

    def _unrounded(self, shown: int) -> Range:
        policy = self.about.get("policy")
        steps = policy.get("rounding") if isinstance(policy, dict) else None
        if not steps:
            return shown, shown
        digits = int(policy.get("digits") or 0) if isinstance(policy, dict) else 0
        bases = [int(base) for start, base in steps if start <= shown + base] or [1]
        base = 10 ** (len(str(shown)) - digits) if digits and shown >= 10**6 else max(bases)
        return max(shown - base // 2, 0), shown + base // 2


def _rows(path: Path, optional: bool = False) -> list[dict[str, str]]:
    if optional and not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _line(row: Mapping[str, str]) -> Line:
    return row["measure"], row["group_id"], row["attribute"], row["value"]


def _mean(row: Mapping[str, str]) -> dict[str, str]:
    """A line of the table of means: its people stand where a rate has its denominator. A median is in no sum."""
    per = "" if row["kind"] == "median" else row["per"]
    return {"denominator": row["people"], "numerator": "", "figure": row["figure"], "per": per}


def attack(
    release: Path, earlier: Sequence[Path] = (), asked: Mapping[Count, Range] | None = None
) -> dict[Count, Range]:
    """The least and the most each count can be: (line, "n", "x" or "rest") -> range.

    `asked` names the counts of interest and how far to look for each: an end of the range that is possible is not
    looked beyond. Without it, every count that the release does not show, all the way. SalusError: what was released
    contradicts itself.
    """
    releases = [Released.read(folder) for folder in (release, *earlier)]
    if asked is None:
        asked = dict.fromkeys(_unshown(releases[0]), (0, MOST))
    found = _Solver(learn(releases)).ranges({(0, *count): ends for count, ends in asked.items()})
    return {(line, part): ends for (_, line, part), ends in found.items()}


def _unshown(release: Released) -> Iterator[Count]:
    for line in release.lines:
        if release.parts(line) == ("n", "total"):
            row = release.lines[line]
            told = {"n": bool(row["denominator"]), "total": bool(row["figure"]) or row["per"] != "person"}
            yield from ((line, part) for part in told if not told[part])
            continue
        told = {part: release.count(line, part) is not None for part in ("n", "x")}
        yield from ((line, part) for part in told if not told[part])
        if not all(told.values()):
            yield line, "rest"


def learn(releases: Sequence[Released]) -> Knowledge:
    """All that the releases say, put together."""
    known = Knowledge()
    for number, release in enumerate(releases):
        for line in release.lines:
            _counts(known, number, release, line)
        _margins(known, number, release)
        for line in release.lines:
            _figures(known, number, release, line)
        _indices(known, number, release)
        _same_groups(known, number, release)
        _same_measures(known, number, release)
    for number, release in enumerate(releases[1:], 1):
        _same_data(known, number, releases[0], release)
    return known


# --- counts ---


def _counts(known: Knowledge, number: int, release: Released, line: Line) -> None:
    if release.parts(line) == ("n", "total"):
        known.bounds[number, line, "n"] = release.count(line, "n") or (0, MOST)
        known.bounds[number, line, "total"] = _total(release, line)
        return
    for part in ("n", "x"):
        known.bounds[number, line, part] = release.count(line, part) or (0, MOST)
    known.bounds[number, line, "rest"] = 0, MOST
    known.rule({(number, line, "x"): 1, (number, line, "rest"): 1, (number, line, "n"): -1}, 0, 0)


def _total(release: Released, line: Line) -> Range:
    """Between what a total lies: the figure, to its last digit, times the people. Per unit it is not known."""
    row, floor = release.lines[line], _floor(release, line)
    people = release.count(line, "n")
    if row["per"] != "person" or not row["figure"] or people is None:
        return floor, np.inf
    value = float(row["figure"])
    slack = 0.5 * 10.0 ** (np.floor(np.log10(abs(value))) + 1 - _FIGURE_DIGITS) if value else 0.0
    ends = [(value + side * slack) * n for side in (-1, 1) for n in people]
    return max(min(ends), floor), max(ends)


def _floor(release: Released, line: Line) -> float:
    """0 where nothing that is printed of the measure is below it."""
    figures = [row["figure"] for other, row in release.lines.items() if other[:2] == line[:2] and "figure" in row]
    return -np.inf if any(float(figure) < 0 for figure in figures if figure) else 0.0


def _whole(line: Line) -> Line:
    return (*line[:2], *_EVERYONE)


def _margins(known: Knowledge, number: int, release: Released) -> None:
    families: dict[Line, list[Line]] = {}
    for line in release.lines:
        if line[2] != "overall":
            families.setdefault((*line[:3], ""), []).append(line)
    for family, members in families.items():
        whole = _whole(family)
        for part in release.parts(whole) if whole in release.lines else ():
            known.rule({(number, m, part): 1 for m in members} | {(number, whole, part): -1}, 0, 0)


def _equal(known: Knowledge, one: Name, other: Name) -> None:
    if one in known.bounds and other in known.bounds:
        known.rule({one: 1, other: -1}, 0, 0)


def _same_groups(known: Knowledge, number: int, release: Released) -> None:
    for measure, group_id in {line[:2] for line in release.lines}:
        for one, other in _SAME_GROUPS:
            for part in ("n", "x", "total"):
                _equal(known, (number, (measure, group_id, *one), part), (number, (measure, group_id, *other), part))


def _same_measures(known: Knowledge, number: int, release: Released) -> None:
    """Measures whose printed counts agree, everyone's and three in all at least, are taken to count the same people."""
    columns: dict[tuple[str, str, str], dict[tuple[str, str], Range | None]] = {}
    for line in release.lines:
        for part in release.parts(line):
            columns.setdefault((*line[:2], part), {})[line[2], line[3]] = release.count(line, part)
    for (one, left), (other, right) in combinations(columns.items(), 2):
        if one[:2] != other[:2] and "total" not in (one[2], other[2]) and _agree(left, right):
            for group in left:
                names = [(number, (*column[:2], *group), column[2]) for column in (one, other)]
                _equal(known, names[0], names[1])


def _agree(left: Mapping[tuple[str, str], Range | None], right: Mapping[tuple[str, str], Range | None]) -> bool:
    pairs = [(left[group], right[group]) for group in left if group in right]
    both = [(a, b) for a, b in pairs if a is not None and b is not None]
    whole = left.get(_EVERYONE), right.get(_EVERYONE)
    return None not in whole and all(a == b for a, b in both) and sum(a[0] > 0 for a, _ in both) >= 3


def _same_data(known: Knowledge, number: int, now: Released, then: Released) -> None:
    """An earlier release of the same period whose printed counts all agree with this one's tells of the same people."""
    shared = [line for line in now.lines if line in then.lines]
    pairs = [(now.count(line, part), then.count(line, part)) for line in shared for part in ("n", "x")]
    agree = [a[0] <= b[1] and b[0] <= a[1] for a, b in pairs if a is not None and b is not None]
    if now.period == then.period and agree and all(agree):
        for line in shared:
            for part in ("n", "x", "total"):
                _equal(known, (0, line, part), (number, line, part))


def _indices(known: Knowledge, number: int, release: Released) -> None:
    """An index over more people than the groups that are shown have takes in groups that are not."""
    told = {(r["measure"], r["group_id"], r["attribute"], r["people"]) for r in release.indices if r["people"]}
    for measure, group_id, attribute, people in told:
        members = [li for li in release.lines if li[:3] == (measure, group_id, attribute) and _is_known(li[3])]
        counts = [release.count(line, "n") for line in members]
        most = sum(count[1] for count in counts if count)
        if int(people) > most and None in counts:
            known.rule({(number, line, "n"): 1 for line in members}, int(people), int(people))


def _is_known(value: str) -> bool:
    return value not in ("unknown", "declined")


# --- figures ---


def _figures(known: Knowledge, number: int, release: Released, line: Line) -> None:
    """What a rate, a gap or an interval says of counts that are not printed beside it."""
    row = release.lines[line]
    share = _printed(row, "missing_share")
    if share is not None and line[3] in ("unknown", "declined"):
        _missing(known, number, release, line, share)
    if release.count(line, "n") is not None and release.count(line, "x") is not None:
        return
    rate = _rate(release, line)
    if rate is not None:
        value, slack = rate
        n, x = (number, line, "n"), (number, line, "x")
        known.rule({x: 1, n: -(value - slack)}, 0, np.inf)
        known.rule({x: 1, n: -(value + slack)}, -np.inf, 0)
    _interval(known, number, row, line)
    people, gap = _printed(row, "people"), _printed(row, "difference")
    if people is not None and gap is not None and abs(gap[0]) > gap[1]:
        size = abs(people[0] / gap[0])
        slack = size * (gap[1] / abs(gap[0])) + people[1] / abs(gap[0]) + 1e-6
        known.narrow((number, line, "n"), size - slack, size + slack)


def _printed(row: Mapping[str, str], name: str) -> tuple[float, float] | None:
    """A printed number and half a unit of its last digit."""
    text = row.get(name) or ""
    if not text or text in ("inf", "nan"):
        return None
    mantissa, _, power = text.lower().partition("e")
    digits = len(mantissa.partition(".")[2])
    return float(text), max(0.5 * 10.0 ** (int(power or 0) - digits), 1e-12)


def _rate(release: Released, line: Line) -> tuple[float, float] | None:
    """The rate of a line: printed, or its reference's with the gap or ratio between them."""
    row = release.lines[line]
    if (rate := _printed(row, "rate")) is not None:
        return rate
    reference = release.lines.get((*line[:3], row.get("reference") or ""))
    base = _printed(reference, "rate") if reference else None
    if base is None:
        return None
    if (gap := _printed(row, "difference")) is not None:
        return base[0] + gap[0], base[1] + gap[1]
    if (ratio := _printed(row, "ratio")) is not None:
        return base[0] * ratio[0], base[0] * ratio[1] + base[1] * ratio[0]
    return None


def _interval(known: Knowledge, number: int, row: Mapping[str, str], line: Line) -> None:
    low, high, level = (_printed(row, name) for name in ("low", "high", "level"))
    if low is None or high is None or level is None:
        return
    least, most = known.bounds[number, line, "n"]
    whole = known.bounds.get((number, _whole(line), "n"), (0, MOST))[1]
    pairs = _pairs(low, high, level[0], int(max(least, 1)), int(min(most, whole, _TRIED)))
    if len(pairs):
        for part, column in (("n", pairs[:, 0]), ("x", pairs[:, 1])):
            known.narrow((number, line, part), column.min(), column.max())


def _pairs(
    low: tuple[float, float], high: tuple[float, float], level: float, least: int, most: int
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """The (n, x) whose Wilson interval prints as given: its middle gives x for each n."""
    z2 = NormalDist().inv_cdf(0.5 + level / 2.0) ** 2
    n = np.arange(least, most + 1, dtype=np.float64)
    middle = (low[0] + high[0]) / 2.0
    x = np.round(middle * (n + z2) - z2 / 2.0)
    p = x / n
    half = np.sqrt(z2 * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).clip(0.0)) / (1.0 + z2 / n)
    center = (p + z2 / (2.0 * n)) / (1.0 + z2 / n)
    slack = 1e-9
    fits = (np.abs((center - half).clip(0.0) - low[0]) <= low[1] + slack) & (
        np.abs((center + half).clip(None, 1.0) - high[0]) <= high[1] + slack
    )
    return np.stack([n[fits], x[fits]], axis=1).astype(np.int64)


def _missing(known: Knowledge, number: int, release: Released, line: Line, share: tuple[float, float]) -> None:
    """The share of people not known, of everyone, is how many they are."""
    gone = [(*line[:3], value) for value in ("unknown", "declined")]
    terms = {(number, each, "n"): 1.0 for each in gone if each in release.lines}
    whole = release.count(_whole(line), "n") if _whole(line) in release.lines else None
    if whole is not None and whole[0] == whole[1]:
        known.rule(terms, (share[0] - share[1]) * whole[0], (share[0] + share[1]) * whole[1])


# --- programmes ---


class _Solver:
    """Least and most of a count, over the counts that constraints join to it."""

    def __init__(self, known: Knowledge) -> None:
        self.known = known
        self.rules_of: dict[Name, list[int]] = {}
        for place, (terms, _, _) in enumerate(known.rules):
            for name in terms:
                self.rules_of.setdefault(name, []).append(place)
        self.parts: dict[Name, _Part] = {}

    def ranges(self, asked: Mapping[Name, Range]) -> dict[Name, Range]:
        """The least and the most each can be, as far as is asked."""
        found: dict[Name, Range] = {}
        parts: dict[_Part, dict[Name, Range]] = {}
        for name, ends in asked.items():
            low, high = self.known.bounds[name]
            if low == high:
                found[name] = low, high
            else:
                parts.setdefault(self.parts.get(name) or self._part(name), {})[name] = ends
        for part, names in parts.items():
            least, most = part.extremes(names, 1), part.extremes(names, -1)
            found |= {name: (least[name], most[name]) for name in names}
        return found

    def _part(self, name: Name) -> _Part:
        names, todo = {name: 0}, [name]
        rules: dict[int, None] = {}
        while todo:
            for place in self.rules_of.get(todo.pop(), ()):
                rules[place] = None
                for other in self.known.rules[place][0]:
                    low, high = self.known.bounds[other]
                    if low != high and other not in names:
                        names[other] = len(names)
                        todo.append(other)
        part = _Part(self.known, names, list(rules))
        self.parts.update(dict.fromkeys(names, part))
        return part


class _Part:
    def __init__(self, known: Knowledge, names: Mapping[Name, int], rules: Sequence[int]) -> None:
        self.names = names
        ends = np.array([known.bounds[name] for name in names], dtype=np.float64)
        self.low, self.high = ends[:, 0], ends[:, 1]
        rows, columns, values, low, high = [], [], [], [], []
        for row, place in enumerate(rules):
            terms, least, most = known.rules[place]
            settled = sum(c * known.bounds[name][0] for name, c in terms.items() if name not in names)
            for name in terms.keys() & names.keys():
                rows.append(row)
                columns.append(names[name])
                values.append(terms[name])
            low.append(least - settled)
            high.append(most - settled)
        matrix = csc_array((values, (rows, columns)), shape=(len(rules), len(names)))
        self.constraint = LinearConstraint(matrix, low, high)
        self.whole = np.array([name[2] != "total" for name in names], dtype=np.int64)

    def extremes(self, names: Mapping[Name, Range], sign: int) -> dict[Name, float]:
        """The least (sign 1) or most (-1) each can be: many at once, as long as that gets any as far as asked, then the
        rest one by one."""
        end = {name: ends[0 if sign > 0 else 1] for name, ends in names.items()}
        found: dict[Name, float] = {}
        while left := {name: each for name, each in end.items() if name not in found}:
            table = self._table(left, sign)
            reached = {name: each for name, each in left.items() if sign * (table[name] - each) <= 0}
            found |= reached
            if not reached:
                return found | {name: self._table({name: each}, sign)[name] for name, each in left.items()}
        return found

    def _table(self, aims: Mapping[Name, float], sign: int) -> dict[Name, float]:
        """Counts that fit all that is known, as far out as possible in those aimed at, but none beyond its aim."""
        goal, low, high = np.zeros(len(self.names)), self.low.copy(), self.high.copy()
        for name, aim in aims.items():
            i = self.names[name]
            goal[i] = sign
            low[i], high[i] = (
                (min(max(low[i], aim), high[i]), high[i]) if sign > 0 else (low[i], max(min(high[i], aim), low[i]))
            )
        constraints = [self.constraint]
        made = milp(goal, integrality=self.whole, bounds=Bounds(low, high), constraints=constraints)
        if made.x is None and len(aims) == 1:
            made = milp(goal, integrality=self.whole, bounds=Bounds(self.low, self.high), constraints=constraints)
        if made.x is None and len(aims) == 1:
            line = next(iter(aims))[1]
            raise SalusError(f"what was released of {' / '.join(line)} contradicts itself; nothing fits it")
        if made.x is None:
            return dict.fromkeys(aims, MOST * sign)
        return {name: self._count(name, made.x) for name in aims}

    def _count(self, name: Name, table: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
        """Counts are whole, totals are not."""
        value = float(table[self.names[name]])
        return round(value) if self.whole[self.names[name]] else value
