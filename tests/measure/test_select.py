"""Names a person types, and the measures they mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from salus.errors import UsageError
from salus.measure.definition import MeasureDefinition, parse_measure
from salus.measure.select import select_measures

Make = Callable[..., Any]


@pytest.fixture
def measures(measure_json: Make) -> list[MeasureDefinition]:
    names = [
        ("CMS2Depression", "0.9"),
        ("CMS22Pressure", "1"),
        ("CMS2Depression", "0.10"),
        ("CMS165Control", "1"),
    ]
    return [parse_measure(measure_json(name, version=version)) for name, version in names]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("CMS22Pressure", ("CMS22Pressure", "1")),
        ("cms22pressure", ("CMS22Pressure", "1")),
        ("The CMS165Control measure", ("CMS165Control", "1")),
        ("CMS165Control-id", ("CMS165Control", "1")),
        ("http://example.org/Measure/CMS165Control", ("CMS165Control", "1")),
        ("http://example.org/Measure/CMS165Control|1", ("CMS165Control", "1")),
        ("CMS165", ("CMS165Control", "1")),
        ("CMS2Depression", ("CMS2Depression", "0.10")),
        ("CMS2Depression|0.9", ("CMS2Depression", "0.9")),
    ],
)
def test_a_name_is_understood(asked: str, found: tuple[str, str], measures: list[MeasureDefinition]) -> None:
    chosen, _ = select_measures(measures, [asked])
    assert [(measure.name, measure.version) for measure in chosen] == [found]


def test_without_names_everything_is_meant(measures: list[MeasureDefinition]) -> None:
    chosen, notes = select_measures(measures)
    assert [measure.name for measure in chosen] == ["CMS2Depression", "CMS22Pressure", "CMS165Control"]
    assert notes == ["the content has 2 versions of CMS2Depression; 0.10 is evaluated"]


def test_a_measure_named_twice_counts_once(measures: list[MeasureDefinition]) -> None:
    chosen, _ = select_measures(measures, ["CMS165", "CMS165Control", "CMS22Pressure"])
    assert [measure.name for measure in chosen] == ["CMS165Control", "CMS22Pressure"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["CMS2"], "'CMS2' fits more than one measure: CMS2Depression, CMS22Pressure"),
        (["CMS165Contrl"], "there is no measure 'CMS165Contrl' in the content; did you mean CMS165Control?"),
        (["zzz"], "which has CMS165Control, CMS22Pressure, CMS2Depression"),
        (["CMS165Control|7"], "there is no measure"),
        (["CMS2Depression|0.9", "CMS2Depression|0.10"], "one version of a measure"),
    ],
)
def test_a_name_that_fits_nothing_or_too_much(asked: list[str], words: str, measures: list[MeasureDefinition]) -> None:
    with pytest.raises(UsageError, match=words):
        select_measures(measures, asked)


def test_content_without_measures_is_told() -> None:
    with pytest.raises(UsageError, match="which has no measures"):
        select_measures([], ["M"])
