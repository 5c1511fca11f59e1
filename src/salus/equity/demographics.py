"""Race, ethnicity, sex, age band, language and ZIP code from the Patient resource.

What the row of a patient says itself is SQL of that row. Of the rest every function leaves a temp table (pid, label)
with one row per patient that has an answer; `attributes` fills what is null with "unknown". Set at a time throughout:
the distinct codes are classified in `vocabulary` and joined back.
"""

from __future__ import annotations

from calendar import isleap
from datetime import date, timedelta

import duckdb

from salus.equity.relations import label_concepts, label_texts, quoted
from salus.equity.vocabulary import DECLINED, UNKNOWN, language, race_or_ethnicity

_RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
_ETHNICITY = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity"
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


def race_and_ethnicity(con: duckdb.DuckDBPyConnection, race: str, ethnicity: str) -> None:
    """US Core race, several categories kept together, in alphabetical order ("Asian; White"); and US Core ethnicity.

    Of each extension its ombCategory parts count, else its detailed parts rolled up, else its text.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE equity_part AS
        SELECT e.pid, e.url = {quoted(_RACE)} AS is_race, x.url AS part, x."valueCoding" AS cid,
               x."valueString" AS text
        FROM "Patient.extension" e JOIN "Patient.extension.extension" x ON x.parent = e.eid
        WHERE e.url IN ({quoted(_RACE)}, {quoted(_ETHNICITY)}) AND x.url IN ('ombCategory', 'detailed', 'text')
        """
    )
    label_concepts(con, "equity_code", "SELECT cid FROM equity_part", race_or_ethnicity)
    label_texts(con, "equity_text", "SELECT text FROM equity_part", race_or_ethnicity)
    _join_best(con)
    for table, condition in ((race, "is_race"), (ethnicity, "NOT is_race")):
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {table} AS"
            f" SELECT pid, label FROM equity_set JOIN equity_words USING (bits) WHERE {condition}"
        )


def _join_best(con: duckdb.DuckDBPyConnection) -> None:
    """`equity_set(pid, is_race, bits)` and `equity_words(bits, label)` from `equity_part` and the labels of its
    concepts and texts: those of each extension's best part, joined.

    Few different labels and many people: each label is a bit, and each set of labels is put in words once.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE equity_bit AS
        SELECT label, 1::BIGINT << (row_number() OVER (ORDER BY label) - 1)::INTEGER AS bit
        FROM (SELECT label FROM equity_code UNION SELECT label FROM equity_text) WHERE label IS NOT NULL;
        CREATE OR REPLACE TEMP TABLE equity_set AS
        SELECT pid, is_race, coalesce(bit_or(bit) FILTER (part = 'ombCategory'),
                                      bit_or(bit) FILTER (part = 'detailed'), bit_or(bit)) AS bits
        FROM (
          SELECT pid, is_race, part, coalesce(c.bit, t.bit) AS bit FROM equity_part
          LEFT JOIN (FROM equity_code JOIN equity_bit USING (label)) c USING (cid)
          LEFT JOIN (FROM equity_text JOIN equity_bit USING (label)) t USING (text)
        ) WHERE bit IS NOT NULL GROUP BY pid, is_race;
        CREATE OR REPLACE TEMP TABLE equity_words AS
        SELECT bits, coalesce(string_agg(b.label, '; ' ORDER BY b.label)
                                FILTER (b.label NOT IN ({quoted(UNKNOWN)}, {quoted(DECLINED)})),
                              min(b.label)) AS label  -- "declined" before "unknown"
        FROM (SELECT DISTINCT bits FROM equity_set) JOIN equity_bit b ON bits & bit <> 0 GROUP BY bits
        """
    )


def sex() -> str:
    """Administrative gender as recorded, of a row of "Patient": Female, Male, Other."""
    return "CASE gender WHEN 'female' THEN 'Female' WHEN 'male' THEN 'Male' WHEN 'other' THEN 'Other' END"


def age_band(end: date) -> str:
    """The band of the age in completed years on `end`, of a row of "Patient", where all days its birth date can mean
    agree on it."""
    first, last = '"birthDate.low"', '"birthDate.high"'
    cases = f"WHEN {last} IS NULL OR {last} >= {_born_after(end, 0)} THEN NULL"
    for low, high in AGE_BANDS:
        if high is None:
            return f"CASE {cases} ELSE {quoted(band_label(low, high))} END"
        younger = _born_after(end, high + 1)
        cases += f" WHEN {first} >= {younger} THEN {quoted(band_label(low, high))} WHEN {last} >= {younger} THEN NULL"
    raise AssertionError("the last band has no end")


def band_label(low: int, high: int | None) -> str:
    """How a band of years is written: "18-44", "75+"."""
    return f"{low}-{high}" if high is not None else f"{low}+"


def _born_after(end: date, years: int) -> str:
    """The first instant at which who is born has completed fewer than so many years on `end`: someone born on 29
    February turns a year older on 1 March."""
    leap_day = (end.month, end.day) == (2, 29)
    day = end.replace(year=end.year - years, day=28 if leap_day and not isleap(end.year - years) else end.day)
    return f"TIMESTAMP {quoted((day + timedelta(days=1)).isoformat())}"


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
