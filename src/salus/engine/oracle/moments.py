"""Date, DateTime and Time: as many components as are stated, and an offset.

Components are never made up: `2026-03` is a Date of two components. Comparison goes component by component, as the
specification words it. Seconds and milliseconds are one decimal component in comparisons; a DateTime without an offset
is in UTC, the offset of the evaluation request.
Source: CQL 1.5, Author's Guide "Date, DateTime and Time", "Comparing Dates and Times"; ELM §18.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

UNITS = ("year", "month", "day", "hour", "minute", "second", "millisecond")
MILLISECOND = timedelta(milliseconds=1)
_SPAN = {
    "week": timedelta(weeks=1),
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
    "millisecond": MILLISECOND,
}
_FIRST = (1, 1, 1, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Date:
    """Year, month and day, as far as stated."""

    parts: tuple[int, ...]
    units: ClassVar[tuple[str, ...]] = UNITS[:3]
    offset: ClassVar[int] = 0

    def __str__(self) -> str:
        return "-".join(f"{p:0{4 if i == 0 else 2}d}" for i, p in enumerate(self.parts))


@dataclass(frozen=True, slots=True)
class DateTime:
    """Year to millisecond, as far as stated; `offset` in minutes east of UTC, None when it is not stated."""

    parts: tuple[int, ...]
    offset: int | None = None
    units: ClassVar[tuple[str, ...]] = UNITS

    def __str__(self) -> str:
        day = str(Date(self.parts[:3]))
        if len(self.parts) < 4:
            return day
        return f"{day}T{_clock(self.parts[3:])}{_offset_text(self.offset)}"


@dataclass(frozen=True, slots=True)
class Time:
    """Hour to millisecond, as far as stated."""

    parts: tuple[int, ...]
    units: ClassVar[tuple[str, ...]] = UNITS[3:]
    offset: ClassVar[int] = 0

    def __str__(self) -> str:
        return _clock(self.parts)


Moment = Date | DateTime | Time


def _offset_text(offset: int | None) -> str:
    if offset is None:
        return ""
    return f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"


def minutes(moment: Moment) -> int:
    """The offset; that of UTC when none is stated."""
    return moment.offset or 0


def _clock(parts: Sequence[int]) -> str:
    text = ":".join(f"{p:02d}" for p in parts[:3])
    return f"{text}.{parts[3]:03d}" if len(parts) > 3 else text


def precision(moment: Moment) -> str:
    """The finest unit that is stated."""
    return moment.units[len(moment.parts) - 1]


def earliest(moment: Moment) -> datetime:
    """The first instant it can mean, in UTC; a Time on the first of days."""
    before = UNITS.index(moment.units[0])
    parts = (*_FIRST[:before], *moment.parts)
    year, month, day, hour, minute, second, milli = (*parts, *_FIRST[len(parts) :])
    return _shifted(datetime(year, month, day, hour, minute, second, milli * 1000), -minutes(moment))


def latest(moment: Moment) -> datetime:
    """The last instant it can mean: the last day of a Date, the last millisecond of others.

    A moment known to the second is exact, for seconds and milliseconds are one component.
    """
    first, unit = earliest(moment), precision(moment)
    if unit in ("second", "millisecond") or (isinstance(moment, Date) and unit == "day"):
        return first
    last = ceiling(_shifted(first, minutes(moment)), unit)
    if isinstance(moment, Date):
        return last.replace(hour=0, minute=0, second=0, microsecond=0)
    return _shifted(last, -minutes(moment))


def _shifted(instant: datetime, by: int) -> datetime:
    """Moved to another offset; kept in the years there are."""
    try:
        return instant + timedelta(minutes=by) if by else instant
    except OverflowError:
        return instant


def at_utc(moment: Moment) -> tuple[int, ...]:
    """The components in UTC. Without an hour there is nothing to move."""
    if not moment.offset or len(moment.parts) < 4:
        return moment.parts
    return parts_of(earliest(moment))[: len(moment.parts)]


def parts_of(instant: datetime) -> tuple[int, ...]:
    i = instant
    return (i.year, i.month, i.day, i.hour, i.minute, i.second, i.microsecond // 1000)


def like(moment: Moment, instant: datetime, *, finest: str | None = None) -> Moment:
    """The instant (UTC) as a moment of the same type, offset and precision (or of precision `finest`)."""
    local = parts_of(_shifted(instant, minutes(moment)))[UNITS.index(moment.units[0]) :]
    length = moment.units.index(finest) + 1 if finest else len(moment.parts)
    if isinstance(moment, DateTime):
        return DateTime(local[:length], moment.offset)
    return type(moment)(local[:length])


def as_stated(moment: Moment, unit: str | None) -> Moment:
    """The moment as it is compared to a unit: from days up at its own offset, finer or without a unit as an instant
    (CQL 1.5, "Comparing Dates and Times")."""
    return DateTime(moment.parts) if isinstance(moment, DateTime) and unit in _BY_THE_CALENDAR else moment


_BY_THE_CALENDAR = ("year", "month", "week", "day")


def to_datetime(moment: Moment) -> DateTime:
    """A Date as the DateTime without a time that it is (ELM §22, ToDateTime)."""
    assert not isinstance(moment, Time)
    return moment if isinstance(moment, DateTime) else DateTime(moment.parts)


def alike(a: Moment, b: Moment) -> tuple[Moment, Moment]:
    """Both of one type: a Date beside a DateTime is a DateTime."""
    if type(a) is type(b) or isinstance(a, Time) or isinstance(b, Time):
        return a, b
    return to_datetime(a), to_datetime(b)


def compare(a: Moment, b: Moment, unit: str | None = None) -> int | None:
    """-1, 0 or 1; None when what is stated does not decide (CQL 1.5, "Comparing Dates and Times").

    Components are compared from the year down to `unit` (the finest when None). Where one side says nothing the result
    is unknown; where neither does, what was compared decides, but a `unit` that is not reached is unknown.
    """
    a, b = alike(as_stated(a, unit), as_stated(b, unit))
    if unit == "week":
        return _compare_weeks(a, b)
    units = a.units
    stop = len(units) if unit is None else units.index(unit) + 1 if unit in units else len(units)
    left, right = _comparable(a, stop), _comparable(b, stop)
    for x, y in zip(left, right, strict=False):
        if x != y:
            return -1 if x < y else 1
    if len(left) != len(right):
        return None
    reached = len(left) == stop or (len(left) == len(units) - 1 and stop == len(units))
    return 0 if unit is None or reached else None


def _compare_weeks(a: Moment, b: Moment) -> int | None:
    """The same by weeks, which are no component: None where what is stated lies in several."""
    (first, last), (first_of_b, last_of_b) = (
        (floor(earliest(each), "week"), floor(latest(each), "week")) for each in (a, b)
    )
    if last < first_of_b or first > last_of_b:
        return -1 if last < first_of_b else 1
    return 0 if first == last == first_of_b == last_of_b else None


def _comparable(moment: Moment, stop: int) -> tuple[float, ...]:
    """The components to compare, seconds and milliseconds as one when milliseconds count."""
    parts, whole = at_utc(moment), len(moment.units)
    if stop < whole or whole == 3 or len(parts) < whole - 1:
        return parts[:stop]
    milli = parts[whole - 1] if len(parts) == whole else 0
    return (*parts[: whole - 2], parts[whole - 2] * 1000 + milli)


def floor(instant: datetime, unit: str) -> datetime:
    """The first instant of the unit around an instant; weeks begin on Sunday (CQL 1.5, Appendix H)."""
    if unit == "week":
        day = floor(instant, "day")
        return day - timedelta(days=day.isoweekday() % 7)
    kept = UNITS.index(unit) + 1
    year, month, day_, hour, minute, second, milli = (*parts_of(instant)[:kept], *_FIRST[kept:])
    return datetime(year, month, day_, hour, minute, second, milli * 1000)


def ceiling(instant: datetime, unit: str) -> datetime:
    """The last millisecond of the unit around an instant."""
    following = add(floor(instant, unit), 1, unit)
    return datetime(9999, 12, 31, 23, 59, 59, 999000) if following is None else following - MILLISECOND


def add(instant: datetime, amount: int, unit: str) -> datetime | None:
    """Moved by whole units; a day past the month's end is its last; None outside the years 1 to 9999."""
    try:
        if unit in ("year", "month"):
            return _add_months(instant, amount * 12 if unit == "year" else amount)
        return instant + amount * _SPAN[unit]
    except (OverflowError, ValueError):
        return None


