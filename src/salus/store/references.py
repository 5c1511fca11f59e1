"""What references lead to: `reference_alias` and `visible`.

`reference_alias(url, target)` has every reference in the records that is not `Type/id` already and
resolves inside the load: urn:uuid: and absolute URLs that are the fullUrl of an entry, absolute URLs that
end in `Type/id` of a loaded resource, and conditional references by identifier
(`Practitioner?identifier=system|value`) that exactly one resource answers; and those to what the resource itself
contains (`salus.store.contained`). `visible(type, pid, rid)` has, for resources that belong to no patient, the
patients whose resources lead to them, directly or through other such resources.

Leaves to others: fullUrls (`work.url`) and who owns what (`salus.store.owners`).
"""

from __future__ import annotations

import duckdb

from salus.store import contained
from salus.store.sql import literal, quote, rows, scalar, side_by_side

TARGET = r"""nullif(regexp_extract({0},
    '(?:^|/)([A-Z][A-Za-z]+/[^/?#]+)(?:/_history/[^/]+)?$', 1), '')"""
"""SQL for the `Type/id` at the end of a relative or absolute reference, NULL when there is none. Ids that FHIR does not
allow (`abc_1`) are in use, and lead to whom they name."""

FOREIGN = "({0} LIKE 'urn:%' OR contains({0}, '://') OR contains({0}, '?') OR {0} LIKE '#%')"
"""SQL for whether a reference needs `reference_alias` to be understood."""

_REACH = 20
"""Steps followed from a patient's resources; a chain of Organizations within Organizations is shorter."""

_ALIAS = f"""
CREATE OR REPLACE TABLE reference_alias AS
SELECT ref AS url, coalesce(u.target, i.target, t.target) AS target
FROM work.foreign_ref
LEFT JOIN work.url u ON u.url = ref
LEFT JOIN work.identifier i ON i.url = ref
LEFT JOIN (SELECT DISTINCT target FROM (SELECT type || '/' || id AS target FROM work.final)
        SEMI JOIN (SELECT {TARGET.format("ref")} AS target FROM work.foreign_ref) USING (target)) t
    ON NOT contains(ref, '?') AND t.target = {TARGET.format("ref")}
WHERE coalesce(u.target, i.target, t.target) IS NOT NULL
UNION ALL {contained.ALIAS}
ORDER BY url
"""

_LEAD = f"""
CREATE TABLE work.lead AS
SELECT r.pid, r.type AS source, n.rid AS source_rid, f.type, f.rid
FROM work.ref r
LEFT JOIN work.free n ON n.type = r.type AND n.seq = r.seq
LEFT JOIN reference_alias a ON a.url = r.ref
JOIN work.free f ON f.type || '/' || f.id = coalesce(a.target, {TARGET.format("r.ref")})
UNION ALL {contained.LEAD}
"""

_FURTHER = """
CREATE OR REPLACE TABLE work.reached AS
SELECT DISTINCT l.type, r.pid, l.rid
FROM work.reached r
JOIN work.lead l ON l.pid IS NULL AND l.source = r.type AND l.source_rid = r.rid
ANTI JOIN visible v ON v.type = l.type AND v.pid = r.pid AND v.rid = l.rid
"""


def gather(con: duckdb.DuckDBPyConnection, types: list[str]) -> None:
    """Leave `work.ref` (pid, type, seq, ref), distinct per patient, or per resource when it has no patient: all
    references of every resource of `work.final` that has one that matters here. Writes to the work database alone.
    """
    con.execute("CREATE TABLE work.ref(pid INTEGER, type VARCHAR, seq BIGINT, ref VARCHAR)")
    leading = literal(_leading(con))

    def read(con: duckdb.DuckDBPyConnection, kind: str) -> None:
        con.execute(
            f"""INSERT INTO work.ref
            SELECT DISTINCT pid, CASE WHEN pid IS NULL THEN {literal(kind)} END, CASE WHEN pid IS NULL THEN seq END, ref
            FROM (SELECT pid, seq, unnest(json_extract_string(json, '$..reference')) AS ref
                FROM (FROM raw.{quote(kind)} WHERE regexp_matches(json, {leading}))
                JOIN (FROM work.final WHERE type = {literal(kind)}) USING (seq))"""
        )

    side_by_side(con, read, types)


def _leading(con: duckdb.DuckDBPyConnection) -> str:
    """A pattern for the JSON of what has a reference that matters: one that may not be `Type/id`, or is to a type of
    which some belong to no patient. Looking for it costs a fraction of reading the JSON.
    """
    free = [str(kind) for (kind,) in rows(con, "SELECT DISTINCT type FROM work.final WHERE pid IS NULL ORDER BY type")]
    return rf'"reference"\s*:\s*"(?:[^"]*[:?\\]|(?:{"|".join(free) or "-"})/)'


def resolve(con: duckdb.DuckDBPyConnection, types: list[str]) -> None:
    """Write `reference_alias`, of the references in `work.ref`; leaves `work.free`."""
    _list_free(con)
    con.execute(f"CREATE TABLE work.foreign_ref AS SELECT DISTINCT ref FROM work.ref WHERE {FOREIGN.format('ref')}")
    _index_identifiers(con, types)
    con.execute(_ALIAS)


def _list_free(con: duckdb.DuckDBPyConnection) -> None:
    """`work.free` (type, id, rid, seq): the resources that belong to no patient, under their numbers."""
    con.execute("CREATE TABLE work.free(type VARCHAR, id VARCHAR, rid BIGINT, seq BIGINT)")
    for (kind,) in rows(con, "SELECT DISTINCT type FROM work.final WHERE pid IS NULL"):
        free = f"{quote(str(kind))} WHERE pid IS NULL"
        con.execute(f"INSERT INTO work.free SELECT {literal(str(kind))}, id, rid, seq FROM {free}")


def _index_identifiers(con: duckdb.DuckDBPyConnection, types: list[str]) -> None:
    """`work.identifier`: the conditional references there could be, for the types asked for that way."""
    con.execute("CREATE TABLE work.identified(url VARCHAR, target VARCHAR)")
    asked = rows(
        con,
        "SELECT DISTINCT split_part(ref, '?', 1) FROM work.foreign_ref WHERE contains(ref, '?identifier=')",
    )
    for kind in sorted({str(kind) for (kind,) in asked} & set(types)):
        con.execute(
            f"""INSERT INTO work.identified
            SELECT {literal(kind + "?identifier=")} || coalesce(i->>'$.system' || '|', '') || (i->>'$.value'),
                {literal(kind + "/")} || k.id
            FROM (SELECT seq, unnest(CAST(json->'$.identifier[*]' AS JSON[])) AS i FROM raw.{quote(kind)})
            JOIN {quote(kind)} k USING (seq)"""
        )
    con.execute(
        """CREATE TABLE work.identifier AS SELECT url, any_value(target) AS target
        FROM work.identified GROUP BY url HAVING count(DISTINCT target) = 1"""
    )


def find_visible(con: duckdb.DuckDBPyConnection) -> None:
    """Write `visible`: step by step from each patient's resources through those without a patient."""
    con.execute("CREATE OR REPLACE TABLE visible(type VARCHAR, pid INTEGER, rid BIGINT)")
    con.execute(_LEAD)
    con.execute("CREATE TABLE work.reached AS SELECT DISTINCT type, pid, rid FROM work.lead WHERE pid IS NOT NULL")
    for _ in range(_REACH):
        con.execute("INSERT INTO visible FROM work.reached")
        con.execute(_FURTHER)
        if not scalar(con, "SELECT count(*) FROM work.reached"):
            return
