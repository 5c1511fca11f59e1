"""Which version of a resource counts, and which resources are no more.

Versions of a resource (same type and id) and its deletions stand in one order: by date (`meta.lastUpdated`, the date
of the deletion), and among equal dates by when they were read. So that "what is read later" holds for what has no
date, `date_undated` gives it one: an undated version counts as old as the newest that earlier loads brought, an
undated deletion as old as the newest version read before it. A version below a deletion is gone.

Leaves to others: which of several patients' resources of one id are versions of one another (`owners`).
"""

from __future__ import annotations

import duckdb

from salus.store.sql import scalar

NEWEST = "updated DESC NULLS LAST, seq DESC"
"""SQL for the order of versions, the one that counts first."""

_UNDATED_VERSIONS = """
UPDATE intake.arrival SET updated = dated.updated
FROM (SELECT type, id, max(updated) AS updated FROM intake.arrival
    WHERE load < {load} AND updated IS NOT NULL GROUP BY ALL) dated
WHERE intake.arrival.load = {load} AND intake.arrival.updated IS NULL AND NOT intake.arrival.deleted
    AND dated.type = intake.arrival.type AND dated.id = intake.arrival.id
"""

_UNDATED_DELETIONS = """
UPDATE intake.arrival SET updated = before.updated
FROM (SELECT d.type, d.seq, max(v.updated) AS updated FROM intake.arrival d JOIN intake.arrival v
    ON v.type = d.type AND v.id = d.id AND v.seq < d.seq
    WHERE d.deleted AND d.updated IS NULL AND d.load = {load} GROUP BY ALL) before
WHERE intake.arrival.type = before.type AND intake.arrival.seq = before.seq
"""

_DELETED = f"""
CREATE TABLE work.deletion AS SELECT type, id, updated, seq FROM work.arrival WHERE deleted
QUALIFY row_number() OVER (PARTITION BY type, id ORDER BY {NEWEST}) = 1;
CREATE TABLE work.gone AS
SELECT a.type, a.seq FROM work.arrival a JOIN work.deletion d USING (type, id)
WHERE coalesce(d.updated >= a.updated, a.updated IS NULL) AND (d.updated IS DISTINCT FROM a.updated OR d.seq >= a.seq)
"""


def date_undated(con: duckdb.DuckDBPyConnection, load: int) -> None:
    """Give what came without a date in this load the date it counts as."""
    if load > 1:
        con.execute(_UNDATED_VERSIONS.format(load=load))
    if scalar(con, f"SELECT count(*) FROM intake.arrival WHERE deleted AND load = {load}"):
        con.execute(_UNDATED_DELETIONS.format(load=load))


def remove_deleted(con: duckdb.DuckDBPyConnection) -> int:
    """Take deleted versions, and the deletions themselves, out of `work.arrival`; leaves them in `work.gone` (type,
    seq). Returns how many resources there were of which nothing is left.
    """
    con.execute(_DELETED)
    lost = "SELECT DISTINCT type, id FROM work.arrival SEMI JOIN work.gone USING (type, seq) WHERE NOT deleted"
    con.execute(f"CREATE TABLE work.lost AS {lost}")
    con.execute(
        """DELETE FROM work.arrival USING work.gone g
        WHERE work.arrival.type = g.type AND work.arrival.seq = g.seq; DELETE FROM work.arrival WHERE deleted"""
    )
    return scalar(con, "SELECT count(*) FROM work.lost ANTI JOIN work.arrival USING (type, id)")
