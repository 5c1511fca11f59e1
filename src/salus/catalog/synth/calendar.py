"""Days as whole numbers (since 1 January 1970), and how they are written.

Leaves to others: which days things happen on.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from salus.catalog.synth.dice import Reals, Texts, Whole

EPOCH = date(1970, 1, 1)
FIRST, LAST = date(1890, 1, 1), date(2101, 12, 31)
"""From the birth of the oldest in the earliest year of a scenario to the last prescription of the latest."""
_WRITTEN: Texts = np.array(
    [(FIRST + timedelta(days=step)).isoformat() for step in range((LAST - FIRST).days + 1)], dtype=object
)
_OFFSET = (EPOCH - FIRST).days


def day(year: int, month: int = 1, of_month: int = 1) -> int:
    return (date(year, month, of_month) - EPOCH).days


def written(days: Whole) -> list[str]:
    """ISO dates."""
    found: list[str] = _WRITTEN[days + _OFFSET].tolist()
    return found


def months_later(days: Whole, months: int) -> Whole:
    """The same day of the month, `months` later, and not beyond that month's end."""
    start = days.astype("datetime64[D]")
    month = start.astype("datetime64[M]")
    within = (start - month.astype("datetime64[D]")).astype(np.int64)
    first = (month + months).astype("datetime64[D]").astype(np.int64)
    last = (month + months + 1).astype("datetime64[D]").astype(np.int64) - 1
    return np.asarray(np.minimum(first + within, last), dtype=np.int64)


def years_old(births: Whole, on: int) -> Whole:
    """Completed years on a day; born on 29 February, a year older on 1 March."""
    end = (EPOCH + timedelta(days=on)).timetuple()
    months = births.astype("datetime64[D]").astype("datetime64[M]")
    year = months.astype("datetime64[Y]").astype(np.int64) + 1970
    month = (months - months.astype("datetime64[Y]")).astype(np.int64) + 1
    of_month = births - months.astype("datetime64[D]").astype(np.int64) + 1
    later = (month > end.tm_mon) | ((month == end.tm_mon) & (of_month > end.tm_mday))
    return np.asarray(end.tm_year - year - later, dtype=np.int64)


def month_of(days: Whole) -> Whole:
    """The month of the year, 1 to 12."""
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return np.asarray(months % 12 + 1, dtype=np.int64)


def birthday_before(ages: Whole, rolls: Reals, on: int) -> Whole:
    """A day of birth of someone who is `ages` years old on the day before `on` (the first of a year)."""
    year = (EPOCH + timedelta(days=on)).year
    starts = ((year - 1 - ages - 1970).astype("datetime64[Y]")).astype("datetime64[D]").astype(np.int64)
    ends = ((year - ages - 1970).astype("datetime64[Y]")).astype("datetime64[D]").astype(np.int64)
    return np.asarray(starts + np.floor(rolls * (ends - starts)), dtype=np.int64)
