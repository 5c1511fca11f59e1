"""Whose each resource is, which version of it counts, and the numbers everything goes by.

Works on a copy of `intake.arrival` (`salus.store.intake`) set at a time and ends with one table per resource type
with `pid`, `rid`, `id` and `seq`, the number of its record in `raw`. Resources of patients that are not loaded are in
`raw` alone; superseded and deleted versions are removed from it. Everything that was ever loaded is settled anew, so
that the order of loads does not matter. The rules, in order:

1. A Patient without an id takes the one its Bundle's other resources refer to, when it is the Bundle's
   only Patient; else the end of its fullUrl; else it is quarantined. Any other resource without an id
   takes the end of its fullUrl, else one made of its content (`name_others`).
2. A Bundle of type collection with one Patient is that patient's record: all in it that can belong to a
   patient belongs to them, also what names another. Elsewhere a resource belongs to the patient its owner
   element (`model.owner_paths`) refers to; one that can belong to a patient and says nothing belongs to the
   only Patient of its Bundle, if there is one.
3. What was deleted is gone. Of several resources with the same type, id and patient the newest version counts
   (`salus.store.versions`). Outside collections, a version newer by its date replaces one of another patient too: on
   a server an id is one resource, and it moved.

Leaves to others: other references (`salus.store.references`), typed elements (`salus.store.shred`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from salus.fhir import model
from salus.store import contained
from salus.store.publish import KEYS, RAW_COLUMNS
from salus.store.references import TARGET
from salus.store.sql import literal, quote, rows, scalar
from salus.store.versions import NEWEST, remove_deleted

# The last step of a fullUrl: the id in `urn:uuid:<id>` and in `http://server/fhir/Type/<id>`.
_TAIL = "nullif(regexp_extract({0}, '([^/:]+)(?:/_history/[^/]+)?$', 1), '')"
_NAMELESS_REASON = literal("is a Patient without an id, and nothing else says which")
_NAMELESS = "work.arrival WHERE type = 'Patient' AND id IS NULL"

# The one patient a Bundle's resources refer to, where the Bundle has one Patient and no other has that id.
_SIBLING = f"""
CREATE TABLE work.sibling AS
SELECT bundle, any_value(id) AS id
FROM (SELECT DISTINCT bundle, split_part({TARGET.format("ref")}, '/', 2) AS id
    FROM (SELECT bundle, unnest(string_split(owner, chr(10))) AS ref FROM work.arrival)
    WHERE starts_with({TARGET.format("ref")}, 'Patient/'))
WHERE id NOT IN (SELECT id FROM work.arrival WHERE type = 'Patient' AND id IS NOT NULL)
    AND bundle IN (SELECT bundle FROM work.arrival WHERE type = 'Patient' GROUP BY bundle HAVING count(*) = 1)
GROUP BY bundle HAVING count(*) = 1
"""

_NAME_PATIENTS = f"""
UPDATE work.arrival SET id = coalesce(
    (SELECT s.id FROM work.sibling s WHERE s.bundle = work.arrival.bundle), {_TAIL.format("url")})
WHERE type = 'Patient' AND id IS NULL
"""

# A made-up id says what the resource holds, and which of several like it in its file it is: it is the same whatever
# the file is called and however often it comes, and no two resources of one file share it.
_NAME_OTHERS = f"""
UPDATE intake.arrival SET id = coalesce({_TAIL.format("intake.arrival.url")}, made.id)
FROM (SELECT seq, hash || '-' || row_number() OVER (PARTITION BY file, hash ORDER BY seq) AS id
    FROM (SELECT seq, file, md5(json) AS hash FROM raw.{{table}}
        SEMI JOIN (SELECT seq FROM intake.arrival WHERE type = {{type}} AND id IS NULL) USING (seq))) made
