"""Why measures count no one is asked of the engine at once, and still told of each where that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from salus.engine.asked import Criteria
from salus.errors import SalusError
from salus.measure.definition import parse_measure
from salus.measure.emptiness import ClauseCounts, Empty, reasons
from salus.measure.libraries import Identity

Make = Callable[..., Any]


@pytest.fixture
def empty(measure_json: Make) -> list[Empty]:
    """One group each of three measures; the last has no initial population."""
    codes: list[Sequence[str]] = [(), (), ("denominator", "numerator")]
    measures = [parse_measure(measure_json(name, codes=of)) for name, of in zip("ABC", codes, strict=True)]
    return [(measure, measure.groups[0], Identity(measure.name, "1")) for measure in measures]


def test_all_are_asked_at_once(empty: list[Empty]) -> None:
    asked: list[list[str]] = []

    def count(criteria: Sequence[Criteria]) -> Sequence[ClauseCounts]:
        asked.append([each.library for each in criteria])
        return [[(f"a clause of {each.library}", 2, 1, 0)] for each in criteria]

    head = "no one of 3 patients is in the initial population of"
    assert reasons(empty, 3, count) == [
        f"{head} A: 'a clause of A' holds for 2",
        f"{head} B: 'a clause of B' holds for 2",
        f"{head} C",
    ]
    assert asked == [["A", "B"]]


def test_one_that_cannot_be_counted_leaves_the_others(empty: list[Empty]) -> None:
    def count(criteria: Sequence[Criteria]) -> Sequence[ClauseCounts]:
        if any(each.library == "A" for each in criteria):
            raise SalusError("not here")
        return [[("a clause", 0, 1, 2)] for _ in criteria]

    head = "no one of 3 patients is in the initial population of"
    assert reasons(empty, 3, count) == [
        f"{head} A",
        f"{head} B: 'a clause' holds for 0, cannot be told for 2",
        f"{head} C",
    ]


def test_nothing_is_asked_of_no_patients(empty: list[Empty]) -> None:
    def count(criteria: Sequence[Criteria]) -> Sequence[ClauseCounts]:
        raise AssertionError

    assert reasons(empty[:1], 0, count) == ["no one of 0 patients is in the initial population of A"]
