"""Whose each resource is, which version of it counts, and the numbers everything goes by.

Works on `work.arrival` (`salus.store.intake`) set at a time and ends with one table per resource type
with `pid`, `rid` and `id`, and with `raw` rows under their final `rid`: NULL for resources of patients
that are not loaded, superseded versions removed. The rules, in order:

1. A Patient without an id takes the one its Bundle's other resources refer to, when it is the Bundle's
   only Patient; else the end of its fullUrl; else it is quarantined. Any other resource without an id
   takes the end of its fullUrl, else one made of the place it was read from.
2. A Bundle of type collection with one Patient is that patient's record: all in it that can belong to a
   patient belongs to them, also what names another. Elsewhere a resource belongs to the patient its owner
   element (`model.owner_paths`) refers to; one that can belong to a patient and says nothing belongs to the
   only Patient of its Bundle, if there is one.
3. Of several resources with the same type, id and patient the last updated counts, among equals the last
   one read.

Leaves to others: other references (`salus.store.references`), typed elements (`salus.store.shred`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from salus.fhir import model
from salus.store.references import TARGET
from salus.store.sql import literal, quote, rows, scalar, transaction

# The last step of a fullUrl: the id in `urn:uuid:<id>` and in `http://server/fhir/Type/<id>`.
_TAIL = "nullif(regexp_extract({0}, '([^/:]+)(?:/_history/[^/]+)?$', 1), '')"
_NAMELESS = "work.arrival WHERE type = 'Patient' AND id IS NULL"
_UPDATED = "work.first_of(work.time_body(updated)) - to_minutes(work.offset_minutes(updated))"

# The one patient a Bundle's resources refer to, where the Bundle has one Patient and no other has that id.
_SIBLING = f"""
CREATE TABLE work.sibling AS
SELECT bundle, any_value(id) AS id
FROM (SELECT DISTINCT bundle, split_part({TARGET.format("ref")}, '/', 2) AS id
    FROM (SELECT bundle, unnest(owners) AS ref FROM work.arrival)
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

# A made-up id says where the resource was read, so that the same files give the same ids.
_NAME_OTHERS = f"""
UPDATE work.arrival SET id = coalesce({_TAIL.format("url")}, place.id)
FROM (SELECT type, seq,
        coalesce(bundle - min(bundle) OVER (PARTITION BY file, line), 0) AS bundle_of_line,
        concat_ws('-', left(md5(parse_filename(f.path)), 8), line, bundle_of_line, coalesce(entry, 0)) AS id
    FROM work.arrival a JOIN load_file f USING (file) WHERE a.id IS NULL) place
WHERE work.arrival.id IS NULL AND place.type = work.arrival.type AND place.seq = work.arrival.seq
"""

_PATIENTS = """
CREATE TABLE work.patient AS
SELECT CAST(row_number() OVER (ORDER BY id) AS INTEGER) AS pid, id
FROM (SELECT DISTINCT id FROM work.arrival WHERE type = 'Patient')
"""

# What a fullUrl stands for: in its Bundle, and in the whole load when all Bundles agree.
_URLS = """
CREATE TABLE work.bundle_url AS
SELECT bundle, url, any_value(type || '/' || id) AS target
FROM work.arrival WHERE url IS NOT NULL
GROUP BY bundle, url HAVING count(DISTINCT type || '/' || id) = 1;
CREATE TABLE work.url AS
SELECT url, any_value(target) AS target
FROM work.bundle_url GROUP BY url HAVING count(DISTINCT target) = 1
"""

# What owner elements say. A reference that leads nowhere may be to a patient, so its resource must not
# pass for one that belongs to nobody; a contained one says nothing.
_SAID = f"""
CREATE TABLE work.said AS
SELECT type, seq, arg_min(p.pid, ord) AS pid,
    bool_or(p.pid IS NULL AND (target IS NULL OR starts_with(target, 'Patient/'))) AS missing
FROM (SELECT o.type, o.seq, o.ord, coalesce(b.target, u.target, {TARGET.format("o.ref")}) AS target
    FROM (SELECT type, seq, bundle, unnest(owners) AS ref, generate_subscripts(owners, 1) AS ord
        FROM work.arrival WHERE type <> 'Patient') o
    LEFT JOIN work.bundle_url b ON b.bundle = o.bundle AND b.url = o.ref
    LEFT JOIN work.url u ON u.url = o.ref
    WHERE o.ref IS NOT NULL AND NOT starts_with(o.ref, '#'))
LEFT JOIN work.patient p ON target = 'Patient/' || p.id
GROUP BY type, seq
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
SELECT type, seq, id, updated, coalesce(own, kept, said, lone) AS pid,
    own IS NULL AND kept IS NULL AND said IS NULL AND coalesce(missing, FALSE) AS orphan,
    silent, silent AND lone IS NOT NULL AS inferred,
    own IS NULL AND NOT silent AND kept IS NOT NULL
        AND (coalesce(missing, FALSE) OR coalesce(said <> kept, FALSE)) AS strayed
FROM (SELECT a.type, a.seq, a.id, a.updated, p.pid AS own, s.pid AS said, s.missing,
        s.seq IS NULL AND list_contains({bearing}, a.type) AS silent,
        CASE WHEN a.collection AND (silent OR s.missing OR s.pid IS NOT NULL) THEN o.pid END AS kept,
        CASE WHEN silent THEN o.pid END AS lone
    FROM work.arrival a
    LEFT JOIN work.said s ON s.type = a.type AND s.seq = a.seq
    LEFT JOIN work.only_patient o ON o.bundle = a.bundle
    LEFT JOIN work.patient p ON a.type = 'Patient' AND p.id = a.id)
"""

_FINAL = f"""
CREATE TABLE work.final AS
SELECT type, seq, pid, id, row_number() OVER (PARTITION BY type ORDER BY pid NULLS LAST, id, seq) AS rid
FROM (SELECT * FROM work.owned WHERE NOT orphan
    QUALIFY row_number() OVER (PARTITION BY type, id, pid ORDER BY {_UPDATED} DESC NULLS LAST, seq DESC) = 1)
"""


@dataclass(slots=True)
class Owned:
    """What settling ownership found out.

    superseded: older versions left out. orphans: resources of patients that are not loaded. inferred:
    resources that say nothing and were given the only patient of their Bundle. kept: resources of a one-patient
    collection that name another patient. ownerless: those that say nothing and belong to nobody.
    shared_ids: ids that several patients' resources of one type have.
    """

    patients: int = 0
    superseded: int = 0
    orphans: int = 0
    inferred: int = 0
    kept: int = 0
    ownerless: int = 0
    shared_ids: int = 0
    types: list[str] = field(default_factory=list)


def settle(con: duckdb.DuckDBPyConnection) -> Owned:
    """Give every resource its patient, identity and number; leaves `work.final` (type, seq, pid, id, rid)."""
    _name_patients(con)
    con.execute(_NAME_OTHERS)
    con.execute(_PATIENTS)
    con.execute(_URLS)
    con.execute(_SAID)
    con.execute(_ONLY_PATIENT)
    bearing = ", ".join(literal(kind) for kind in sorted(model.RESOURCES) if model.owner_paths(kind))
    con.execute(_OWNED.format(bearing=f"[{bearing}]"))
    con.execute(_FINAL)
    owned = _count(con)
    with transaction(con):
        for kind in owned.types:
            _write_keys(con, kind)
    return owned


def _name_patients(con: duckdb.DuckDBPyConnection) -> None:
    """Rule 1 for Patients; most loads have none to name."""
    if not scalar(con, f"SELECT count(*) FROM {_NAMELESS}"):
        return
    con.execute(_SIBLING)
    con.execute(_NAME_PATIENTS)
    if not scalar(con, f"SELECT count(*) FROM {_NAMELESS}"):
        return
    reason = literal("is a Patient without an id, and nothing else says which")
    con.execute(
        f"""INSERT INTO quarantine SELECT f.path, line, entry, {reason}
        FROM (SELECT * FROM {_NAMELESS}) JOIN load_file f USING (file)"""
    )
    con.execute(f'DELETE FROM raw."Patient" WHERE rid IN (SELECT seq FROM {_NAMELESS})')
    con.execute(f"DELETE FROM {_NAMELESS}")


def _count(con: duckdb.DuckDBPyConnection) -> Owned:
    (total, orphans, inferred, kept, ownerless), *_ = con.execute(
        """SELECT count(*), count_if(orphan), count_if(inferred), count_if(strayed), count_if(silent AND pid IS NULL)
        FROM work.owned"""
    ).fetchall()
    shared = "SELECT 1 FROM work.final GROUP BY type, id HAVING count(DISTINCT pid) > 1"
    return Owned(
        patients=scalar(con, "SELECT count(*) FROM work.patient"),
        superseded=total - orphans - scalar(con, "SELECT count(*) FROM work.final"),
        orphans=orphans,
        inferred=inferred,
        kept=kept,
        ownerless=ownerless,
        shared_ids=scalar(con, f"SELECT count(*) FROM ({shared})"),
        types=[str(kind) for (kind,) in rows(con, "SELECT DISTINCT type FROM work.final ORDER BY type")],
    )


def _write_keys(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """The type's own table with its keys, and its raw resources under their final numbers."""
    table, raw, name = quote(kind), f"raw.{quote(kind)}", literal(kind)
    final = f"SELECT * FROM work.final WHERE type = {name}"
    con.execute(f"CREATE TABLE {table} AS SELECT pid, rid, id FROM ({final}) ORDER BY rid")
    con.execute(
        f"""CREATE TEMP TABLE renumbered AS SELECT o.seq, f.rid, orphan FROM work.owned o
        LEFT JOIN ({final}) f USING (seq) WHERE o.type = {name}"""
    )
    con.execute(f"DELETE FROM {raw} WHERE rid IN (SELECT seq FROM renumbered WHERE rid IS NULL AND NOT orphan)")
    con.execute(f"UPDATE {raw} SET rid = n.rid FROM renumbered n WHERE {raw}.rid = n.seq")
    con.execute("DROP TABLE renumbered")
