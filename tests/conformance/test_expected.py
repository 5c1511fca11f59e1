"""The reader of expected values and the comparer are judges: what they let pass is shown here, and what they do not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from salus.conformance.compare import difference
from salus.conformance.expected import Unreadable, read_value
from salus.conformance.judge import Refusal, judge
from salus.conformance.suite import Case
from salus.conformance.values import Moment, Number, Quantity, Range, Structure

READ: list[tuple[str, Any]] = [
    ("null", None),
    ("true", True),
    ("-12", Number("Integer", Decimal(-12))),
    ("1L", Number("Long", Decimal(1))),
    ("1.50", Number("Decimal", Decimal("1.5"))),
    (r"'it\'s \u0041'", "it's A"),
    ("5.5'cm'", Quantity(Decimal("5.5"), "cm")),
    ("4 days", Quantity(Decimal(4), "days")),
    ("@2012-03", Moment("Date", (2012, 3))),
    ("@2012T", Moment("DateTime", (2012,))),
    ("@2014-01-01T12:05:05.9-01:15", Moment("DateTime", (2014, 1, 1, 12, 5, 5, 900), -75)),
    ("@T10:30", Moment("Time", (10, 30))),
    ("Interval[1, null)", Range(Number("Integer", Decimal(1)), None, True, False)),
    ("{1, {}}", (Number("Integer", Decimal(1)), ())),
    ("{ a: null }", Structure("Tuple", {"a": None})),
    ("Concept { codes: Code { code: 'x' } }", Structure("Concept", {"codes": (Structure("Code", {"code": "x"}),)})),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_what_a_text_stands_for(text: str, expected: Any) -> None:
    assert read_value(text) == expected


@pytest.mark.parametrize("text", ["", "1 2", "1 +", "@x", "Interval[1", "Now()", "{1 2}"])
def test_what_is_no_value_is_told(text: str) -> None:
    with pytest.raises(Unreadable):
        read_value(text)


ALIKE = [
    ("1.0", "1.00"),
    ("@2012-01-01T00Z", "@2012-01-01T00"),
    ("5 day", "5 days"),
    ("Tuple { a: 1, b: null }", "{ a: 1 }"),
]
APART = [
    ("1", "1.0"),
    ("1", "1L"),
    ("null", "false"),
    ("'1'", "1"),
    ("@2012-01-01", "@2012-01-01T"),
    ("@2012-01-01T10", "@2012-01-01T10:00"),
    ("@2012-01-01T10:00Z", "@2012-01-01T10:00+01:00"),
    ("1 'cm'", "0.01 'm'"),
    ("Interval[1, 2]", "Interval[1, 3)"),
    ("{1, 2}", "{2, 1}"),
    ("{1}", "{1, null}"),
    ("Code { code: 'a' }", "Tuple { code: 'a' }"),
]


@pytest.mark.parametrize(("expected", "found"), ALIKE)
def test_what_is_the_same(expected: str, found: str) -> None:
    assert difference(read_value(expected), read_value(found)) is None


@pytest.mark.parametrize(("expected", "found"), APART)
def test_what_is_not_the_same_says_what_was_found(expected: str, found: str) -> None:
    assert "found" in str(difference(read_value(expected), read_value(found)))
    assert difference(read_value(found), read_value(expected)) is not None


def outcome(case: Case, stage: str | None, value: Any = None) -> str:
    def evaluate(library: Any) -> Any:
        if stage:
            raise Refusal(stage, "no")
        return value

    [verdict] = judge([case], lambda _: {}, evaluate)
    return verdict.outcome


def case(refused: str | None = None, **more: Any) -> Case:
    return Case("File", "Group", "Name", "1", more.pop("outputs", ()), refused, **more)


def test_a_test_that_is_to_be_refused_passes_only_where_it_is() -> None:
    assert outcome(case("semantic"), "semantic") == "passed"
    assert outcome(case("semantic"), "syntax") == "failed"
    assert outcome(case("any"), "execution") == "passed"
    assert outcome(case("any"), None) == "failed"


def test_a_refused_value_does_not_pass_and_what_ended_need_not() -> None:
    assert outcome(case(outputs=("1",)), "execution") == "refused"
    assert outcome(case(outputs=("null",)), None) == "passed"
    assert outcome(case(outputs=("1",), version_to="1.3"), "syntax") == "ended"