def _add_months(instant: datetime, months: int) -> datetime:
    year, month = divmod(instant.year * 12 + instant.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise ValueError("no such year")
    return instant.replace(year=year, month=month + 1, day=min(instant.day, monthrange(year, month + 1)[1]))


def whole_units(a: datetime, b: datetime, unit: str) -> int:
    """Whole units from a to b, negative when b is before a (CQL 1.5, Appendix H)."""
    if b < a:
        return -whole_units(b, a, unit)
    if unit not in ("year", "month"):
        return (b - a) // _SPAN[unit]
    months = (b.year - a.year) * 12 + b.month - a.month
    if (b.day, b.time()) < (a.day, a.time()):
        months -= 1
    return months // 12 if unit == "year" else months


_UNIT_NAMES = {"a": "year", "mo": "month", "wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second"}
_UNIT_NAMES |= {"ms": "millisecond"}


def unit_name(unit: str) -> str | None:
    """`years`, `year` or UCUM's `a` -> `year`; None when it is no unit of time."""
    name = _UNIT_NAMES.get(unit, unit.removesuffix("s"))
    return name if name in ("year", "month") or name in _SPAN else None


_DATE = r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?"
_TIME = r"(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?"
_OFFSET = r"(Z|[+-]\d\d:\d\d)?"
_DATE_TEXT = re.compile(_DATE, re.ASCII)
_MOMENT_TEXT = re.compile(rf"{_DATE}(?:T(?:{_TIME})?{_OFFSET})?", re.ASCII)
_TIME_TEXT = re.compile(rf"T?{_TIME}{_OFFSET}", re.ASCII)


def date(text: str) -> Date | None:
    """A date text (ISO 8601), None when it is none."""
    found = _DATE_TEXT.fullmatch(text)
    return checked(Date(_numbers(found.groups()))) if found else None  # type: ignore[return-value]


def date_time(text: str) -> DateTime | None:
    """A date and time text, with or without an offset; None when it is none."""
    found = _MOMENT_TEXT.fullmatch(text)
    if not found:
        return None
    *parts, offset = found.groups()
    return checked(DateTime(_numbers(parts), offset_minutes(offset)))  # type: ignore[return-value]


def time(text: str) -> Time | None:
    """A time text, with or without a leading T; an offset is passed over."""
    found = _TIME_TEXT.fullmatch(text)
    return checked(Time(_numbers(found.groups()[:4]))) if found else None  # type: ignore[return-value]


def _numbers(texts: Sequence[str | None]) -> tuple[int, ...]:
    """Components as numbers; a fraction of a second counts to the millisecond, a leap second as the one before."""
    kept = [text for text in texts if text is not None]
    if len(kept) == len(texts) and len(texts) in (4, 7):
        kept[-1] = kept[-1][:3].ljust(3, "0")
    seconds = {4: 2, 7: 5}.get(len(texts))
    return tuple(59 if i == seconds and int(text) == 60 else int(text) for i, text in enumerate(kept))


def offset_minutes(text: str | None) -> int | None:
    """`+05:30` -> 330; 0 for Z; None for none."""
    if text is None or text == "Z":
        return None if text is None else 0
    return (-1 if text[0] == "-" else 1) * (int(text[1:3]) * 60 + int(text[4:6]))


def checked(moment: Moment) -> Moment | None:
    """The moment if there is such a date and time, else None."""
    try:
        earliest(moment)
    except ValueError:
        return None
    return moment
