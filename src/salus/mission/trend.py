"""What the periods of a measure group say together: better, worse, or no more movement than there always is.

Periods belong together when they are about as long as the latest and do not overlap. From ten periods on a control
chart speaks; before, the latest is compared with the one before. Leaves to others: the charts (`learn.control`), the
figures (`readings`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal

from salus.equity import estimate
from salus.equity.estimate import Count, Estimate
from salus.learn import control
from salus.learn.control import Chart, Signal
from salus.mission.readings import Reading, in_words
from salus.publish import words

Way = Literal["better", "worse", "higher", "lower", "steady", "not clear"]
_ABOUT = 0.1
"""By how much, as a share, the lengths of periods may differ: months do, and leap years."""


@dataclass(frozen=True)
class Point:
    """A period and its figure."""

    period: tuple[str, str]
    estimate: Estimate


@dataclass(frozen=True)
class Trend:
    """The periods in order, which way the figure went, and the same in a sentence; a chart where there are enough."""

    points: tuple[Point, ...]
    way: Way
    said: str
    chart: Chart | None = None
    notes: tuple[str, ...] = ()


def trend(readings: Sequence[Reading]) -> Trend | None:
    """The trend of one measure group through its readings, one a period; None with fewer than two that fit."""
    ordered = sorted((r for r in readings if r.estimate is not None), key=lambda r: r.source.period[::-1])
    fitting = list(_fitting(ordered))
    if len(fitting) < 2:
        return None
    points = tuple(Point(r.source.period, r.estimate) for r in fitting if r.estimate is not None)
    notes = tuple(_notes(ordered, fitting))
    improvement = fitting[-1].measure.improvement
    if len(points) < control.ENOUGH:
        return Trend(points, *_compared(points, improvement), None, notes)
    chart = _chart(points)
    return Trend(points, *_signalled(chart, points, improvement), chart, notes)


def _fitting(ordered: Sequence[Reading]) -> Iterator[Reading]:
    """Those whose period is about as long as the latest and ends before the next that fits begins; oldest first."""
    kept: list[Reading] = []
    for reading in reversed(ordered):
        latest = _days(ordered[-1].source.period)
        alike = abs(_days(reading.source.period) - latest) <= _ABOUT * latest
        if alike and (not kept or reading.source.period[1] < kept[-1].source.period[0]):
            kept.append(reading)
    yield from reversed(kept)


def _days(period: tuple[str, str]) -> int:
    return (date.fromisoformat(period[1][:10]) - date.fromisoformat(period[0][:10])).days + 1


def _notes(ordered: Sequence[Reading], fitting: Sequence[Reading]) -> Iterator[str]:
    left_out = len(ordered) - len(fitting)
    if left_out:
        yield f"{left_out} of another length, or overlapping, left out"
    for before, after in pairwise(fitting):
        versions = before.measure.version, after.measure.version
        if versions[0] != versions[1]:
            yield f"the measure changed from version {versions[0]} to {versions[1]} in {after.source.period[0]}"


# --- few periods ---


def _compared(points: Sequence[Point], improvement: str) -> tuple[Way, str]:
    """The latest beside the one before."""
    before, now = points[-2].estimate, points[-1].estimate
    since = f"since {words.span(points[-2].period)}"
    change = _change(before, now)
    if change is None or change.low is None or change.high is None or change.value is None:
        told = f"{in_words(before, before.value)} before, {in_words(now, now.value)} now"
        return "not clear", f"{told}; how sure the change is cannot be said"
    told = f"{words.points(change.value)} points ({words.points_range(change.low, change.high)}) {since}"
    if change.low <= 0.0 <= change.high:
        return "not clear", f"no clear change: {told}"
    way = _way(change.value > 0, improvement)
    return way, f"{way}: {told}"


def _change(before: Estimate, now: Estimate) -> Estimate | None:
    if {before.kind, now.kind} != {"rate"}:
        return None
    return estimate.difference(_count(now), _count(before), now.level)


def _count(given: Estimate) -> Count:
    return Count(int(given.numerator), int(given.denominator))


# --- enough for a chart ---


def _chart(points: Sequence[Point]) -> Chart:
    if all(point.estimate.kind == "rate" for point in points):
        counts = [_count(point.estimate) for point in points]
        return control.proportions([count.x for count in counts], [count.n for count in counts])
    return control.numbers([point.estimate.value or 0.0 for point in points])


def _signalled(chart: Chart, points: Sequence[Point], improvement: str) -> tuple[Way, str]:
    """What the latest signal says; an old one that is over is told, and is no trend."""
    if not chart.signals:
        return "steady", f"no more movement than there always is, over {len(points)} periods"
    latest = max(chart.signals, key=lambda signal: signal.place)
    way = _way(latest.above, improvement)
    told = _told(latest, points)
    if latest.place < len(points) - 1:
        return "steady", f"steady now; {told} was {way}"
    return way, f"{way}: {told}"


def _told(signal: Signal, points: Sequence[Point]) -> str:
    when = words.span(points[signal.place].period)
    side = "above" if signal.above else "below"
    return {
        "beyond the limits": f"{when} lies {side} what is to be expected",
        "long run": f"a long run of periods {side} the centre, up to {when}",
        "few crossings": f"a lasting shift, at last {side} the centre ({when})",
    }[signal.rule]


def _way(up: bool, improvement: str) -> Way:
    if improvement not in ("increase", "decrease"):
        return "higher" if up else "lower"
    return "better" if up == (improvement == "increase") else "worse"
