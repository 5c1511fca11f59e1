"""Comparison operators (ELM §12); many cases follow the official conformance suite."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import elm_text as elm
import pytest

from oracle.evaluating import closed, code, d, dt, lit, op, q, t, tuple_of, value, warned
from salus.errors import SalusError

D = Decimal
EQUAL = [
    (1, 1, True),
    (1, D("1.0"), True),
    ("abc", "ABC", False),
    (None, None, None),
    (1, None, None),
    (q(1, "cm"), q("0.01", "m"), True),
    (q(1, "cm"), q(1, "g"), None),
    (q(1, "month"), q(1, "mo"), None),
    (q(1, "week"), q(7, "days"), True),
    (q(1, "year"), q(12, "months"), True),
    (dt(2012), dt(2012), True),
    (dt(2012), dt(2012, 1), None),
    (dt(2012, 1, 1), dt(2013), False),
    (dt(2014, 1, 1, 14, 30, 0, 0), dt(2014, 1, 1, 14, 30, 0), True),
    (dt(2014, 1, 1, 14, 30, 0, 0, offset=60), dt(2014, 1, 1, 13, 30, 0, 0), True),
    (d(2014, 1, 1), dt(2014, 1, 1, 12), None),
    (t(10, 0, 0, 0), t(10, 0, 0, 1), False),
    ([None], [None], True),
    ([1, None], [1, 2], None),
    ([1, 2], [1, 2, 3], False),
    ([], [], True),
    (tuple_of(a=1, b=None), tuple_of(a=1, b=None), True),
    (tuple_of(a=None, b="John"), tuple_of(a=1, b="James"), None),
    (tuple_of(a=1, b="John"), tuple_of(a=2, b=None), False),
    (tuple_of(a=None, b="John"), tuple_of(a=1, b="John"), None),
    (closed(1, 10), closed(1, 10), True),
    (closed(1, 10), closed(1, 9), False),
    (code("a"), code("a"), True),
    (code("a"), code("b"), False),
]


@pytest.mark.parametrize(("a", "b", "expected"), EQUAL)
def test_equal(a: Any, b: Any, expected: Any) -> None:
    assert value(op("Equal", a, b)) is expected
    assert value(op("Equal", b, a)) is expected
    assert value(op("NotEqual", a, b)) is (None if expected is None else not expected)


EQUIVALENT = [
    (None, None, True),
    (1, None, False),
    ("Abc\td", "aBC D", True),
    (D("1.50"), D("1.55"), False),
    (D("1.5"), D("1.54"), True),
    (q(1, "year"), q(1, "a"), True),
    (q(1, "year"), q(365, "days"), True),
    (q(1, "cm"), q(1, "g"), False),
    (dt(2012), dt(2012, 1), False),
    (dt(2012), dt(2012), True),
    ([1, None], [1, None], True),
    (tuple_of(a=1, b=None), tuple_of(a=1, b=None), True),
    (code("a"), code("a", "other"), False),
    (closed(1, 10), closed(1, 10), True),
]


@pytest.mark.parametrize(("a", "b", "expected"), EQUIVALENT)
def test_equivalent_is_never_null(a: Any, b: Any, expected: bool) -> None:
    assert value(op("Equivalent", a, b)) is expected
    assert value(op("Equivalent", b, a)) is expected


def test_a_concept_is_equivalent_when_it_shares_a_code() -> None:
    concept = op("ToConcept", [code("a"), code("b")])
    assert value(op("Equivalent", concept, op("ToConcept", code("b")))) is True
    assert value(op("Equivalent", concept, code("c"))) is False


LESS = [
    (0, 1, True),
    (1, 1, False),
    ("a", "aa", True),
    (q(1, "cm"), q(1, "m"), True),
    (q(1, "cm"), q(1, "g"), None),
    (dt(2013), dt(2014, 2, 15), True),
    (dt(2014), dt(2014, 2, 15), None),
    (dt(2014), dt(2014), False),
    (None, 1, None),
]


@pytest.mark.parametrize(("a", "b", "expected"), LESS)
def test_order(a: Any, b: Any, expected: Any) -> None:
    assert value(op("Less", a, b)) is expected
    assert value(op("Greater", b, a)) is expected
    assert value(op("GreaterOrEqual", a, b)) is (None if expected is None else not expected)
    assert value(op("LessOrEqual", b, a)) is (None if expected is None else not expected)


def test_what_has_no_order_is_refused() -> None:
    with pytest.raises(SalusError, match="L 1, line 3: Less: Boolean and Boolean have no order"):
        value(elm.op("Less", lit(True), lit(False), locator="3:1-3:9"))


def test_a_value_of_another_type_than_logic_expects_has_no_order_and_ends_no_run() -> None:
    """As where a record holds a text in place of a date: null, with a warning."""
    period = {"type": "Interval", "low": lit(dt(2014)), "high": lit(dt(2015))}
    for node in (op("Less", "a", dt(2014)), op("Before", "a", dt(2014)), elm.op("In", lit("a"), period)):
        assert value(node) is None
        assert warned(node) == [f"L 1: {node['type']}: String and DateTime have no order"]
