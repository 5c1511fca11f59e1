"""Race, ethnicity, sex, age band, language and ZIP code from the Patient resource, one relation (pid, label)
each.

Every function leaves a temp table with one row per patient that has an answer; `attributes` fills the rest
with "unknown". Set at a time throughout: the distinct codes are classified in `vocabulary` and joined back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import duckdb

from salus.equity.relations import label_concepts, label_texts, quoted
from salus.equity.vocabulary import DECLINED, UNKNOWN, language, race_or_ethnicity

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
AGE_BANDS = ((0, 17), (18, 44), (45, 64), (65, 74), (75, None))
"""Completed years at the end of the period; the bands of the national healthcare quality and disparities
reports.
"""

NEEDS: tuple[tuple[str, str], ...] = (
    ("Patient", "gender"),
    ("Patient", "birthDate"),
    ("Patient.extension", "url"),
    ("Patient.extension.extension", "url"),
    ("Patient.extension.extension", "valueCoding"),
    ("Patient.extension.extension", "valueString"),
    ("Patient.communication", "language"),
    ("Patient.communication", "preferred"),
    ("Patient.address", "postalCode"),
    ("Patient.address", "use"),
    ("Patient.address", "period.end"),
)


def race(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """US Core race; several categories are kept together, in alphabetical order: "Asian; White"."""
    _us_core(con, table, "us-core-race")


def ethnicity(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """US Core ethnicity."""
    _us_core(con, table, "us-core-ethnicity")


def _us_core(con: duckdb.DuckDBPyConnection, table: str, extension: str) -> None:
    """The categories of an extension: its ombCategory parts, else its detailed parts rolled up, else its
    text.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE equity_part AS
        SELECT e.pid, x.url AS part, x."valueCoding" AS cid, x."valueString" AS text
        FROM "Patient.extension" e JOIN "Patient.extension.extension" x ON x.parent = e.eid
        WHERE e.url = {quoted(US_CORE + extension)} AND x.url IN ('ombCategory', 'detailed', 'text')
        """
    )
    label_concepts(con, "equity_code", "SELECT cid FROM equity_part", race_or_ethnicity)
    label_texts(con, "equity_text", "SELECT text FROM equity_part", race_or_ethnicity)
    _joined_best(con, table)


def _joined_best(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """`table(pid, label)` from `equity_part` and the labels of its concepts and texts: those of each patient's best
    part, joined.

    Few different labels and many people: each label is a bit, and each set of labels is put in words once.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE equity_bit AS
        SELECT label, 1::BIGINT << (row_number() OVER (ORDER BY label) - 1)::INTEGER AS bit
        FROM (SELECT label FROM equity_code UNION SELECT label FROM equity_text) WHERE label IS NOT NULL;
        CREATE OR REPLACE TEMP TABLE equity_set AS
        SELECT pid, coalesce(bit_or(bit) FILTER (part = 'ombCategory'), bit_or(bit) FILTER (part = 'detailed'),
                             bit_or(bit)) AS bits
        FROM (
          SELECT pid, part, coalesce(c.bit, t.bit) AS bit FROM equity_part
          LEFT JOIN (FROM equity_code JOIN equity_bit USING (label)) c USING (cid)
          LEFT JOIN (FROM equity_text JOIN equity_bit USING (label)) t USING (text)
        ) WHERE bit IS NOT NULL GROUP BY pid;
        CREATE OR REPLACE TEMP TABLE {table} AS
        SELECT pid, words.label FROM equity_set JOIN (
          SELECT bits, coalesce(string_agg(b.label, '; ' ORDER BY b.label)
                                  FILTER (b.label NOT IN ({quoted(UNKNOWN)}, {quoted(DECLINED)})),
                                min(b.label)) AS label  -- "declined" before "unknown"
          FROM (SELECT DISTINCT bits FROM equity_set) JOIN equity_bit b ON bits & bit <> 0 GROUP BY bits
        ) words USING (bits)
        """
    )


def sex(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Administrative gender as recorded: Female, Male, Other."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        SELECT pid, upper(gender[1]) || gender[2:] AS label
        FROM "Patient" WHERE gender IN ('female', 'male', 'other')
        """
    )


def age_band(con: duckdb.DuckDBPyConnection, table: str, end: date) -> None:
    """The band of the age in completed years on `end`, where all days a birth date can mean agree on it."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        SELECT pid, {_band("low")} AS label FROM (
          SELECT pid, {_years('"birthDate.low"')} AS low, {_years('"birthDate.high"')} AS high FROM "Patient"
          WHERE "birthDate.high"::DATE <= $end
        ) WHERE {_band("low")} = {_band("high")}
        """,
        {"end": end},
    )


def band_label(low: int, high: int | None) -> str:
    """How a band of years is written: "18-44", "75+"."""
    return f"{low}-{high}" if high is not None else f"{low}+"


def _years(born: str) -> str:
    """Completed years from a timestamp to $end: someone born on 29 February turns a year older on 1 March."""
    day = "(year({0}) * 10000 + month({0}) * 100 + day({0}))"
    return f"(({day.format('$end::DATE')} - {day.format(born)}) // 10000)"


def _band(years: str) -> str:
    cases = "".join(f" WHEN {years} <= {high} THEN {quoted(band_label(low, high))}" for low, high in AGE_BANDS[:-1])
    return f"CASE{cases} ELSE {quoted(band_label(*AGE_BANDS[-1]))} END"


def preferred_language(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """The language marked preferred (the first, if several are), else the only one given."""
    label_concepts(con, "equity_language", 'SELECT language FROM "Patient.communication"', language)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        SELECT pid, label FROM (
          SELECT pid, language AS cid FROM "Patient.communication"
          QUALIFY row_number() OVER (PARTITION BY pid ORDER BY coalesce(preferred, false) DESC, ord) = 1
            AND (coalesce(preferred, false) OR count(*) OVER (PARTITION BY pid) = 1)
        ) JOIN equity_language USING (cid)
        """
    )


def zip_code(con: duckdb.DuckDBPyConnection, table: str, start: date) -> None:
    """The first five digits of the home address (else of the first one); not of addresses given up before
    `start`.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        SELECT pid, left(trim("postalCode"), 5) AS label FROM "Patient.address"
        WHERE regexp_matches(trim("postalCode"), '^[0-9]{{5}}(-?[0-9]{{4}})?$')
          AND left(trim("postalCode"), 5) <> '00000'
          AND coalesce(use, '') <> 'old'
          AND coalesce("period.end.high" >= $start, true)
        QUALIFY row_number() OVER (PARTITION BY pid ORDER BY coalesce(use, '') <> 'home', ord) = 1
        """,
        {"start": start},
    )


RELATIONS: Sequence[str] = ("race", "ethnicity", "sex", "age_band", "language", "zip")
"""The attributes this module answers."""
