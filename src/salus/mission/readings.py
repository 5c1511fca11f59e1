"""What one folder tells of each measure group: everyone's figure with its interval, and for whom it is worse.

Proportions come from the equity table, with its intervals and its control of false discoveries. Of continuous variables
the numbers are read: a mean with Student's interval, a median by order statistics, other aggregates without one; their
gaps, and those of ratios, come from the table of means. Of a cohort it is the share of people in it. Leaves to others:
the arithmetic (`equity`), several periods (`trend`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import duckdb

from salus.equity import estimate
from salus.equity.estimate import Count, Estimate, Kind, Reliability
from salus.equity.gaps import CLAIMS, sure
from salus.equity.results import MeasureInfo
from salus.equity.tally import NOT_KNOWN, OVERALL
from salus.mission.sources import Row, Source
from salus.publish import words
from salus.publish.disclosure import Line
from salus.publish.tables import Key

EMPTY, HIDDEN, UNSAID = "no one counts", "hidden in this release", "no figure"
NOT_SURE: Final = "not sure"
_WITH_INTERVAL: Final = {"average": estimate.mean, "median": estimate.time}


@dataclass(frozen=True)
class Gap:
    """A group that does worse than its reference, or may; or differs, where the measure does not say what is better.

    `people` is how many would have had the better outcome at the rate of the reference, `least` what the interval
    guarantees of it; both None where the measure does not say what is better, or is no rate. Differences are shares
    from -1 to 1, or of a measure that is no rate on the scale of its figure.
    """

    measure: str
    group_id: str
    title: str
    attribute: str
    value: str
    reference: str
    difference: float
    low: float
    high: float
    people: float | None
    least: float | None
    sure: str
    sentence: str
    consequence: str

    @property
    def claimed(self) -> bool:
        """Whether it stands at the false discovery rate."""
        return self.sure != NOT_SURE

    @property
    def known(self) -> bool:
        """Whether it is known who these are."""
        return self.value not in NOT_KNOWN

    @property
    def who(self) -> str:
        """Attribute and group in words."""
        return f"{words.attribute_label(self.attribute)}: {words.group_label(self.attribute, self.value)}"


@dataclass(frozen=True)
class Reading:
    """One measure group in one period. `estimate` is None where there is none, and `why` says why."""

    measure: MeasureInfo
    group_id: str
    group: str
    noun: str
    source: Source
    estimate: Estimate | None
    why: str = ""
    gaps: tuple[Gap, ...] = ()
    compared: bool = False
    """Whether groups were compared."""

    @property
    def key(self) -> tuple[str, str]:
        """Measure and group."""
        return self.measure.name, self.group_id

    @property
    def title(self) -> str:
        """Title of the measure, with the group's name where there are several."""
        return f"{self.measure.label}, {self.group}" if self.group else self.measure.label

    @property
    def figure(self) -> str:
        """The figure in words: a share in percent, another number as it is."""
        return self.why if self.estimate is None else in_words(self.estimate, self.estimate.value)

    @property
    def interval(self) -> str:
        """The interval in words; empty where there is none."""
        given = self.estimate
        if given is None or given.low is None or given.high is None:
            return ""
        if given.kind == "rate":
            return words.percent_range(given.low, given.high)
        return f"{in_words(given, given.low)} to {in_words(given, given.high)}"


def in_words(given: Estimate, value: float | None) -> str:
    """A value on the scale of an estimate."""
    if given.kind == "rate":
        return words.percent(value)
    return "–" if value is None else f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.3g}"


def readings(source: Source) -> list[Reading]:
    """Every measure group of a folder, in the order of its measures."""
    order = {name: place for place, name in enumerate(source.measures)}
    return sorted([*_rates(source), *_others(source)], key=lambda r: order.get(r.measure.name, len(order)))


# --- proportions ---


