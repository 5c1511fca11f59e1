"""The scorecard as one HTML file: no network, no script, and every number leads to where it comes from.

Leaves to others: the figures (`scorecard`), wording (`publish.words`); the page itself is templates/scorecard.html.j2
with scorecard.css, over the style sheet of the report.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from salus import __version__
from salus.mission.readings import Gap, Reading, in_words
from salus.mission.scorecard import Followed, Scorecard
from salus.mission.sources import MANIFEST, Source
from salus.mission.trend import Trend
from salus.publish import pages, words
from salus.publish.views import leading

MOST_GAPS = 5
MOST_OF_A_CLAUSE = 8
"""Gaps shown; scorecard.json has all of them."""
_WIDE, _TALL, _EDGE = 150.0, 40.0, 5.0
SIGNS = {"better": "▲", "worse": "▼", "higher": "△", "lower": "▽", "steady": "=", "not clear": "~"}


@dataclass(frozen=True)
class Spark:
    """A small line of a figure through its periods: points, and the band of a control chart, as SVG wants them."""

    line: str
    band: str
    centre: float | None
    last: tuple[float, float]
    alternative: str


def render(card: Scorecard, out: Path) -> str:
    """The page as text; `out` is where it will stand, so that its links lead from there."""
    return pages.template("scorecard.html.j2", "salus.mission").render(
        card=card, words=words, top=top(card.gaps), moved=list(_moved(card.measures)), signs=SIGNS, spark=spark,
        trend_word=trend_word, most=MOST_OF_A_CLAUSE, in_words=in_words, version=__version__, css=_style(),
        releases=[s for s in card.sources if s.kind == "release"], spans=_spans(card.sources), place=place,
        definition=definition, reads=reads, link=lambda source: link(source, out),
    )  # fmt: skip


def top(gaps: Sequence[Gap]) -> list[Gap]:
    """The first gaps to speak of: sure ones, of groups that are known, and no measure more than twice."""
    return leading((gap for gap in gaps if gap.claimed and gap.known), MOST_GAPS)


def _moved(measures: Sequence[Followed]) -> Iterator[Followed]:
    """What became better or worse, the worse first."""
    for ways in (("worse",), ("better",), ("higher", "lower")):
        yield from (each for each in measures if each.trend is not None and each.trend.way in ways)


def trend_word(trend: Trend) -> str:
    """Which way, in a word or two."""
    return "no clear change" if trend.way == "not clear" else trend.way


# --- where a number comes from ---


def place(card: Scorecard, source: Source) -> str:
    """The anchor of a folder's manifest on the page."""
    return f"run-{card.sources.index(source) + 1}"


def link(source: Source, out: Path) -> str:
    """The way from the page to the folder's manifest, or to the page of a release."""
    name = "report.html" if source.kind == "release" else MANIFEST[source.kind]
    return Path(os.path.relpath(source.folder.absolute() / name, out.absolute().parent)).as_posix()


def definition(reading: Reading) -> str:
    """The hash of what was evaluated; empty where the manifest has none."""
    hashes = (reading.source.run.get("content") or {}).get("measures") or {}
    info = reading.measure
    named = (hashes.get(f"{info.name}{mark}{info.version}") for mark in ("|", " "))
    return str(next((each for each in named if each), ""))


def reads(source: Source) -> list[tuple[str, str]]:
    """What the run read: types of records, and of each the elements."""
    listed = source.run.get("columns_read") or {}
    own = {"pid", "rid", "eid", "cid", "ord", "parent"}
    told = {
        kind: dict.fromkeys(name.partition(".")[0] for name in names if name not in own)
        for kind, names in listed.items()
    }
    return [(kind, ", ".join(names)) for kind, names in told.items() if kind != "coding" and names]


def _spans(sources: Sequence[Source]) -> list[str]:
    """The latest period, or each where folders of the same time have different ones."""
    latest = max(source.period[1] for source in sources)
    return list(dict.fromkeys(words.span(s.period) for s in sources if s.period[1] == latest))


# --- the line ---


def spark(trend: Trend, reading: Reading) -> Spark:
    """The periods from left to right, evenly."""
    values = [point.estimate.value or 0.0 for point in trend.points]
    chart = trend.chart
    ends = [*values, *((*chart.low, *chart.high) if chart else ())]
    low, high = min(ends), max(ends)
    step = (_WIDE - 2 * _EDGE) / max(len(values) - 1, 1)

    def at(i: int, value: float) -> tuple[float, float]:
        share = (value - low) / (high - low) if high > low else 0.5
        return round(_EDGE + i * step, 1), round(_TALL - _EDGE - share * (_TALL - 2 * _EDGE), 1)

    band = ""
    if chart:
        upper = [at(i, value) for i, value in enumerate(chart.high)]
        lower = [at(i, value) for i, value in enumerate(chart.low)]
        band = _joined([*upper, *reversed(lower)])
    centre = at(0, chart.centre)[1] if chart else None
    placed = [at(i, value) for i, value in enumerate(values)]
    return Spark(_joined(placed), band, centre, placed[-1], _alternative(trend, reading))


def _joined(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _alternative(trend: Trend, reading: Reading) -> str:
    first, last = trend.points[0], trend.points[-1]
    told = (
        f"{in_words(point.estimate, point.estimate.value)} in {words.span(point.period)}" for point in (first, last)
    )
    return f"{reading.title}, {len(trend.points)} periods: from {' to '.join(told)}."


def _style() -> str:
    return pages.resource("report.css") + pages.resource("scorecard.css", "salus.mission")
