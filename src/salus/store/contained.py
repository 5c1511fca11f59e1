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

_LIKELY = (
    f"contains(json, {literal(MARK)}) AND "
    rf"""regexp_matches(json, '"resourceType"\s*:\s*"(?:(?:{"|".join(FOLLOWED)})"|[^"]*\\)')"""
)
"""SQL for whether a resource may contain one of these types. Claims and benefits carry coverages and orders along, and
to look for a type in their text costs a fraction of reading them."""

_FOUND = f"""
CREATE OR REPLACE TEMP TABLE contained_found AS
SELECT json->>'$.resourceType' AS type, -(within * {_MOST} + ord) AS seq, json->>'$.id' AS id, container, within,
    {own_references("CAST(json AS VARCHAR)", "within")} AS json,
    file, line, entry
FROM (SELECT type AS container, seq AS within, file, line, entry, unnest(inner_) AS json,
        generate_subscripts(inner_, 1) AS ord
    FROM (SELECT *, TRY(json_extract(json, '$.contained[*]')) AS inner_ FROM batch
        WHERE {_LIKELY} AND deleted IS NOT TRUE))
WHERE json->>'$.id' IS NOT NULL AND list_contains([{", ".join(map(literal, FOLLOWED))}], json->>'$.resourceType')
"""

_INSIDE = """
CREATE TABLE work.inside AS
SELECT c.type, c.seq, CASE WHEN list_contains({owned}, c.type) THEN f.pid END AS pid,
    f.type || '-' || f.id || '#' || c.id AS id, f.type AS container, f.seq AS within
FROM intake.contained c JOIN work.final f ON f.type = c.container AND f.seq = c.within
"""

ALIAS = """SELECT '#' || within || '#' || regexp_extract(id, '#(.*)$', 1) AS url, type || '/' || id AS target
    FROM work.inside"""
"""What the references of containers lead to, under `#<number of the container>#<id>`."""

LEAD = """SELECT c.pid, c.type AS source, n.rid AS source_rid, f.type, f.rid
    FROM work.inside JOIN work.final c ON c.type = container AND c.seq = within
    LEFT JOIN work.free n ON n.type = container AND n.seq = within
    JOIN work.free f ON f.type = work.inside.type AND f.seq = work.inside.seq"""
"""What is contained and belongs to nobody is seen by whoever sees its container."""


def find(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Gather what the resources of `batch` contain, for `take`; returns its types."""
    con.execute(_FOUND)
    return [str(kind) for (kind,) in rows(con, "SELECT DISTINCT type FROM contained_found ORDER BY type")]


def take(con: duckdb.DuckDBPyConnection, kind: str, table: str) -> None:
    """Note what was found of a type, and keep it in the `table` of its records."""
    found = f"FROM contained_found WHERE type = {literal(kind)}"
    con.execute(f"INSERT INTO intake.contained SELECT type, seq, id, container, within {found}")
    con.execute(f"INSERT INTO {table} SELECT seq, json, file, line, entry {found}")


def settle(con: duckdb.DuckDBPyConnection) -> None:
    """Add what is contained to `work.final`, with whom its container belongs to; leaves `work.inside`."""
    owned = ", ".join(literal(kind) for kind in FOLLOWED if model.owner_paths(kind))
    con.execute(_INSIDE.format(owned=f"[{owned}]"))
    con.execute("INSERT INTO work.final SELECT type, seq, pid, id FROM work.inside")


def drop(con: duckdb.DuckDBPyConnection) -> None:
    """Take what containers held that are no more out of `raw`."""
    gone = "FROM intake.contained ANTI JOIN intake.arrival a ON a.type = container AND a.seq = within AND a.kept"
    for (kind,) in rows(con, f"SELECT DISTINCT type {gone}"):
        con.execute(f"DELETE FROM raw.{quote(str(kind))} WHERE seq IN (SELECT seq {gone})")
    if scalar(con, f"SELECT count(*) {gone}"):
        con.execute(f"DELETE FROM intake.contained WHERE seq IN (SELECT seq {gone})")