WHERE intake.arrival.id IS NULL AND intake.arrival.type = {{type}} AND intake.arrival.seq = made.seq
"""

_PATIENTS = """
CREATE TABLE work.patient AS
SELECT CAST(row_number() OVER (ORDER BY id) AS INTEGER) AS pid, id
FROM (SELECT DISTINCT id FROM work.arrival WHERE type = 'Patient')
"""

# What a fullUrl stands for: in its Bundle, and in the whole load when all Bundles agree.
_URLS = """
CREATE TABLE work.bundle_url AS
SELECT bundle, url, min(type || '/' || id) AS target
FROM work.arrival WHERE url IS NOT NULL
GROUP BY bundle, url HAVING target = max(type || '/' || id);
CREATE TABLE work.url AS
SELECT url, min(target) AS target
FROM work.bundle_url GROUP BY url HAVING min(target) = max(target)
"""

# What owner elements say, once for all that say the same. A reference that leads nowhere may be to a patient, so its
# resource must not pass for one that belongs to nobody; a contained one says nothing. Distinct texts go by number: one
# may name thousands (a Provenance of all of a record), and must not be repeated for each of them.
_SAID = f"""
CREATE TABLE work.owner AS
SELECT row_number() OVER () AS n, bundle, owner
FROM (SELECT DISTINCT bundle, owner FROM work.arrival WHERE owner IS NOT NULL);
CREATE TABLE work.owner_ref AS
SELECT n, bundle, unnest(refs) AS ref, generate_subscripts(refs, 1) AS ord
FROM (SELECT n, bundle, string_split(owner, chr(10)) AS refs FROM work.owner);
CREATE TABLE work.said AS
SELECT bundle, owner, said.pid, said.missing
FROM (SELECT n, arg_min(p.pid, ord) AS pid,
        bool_or(p.pid IS NULL AND (target IS NULL OR starts_with(target, 'Patient/'))) AS missing
    FROM (SELECT o.n, o.ord, coalesce(b.target, u.target, {TARGET.format("o.ref")}) AS target
        FROM work.owner_ref o
        LEFT JOIN work.bundle_url b ON b.bundle = o.bundle AND b.url = o.ref
        LEFT JOIN work.url u ON u.url = o.ref
        WHERE NOT starts_with(o.ref, '#'))
    LEFT JOIN work.patient p ON target = 'Patient/' || p.id
    GROUP BY n) said
JOIN work.owner USING (n)
"""

_ONLY_PATIENT = """
CREATE TABLE work.only_patient AS
SELECT bundle, any_value(p.pid) AS pid
FROM work.arrival a JOIN work.patient p USING (id)
WHERE a.type = 'Patient' AND bundle IS NOT NULL
GROUP BY bundle HAVING count(DISTINCT a.id) = 1
"""

_OWNED = """
CREATE TABLE work.owned AS
SELECT type, seq, id, updated, collection, kept AS whole, coalesce(own, record, said, lone) AS pid,
    own IS NULL AND record IS NULL AND said IS NULL AND coalesce(missing, FALSE) AS orphan,
    silent, silent AND lone IS NOT NULL AS inferred,
    own IS NULL AND NOT silent AND record IS NOT NULL
        AND (coalesce(missing, FALSE) OR coalesce(said <> record, FALSE)) AS strayed
FROM (SELECT a.type, a.seq, a.id, a.updated, a.collection, a.kept, p.pid AS own, s.pid AS said, s.missing,
        s.missing IS NULL AND list_contains({bearing}, a.type) AS silent,
        CASE WHEN a.collection AND (silent OR s.missing OR s.pid IS NOT NULL) THEN o.pid END AS record,
        CASE WHEN silent THEN o.pid END AS lone
    FROM work.arrival a
    LEFT JOIN work.said s ON a.type <> 'Patient' AND s.bundle IS NOT DISTINCT FROM a.bundle AND s.owner = a.owner
    LEFT JOIN work.only_patient o ON o.bundle = a.bundle
    LEFT JOIN work.patient p ON a.type = 'Patient' AND p.id = a.id)
"""

# Most ids come once; only of the others is there anything to choose. Hashes are counted in half the time of texts.
_FINAL = f"""
CREATE TABLE work.repeated AS
SELECT type, id FROM work.owned
SEMI JOIN (SELECT h FROM (SELECT hash(type, id) AS h FROM work.owned) GROUP BY h HAVING count(*) > 1)
    ON h = hash(type, id)
GROUP BY type, id HAVING count(*) > 1;
CREATE TABLE work.final AS
SELECT type, seq, pid, id FROM work.owned ANTI JOIN work.repeated USING (type, id) WHERE whole AND NOT orphan
UNION ALL
SELECT type, seq, pid, id FROM
    (SELECT *, max(updated) FILTER (NOT collection) OVER (PARTITION BY type, id) AS newest
        FROM work.owned SEMI JOIN work.repeated USING (type, id))
