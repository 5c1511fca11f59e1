"""What a report shows beside the rates of groups: how a gap moves through periods, crossings as a map, sites as a
funnel, and means. All of it from lines that may be shown, so that no picture knows more than its table.

Leaves to others: the lines (`disclosure`), the drawing (`pictures`), the page (`report`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import pyarrow as pa

from salus.equity import funnel_plot
from salus.equity.estimate import MINIMUM
from salus.equity.sites import ACTION, FEW, FEWEST, WARNING, limits, side
from salus.equity.tally import CROSS, NOT_KNOWN, is_known
from salus.publish import words
from salus.publish.disclosure import TOO_SMALL, Line

MOST_PERIOD_GAPS = 3
"""Gaps of a measure followed through periods."""
MOST_OF_A_MEASURE = 2


class OfMeasure(Protocol):
    """What is told of a measure."""

    @property
    def measure(self) -> str: ...


_Told = TypeVar("_Told", bound=OfMeasure)


def leading(ranked: Iterable[_Told], most: int) -> list[_Told]:
    """The first `most`, in their order, and no measure more than twice: a page that one measure fills says little."""
    found: list[_Told] = []
    for each in ranked:
        if sum(each.measure == other.measure for other in found) < MOST_OF_A_MEASURE:
            found.append(each)
    return found[:most]


@dataclass(frozen=True)
class Point:
    """The gap of one period: rate less the reference's, with its interval (fractions)."""

    period: str
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Course:
    """One gap through periods, oldest first."""

    title: str
    points: tuple[Point, ...]
    improvement: str | None

    @property
    def said(self) -> str:
        """Whether the gap has changed by more than chance between the first and the last period."""
        first, last = self.points[0], self.points[-1]
        change = last.difference - first.difference
        reach = np.hypot(last.high - last.low, first.high - first.low) / 2.0
        if abs(change) <= reach:
            return "No change that chance does not explain."
        narrower = abs(last.difference) < abs(first.difference)
        return f"The gap has become {'narrower' if narrower else 'wider'} by {abs(change) * 100:.0f} points."


def courses(lines: Sequence[Line], periods: Sequence[tuple[str, Sequence[Line]]], period: str) -> list[Course]:
    """The first gaps of a measure (`lines`, worst first) through earlier periods (what each is called, its lines) and
    this one. A period in which the group or its reference is hidden, or the reference is another, has no point."""
    found = []
    for line in lines[:MOST_PERIOD_GAPS]:
        points = [p for name, others in periods if (p := _point(name, _same(line, others))) is not None]
        now = _point(period, line)
        if points and now is not None:
            title = f"{words.group_label(line.attribute, line.value)}, against " + words.group_label(
                line.attribute, line.reference or ""
            )
            found.append(Course(title, (*points, now), line.improvement))
    return found


def _same(line: Line, others: Sequence[Line]) -> Line | None:
    return next((o for o in others if o.key == line.key and o.reference == line.reference), None)


def _point(period: str, line: Line | None) -> Point | None:
    if line is None or line.figures["difference"] is None:
        return None
    low, high = line.figures["difference_low"], line.figures["difference_high"]
    return None if low is None or high is None else Point(period, line.figures["difference"], low, high)


# --- crossings ---


@dataclass(frozen=True)
class Tile:
    """One crossing: what is written in it, how far its rate lies from everyone's (-1 to 1; None: nothing to shade)."""

    text: str
    note: str
    shade: float | None
    worse: bool = False


@dataclass(frozen=True)
class Heat:
    """Two attributes crossed: the first one's groups down, the second's across."""

    title: str
    down: tuple[str, ...]
    across: tuple[str, ...]
    tiles: Mapping[tuple[str, str], Tile]
    labels: tuple[str, str]


def heat(family: Sequence[Line], everyone: float | None) -> Heat | None:
    """The map of a crossing of two attributes; None of more, or where nothing may be shown."""
    attributes = family[0].attribute.split(CROSS)
    if len(attributes) != 2 or everyone is None or all(line.hidden for line in family):
        return None
    known = [(line, _names(line)) for line in family if is_known(line.value)]
    away = [abs(r - everyone) for line, _ in known if (r := line.figures["rate"]) is not None]
    reach = max([*away, 0.01])
    names = [tuple(dict.fromkeys(pair[i] for _, pair in known)) for i in (0, 1)]
    tiles = {pair: _tile(line, everyone, reach) for line, pair in known}
    labels = words.attribute_label(attributes[0]), words.attribute_label(attributes[1])
    return Heat(words.attribute_label(family[0].attribute), names[0], names[1], tiles, labels)


