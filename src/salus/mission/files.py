"""The scorecard beside its page: everything as JSON for programs, a line per clause and measure as CSV for a table.

Leaves to others: the page (`page`), the figures (`scorecard`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from salus import __version__
from salus.errors import UsageError, writing
from salus.files import write_atomically
from salus.mission.page import definition, render
from salus.mission.scorecard import Followed, Kept, Scorecard
from salus.mission.trend import Trend

COLUMNS = (
    *("clause", "words", "state", "measure", "group", "title", "version", "period_start", "period_end", "kind"),
    *("numerator", "denominator", "value", "low", "high", "level", "reliability", "improvement", "trend", "periods"),
    *("gaps_sure", "gaps_not_sure", "worst_attribute", "worst_group", "worst_against", "worst_difference"),
    *("worst_people", "worst_people_at_least", "worst_sure", "folder"),
)
"""Columns of scorecard.csv: shares from 0 to 1; empty where there is none."""


def write(card: Scorecard, out: Path) -> tuple[Path, Path, Path]:
    """Write the page to `out`, and beside it .json and .csv of the same name; each whole or not at all.

    UsageError: `out` is no .html; SalusError: the disk refuses.
    """
    check_out(out)
    told, table = out.with_suffix(".json"), out.with_suffix(".csv")
    texts = {out: render(card, out), told: _json(card)}
    with writing(f"the scorecard {out}"):
        out.parent.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            write_atomically(path, partial(_put, text))
        write_atomically(table, partial(_table, card))
    return out, told, table


def check_out(out: Path) -> None:
    """UsageError: not the name of a page, beside which .json and .csv can stand."""
    if out.suffix not in (".html", ".htm"):
        raise UsageError(f"a scorecard is an HTML file, say scorecard.html, not {out}")


def _put(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


# --- JSON ---


def _json(card: Scorecard) -> str:
    return json.dumps(as_json(card), indent=1, ensure_ascii=False, default=str) + "\n"


def as_json(card: Scorecard) -> dict[str, Any]:
    """The whole scorecard as plain values; measures stand once, clauses name them by measure and group."""
    return {
        "salus": __version__,
        "mission": {"title": card.mission.title, "file": str(card.mission.path)},
        "inside": card.inside,
        "folders": [{"folder": str(s.folder), "kind": s.kind, "period": list(s.period)} for s in card.sources],
        "clauses": [_clause(kept) for kept in card.clauses],
        "measures": [_measure(each) for each in card.measures],
        "gaps": [asdict(gap) for gap in card.gaps],
        "unmapped": [list(each.reading.key) for each in card.unmapped],
    }


def _clause(kept: Kept) -> dict[str, Any]:
    return {
        **asdict(kept.clause),
        "state": kept.state,
        "measured": [list(each.reading.key) for each in kept.measures],
        "lacking": list(kept.lacking),
        "gaps_sure": len(kept.certain),
        "gaps_not_sure": len(kept.gaps) - len(kept.certain),
        "checks": [asdict(each) for each in kept.checks],
        "breadth": None if kept.breadth is None else asdict(kept.breadth),
    }


def _measure(each: Followed) -> dict[str, Any]:
    reading = each.reading
    return {
        "measure": reading.measure.name,
        "group": reading.group_id,
        "title": reading.title,
        "version": reading.measure.version,
        "definition": definition(reading),
        "improvement": reading.measure.improvement,
        "period": list(reading.source.period),
        "folder": str(reading.source.folder),
        "counts": reading.noun,
        "estimate": None if reading.estimate is None else asdict(reading.estimate),
        "why": reading.why,
        "trend": None if each.trend is None else _trend(each.trend),
    }


def _trend(trend: Trend) -> dict[str, Any]:
    points = [{"period": list(point.period), **asdict(point.estimate)} for point in trend.points]
    chart = None if trend.chart is None else asdict(trend.chart)
    return {"way": trend.way, "said": trend.said, "notes": list(trend.notes), "points": points, "chart": chart}


# --- CSV ---


def _table(card: Scorecard, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(_rows(card))


def _rows(card: Scorecard) -> Iterator[dict[str, Any]]:
    """A line per clause and measure group; a clause about every measure, or without any, is one line."""
    for kept in card.clauses:
        about = {"clause": kept.clause.id, "words": kept.clause.words, "state": kept.state}
        if kept.clause.every or not kept.measures:
            yield about | {"gaps_sure": len(kept.certain), "gaps_not_sure": len(kept.gaps) - len(kept.certain)}
        else:
            yield from (about | _row(each) for each in kept.measures)
    for each in card.unmapped:
        yield {"clause": "", "words": "", "state": "measured"} | _row(each)


def _row(each: Followed) -> dict[str, Any]:
    reading, given = each.reading, each.reading.estimate
    names = ("kind", "numerator", "denominator", "value", "low", "high", "level", "reliability")
    certain = sum(gap.claimed for gap in reading.gaps)
    return {
        "measure": reading.measure.name, "group": reading.group_id, "title": reading.title,
        "version": reading.measure.version, "period_start": reading.source.period[0],
        "period_end": reading.source.period[1], "improvement": reading.measure.improvement,
        "folder": str(reading.source.folder), "gaps_sure": certain, "gaps_not_sure": len(reading.gaps) - certain,
        "trend": each.trend.way if each.trend else "", "periods": len(each.trend.points) if each.trend else 1,
        **({name: getattr(given, name) for name in names} if given else {}), **_worst(each),
    }  # fmt: skip


def _worst(each: Followed) -> dict[str, Any]:
    if not each.reading.gaps:
        return {}
    gap = each.reading.gaps[0]
    return {
        "worst_attribute": gap.attribute, "worst_group": gap.value, "worst_against": gap.reference,
        "worst_difference": gap.difference, "worst_people": gap.people, "worst_people_at_least": gap.least,
        "worst_sure": gap.sure,
    }  # fmt: skip
