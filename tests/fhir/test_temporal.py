"""Date and time texts mean what the FHIR data types page says they can mean."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.fhir.temporal import Span, parse

MS = timedelta(milliseconds=1)


def at(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "low", "high", "prec"),
    [
        ("2026", at(2026, 1, 1), at(2027, 1, 1) - MS, 1),
        ("2026-02", at(2026, 2, 1), at(2026, 3, 1) - MS, 2),
        ("2024-02", at(2024, 2, 1), at(2024, 3, 1) - MS, 2),
        ("2026-12", at(2026, 12, 1), at(2027, 1, 1) - MS, 2),
        ("2026-02-28", at(2026, 2, 28), at(2026, 3, 1) - MS, 3),
        ("2026-02-28T10", at(2026, 2, 28, 10), at(2026, 2, 28, 11) - MS, 4),
        ("2026-02-28T10:30", at(2026, 2, 28, 10, 30), at(2026, 2, 28, 10, 31) - MS, 5),
        ("2026-02-28T10:30+01:00", at(2026, 2, 28, 9, 30), at(2026, 2, 28, 9, 31) - MS, 5),
        ("9999", at(9999, 1, 1), at(9999, 12, 31, 23, 59, 59, 999000), 1),
        ("9999-12-31", at(9999, 12, 31), at(9999, 12, 31, 23, 59, 59, 999000), 3),
    ],
)
def test_a_text_without_seconds_means_any_instant_of_its_part(
    text: str, low: datetime, high: datetime, prec: int
) -> None:
    assert parse(text) == Span(low, high, prec)


@pytest.mark.parametrize(
    ("text", "instant", "prec"),
    [
        ("2026-01-01T00:00:00Z", at(2026, 1, 1), 6),
        ("2026-01-01T00:00:00", at(2026, 1, 1), 6),
        ("2026-01-01T00:00:00-05:30", at(2026, 1, 1, 5, 30), 6),
        ("2026-01-01T00:00:00+14:00", at(2025, 12, 31, 10), 6),
        ("2026-01-01T00:00:00.5Z", at(2026, 1, 1, 0, 0, 0, 500000), 7),
        ("2026-01-01T00:00:00.123987654Z", at(2026, 1, 1, 0, 0, 0, 123000), 7),
        ("2016-12-31T23:59:60Z", at(2016, 12, 31, 23, 59, 59, 999000), 6),
    ],
)
def test_a_text_with_seconds_is_exact_in_utc(text: str, instant: datetime, prec: int) -> None:
    assert parse(text) == Span(instant, instant, prec)


@pytest.mark.parametrize(
    ("text", "low", "high", "prec"),
    [
        ("2026", at(2026, 1, 1), at(2026, 12, 31), 1),
        ("2024-02", at(2024, 2, 1), at(2024, 2, 29), 2),
        ("2026-02-28", at(2026, 2, 28), at(2026, 2, 28), 3),
    ],
)
def test_a_fhir_date_means_days(text: str, low: datetime, high: datetime, prec: int) -> None:
    assert parse(text, date=True) == Span(low, high, prec)


NO_DATES = ("", "26", "2026-13", "2026-02-30", "2026-1-1", "0000", "x2026", "2026 ", "２０２６", "2026Z")
NO_TIMES = ("2026-01-01 10:00:00", "2026-01-01T24:00:00Z", "2026-01-01T10:60", "2026-01-01Z")
OUTSIDE = ("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "9999-12-31T23:59-01:00")


@pytest.mark.parametrize("text", [*NO_DATES, *NO_TIMES, *OUTSIDE, "2026-01-01T10:00:00+15:00"])
def test_what_is_no_date_or_leaves_the_calendar_means_nothing(text: str) -> None:
    assert parse(text) is None


def test_a_fhir_date_has_no_time() -> None:
    assert parse("2026-01-01T00:00:00Z", date=True) is None


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), st.integers(-840, 840))
def test_instants_survive_any_offset(moment: datetime, offset: int) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    local = moment + timedelta(minutes=offset)
    hours, minutes = divmod(abs(offset), 60)
    sign = "-" if offset < 0 else "+"
    text = f"{local.isoformat(timespec='milliseconds')}{sign}{hours:02}:{minutes:02}"
    assert parse(text) == Span(moment, moment, 7)