def _names(line: Line) -> tuple[str, str]:
    """How the two groups of a crossing are called."""
    parts = zip(line.attribute.split(CROSS), line.value.split(CROSS), strict=True)
    one, other = (words.group_label(*part) for part in parts)
    return one, other


def _tile(line: Line, everyone: float, reach: float) -> Tile:
    rate = line.figures["rate"]
    if line.hidden or rate is None:
        return Tile("hidden" if line.hidden else "–", line.verdict, None)
    few = line.reliability != "reliable"
    note = f"{words.number(line.numerator)} of {words.number(line.denominator)}, {line.verdict}"
    return Tile(words.percent(rate, 0), note, None if few else (rate - everyone) / reach, line.verdict == "worse")


# --- sites ---


@dataclass(frozen=True)
class Site:
    """A site in its funnel."""

    name: str
    n: int
    rate: float
    verdict: str


@dataclass(frozen=True)
class Sites:
    """Sites side by side. `curve` has sizes and the two pairs of limits there; `missing` counts hidden sites."""

    label: str
    target: float
    sites: tuple[Site, ...]
    curve: tuple[tuple[float, float, float, float, float], ...]
    overdispersion: float
    missing: int


def sites(family: Sequence[Line]) -> Sites | None:
    """The funnel of sites that may be shown, around their own mean; None with fewer than `FEWEST`."""
    known = [line for line in family if line.value not in NOT_KNOWN and (line.denominator != 0 or line.hidden)]
    shown = [line for line in known if line.numerator is not None and line.denominator]
    x, n = (np.array([getattr(line, k) or 0 for line in shown], dtype=float) for k in ("numerator", "denominator"))
    if len(shown) < FEWEST or not 0 < x.sum() < n.sum():
        return None
    effect = shown[0].figures.get("design_effect") or 1.0
    excess = funnel_plot.excess(funnel_plot.proportion_scores(x / effect, n / effect))
    target = float(x.sum() / n.sum())
    low, high = limits(n / effect, target, excess.between, ACTION)
    rates = (x / n).tolist()
    sides = [FEW if n[i] < MINIMUM else side(rates[i], low[i], high[i]) for i in range(len(shown))]
    found = [Site(line.value, int(n[i]), rates[i], sides[i]) for i, line in enumerate(shown)]
    sizes = np.linspace(n.min() * 0.8, n.max() * 1.05, 40)
    ends = [end for level in (WARNING, ACTION) for end in limits(sizes / effect, target, excess.between, level)]
    curve = tuple((float(s), *(float(end[i]) for end in ends)) for i, s in enumerate(sizes))
    label = words.attribute_label(family[0].attribute)
    return Sites(label, target, tuple(found), curve, excess.ratio, len(known) - len(shown))  # type: ignore[arg-type]


# --- means ---


@dataclass(frozen=True)
class Mean:
    """A group's mean, median or ratio as it may be shown."""

    attribute: str
    group: str
    figure: str
    interval: str
    difference: str
    people: str
    verdict: str


@dataclass(frozen=True)
class Means:
    """One measure that is no rate: what its figure is, and its groups."""

    name: str
    title: str
    kind: str
    rows: tuple[Mean, ...]


def means(table: pa.Table, titles: Mapping[str, str], threshold: int) -> list[Means]:
    """The table of means as it may be shown: of fewer people than the threshold nothing; and where a group of an
    attribute is hidden, no numbers of people beside it, so that the rest does not give it back. The table of a release
    says itself what is hidden."""
    families: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in table.to_pylist():
        families.setdefault((row["measure"], row["group_id"]), []).append(row)
    return [
        Means(measure, titles.get(measure, measure), rows[0]["kind"], tuple(_means(rows, threshold)))
        for (measure, _), rows in families.items()
    ]


def _said(row: Mapping[str, Any], hidden: bool) -> str:
    """The verdict of a row; of one that a release does not show, the release's own."""
    return TOO_SMALL if hidden and "figure_state" not in row else row["verdict"]


def _means(rows: Sequence[Mapping[str, Any]], threshold: int) -> Iterator[Mean]:
    closed = {row["attribute"] for row in rows if "people_state" not in row and 0 < row["people"] < threshold}
    for row in rows:
        hidden = row["figure_state"] != "open" if "figure_state" in row else 0 < row["people"] < threshold
        near = row["attribute"] in closed or row.get("people_state", "open") != "open"
        yield Mean(
            words.attribute_label(row["attribute"]),
            words.group_label(row["attribute"], row["value"]),
            "hidden" if hidden else words.amount(row["figure"]),
            "" if hidden or row["low"] is None else f"{words.amount(row['low'])} to {words.amount(row['high'])}",
            "" if hidden or row["difference"] is None else words.amount(row["difference"], signed=True),
            "hidden" if near else words.number(row["people"]),
            _said(row, hidden),
        )
