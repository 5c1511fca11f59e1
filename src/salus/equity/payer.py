"""Who pays for a person's care in the period, and who has nobody to pay: relation (pid, label) over `PAYERS`.

Coverage resources that overlap the period count first; where they say nothing, the latest claim does. A
person is never assumed uninsured: without any record the payer is unknown. The rule in words is in
docs/attributes.md. Leaves to others: what a code or a payer's name means (`vocabulary`).
"""

from __future__ import annotations

from datetime import date, timedelta

import duckdb

from salus.equity.relations import Records, label_concepts, label_json, label_texts, quoted
from salus.equity.vocabulary import DUAL, INSURED, MEDICAID, MEDICARE, PAYERS, UNINSURED, payer

LOOKBACK_YEARS = 2
"""Claims count from so many years before the period on: older ones say little about who pays today."""

CLAIMS = ("Claim", "ExplanationOfBenefit")
_COVERAGE_NEEDS = (
    ("Coverage", "status"),
    ("Coverage", "type"),
    ("Coverage", "period.start"),
    ("Coverage", "period.end"),
    ("Coverage.payor", "display"),
    ("Coverage.payor", "reference"),
)
_CLAIM_NEEDS = (
    ("{}", "status"),
    ("{}", "created"),
    ("{}", "billablePeriod.start"),
    ("{}", "insurer.display"),
    ("{}.insurance", "coverage.display"),
    ("{}.insurance", "coverage.reference"),
)


def needs(types: frozenset[str]) -> list[tuple[str, str]]:
    """The elements the payer rests on, of the resource types there are."""
    found = list(_COVERAGE_NEEDS) if "Coverage" in types else []
    found += [("Organization", "name")] if {"Coverage", "Organization"} <= types else []
    found += [(table.format(t), element) for t in CLAIMS if t in types for table, element in _CLAIM_NEEDS]
    return found


def payers(population: Records, table: str, period: tuple[date, date]) -> None:
    """Temp table `table(pid, label)` for every patient with a coverage or a claim that counts."""
    con, types = population.con, population.tables()
    _coverages(con, types, period)
    _claims(con, types, period)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        WITH told AS (
          SELECT pid, c.label AS covered, k.label AS claimed
          FROM ({_combined("equity_coverage")}) c FULL JOIN ({_combined("equity_claim")}) k USING (pid)
        )
        SELECT pid, CASE
          WHEN covered IS NULL THEN claimed
          WHEN covered = {quoted(INSURED)} AND claimed <> {quoted(UNINSURED)} THEN claimed
          ELSE covered END AS label
        FROM told
        """
    )


def _combined(table: str) -> str:
    """One payer per patient of several at once: Medicare with Medicaid is dual, else the first of PAYERS."""
    ranked = " ".join(f"WHEN {quoted(kind)} THEN {place}" for place, kind in enumerate(PAYERS))
    both = f"bool_or(label = {quoted(MEDICARE)}) AND bool_or(label = {quoted(MEDICAID)})"
    return f"""
        SELECT pid, CASE WHEN {both} THEN {quoted(DUAL)} ELSE arg_min(label, CASE label {ranked} END) END AS
        label FROM {table} WHERE label IS NOT NULL GROUP BY pid
    """


# --- Coverage resources ---


def _coverages(con: duckdb.DuckDBPyConnection, types: frozenset[str], period: tuple[date, date]) -> None:
    """Temp table `equity_coverage(pid, label)`: the coverages active on the last covered day of the period.

    Without a period a coverage counts as open; cancelled ones count only where the period says when they
    ended.
    """
    if "Coverage" not in types:
        con.execute("CREATE OR REPLACE TEMP TABLE equity_coverage(pid INTEGER, label VARCHAR)")
        return
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE equity_active AS
        SELECT pid, rid, type AS cid FROM "Coverage"
        WHERE pid IS NOT NULL AND coalesce(status, '') NOT IN ('entered-in-error', 'draft')
          AND (coalesce(status, '') <> 'cancelled' OR "period.end.high" IS NOT NULL)
          AND coalesce("period.start.low" < $after, true) AND coalesce("period.end.high" >= $start, true)
        QUALIFY rank() OVER (PARTITION BY pid
          ORDER BY least(coalesce("period.end.high", $after), $after)::DATE DESC) = 1
        """,
        {"start": period[0], "after": period[1] + timedelta(days=1)},
    )
    _name_payors(con, "Organization" in types)
    label_concepts(con, "equity_type", "SELECT cid FROM equity_active", payer)
    label_texts(con, "equity_name", "SELECT name FROM equity_payor", payer)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE equity_coverage AS
        SELECT pid, coalesce(nullif(t.label, {quoted(INSURED)}), n.label, {quoted(INSURED)}) AS label
        FROM equity_active LEFT JOIN equity_type t USING (cid) LEFT JOIN equity_payor p USING (rid)
        LEFT JOIN equity_name n ON n.text = p.name
        """
    )


def _name_payors(con: duckdb.DuckDBPyConnection, organizations: bool) -> None:
    """Temp table `equity_payor(rid, name)`: how the payers of the active coverages are called."""
    organization = "o.name" if organizations else "NULL"
    join = """LEFT JOIN "Organization" o ON p.reference = 'Organization/' || o.id""" if organizations else ""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE equity_payor AS
        SELECT p.parent AS rid, coalesce(p.display, {organization}) AS name
        FROM "Coverage.payor" p SEMI JOIN equity_active a ON a.rid = p.parent {join}
        WHERE coalesce(p.display, {organization}) IS NOT NULL
        """
    )