WHERE whole AND NOT orphan AND (collection OR updated IS NULL OR updated >= newest)
QUALIFY row_number() OVER (PARTITION BY type, id, pid ORDER BY {NEWEST}) = 1
"""

# Orphans are kept, all of them: whose they are, and so which is a version of which, is not known yet.
_DROPPED = """
CREATE TABLE work.dropped AS FROM work.gone UNION ALL
SELECT type, seq FROM (FROM work.owned SEMI JOIN work.repeated USING (type, id)) ANTI JOIN work.final USING (type, seq)
WHERE whole AND NOT orphan
"""


@dataclass(slots=True)
class Owned:
    """What settling ownership found out.

    superseded: older versions left out, of all loads. deleted: resources of which a deletion left nothing.
    orphans: resources of patients that are not loaded. inferred:
    resources that say nothing and were given the only patient of their Bundle. kept: resources of a one-patient
    collection that name another patient. ownerless: those that say nothing and belong to nobody.
    shared_ids: ids that several patients' resources of one type have.
    """

    patients: int = 0
    superseded: int = 0
    deleted: int = 0
    orphans: int = 0
    inferred: int = 0
    kept: int = 0
    ownerless: int = 0
    shared_ids: int = 0
    types: list[str] = field(default_factory=list)


def name_others(con: duckdb.DuckDBPyConnection) -> None:
    """Rule 1 for what is no Patient; a name once given stays."""
    nameless = "SELECT DISTINCT type FROM intake.arrival WHERE id IS NULL AND type <> 'Patient'"
    for (kind,) in rows(con, nameless):
        con.execute(_NAME_OTHERS.format(table=quote(str(kind)), type=literal(str(kind))))


def settle(con: duckdb.DuckDBPyConnection) -> Owned:
    """Give every resource of `work.arrival` its patient and identity; leaves `work.final` (type, seq, pid, id), and in
    `work.dropped` (type, seq) what is not kept. Writes to the work database alone.
    """
    deleted = remove_deleted(con)
    con.execute(_PATIENTS)
    con.execute(_URLS)
    con.execute(_SAID)
    con.execute(_ONLY_PATIENT)
    bearing = ", ".join(literal(kind) for kind in sorted(model.RESOURCES) if model.owner_paths(kind))
    con.execute(_OWNED.format(bearing=f"[{bearing}]"))
    con.execute(_FINAL)
    con.execute(_DROPPED)
    contained.settle(con)
    owned = _count(con)
    owned.deleted = deleted
    return owned


def name_patients(con: duckdb.DuckDBPyConnection) -> None:
    """Rule 1 for Patients, every time anew: what names them may be in another load. Most loads have none to name.
    Leaves `work.arrival`, a copy of `intake.arrival` with their names.
    """
    con.execute("CREATE TABLE work.arrival AS FROM intake.arrival")
    con.execute(f"DELETE FROM quarantine WHERE reason = {_NAMELESS_REASON}")
    if not scalar(con, f"SELECT count(*) FROM {_NAMELESS}"):
        return
    con.execute(_SIBLING)
    con.execute(_NAME_PATIENTS)
    con.execute(
        f"""INSERT INTO quarantine SELECT f.path, line, entry, {_NAMELESS_REASON}, NULL
        FROM (SELECT * FROM {_NAMELESS}) JOIN load_file f USING (file)"""
    )
    con.execute(f"DELETE FROM {_NAMELESS}")


def _count(con: duckdb.DuckDBPyConnection) -> Owned:
    counts, *_ = con.execute(
        """SELECT count(*), count_if(orphan), count_if(inferred), count_if(strayed), count_if(silent AND pid IS NULL)
        FROM work.owned"""
    ).fetchall()
    total, orphans, inferred, kept, ownerless = (int(count or 0) for count in counts)
    shared = """SELECT 1 FROM work.final SEMI JOIN work.repeated USING (type, id)
        GROUP BY type, id HAVING count(DISTINCT pid) > 1"""
    return Owned(
        patients=scalar(con, "SELECT count(*) FROM work.patient"),
        superseded=total - orphans - scalar(con, "SELECT count(*) FROM work.final WHERE seq >= 0"),
        orphans=orphans,
        inferred=inferred,
        kept=kept,
        ownerless=ownerless,
        shared_ids=scalar(con, f"SELECT count(*) FROM ({shared})"),
        types=[str(kind) for (kind,) in rows(con, "SELECT DISTINCT type FROM work.final ORDER BY type")],
    )


def drop_raw(con: duckdb.DuckDBPyConnection) -> None:
    """Take what is not kept out of `raw`, and note that in `intake.arrival`."""
    for (kind,) in rows(con, "SELECT DISTINCT type FROM work.dropped"):
        raw, name = f"raw.{quote(str(kind))}", literal(str(kind))
        con.execute(f"CREATE TABLE IF NOT EXISTS {raw}({RAW_COLUMNS})")
        con.execute(f"DELETE FROM {raw} WHERE seq IN (SELECT seq FROM work.dropped WHERE type = {name})")
    con.execute(
        """UPDATE intake.arrival SET kept = FALSE FROM work.dropped d
        WHERE d.type = intake.arrival.type AND d.seq = intake.arrival.seq"""
    )
    contained.drop(con)


def write_keys(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """The type's own table, with its keys alone; its resources are numbered by patient and id."""
    table = quote(kind)
    con.execute(f"CREATE TABLE IF NOT EXISTS raw.{table}({RAW_COLUMNS})")
    con.execute(f"CREATE OR REPLACE TABLE {table}({KEYS})")
    con.execute(
        f"""INSERT INTO {table} SELECT pid, row_number() OVER () AS rid, id, seq
        FROM (FROM work.final WHERE type = {literal(kind)} ORDER BY pid NULLS LAST, id, seq)"""
    )
