"""Interval operators (ELM §19); many cases follow the official conformance suite."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from oracle.evaluating import closed, d, dt, lit, op, q, t, value, warned
from salus.engine.oracle.values import Interval

D = Decimal
NOBODY_KNOWS = {"type": "Interval", "low": lit(None), "high": lit(None), "lowClosed": False, "highClosed": False}


def below(high: Any) -> Interval:
    """(null, high]: an unknown start."""
    return Interval(None, high, False, True)


def above(low: Any) -> Interval:
    """[low, null): an unknown end."""
    return Interval(low, None, True, False)


RELATIONS = [
    ("In", 5, closed(1, 10), True),
    ("In", None, closed(1, 10), None),
    ("In", 5, None, False),
    ("In", 5, closed(1, None), True),
    ("In", 11, below(10), False),
    ("In", 9, below(10), None),
    ("In", dt(2012, 1, 7), closed(dt(2012, 1, 5), None), True),
    ("Contains", closed(None, 5), 10, False),
    ("ProperContains", closed(t(12, 0, 0, 0), t(21, 59, 59, 999)), t(12, 0, 0, 0), False),
    ("ProperIn", 2, closed(1, 3), True),
    ("Includes", closed(1, 10), closed(4, 10), True),
    ("Includes", closed(1, 10), None, None),
    ("IncludedIn", closed(4, 15), closed(1, 10), False),
    ("ProperIncludes", closed(1, 10), closed(1, 10), False),
    ("ProperIncludedIn", closed(4, 10), closed(1, 10), True),
    ("Overlaps", closed(1, 10), closed(10, 15), True),
    ("Overlaps", closed(1, 10), closed(11, 20), False),
    ("Overlaps", closed(1, 10), above(11), False),
    ("Overlaps", closed(1, 10), below(11), None),
    ("OverlapsBefore", closed(1, 10), closed(4, 10), True),
    ("OverlapsAfter", closed(1, 10), closed(4, 10), False),
    ("Meets", closed(1, 10), closed(11, 20), True),
    ("Meets", below(5), below(15), None),
    ("MeetsAfter", below(5), above(11), False),
    ("MeetsBefore", closed(d(2012, 1, 1), d(2012, 1, 31)), closed(d(2012, 2, 1), None), True),
    ("Starts", closed(1, 10), closed(1, 12), True),
    ("Ends", closed(4, 10), closed(1, 10), True),
    ("Before", closed(1, 3), above(5), True),
    ("Before", above(1), closed(5, 6), None),
    ("Equal", closed(1, 10), NOBODY_KNOWS, None),
]


@pytest.mark.parametrize(("kind", "a", "b", "expected"), RELATIONS)
def test_relations(kind: str, a: Any, b: Any, expected: Any) -> None:
    assert value(op(kind, a, b)) is expected


def test_relations_at_a_precision() -> None:
    during = op("In", dt(2012, 1, 31, 9), Interval(dt(2012, 1, 1), dt(2012, 2, 1, 0, 0, 0, 0), True, False))
    assert value(during | {"precision": "Day"}) is True
    assert value(op("IncludedIn", closed(dt(2012, 1), dt(2012, 2)), closed(dt(2012), dt(2012)))) is None


ENDS = [
    ("Start", closed(1, 10), 1),
    ("Start", Interval(1, 10, False, True), 2),
    ("End", Interval(D("1.0"), D("2.0"), True, False), D("1.99999999")),
    ("Start", closed(None, 10), -(2**31)),
    ("Start", below(10), None),
    ("End", above(10), None),
    ("End", Interval(dt(2012, 1, 1), dt(2012, 2, 1), True, False), dt(2012, 1, 31)),
    ("Width", closed(1, 10), 9),
    ("Size", closed(1, 10), 10),
    ("PointFrom", closed(3, 3), 3),
]


@pytest.mark.parametrize(("kind", "interval", "expected"), ENDS)
def test_ends(kind: str, interval: Any, expected: Any) -> None:
    assert value(op(kind, interval)) == expected


def test_an_interval_without_bounds_is_null_and_one_backwards_too() -> None:
    assert value(NOBODY_KNOWS) is None
    assert value(lit(closed(10, 1))) is None
    assert value(lit(Interval(5, 5, True, False))) is None
    assert "ends before it starts" in warned(lit(closed(10, 1)))[0]


MADE = [
    ("Union", closed(1, 10), closed(11, 12), closed(1, 12)),
    ("Union", closed(1, 10), closed(12, 13), None),
    ("Intersect", closed(1, 10), closed(4, 12), closed(4, 10)),
    ("Intersect", closed(1, 10), above(5), above(5)),
    ("Intersect", closed(1, 3), closed(4, 12), None),
    ("Except", closed(1, 10), closed(4, 10), closed(1, 3)),
    ("Except", closed(1, 10), closed(3, 7), None),
    ("Except", closed(t(8, 59, 59, 999), t(11, 59, 59, 999)), closed(t(5, 0, 0, 0), t(10, 59, 59, 999)), "11"),
]


@pytest.mark.parametrize(("kind", "a", "b", "expected"), MADE)
def test_intervals_made_of_two(kind: str, a: Any, b: Any, expected: Any) -> None:
    wanted = closed(t(11, 0, 0, 0), t(11, 59, 59, 999)) if expected == "11" else expected
    assert value(op(kind, a, b)) == wanted


COLLAPSE = [
    ([closed(1, 5), closed(3, 7), closed(12, 19), closed(7, 10)], [closed(1, 10), closed(12, 19)]),
    ([closed(4, 6), closed(7, 8)], [closed(4, 8)]),
    ([NOBODY_KNOWS], []),
    ([closed(dt(2012, 1, 1), dt(2012, 1, 15)), closed(dt(2012, 1, 16), dt(2012, 5, 25))], "one"),
]


@pytest.mark.parametrize(("intervals", "expected"), COLLAPSE)
def test_collapse(intervals: Any, expected: Any) -> None:
    wanted = [closed(dt(2012, 1, 1), dt(2012, 5, 25))] if expected == "one" else expected
    assert value(op("Collapse", intervals, None)) == wanted


def test_collapse_bridges_gaps_of_the_given_size() -> None:
    days = [closed(d(2018, 1, 1), d(2018, 1, 4)), closed(d(2018, 1, 6), d(2018, 1, 7))]
    assert value(op("Collapse", days, q(2, "days"))) == [closed(d(2018, 1, 1), d(2018, 1, 7))]
    assert len(value(op("Collapse", days, q(1, "day")))) == 2


EXPAND = [
    (closed(1, 4), None, [1, 2, 3, 4]),
    (closed(1, 10), q(2), [1, 3, 5, 7, 9]),
    (Interval(1, 10, True, False), q(2), [1, 3, 5, 7]),
    (closed(D("10.0"), D("12.5")), q(1), [10, 11, 12]),
    (closed(10, 10), q("0.1"), [D(f"10.{i}") for i in range(10)]),
    (closed(d(2018, 1, 1), d(2018, 1, 4)), q(2, "days"), [d(2018, 1, 1), d(2018, 1, 3)]),
    (closed(t(10, 0), t(12, 30)), q(1, "hour"), [t(10), t(11), t(12)]),
    (closed(t(10), t(10)), q(1, "minute"), []),
]


@pytest.mark.parametrize(("interval", "per", "expected"), EXPAND)
def test_expand(interval: Any, per: Any, expected: Any) -> None:
    assert value(op("Expand", interval, per)) == expected


def test_expand_of_a_list_gives_intervals() -> None:
    days = [closed(d(2018, 1, 1), d(2018, 1, 2)), None]
    assert value(op("Expand", days, q(1, "day"))) == [closed(d(2018, 1, n), d(2018, 1, n)) for n in (1, 2)]
