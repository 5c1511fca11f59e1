"""The published test decks: a file for each measure, a test case per line (salus.measure.testing judges them), and what
they expect of strata, which is no part of what makes a case exact.

Leaves to others: loading and evaluating (scripts/decks.py, tests).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from salus.measure.definition import MeasureDefinition
from salus.measure.testing.expected import Difference
from salus.measure.testing.reports import ReportCase, report_cases

Json = dict[str, Any]
Row = Mapping[str, Any]
"""A determination as a dict."""


def read_deck(path: Path) -> list[ReportCase]:
    """The cases of a deck, in its order."""
    return report_cases([path])


def measure_of(case: ReportCase, measures: Sequence[MeasureDefinition]) -> MeasureDefinition | None:
    """The measure a case is for: that of the deck's name, else the one its report names; None where there is none."""
    named = {measure.name: measure for measure in measures}
    reported = str(case.report["measure"]).partition("|")[0].rpartition("/")[2]
    return named.get(case.deck) or named.get(reported)


def strata_differences(case: ReportCase, measure: MeasureDefinition, rows: Sequence[Row]) -> list[Difference]:
    """Where strata differ, for the stratifiers whose expectation can be true (`strata_are_possible`).

    Not part of what makes a case exact: authors are not asked to fill strata in, and in three decks they contradict
    themselves.
    """
    mine = [row for row in rows if row["subject_id"] == case.patient and row["measure"] == measure.name]
    return [
        difference
        for place, (group, told) in enumerate(zip(measure.groups, case.report["group"], strict=True))
        for stratifier in told.get("stratifier", ())
        if strata_are_possible(told, stratifier)
        for difference in _strata(place, stratifier, [row for row in mine if row["group_id"] == group.id])
    ]


def strata_are_possible(group: Json, stratifier: Json) -> bool:
    """Whether the expected strata add up to no more than the populations they are strata of."""
    whole = _codes(group["population"])
    parts: Counter[str] = Counter()
    for stratum in stratifier.get("stratum", ()):
        parts.update(_codes(stratum["population"]))
    return all(parts[code] <= whole[code] for code in parts)


def _codes(populations: Sequence[Json]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for each in populations:
        counted[each["code"]["coding"][0]["code"]] += each.get("count", 0)
    return counted


def _strata(place: int, stratifier: Json, rows: Sequence[Row]) -> Iterator[Difference]:
    for stratum in stratifier.get("stratum", ()):
        value = stratum["value"]["text"]
        wanted = "false" if value == "false" else "true"
        inside = [row for row in rows if dict(row["strata"]).get(stratifier["id"]) == wanted]
        for code, count in _codes(stratum["population"]).items():
            got = sum(bool(row[code.replace("-", "_")]) for row in inside)
            if got != count:
                yield Difference(place, f"{stratifier['id']} {value} {code}", count, got)
