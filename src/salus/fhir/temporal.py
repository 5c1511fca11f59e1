"""FHIR date, dateTime and instant texts -> the first and last instant they can mean.

A text without a day or an hour means any instant of its year, month, day, hour or minute; one with seconds
is exact. Texts without an offset are read as UTC. This is the plain statement of the rule;
`salus.store.moments` is the same rule as SQL and is tested against it.

Leaves to others: what to do with a text that means nothing (`parse` gives None), and CQL's arithmetic.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import datetime, timedelta
from typing import NamedTuple

PATTERN = (
    r"(000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d\d\d)"
    r"(-\d\d(-\d\d(T([01]\d|2[0-3])(:[0-5]\d(:([0-5]\d|60)(\.\d+)?)?)?(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)?)?)?)?"
)
"""FHIR R4's dateTime, and beside it hours and minutes without seconds, which CQL has and real records hold.
"""
DATE_PATTERN = r"(000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d\d\d)(-\d\d(-\d\d)?)?"

_MOMENT = re.compile(PATTERN, re.ASCII)
_DATE = re.compile(DATE_PATTERN, re.ASCII)
_FIRST = "0001-01-01T00:00:00.000"
_LAST = "9999-12-31T23:59:59.999"
_PREC_OF_LENGTH = {4: 1, 7: 2, 10: 3, 13: 4, 16: 5, 19: 6}


class Span(NamedTuple):
    """First and last instant (UTC, without tzinfo, to the millisecond) and precision: 1 year .. 6 second, 7
    millisecond.
    """

    low: datetime
    high: datetime
    prec: int


def parse(text: str, *, date: bool = False) -> Span | None:
    """The span of a dateTime or instant text, None when it is not one.

    With `date` the text is a FHIR date (no time part) and low and high are the midnights of the first and
    last day it can mean. Digits past the millisecond are cut. A leap second is the last millisecond before
    it. None also for a text that, brought to UTC, leaves the years 1 to 9999.
    """
    if not (_DATE if date else _MOMENT).fullmatch(text):
        return None
    body, offset = _split(text)
    prec = _PREC_OF_LENGTH.get(len(body), 7)
    if body[17:19] == "60":
        body = body[:17] + "59.999"
    try:
        low = datetime.fromisoformat((body + _FIRST[len(body) :])[:23].ljust(23, "0"))
        high = low if prec >= 6 else _last(low, body, prec)
        return Span(
            low - offset,
            (high.replace(hour=0, minute=0, second=0, microsecond=0) if date else high) - offset,
            prec,
        )
    except (ValueError, OverflowError):
        return None


def _split(text: str) -> tuple[str, timedelta]:
    """The text without its offset, and the offset."""
    if text.endswith("Z"):
        return text[:-1], timedelta()
    if len(text) > 13 and text[-6] in "+-":
        size = timedelta(hours=int(text[-5:-3]), minutes=int(text[-2:]))
        return text[:-6], -size if text[-6] == "-" else size
    return text, timedelta()


def _last(low: datetime, body: str, prec: int) -> datetime:
    """The last millisecond of the year, month, day, hour or minute that begins at `low`."""
    if prec == 2:
        return low.replace(day=monthrange(low.year, low.month)[1], hour=23, minute=59, second=59, microsecond=999000)
    return datetime.fromisoformat(body + _LAST[len(body) :])
