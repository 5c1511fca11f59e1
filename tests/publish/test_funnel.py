"""The funnel: ever fewer, step by step; and nothing small can be worked out of what is shown."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from salus.publish.disclosure import is_small
from salus.publish.funnel import funnel

Row = dict[str, Any]


def row(population: str, clause: str, kind: str, reached: int, dropped: int, **more: Any) -> Row:
    counts = {"reached": reached, "dropped": dropped, "held": reached - dropped}
    depth = clause.count(".") + bool(clause)
    name = {"text": f"text {population} {clause}", "name": "", "unit": "Patient"}
    return {"population": population, "clause": clause, "kind": kind, "depth": depth, **counts, **name, **more}


def chain(counts: list[int], excluded: int, numerator: list[int], unit: str = "Patient") -> list[Row]:
    """A measure whose initial population is all of some tests, with exclusions, and a numerator of some tests."""
    rows = [row("initial-population", "", "all", counts[0], counts[0] - counts[-1], unit=unit)]
    for place, (before, after) in enumerate(pairwise(counts), 1):
        rows.append(row("initial-population", str(place), "test", before, before - after, unit=unit))
    rows.append(row("denominator", "", "test", counts[-1], 0, unit=unit))
    rows.append(row("denominator-exclusion", "", "any", counts[-1], counts[-1] - excluded, unit=unit))
    rows.append(row("numerator", "", "all", numerator[0], numerator[0] - numerator[-1], unit=unit))
    for place, (before, after) in enumerate(pairwise(numerator), 1):
        rows.append(row("numerator", str(place), "test", before, before - after, unit=unit))
    return rows


def test_everyone_to_the_numerator() -> None:
    made = funnel(chain([1000, 700, 400], 50, [350, 200]), (200, 350))
    assert made is not None
    assert (made.start, made.hidden) == (1000, False)
    assert [(step.part, step.dropped, step.left) for step in made.steps] == [
        ("initial-population", 300, 700),
        ("initial-population", 300, 400),
        ("denominator-exclusion", 50, 350),
        ("numerator", 150, 200),
    ]


def test_steps_and_nested_parts_are_told_alternatives_are_not() -> None:
    rows = [
        row("initial-population", "", "all", 500, 300),
        row("initial-population", "1", "steps", 500, 200),
        row("initial-population", "1.1", "test", 500, 150),
        row("initial-population", "1.2", "test", 350, 50),
        row("initial-population", "2", "any", 300, 100, name="Either"),
        row("initial-population", "2.1", "test", 300, 250),
        row("numerator", "", "test", 200, 120),
    ]
    made = funnel(rows, (80, 200))
    assert made is not None
    assert [(step.text, step.left) for step in made.steps] == [
        ("text initial-population 1.1", 350),
        ("text initial-population 1.2", 300),
        ("Either", 200),
        ("text numerator ", 80),
    ]


def test_a_small_step_hides_a_point_beside_it() -> None:
    made = funnel(chain([1000, 700, 696], 96, [600, 200]), (200, 600))
    assert made is not None
    assert [step.left for step in made.steps] == [700, None, 600, 200]
    assert [step.dropped for step in made.steps] == [300, None, None, 400]
    assert made.hidden


def test_few_exceptions_are_not_told_by_the_headline() -> None:
    """Four of the 350 left are exceptions: the headline's 346 beside 350 would say so."""
    made = funnel(chain([1000, 700, 400], 50, [350, 200]), (200, 346))
    assert made is not None
    assert [step.left for step in made.steps] == [700, 400, None, 200]


def test_nothing_to_hide_behind_is_no_funnel() -> None:
    assert funnel(chain([205], 0, [205, 200], unit="Encounter"), (200, 205)) is None
    assert funnel([], (1, 2)) is None


def test_inside_the_house_everything_is_shown() -> None:
    made = funnel(chain([1000, 700, 696], 96, [600, 200]), (200, 600), threshold=1)
    assert made is not None
    assert not made.hidden


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=4),
    st.integers(0, 30),
    st.integers(0, 12),
    st.lists(st.integers(0, 40), min_size=1, max_size=3),
    st.integers(11, 60),
    st.sampled_from(["Patient", "Encounter"]),
)
def test_no_difference_of_what_is_shown_is_small(
    drops: list[int], excluded: int, excepted: int, lost: list[int], numerator: int, unit: str
) -> None:
    fallen = sum(lost)
    excepted = min(excepted, fallen)
    asked = numerator + fallen
    counts = [asked + excluded + sum(drops[place:]) for place in range(len(drops) + 1)]
    left = [numerator + sum(lost[place:]) for place in range(len(lost) + 1)]
    headline = (numerator, asked - excepted)
    made = funnel(chain(counts, excluded, left, unit), headline)
    if made is None or (headline[1] - headline[0] and is_small(headline[1] - headline[0])):
        return  # a headline that tells by itself is hidden before it comes here
    before = [step.left for step in made.steps if step.part != "numerator" and step.left is not None]
    shown = [*before, *(step.left for step in made.steps if step.part == "numerator" and step.left is not None)]
    shown = shown if unit == "Patient" else [made.start, *shown]
    for a, b in combinations([*shown, numerator], 2):
        assert not is_small(abs(a - b)), (a, b, shown)
    for count in before:
        assert not is_small(abs(count - headline[1]))
    for step in made.steps:
        assert step.dropped is None or step.dropped == 0 or step.dropped >= 11
