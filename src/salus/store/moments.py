"""FHIR date and dateTime texts as low, high, precision and offset, in SQL: the rule of `salus.fhir.temporal`.

`define` creates the macros in the work database; `spans` is the query that turns text columns into their
spans. Leaves to others: the statement of the rule (`salus.fhir.temporal`), and reporting texts that meant
nothing (all columns are NULL).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import duckdb

from salus.fhir.temporal import DATE_PATTERN, PATTERN
from salus.store.sql import quote

_FIRST = "0001-01-01T00:00:00.000"
_LAST = "9999-12-31T23:59:59.999"

# The `_body` macros decide whether a text is one at all and give it without its offset, else NULL. What they
# let through is ASCII, so bytes are characters. `_SIGNED` is only true of texts that end in an offset: no
# body has a sign at that place. Nearly all texts say the second, and are moments as they stand (`_EXACT`).
_SIGNED = "strlen(t) > 13 AND substr(t, strlen(t) - 5, 1) IN ('+', '-')"
_EXACT = "strlen(b) >= 19 AND substr(b, 18, 1) <> '6'"
_MACROS = {
    "date_body(t)": f"CASE WHEN regexp_full_match(t, '{DATE_PATTERN}') THEN t END",
    "time_body(t)": f"""CASE WHEN NOT regexp_full_match(t, '{PATTERN}') THEN NULL
        WHEN suffix(t, 'Z') THEN substr(t, 1, strlen(t) - 1)
        WHEN {_SIGNED} THEN substr(t, 1, strlen(t) - 6)
        ELSE t END""",
    "offset_minutes(t)": f"""CASE WHEN {_SIGNED} THEN TRY_CAST(substr(t, strlen(t) - 5, 3) AS INTEGER) * 60
        + TRY_CAST(substr(t, strlen(t) - 5, 1) || substr(t, strlen(t) - 1) AS INTEGER) ELSE 0 END""",
    "prec_of(b)": "CAST(CASE strlen(b) WHEN 4 THEN 1 WHEN 7 THEN 2 WHEN 10 THEN 3 WHEN 13 THEN 4"
    " WHEN 16 THEN 5 WHEN 19 THEN 6 ELSE 7 END AS UTINYINT)",
    "first_of(b)": f"""TRY_CAST(CASE WHEN {_EXACT} THEN substr(b, 1, 23)
        WHEN strlen(b) >= 19 THEN substr(b, 1, 17) || '59.999'
        ELSE b || substr('{_FIRST}', strlen(b) + 1) END AS TIMESTAMP)""",
    "end_of_month(d)": "CAST(CAST(last_day(d) AS VARCHAR) || ' 23:59:59.999' AS TIMESTAMP)",
    "last_of(b)": f"""CASE WHEN strlen(b) = 7 THEN work.end_of_month(TRY_CAST(b || '-01' AS DATE))
        WHEN strlen(b) >= 19 THEN work.first_of(b)
        ELSE TRY_CAST(b || substr('{_LAST}', strlen(b) + 1) AS TIMESTAMP) END""",
    "in_range(m)": "CASE WHEN m >= TIMESTAMP '0001-01-01' AND m < TIMESTAMP '10000-01-01' THEN m END",
}


class Text(NamedTuple):
    """A text column to read: its name, and whether it is a FHIR date (days) rather than a dateTime."""

    name: str
    date: bool


def define(con: duckdb.DuckDBPyConnection) -> None:
    """Create the macros in the attached database `work`."""
    for head, body in _MACROS.items():
        con.execute(f"CREATE OR REPLACE MACRO work.{head} AS ({body})")


def spans(source: str, texts: Sequence[Text]) -> str:
    """The query that replaces each text column of the relation `source` by `<name>.low`, `<name>.high`,
    `<name>.prec` and, of a dateTime, `<name>.offset` (minutes east of UTC, 0 where none is stated).
    """
    if not texts:
        return f"SELECT * FROM {source}"
    names = [quote(text.name) for text in texts]
    bodies = ", ".join(part for text in texts for part in _body(text))
    bounds = ", ".join(part for text in texts for part in _bounds(text))
    checked = ", ".join(part for text in texts for part in _checked(text))
    scratch = ", ".join(quote(f"{name}.{part}") for name, _ in texts for part in "bolhp")
    return f"""SELECT * EXCLUDE ({", ".join(names)}, {scratch}), {checked}
        FROM (SELECT *, {bounds} FROM (SELECT *, {bodies} FROM {source}))"""


def _body(text: Text) -> tuple[str, str]:
    column, macro = quote(text.name), "date_body" if text.date else "time_body"
    return (
        f"work.{macro}({column}) AS {quote(text.name + '.b')}",
        f"work.offset_minutes({column}) AS {quote(text.name + '.o')}",
    )


def _bounds(text: Text) -> tuple[str, str, str]:
    body, offset = quote(text.name + ".b"), quote(text.name + ".o")
    low, high = f"work.first_of({body})", f"work.last_of({body})"
    if text.date:
        high = f"date_trunc('day', {high})"
    else:
        low, high = (f"work.in_range({bound} - to_minutes({offset}))" for bound in (low, high))
    named = zip((low, high, f"work.prec_of({body})"), "lhp", strict=True)
    low, high, prec = (f"{expression} AS {quote(f'{text.name}.{part}')}" for expression, part in named)
    return low, high, prec


def _checked(text: Text) -> tuple[str, ...]:
    """Both bounds or nothing: a bound outside the years 1 to 9999 takes the other with it."""
    low, high, prec, offset = (quote(f"{text.name}.{part}") for part in "lhpo")
    both = f"{low} IS NOT NULL AND {high} IS NOT NULL"
    parts = {"low": low, "high": high, "prec": prec}
    if not text.date:
        parts["offset"] = f"CAST({offset} AS SMALLINT)"
    named = {quote(f"{text.name}.{part}"): value for part, value in parts.items()}
    return tuple(f"CASE WHEN {both} THEN {value} END AS {name}" for name, value in named.items())
