"""Resources contained in others, as resources of their own where logic follows references to them.

Records carry the medication of an order, or the place of a visit, inside the order or visit, and refer to it by `#id`.
Logic follows a reference by looking for what it names among the retrieved, so what is contained must be there to be
found: `intake.contained(type, seq, id, container, within)` has it, `raw."Type"` its JSON, under a number made of that
of its container. Its id is `Container-id#id`, its patient that of its container; it stands and falls with it.

Only types that others point at: FHIR gives what is contained no life of its own (R4, References, "Contained
Resources"), so that no other retrieve may find it. Leaves to others: what references lead to (`references`).
"""

from __future__ import annotations

import duckdb

from salus.fhir import model
from salus.store.sql import literal, quote, rows, scalar

TABLE = """CREATE TABLE IF NOT EXISTS intake.contained(
    type VARCHAR, seq BIGINT, id VARCHAR, container VARCHAR, within BIGINT)"""

FOLLOWED = (
    *("Condition", "Device", "Location", "Medication", "Organization", "Practitioner", "PractitionerRole"),
    "Substance",
)

MARK = '"contained"'
"""What the JSON of a resource that contains others has in it."""

_MOST = 1 << 20
"""Resources in one container; the number of each is made of this."""


def own_references(json: str, number: str) -> str:
    """SQL for a resource's JSON with the references to what it, or its container, contains as `ALIAS` has them."""
    return f"""regexp_replace({json}, '("reference"\\s*:\\s*")#', '\\1#' || {number} || '#', 'g')"""


UNRESOLVED = "^#[0-9]+(#)"
"""A pattern for such a reference that leads nowhere; its group takes its place."""

_FOUND = f"""
CREATE OR REPLACE TABLE work.contained AS
SELECT json->>'$.resourceType' AS type, -(within * {_MOST} + ord) AS seq, json->>'$.id' AS id, container, within,
    {own_references("CAST(json AS VARCHAR)", "within")} AS json,
    file, line, entry
FROM (SELECT type AS container, seq AS within, file, line, entry, unnest(inner_) AS json,
        generate_subscripts(inner_, 1) AS ord
    FROM (SELECT *, json_extract(json, '$.contained[*]') AS inner_ FROM batch
        WHERE contains(json, {literal(MARK)}) AND deleted IS NOT TRUE))
WHERE json->>'$.id' IS NOT NULL AND list_contains([{", ".join(map(literal, FOLLOWED))}], json->>'$.resourceType')
"""

_INSIDE = """
CREATE TABLE work.inside AS
SELECT c.type, c.seq, CASE WHEN list_contains({owned}, c.type) THEN f.pid END AS pid,
    f.type || '-' || f.id || '#' || c.id AS id, f.type AS container, f.seq AS within
FROM intake.contained c JOIN work.final f ON f.type = c.container AND f.seq = c.within
"""

# Numbers go by patient and id, those of what is contained among them.
_FINAL = """
CREATE OR REPLACE TABLE work.final AS
SELECT type, seq, pid, id, row_number() OVER (PARTITION BY type ORDER BY pid NULLS LAST, id, seq) AS rid
FROM (SELECT type, seq, pid, id FROM work.final UNION ALL SELECT type, seq, pid, id FROM work.inside)
"""

ALIAS = """SELECT '#' || within || '#' || regexp_extract(id, '#(.*)$', 1) AS url, type || '/' || id AS target
    FROM work.inside"""
"""What the references of containers lead to, under `#<number of the container>#<id>`."""

LEAD = """SELECT c.pid, c.type AS source, c.rid AS source_rid, f.type, f.rid
    FROM work.inside JOIN work.final c ON c.type = container AND c.seq = within
    JOIN work.final f ON f.type = work.inside.type AND f.seq = work.inside.seq WHERE f.pid IS NULL"""
"""What is contained and belongs to nobody is seen by whoever sees its container."""


def take(con: duckdb.DuckDBPyConnection, raw_columns: str) -> None:
    """Note what the resources of `batch` contain, and keep it in `raw`."""
    con.execute(_FOUND)
    con.execute("INSERT INTO intake.contained SELECT type, seq, id, container, within FROM work.contained")
    for (kind,) in rows(con, "SELECT DISTINCT type FROM work.contained ORDER BY type"):
        con.execute(
            f"""CREATE TABLE IF NOT EXISTS raw.{quote(str(kind))}({raw_columns});
            INSERT INTO raw.{quote(str(kind))} SELECT NULL, NULL, seq, json, file, line, entry
            FROM work.contained WHERE type = {literal(str(kind))}"""
        )


def settle(con: duckdb.DuckDBPyConnection) -> None:
    """Add what is contained to `work.final`, with whom its container belongs to; leaves `work.inside`."""
    owned = ", ".join(literal(kind) for kind in FOLLOWED if model.owner_paths(kind))
    con.execute(_INSIDE.format(owned=f"[{owned}]"))
    if scalar(con, "SELECT count(*) FROM work.inside"):
        con.execute(_FINAL)


def drop(con: duckdb.DuckDBPyConnection) -> None:
    """Take what containers held that are no more out of `raw`."""
    gone = "FROM intake.contained ANTI JOIN intake.arrival a ON a.type = container AND a.seq = within AND a.kept"
    for (kind,) in rows(con, f"SELECT DISTINCT type {gone}"):
        con.execute(f"DELETE FROM raw.{quote(str(kind))} WHERE seq IN (SELECT seq {gone})")
    if scalar(con, f"SELECT count(*) {gone}"):
        con.execute(f"DELETE FROM intake.contained WHERE seq IN (SELECT seq {gone})")