def _rates(source: Source) -> Iterator[Reading]:
    lines: dict[Key, Line] = {(li.measure, li.group_id, li.attribute, li.value): li for li in source.lines}
    rows: dict[tuple[str, str], list[Row]] = {}
    for row in source.gaps:
        rows.setdefault((row["measure"], row["group_id"]), []).append(row)
    for line in source.lines:
        if line.attribute == OVERALL:
            blank = _blank(source, line.measure, line.group_id)
            given = _rate(line)
            why = "" if given else HIDDEN if line.hidden else EMPTY
            mine = rows.get(blank.key, ()) if given else ()
            found = tuple(_gaps(blank, mine, lines))
            yield replace(blank, estimate=given, why=why, gaps=found, compared=given is not None)


def _rate(line: Line) -> Estimate | None:
    figures = line.figures
    if line.numerator is None or line.denominator is None or figures["rate"] is None:
        return None
    return Estimate(
        "rate", line.numerator, line.denominator, figures["rate"], figures["low"], figures["high"], "wilson",
        line.level, "reliable" if line.reliability == "reliable" else "too few",
    )  # fmt: skip


def _gaps(reading: Reading, rows: Sequence[Row], lines: Mapping[Key, Line]) -> Iterator[Gap]:
    """The gaps of a measure group; a group that two attributes share (payer Uninsured, uninsured yes) stands once."""
    seen: set[tuple[int | None, int | None]] = set()
    for row in rows:
        line, other = (lines[(*reading.key, row["attribute"], row[of])] for of in ("value", "reference"))
        if (line.numerator, line.denominator) not in seen:
            seen.add((line.numerator, line.denominator))
            yield _gap(reading, row, line, other.figures["rate"])


def _gap(reading: Reading, row: Row, line: Line, reference: float | None) -> Gap:
    sentences = _may_be(line, reference), ""
    if row["sure"] != NOT_SURE and row["people"] is not None:
        sentences = words.gap(line, reference, reading.noun)
    return Gap(
        *reading.key, reading.title, row["attribute"], row["value"], row["reference"], row["difference"],
        row["difference_low"], row["difference_high"], row["people"], row["people_low"], row["sure"], *sentences,
    )  # fmt: skip


def _may_be(line: Line, reference: float | None) -> str:
    """The rates of a group and its reference with their difference, claiming nothing."""
    figures = line.figures
    ends = words.points_range(figures["difference_low"], figures["difference_high"])
    return (
        f"{words.group_label(line.attribute, line.value)} {words.percent(figures['rate'], 0)}, "
        f"{words.group_label(line.attribute, line.reference or '')} {words.percent(reference, 0)}: "
        f"{words.points(figures['difference'])} points ({ends})."
    )


# --- what is no proportion ---


def _others(source: Source) -> Iterator[Reading]:
    for name, groups in source.groups.items():
        for group_id, group in groups.items():
            blank = _blank(source, name, group_id)
            if blank.measure.is_rate:
                continue
            rows = _means(source, blank, group)
            given = _estimate(source, blank.measure, group) if source.results else _let_out(rows)
            why = "" if given else UNSAID if source.results else HIDDEN
            found = tuple(_mean_gaps(blank, rows))
            yield replace(blank, estimate=given, why=why, gaps=found, compared=bool(rows))


def _means(source: Source, reading: Reading, group: Mapping[str, Any]) -> list[Row]:
    """The rows of the table of means that are about the figure told: of a sum or a count they are not."""
    if source.results and reading.measure.scoring != "ratio" and _method(group) not in _WITH_INTERVAL:
        return []
    return [row for row in source.means if (row["measure"], row["group_id"]) == reading.key]


def _method(group: Mapping[str, Any]) -> str:
    """How the first observation becomes one number; "" where there is none."""
    return next((str(each.get("method")) for each in group.get("observations") or ()), "")


def _mean_gaps(reading: Reading, rows: Sequence[Row]) -> Iterator[Gap]:
    """The groups that fare worse than their reference or may, the surest first; one that two attributes share stands
    once."""
    figures = {(row["attribute"], row["value"]): row["figure"] for row in rows}
    found = {(row["figure"], row["people"]): row for row in sorted(filter(_may_be_worse, rows), key=lambda r: -r["q"])}
    for row in sorted(found.values(), key=lambda r: r["q"]):
        how_sure = sure(row["q"], row["level"]) if row["verdict"] in CLAIMS else NOT_SURE
        told = _in_figures(row, figures[row["attribute"], row["reference"]])
        yield Gap(
            *reading.key, reading.title, row["attribute"], row["value"], row["reference"], row["difference"],
            row["difference_low"], row["difference_high"], None, None, how_sure, told, "",
        )  # fmt: skip


