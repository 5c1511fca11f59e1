"""What earlier releases told, as relations among the counts of a new one.

The same period with the same counts is the same table: what it printed is known, what it hid must stay hidden. Of other
data that overlap, a reader takes the difference, and a small difference is a small count; between two means of a group
that grew by few it is what these few have. Leaves to others: choosing what to hide for it (`suppress`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from salus.equity.tally import OVERALL
from salus.errors import SalusError
from salus.publish.policy import Policy
from salus.publish.suppress import Cell, Ends
from salus.publish.tables import Average, Key, Tables, key_of


@dataclass(frozen=True)
class Earlier:
    """A release of before: numerator and denominator of each line, of a mean its figure and its people; None where
    hidden."""

    period: tuple[str, ...]
    rounded: bool
    lines: Mapping[Key, tuple[int | None, int | None]]
    averages: Mapping[Key, tuple[float | None, int | None]] = field(default_factory=dict)


def read(folder: Path) -> Earlier:
    """An earlier release; SalusError when the folder is none."""
    try:
        about = json.loads((folder / "release.json").read_text(encoding="utf-8"))
        lines = {
            key_of(row): (_count(row["numerator"]), _count(row["denominator"])) for row in _rows(folder / "equity.csv")
        }
        averages = {
            key_of(row): (_figure(row["figure"]), _count(row["people"])) for row in _rows(folder / "means.csv", True)
        }
        return Earlier(tuple(about["period"]), bool(about["policy"]["rounding"]), lines, averages)
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise SalusError(f"{folder} is no release of salus publish: {problem}") from problem


def _rows(path: Path, optional: bool = False) -> list[dict[str, str]]:
    """The rows of a table of a release; none where it may be missing, and is."""
    if optional and not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _count(text: str) -> int | None:
    return int(text) if text else None


def _figure(text: str) -> float | None:
    return float(text) if text else None


def touched(earlier: Earlier, averages: Mapping[Key, Average], period: tuple[str, ...], policy: Policy) -> set[Key]:
    """The means of groups that are those of an earlier release but for a few: two totals would tell what the few
    have."""
    if earlier.period and period and not _overlap(earlier.period, period):
        return set()
    shared = {key: of for key, of in averages.items() if None not in earlier.averages.get(key, (None, None))}
    return {key for key, of in shared.items() if _nearly(earlier.averages[key], of, policy)}


def _nearly(told: tuple[float | None, int | None], now: Average, policy: Policy) -> bool:
    """Whether a group differs from what was told of it, by few people. A release of the same data says the same."""
    figure, people = told
    assert figure is not None
    assert people is not None
    same = now.n == people and abs(figure * people - now.total / now.scale) <= 1e-3 * abs(figure) * people
    return abs(now.n - people) < policy.threshold and not (same or (not now.each and now.n == people))


def relation(earlier: Earlier, period: tuple[str, ...]) -> Callable[[Tables], None]:
    """How an earlier release bears on the tables of a new one for `period`."""

    def join(tables: Tables) -> None:
        if earlier.rounded:
            return  # what was rounded gives no exact difference; the certificate looks at it all the same
        if earlier.period == period and _agrees(earlier, tables):
            _same(earlier, tables)
            _same_averages(earlier, tables)
        elif not earlier.period or not period or _overlap(earlier.period, period):
            _grown(earlier, tables)

    return join


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _agrees(earlier: Earlier, tables: Tables) -> bool:
    """Whether every count it printed is the count of now."""
    pairs = [(told, now) for key, now in tables.rows.items() for told in [earlier.lines.get(key)] if told]
    pairs += [((None, told[1]), tables.rows[key]) for key, told in earlier.averages.items() if key in tables.averages]
    return bool(pairs) and all(t in (None, c) for told, now in pairs for t, c in zip(told, now, strict=True))


def _same(earlier: Earlier, tables: Tables) -> None:
    """The cells of the earlier table beside those of now, with its own margins."""
    families: dict[tuple[str, str, str], dict[Key, tuple[int, int]]] = {}
    for key, counts in earlier.lines.items():
        places = [tables.problem.add(_known(count)) for count in counts]
        rest = tables.problem.add(Cell())
        tables.problem.sums.append(({places[0]: 1, rest: 1, places[1]: -1}, 0))
        families.setdefault(key[:3], {})[key] = places[0], places[1]
        if key in tables.rows:
            tables.problem.equal(places[0], tables.places[key, "x"])
            tables.problem.equal(places[1], tables.places[key, "n"])
    for family, members in families.items():
        whole = families.get((*family[:2], OVERALL), {})
        if family[2] != OVERALL and whole:
            total = next(iter(whole.values()))
            for at in (0, 1):
                terms = {places[at]: 1 for places in members.values()}
                tables.problem.sums.append((terms | {total[at]: -1}, 0))


def _same_averages(earlier: Earlier, tables: Tables) -> None:
    """The means that the earlier table told of are known; a total is so to the unit."""
    for key, (figure, people) in earlier.averages.items():
        if key not in tables.averages:
            continue
        total, n = tables.rows[key]
        for part, known in (("x", figure and total), ("n", people and n)):
            place = tables.problem.add(Cell(None if known is None else (known, known)))
            tables.problem.equal(place, tables.places[key, part])  # type: ignore[index]


def _known(count: int | None) -> Cell:
    return Cell(None if count is None else (count, count))


def _grown(earlier: Earlier, tables: Tables) -> None:
    """A count that differs by few from the one told before: the few are a cell to protect."""
    for key, now in tables.rows.items():
        before = earlier.lines.get(key, (None, earlier.averages.get(key, (None, None))[1]))
        for part, told, count in zip(("x", "n"), before, now, strict=True):
            if told is not None and 0 < abs(count - told) < tables.policy.threshold:
                _few(tables, tables.places[key, part], (told, int(count)))  # type: ignore[index]


def _few(tables: Tables, place: int, counts: Ends) -> None:
    told, count = counts
    sign = 1 if count > told else -1
    most = tables.policy.threshold - 1 if sign > 0 else min(tables.policy.threshold - 1, told)
    few = tables.problem.add(Cell(None, (1, most), floor=float("-inf")))
    tables.problem.sums.append(({place: 1, few: -sign}, told))