# --- claims ---


def _claims(con: duckdb.DuckDBPyConnection, types: frozenset[str], period: tuple[date, date]) -> None:
    """Temp table `equity_claim(pid, label)`: the payers of each patient's claims on the latest day that
    counts.
    """
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE equity_insurance(
          pid INTEGER, type VARCHAR, rid BIGINT, reference VARCHAR, name VARCHAR, day DATE)
        """
    )
    for claim in CLAIMS:
        if claim in types:
            _insurances(con, claim, period)
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE equity_latest AS SELECT * EXCLUDE (day) FROM equity_insurance
        QUALIFY rank() OVER (PARTITION BY pid ORDER BY day DESC) = 1
        """
    )
    label_texts(con, "equity_name", "SELECT name FROM equity_latest", payer)
    _referred(con, types)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE equity_claim AS
        SELECT pid, coalesce(nullif(n.label, {quoted(INSURED)}), r.label, n.label) AS label
        FROM equity_latest l LEFT JOIN equity_name n ON n.text = l.name
        LEFT JOIN equity_referred r USING (type, rid, reference)
        """
    )


def _insurances(con: duckdb.DuckDBPyConnection, claim: str, period: tuple[date, date]) -> None:
    """Add what the claims of one type say: who is named, which coverage is meant, on which day."""
    day = 'coalesce(c."billablePeriod.start.low", c."created.low")::DATE'
    con.execute(
        f"""
        INSERT INTO equity_insurance
        SELECT c.pid, {quoted(claim)}, c.rid, i."coverage.reference",
               coalesce(i."coverage.display", c."insurer.display"), {day}
        FROM "{claim}" c JOIN "{claim}.insurance" i ON i.parent = c.rid
        WHERE c.pid IS NOT NULL AND {day} BETWEEN $oldest AND $end
          AND coalesce(c.status, '') NOT IN ('cancelled', 'draft', 'entered-in-error')
        """,
        {"oldest": _years_before(period[0]), "end": period[1]},
    )


def _years_before(day: date) -> date:
    """LOOKBACK_YEARS before `day`; the 29th of February becomes the 28th."""
    return day.replace(year=day.year - LOOKBACK_YEARS, day=28 if (day.month, day.day) == (2, 29) else day.day)


def _referred(con: duckdb.DuckDBPyConnection, types: frozenset[str]) -> None:
    """Temp table `equity_referred(type, rid, reference, label)`: coverages a claim refers to where its words
    say little.

    Contained coverages exist only in the record as it came, so it is opened, for these few claims alone.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE equity_asked AS
        SELECT DISTINCT type, rid, reference FROM equity_latest l LEFT JOIN equity_name n ON n.text = l.name
        WHERE reference IS NOT NULL AND coalesce(n.label, {quoted(INSURED)}) = {quoted(INSURED)}
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE equity_found(
          type VARCHAR, rid BIGINT, reference VARCHAR, kind VARCHAR, name VARCHAR)
        """
    )
    for claim in (c for c in CLAIMS if c in types):
        con.execute(_contained(claim))
    label_json(con, "equity_kind", "SELECT kind FROM equity_found", payer)
    label_texts(con, "equity_payer_name", "SELECT name FROM equity_found", payer)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE equity_referred AS
        SELECT type, rid, reference, any_value(
          coalesce(nullif(k.label, {quoted(INSURED)}), n.label, {quoted(INSURED)})) AS label
        FROM equity_found LEFT JOIN equity_kind k ON k.text = kind LEFT JOIN equity_payer_name n ON n.text =
        name GROUP BY type, rid, reference
        """
    )
    if "Coverage" in types:
        _standing(con)


def _contained(claim: str) -> str:
    return f"""
        INSERT INTO equity_found
        SELECT a.type, a.rid, a.reference, coverage->>'$.type', coverage->>'$.payor[0].display'
        FROM (
          SELECT rid, unnest(json_extract(json, '$.contained[*]')) AS coverage
          FROM raw."{claim}" JOIN "{claim}" USING (seq)
          SEMI JOIN (SELECT rid FROM equity_asked WHERE type = {quoted(claim)}) USING (rid)
        ) c JOIN equity_asked a ON a.rid = c.rid AND a.type = {quoted(claim)}
          AND a.reference = '#' || (coverage->>'$.id')
        WHERE coverage->>'$.resourceType' = 'Coverage'
    """


def _standing(con: duckdb.DuckDBPyConnection) -> None:
    """Add coverages that stand on their own: a claim in the window refers to them though their period does
    not overlap.
    """
    label_concepts(
        con, "equity_type",
        """SELECT c.type FROM "Coverage" c JOIN equity_asked a ON a.reference = 'Coverage/' || c.id""", payer,
    )  # fmt: skip
    con.execute(
        f"""
        INSERT INTO equity_referred
        SELECT DISTINCT a.type, a.rid, a.reference, coalesce(t.label, {quoted(INSURED)})
        FROM equity_asked a JOIN "Coverage" c ON a.reference = 'Coverage/' || c.id
        LEFT JOIN equity_type t ON t.cid = c.type
        """
    )
