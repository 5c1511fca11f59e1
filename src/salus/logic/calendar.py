"""Dates at compile time: constants of the run (parameters, literals) are computed here, once, not per row.

An instant is a naive UTC datetime to the millisecond. Units are CQL calendar units in the singular.
Source: CQL 1.5, Author's Guide "Date and Time Arithmetic"; Reference B.8.
"""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta

MIDNIGHT = datetime(2000, 1, 1)
"""A Time is an instant of this day."""
MIN_DATETIME = datetime(1, 1, 1)
MAX_DATETIME = datetime(9999, 12, 31, 23, 59, 59, 999000)
MILLISECOND = timedelta(milliseconds=1)
DAY = timedelta(days=1)

UNITS = ("year", "month", "day", "hour", "minute", "second", "millisecond")
_SPAN = {
    "week": timedelta(weeks=1),
    "day": DAY,
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
    "millisecond": MILLISECOND,
}
_ALIASES = {
    "a": "year",
    "mo": "month",
    "wk": "week",
    "d": "day",
    "h": "hour",
    "min": "minute",
    "s": "second",
    "ms": "millisecond",
}


def unit_name(unit: str) -> str | None:
    """`years`, `year` or UCUM `a` -> `year`; None when it is no unit of time."""
    name = _ALIASES.get(unit, unit.lower().removesuffix("s") if len(unit) > 2 else unit)
    return name if name in ("year", "month") or name in _SPAN else None


def add(moment: datetime, amount: int, unit: str) -> datetime:
    """`moment` plus a number of units; a day past the month's end is its last; clamped to CQL's range."""
    moved = moved_by(moment, amount, unit)
    return moved or (MAX_DATETIME if amount > 0 else MIN_DATETIME)


def moved_by(moment: datetime, amount: int, unit: str) -> datetime | None:
    """As `add`; None beyond CQL's range."""
    try:
        if unit in ("year", "month"):
            return _add_months(moment, amount * 12 if unit == "year" else amount)
        return moment + amount * _SPAN[unit]
    except (OverflowError, ValueError):
        return None


def _add_months(moment: datetime, months: int) -> datetime:
    index = moment.year * 12 + moment.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


def floor(moment: datetime, unit: str) -> datetime:
    """The first instant of the unit that `moment` lies in (weeks begin on Sunday: ELM §18, DifferenceBetween)."""
    if unit == "week":
        return floor(moment, "day") - timedelta(days=moment.isoweekday() % 7)
    if unit == "millisecond":
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    start = {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    cleared = (*UNITS[UNITS.index(unit) + 1 : -1], "microsecond")
    return moment.replace(**{name: start[name] for name in cleared})  # type: ignore[arg-type]


def last(moment: datetime, unit: str) -> datetime:
    """The last instant (millisecond) of the unit that `moment` lies in."""
    first = floor(moment, unit)
    following = add(first, 1, unit)
    return MAX_DATETIME if following == MAX_DATETIME else following - MILLISECOND