def _in_figures(row: Row, reference: float) -> str:
    """A group's figure and its reference's, with their difference, as a sentence."""
    group, other = (words.group_label(row["attribute"], row[of]) for of in ("value", "reference"))
    names = ("difference", "difference_low", "difference_high")
    gap, low, high = (words.amount(row[name], signed=True) for name in names)
    return f"{group} {words.amount(row['figure'])}, {other} {words.amount(reference)}: {gap} ({low} to {high})."


def _may_be_worse(row: Row) -> bool:
    """Whether a row of the table of means claims a gap, or leaves one to the worse open."""
    worse = {"increase": -1.0, "decrease": 1.0}.get(row["improvement"], 0.0)
    open_ = row["verdict"] == "no clear difference" and row["q"] is not None and worse * row["difference"] > 0
    return row["verdict"] in CLAIMS or open_


def _estimate(source: Source, info: MeasureInfo, group: Mapping[str, Any]) -> Estimate | None:
    if info.scoring == "cohort":
        return _share(source, info.name, str(group.get("id")))
    if info.scoring == "continuous-variable":
        method = _method(group)
        values = _observed(source, info.name, str(group.get("id")))
        if method in _WITH_INTERVAL and values:
            return _WITH_INTERVAL[method](values)
    counts = group.get("counts") or {}
    value = group.get("score")
    below = counts.get("denominator", counts.get("measure_population", 0))
    return None if value is None else Estimate("index", counts.get("numerator", 0), below, value, None, None, "", 0.95)


def _let_out(rows: Sequence[Row]) -> Estimate | None:
    """Everyone's figure as a release tells it."""
    row = next((row for row in rows if row["attribute"] == OVERALL), None)
    if row is None or row["figure"] is None or row["people"] is None:
        return None
    kind: Kind = "time" if row["kind"] == "median" else row["kind"]
    told = row["figure"], row["low"], row["high"], row["method"], row["level"]
    return Estimate(kind, row["figure"] * row["people"], row["people"], *told, _trust(row["reliability"]))


def _trust(word: str) -> Reliability:
    return "reliable" if word == "reliable" else "too few"


def _share(source: Source, measure: str, group: str) -> Estimate | None:
    query = "SELECT count(DISTINCT subject_id) FILTER (initial_population), count(DISTINCT subject_id)"
    (x, n) = _asked(source, query, measure, group)[0]
    return estimate.rate(Count(x, n)) if n else None


def _observed(source: Source, measure: str, group: str) -> list[float]:
    """The first observation of every unit that is observed."""
    query = "SELECT observations[1]"
    where = "AND measure_population AND NOT coalesce(measure_population_exclusion, false)"
    return [value for (value,) in _asked(source, query, measure, group, where) if value is not None]


def _asked(source: Source, query: str, measure: str, group: str, where: str = "") -> list[tuple[Any, ...]]:
    of = f"{query} FROM read_parquet($file) WHERE measure = $measure AND group_id = $group {where}"
    file = str(source.folder / "determinations.parquet")
    with duckdb.connect() as con:
        return con.execute(of, {"file": file, "measure": measure, "group": group}).fetchall()


# --- what the manifest says of a measure group ---


def _blank(source: Source, measure: str, group_id: str) -> Reading:
    about = _about(source, measure, group_id)
    several = len(source.groups.get(measure, ())) > 1
    name = (str(about.get("description") or "") or f"group {group_id}") if several else ""
    noun = "people" if about.get("unit", "Patient") == "Patient" else "cases"
    return Reading(source.measure(measure, group_id), group_id, name, noun, source, None)


def _about(source: Source, measure: str, group_id: str) -> Mapping[str, Any]:
    return source.groups.get(measure, {}).get(group_id, {})
