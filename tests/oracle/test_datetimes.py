"""Date and time operators (ELM §18); many cases follow the official conformance suite."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import elm_text as elm
import pytest

from oracle.evaluating import closed, d, dt, lit, op, q, t, value, warned
from salus.engine.oracle.values import Uncertain

ADD = [
    (dt(2005, 10, 10), q(5, "years"), dt(2010, 10, 10)),
    (dt(2004, 2, 29), q(1, "year"), dt(2005, 2, 28)),
    (d(2012, 1, 31), q(1, "month"), d(2012, 2, 29)),
    (dt(2014), q(24, "months"), dt(2016)),
    (dt(2014), q(25, "months"), dt(2016)),
    (dt(2014), q(730, "days"), dt(2016)),
    (dt(2014), q(52, "weeks"), dt(2014)),
    (dt(2014, 1), q(60, "days"), dt(2014, 3)),
    (dt(2005, 5, 10, 5, 5, 5, 5), q("1.5", "seconds"), dt(2005, 5, 10, 5, 5, 6, 505)),
    (dt(2005, 5, 10), q("1.9", "days"), dt(2005, 5, 11)),
    (dt(2014, 6, 1, 23, offset=-300), q(2, "h"), dt(2014, 6, 2, 1, offset=-300)),
    (t(23, 59, 59, 999), q(1, "ms"), t(0, 0, 0, 0)),
    (dt(9999), q(1, "year"), None),
]


@pytest.mark.parametrize(("moment", "duration", "expected"), ADD)
def test_add_keeps_the_precision(moment: Any, duration: Any, expected: Any) -> None:
    assert value(op("Add", moment, duration)) == expected


def test_subtract_may_leave_the_year() -> None:
    assert value(op("Subtract", d(2014, 1, 10), q(3, "weeks"))) == d(2013, 12, 20)


def test_what_is_no_time_is_not_added() -> None:
    assert value(op("Add", d(2014, 1, 1), q(1, "cm"))) is None
    assert "'cm' is not a unit of time" in warned(op("Add", d(2014, 1, 1), q(1, "cm")))[0]


DURATION = [
    ("Year", dt(2005), dt(2010, 1, 1), Uncertain(4, 5)),
    ("Year", d(2012, 2, 29), d(2014, 2, 28), 1),
    ("Year", d(2012, 2, 29), d(2014, 3, 1), 2),
    ("Year", dt(2012, 3, 10, 10, 20, 0, 0), dt(2013, 3, 10, 9, 20, 0, 0), 0),
    ("Month", dt(2005), dt(2006, 5), Uncertain(4, 16)),
    ("Month", d(2012, 1, 31), d(2012, 2, 29), 0),
    ("Week", d(2012, 3, 10), d(2012, 3, 24), 2),
    ("Day", dt(2015, 2, 10), dt(2015, 3), Uncertain(18, 49)),
    ("Day", d(2012, 3, 10), d(2012, 3, 8), -2),
    ("Hour", dt(2012, 3, 1, 1, 0, 0, 0, offset=60), dt(2012, 3, 1, 2, 0, 0, 0), 2),
    ("Minute", t(10, 0), t(10, 30), Uncertain(29, 30)),
    ("Day", None, d(2012, 3, 8), None),
]


@pytest.mark.parametrize(("unit", "a", "b", "expected"), DURATION)
def test_duration_counts_whole_units(unit: str, a: Any, b: Any, expected: Any) -> None:
    assert value(op("DurationBetween", a, b, precision=unit)) == expected


DIFFERENCE = [
    ("Year", dt(2012, 12, 31), dt(2013, 1, 1), 1),
    ("Month", dt(2012, 1, 31), dt(2012, 2, 1), 1),
    ("Day", dt(2014, 10, 5, 23, 59), dt(2014, 10, 6, 0, 1), 1),
    ("Week", d(2012, 3, 10), d(2012, 3, 11), 1),
    ("Month", dt(2005), dt(2006, 7), Uncertain(7, 18)),
    ("Hour", dt(2000, 4, 1, 12), dt(2000, 4, 1, 20), 8),
    ("Day", dt(2014, 10, 5, 23, offset=-300), dt(2014, 10, 6, 1, offset=-300), 1),
]


@pytest.mark.parametrize(("unit", "a", "b", "expected"), DIFFERENCE)
def test_difference_counts_boundaries(unit: str, a: Any, b: Any, expected: Any) -> None:
    assert value(op("DifferenceBetween", a, b, precision=unit)) == expected


def test_an_uncertain_duration_may_still_decide() -> None:
    months = op("DurationBetween", dt(2005), dt(2006, 7), precision="Month")
    assert value(op("Greater", months, 5)) is True
    assert value(op("Greater", months, 25)) is False
    assert value(op("Greater", months, 10)) is None
    assert value(op("Equal", months, 24)) is False


TIMING = [
    ("SameAs", dt(2014), dt(2014), "Year", True),
    ("SameAs", dt(2014, 12), dt(2014), "Month", None),
    ("SameAs", dt(2014), dt(2014), "Month", None),
    ("SameAs", dt(2014, 2, 3), dt(2014, 2, 4), "Month", True),
    ("SameAs", dt(2022, 2, 22, 0, 0, 0, 0, offset=-300), dt(2022, 2, 22, 4, 59, 0, 0), "Day", True),
    ("SameAs", dt(2012, 3, 10, 10, 20, 0, 999, offset=420), dt(2012, 3, 10, 9, 20, 0, 999, offset=360), "Hour", True),
    ("SameOrBefore", dt(2014, 12, 20), dt(2014, 12, 20), "Day", True),
    ("SameOrBefore", dt(2013, 12, 20, 1), dt(2013, 12, 20, 0), "Day", True),
    ("Before", dt(2004, 11, 10), dt(2004, 10, 10), "Month", False),
    ("Before", dt(2000, 12, 10), dt(2004, 10, 10), None, True),
    ("After", dt(2005, 10, 10), dt(2005, 9), "Day", True),
    ("After", dt(2004, 10, 10), dt(2004, 10), "Day", None),
    ("SameOrAfter", t(12, 0), t(11, 59, 59), None, True),
    ("Before", closed(1, 10), closed(11, 20), None, True),
    ("After", closed(1, 10), 0, None, True),
    ("SameAs", closed(1, 10), closed(1, 10), None, True),
]


@pytest.mark.parametrize(("kind", "a", "b", "unit", "expected"), TIMING)
def test_timing(kind: str, a: Any, b: Any, unit: str | None, expected: Any) -> None:
    assert value(op(kind, a, b, **({"precision": unit} if unit else {}))) is expected


def test_components_are_those_stated() -> None:
    moment = dt(2003, 10, 29, 20, 50, 33, 955, offset=-300)
    assert [value(op("DateTimeComponentFrom", moment, precision=unit)) for unit in ("Year", "Hour", "Millisecond")] == [
        2003,
        20,
        955,
    ]
    assert value(op("DateTimeComponentFrom", dt(2003), precision="Month")) is None
    assert value(op("DateFrom", moment)) == d(2003, 10, 29)
    assert value(op("TimeFrom", moment)) == t(1, 50, 33, 955)  # at the offset of the evaluation, UTC
    assert value(op("TimezoneOffsetFrom", moment)) == -5
    assert value(op("TimeFrom", dt(2003, 10, 29))) is None


def test_the_run_has_one_now() -> None:
    assert value({"type": "Now"}) == dt(2026, 7, 1, 12, 30, 0, 0)
    assert value({"type": "Today"}) == d(2026, 7, 1)
    assert value({"type": "TimeOfDay"}) == t(12, 30, 0, 0)


def test_a_date_is_made_up_to_its_first_null() -> None:
    parts = {"year": lit(2014), "month": elm.NULL, "day": lit(3)}
    assert value({"type": "DateTime", **parts}) == dt(2014)
    assert value({"type": "Date", "year": elm.NULL}) is None
    offset = {"timezoneOffset": lit(Decimal("5.5"))}
    assert value(elm.when(2014, 1, 1, 12) | offset) == dt(2014, 1, 1, 12, offset=330)
    assert "is no such Date" in warned({"type": "Date", "year": lit(2014), "month": lit(2), "day": lit(30)})[0]
