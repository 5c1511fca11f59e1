"""Arithmetic operators (ELM §16); many cases follow the official conformance suite."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import elm_text as elm
import pytest

from oracle.evaluating import d, dt, lit, op, q, value, warned
from salus.engine.oracle.values import Long, Uncertain

D = Decimal
MAX = 2**31 - 1
CASES = [
    (op("Add", 1, 1), 2),
    (op("Add", 1, D("2.5")), D("3.5")),
    (op("Add", MAX, 1), None),
    (op("Add", None, 1), None),
    (op("Add", q(1, "cm"), q(1, "m")), q("101", "cm")),
    (op("Add", q(1, "cm"), q(1, "g")), None),
    (op("Subtract", D("1.5"), 1), D("0.5")),
    (op("Multiply", q(2, "cm"), q(3, "cm")), q(6, "cm2")),
    (op("Multiply", q(2, "cm"), 3), q(6, "cm")),
    (op("Divide", 10, 3), D("3.33333333")),
    (op("Divide", 1, 0), None),
    (op("Divide", q(6, "cm"), q(2, "cm")), q(3)),
    (op("Divide", q(6, "g"), q(2, "mL")), q(3, "g/mL")),
    (op("TruncatedDivide", -5, 2), -2),
    (op("TruncatedDivide", 5, 0), None),
    (op("Modulo", -5, 2), -1),
    (op("Modulo", D("3.5"), 2), D("1.5")),
    (op("Negate", -MAX - 1), None),
    (op("Abs", q("-1.0", "cm")), q("1.0", "cm")),
    (op("Ceiling", D("-0.1")), 0),
    (op("Ceiling", D("2147483647.2")), None),
    (op("Floor", D("-0.1")), -1),
    (op("Truncate", D("-2.9")), -2),
    (op("Power", 2, 3), 8),
    (op("Power", 10, -2), D("0.01")),
    (op("Power", 2, 31), None),
    (op("Power", 0, 0), 1),
    (op("Log", 100, 10), D(2)),
    (op("Ln", 0), None),
    (op("Exp", 0), D(1)),
    (op("Successor", 1), 2),
    (op("Successor", D("1.0")), D("1.00000001")),
    (op("Predecessor", dt(2000)), dt(1999)),
    (op("Successor", d(2026, 2, 28)), d(2026, 3, 1)),
]


@pytest.mark.parametrize(("node", "expected"), CASES)
def test_arithmetic(node: dict[str, Any], expected: Any) -> None:
    found = value(node)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("number", "places", "expected"),
    [("1.5", None, 2), ("-1.5", None, -2), ("3.14159", 3, "3.142"), ("-0.5", None, -1)],
)
def test_a_half_is_rounded_away_from_zero(number: str, places: int | None, expected: Any) -> None:
    node = {"type": "Round", "operand": lit(D(number)), **({"precision": lit(places)} if places else {})}
    assert value(node) == D(expected)


def test_long_does_not_overflow_where_integer_does() -> None:
    literal = {"type": "Literal", "valueType": f"{elm.SYSTEM}Long", "value": str(MAX)}
    assert value(op("Add", literal, 1)) == Long(MAX + 1)


def test_past_the_end_of_the_range_is_null_with_a_warning() -> None:
    assert value(op("Successor", MAX)) is None
    assert "there is no such number" in warned(op("Successor", MAX))[0]


def test_uncertain_numbers() -> None:
    """The uncertainty examples of the conformance suite: days from 15 January to some day in February 2014."""
    days = op("DurationBetween", dt(2014, 1, 15), dt(2014, 2), precision="Day")
    months = op("DurationBetween", dt(2005), dt(2006, 5), precision="Month")
    assert value(days) == Uncertain(16, 44)
    assert value(op("Add", days, days)) == Uncertain(32, 88)
    assert value(op("Subtract", days, months)) == Uncertain(0, 40)
    assert value(op("Multiply", days, days)) == Uncertain(256, 1936)


@pytest.mark.parametrize(("kind", "expected"), [("MinValue", d(1, 1, 1)), ("MaxValue", d(9999, 12, 31))])
def test_ends_of_a_type(kind: str, expected: Any) -> None:
    assert value({"type": kind, "valueType": f"{elm.SYSTEM}Date"}) == expected


def test_precision_and_boundaries() -> None:
    assert value(op("Precision", D("1.58700"))) == 5
    assert value(op("Precision", dt(2014, 1))) == 6
    assert value(op("LowBoundary", D("1.587"), 8)) == D("1.58700000")
    assert value(op("HighBoundary", D("1.587"), 8)) == D("1.58799999")
    assert value(op("HighBoundary", dt(2014), 6)) == dt(2014, 12)
