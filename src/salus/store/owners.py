"""Whose each resource is, which version of it counts, and the numbers everything goes by.
 Works on `work.arrival` (`salus.store.intake`) set at a time and ends with: one table per resource type with
`pid`, `rid` and `id`; `raw` rows under their final `rid` (NULL for resources of patients that are not loaded;
superseded versions removed); `reference_alias`, what every reference that is not `Type/id` already resolves
to; `visible`, which resources without a patient of their own each patient's resources lead to.
 The rules, in order: 1. A Patient without an id takes the one its Bundle's other resources refer to, when it
is the Bundle's only Patient; else the end of its fullUrl; else it is quarantined. Any other resource without
an id takes the end of its fullUrl, else one made of the place it was read from. 2. A resource belongs to the
patient its owner element (`model.owner_paths`) refers to. One that can belong to a patient and says nothing
belongs to the only Patient of its Bundle. 3. Of several resources with the same type, id and patient the last
updated counts, among equals the last read.

Leaves to others: typed elements (`salus.store.shred`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from salus.fhir import model
from salus.store.sql import literal, quote, rows, scalar, transaction

# The last step of a fullUrl: the id in `urn:uuid:<id>` and in `http://server/fhir/Type/<id>`.
_TAIL = "regexp_extract({0}, '([^/:]+)(?:/_history/[^/]+)?$', 1)"
# `Type/id` at the end of a relative or absolute reference.
_TARGET = (
    "nullif(regexp_extract({0}, '(?:^|/)([A-Z][A-Za-z]+/[A-Za-z0-9.\\-]+)(?:/_history/[^/]+)?$', 1), '')"
)
_FOREIGN = "({0} LIKE 'urn:%' OR contains({0}, '://') OR contains({0}, '?'))"
_UPDATED = "work.first_of(work.time_body(updated)) - to_minutes(work.offset_minutes(updated))"
_LATEST = f"ORDER BY {_UPDATED} DESC NULLS LAST, seq DESC"
_REACH = 20


@dataclass(slots=True)
class Owned:
    """What settling ownership found out.

    superseded: older versions left out. orphans: resources of patients that are not loaded. inferred:
    resources that say nothing and were given the only patient of their Bundle. shared_ids: ids that several
    patients' resources of one type have.
    """

    patients: int = 0
    superseded: int = 0
    orphans: int = 0
    inferred: int = 0
    shared_ids: int = 0
    nameless: int = 0
    types: list[str] = field(default_factory=list)


def settle(con: duckdb.DuckDBPyConnection) -> Owned:
    """Give every resource its patient, identity and number; writes the tables named above."""
    owned = Owned()
    _name_patients(con, owned)
    _name_others(con)
    _number_patients(con)
    _index_urls(con)
    _find_owners(con, owned)
    _choose_versions(con, owned)
    owned.types = [str(kind) for (kind,) in rows(con, "SELECT DISTINCT type FROM work.final ORDER BY type")]
    with transaction(con):
        for kind in owned.types:
            _write_skeleton(con, kind)
    _resolve_references(con, owned.types)
    _find_visible(con)
    return owned


def _name_patients(con: duckdb.DuckDBPyConnection, owned: Owned) -> None:
    """Rule 1 for Patients; most loads have none to name."""
    if not scalar(con, "SELECT count(*) FROM work.arrival WHERE type = 'Patient' AND id IS NULL"):
        return
    con.execute(
        f"""CREATE TABLE work.sibling AS
        SELECT bundle, any_value(id) AS id FROM (
            SELECT DISTINCT bundle, split_part({_TARGET.format("ref")}, '/', 2) AS id FROM (SELECT bundle,
            unnest(owners) AS ref FROM work.arrival) WHERE starts_with({_TARGET.format("ref")}, 'Patient/'))
            WHERE bundle IN (SELECT bundle FROM work.arrival WHERE type = 'Patient' GROUP BY bundle HAVING
            count(*) = 1) AND id NOT IN (SELECT id FROM work.arrival WHERE type = 'Patient' AND id IS NOT
            NULL)
        GROUP BY bundle HAVING count(*) = 1"""
    )
    con.execute(
        f"""UPDATE work.arrival SET id = coalesce(
            (SELECT s.id FROM work.sibling s WHERE s.bundle = work.arrival.bundle),
            nullif({_TAIL.format("url")}, ''))
        WHERE type = 'Patient' AND id IS NULL"""
    )
    owned.nameless = scalar(con, "SELECT count(*) FROM work.arrival WHERE type = 'Patient' AND id IS NULL")
    if owned.nameless:
        _set_nameless_aside(con)


def _set_nameless_aside(con: duckdb.DuckDBPyConnection) -> None:
    reason = literal("is a Patient without an id, and nothing else says which")
    nameless = "work.arrival WHERE type = 'Patient' AND id IS NULL"
    con.execute(
        f"""INSERT INTO quarantine SELECT f.path, line, entry, {reason} FROM (SELECT * FROM {nameless})
        JOIN load_file f USING (file)"""
    )
    con.execute(f'DELETE FROM raw."Patient" WHERE rid IN (SELECT seq FROM {nameless})')
    con.execute(f"DELETE FROM {nameless}")


def _name_others(con: duckdb.DuckDBPyConnection) -> None:
    """Rule 1 for the rest. A made-up id says where the resource was read, so that the same files give the
    same ids.
    """
    con.execute(
        f"""UPDATE work.arrival SET id = coalesce(nullif({_TAIL.format("url")}, ''), place.id)
        FROM (SELECT type, seq, left(md5(parse_filename(f.path)), 8) || '-' || line || '-' || coalesce(
                bundle - min(bundle) OVER (PARTITION BY file, line), 0) || '-' || coalesce(entry, 0) AS id
            FROM work.arrival JOIN load_file f USING (file) WHERE work.arrival.id IS NULL) place
        WHERE work.arrival.id IS NULL AND place.type = work.arrival.type AND place.seq = work.arrival.seq"""
    )


def _number_patients(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        """CREATE TABLE work.patient AS SELECT CAST(row_number() OVER (ORDER BY id) AS INTEGER) AS pid, id
        FROM (SELECT DISTINCT id FROM work.arrival WHERE type = 'Patient')"""
    )


def _index_urls(con: duckdb.DuckDBPyConnection) -> None:
    """What every fullUrl stands for: in its Bundle, and in the whole load when all Bundles agree."""
    con.execute(
        """CREATE TABLE work.bundle_url AS SELECT bundle, url, any_value(type || '/' || id) AS target
        FROM work.arrival WHERE url IS NOT NULL GROUP BY bundle, url HAVING count(DISTINCT type || '/' || id) = 1"""
    )
    con.execute(
        """CREATE TABLE work.url AS SELECT url, any_value(target) AS target FROM work.bundle_url
        GROUP BY url HAVING count(DISTINCT target) = 1"""
    )


def _find_owners(con: duckdb.DuckDBPyConnection, owned: Owned) -> None:
    """Rule 2: `work.owned` (type, seq, pid, orphan) for every resource but Patients."""
    bearing = ", ".join(literal(kind) for kind in sorted(model.RESOURCES) if model.owner_paths(kind))
    con.execute(
        f"""CREATE TABLE work.said AS
        SELECT type, seq, arg_min(p.pid, ord) AS pid, bool_or(p.pid IS NULL AND (target IS NULL OR target LIKE
        'Patient/%')) AS missing FROM (SELECT o.type, o.seq, o.ord, coalesce(b.target, u.target,
        {_TARGET.format("o.ref")}) AS target
            FROM (SELECT type, seq, bundle, unnest(owners) AS ref, generate_subscripts(owners, 1) AS ord FROM
            work.arrival
                WHERE type <> 'Patient') o
            LEFT JOIN work.bundle_url b ON b.bundle = o.bundle AND b.url = o.ref
            LEFT JOIN work.url u ON u.url = o.ref
            WHERE o.ref IS NOT NULL AND NOT starts_with(o.ref, '#'))
        LEFT JOIN work.patient p ON target = 'Patient/' || p.id
        GROUP BY type, seq"""
    )
    con.execute(
        """CREATE TABLE work.only_patient AS SELECT bundle, any_value(p.pid) AS pid
        FROM work.arrival a JOIN work.patient p USING (id) WHERE a.type = 'Patient' AND bundle IS NOT NULL
        GROUP BY bundle HAVING count(DISTINCT a.id) = 1"""
    )
    con.execute(
        f"""CREATE TABLE work.owned AS
        SELECT a.type, a.seq, a.id, a.updated,
            CASE WHEN a.type = 'Patient' THEN p.pid WHEN s.seq IS NULL AND a.type IN ({bearing}) THEN o.pid
            ELSE s.pid END AS pid, s.pid IS NULL AND coalesce(s.missing, FALSE) AS orphan, s.seq IS NULL AND
            a.type IN ({bearing}) AND o.pid IS NOT NULL AS inferred FROM work.arrival a LEFT JOIN work.said s
            ON s.type = a.type AND s.seq = a.seq LEFT JOIN work.only_patient o ON o.bundle = a.bundle
        LEFT JOIN work.patient p ON a.type = 'Patient' AND p.id = a.id"""
    )
    owned.patients = scalar(con, "SELECT count(*) FROM work.patient")
    owned.orphans = scalar(con, "SELECT count(*) FROM work.owned WHERE orphan")
    owned.inferred = scalar(con, "SELECT count(*) FROM work.owned WHERE inferred")


def _choose_versions(con: duckdb.DuckDBPyConnection, owned: Owned) -> None:
    """Rule 3: `work.final` (type, seq, pid, rid, id), one row per resource that counts."""
    con.execute(
        f"""CREATE TABLE work.final AS
        SELECT type, seq, pid, id, row_number() OVER (PARTITION BY type ORDER BY pid NULLS LAST, id, seq) AS
        rid FROM (SELECT * FROM work.owned WHERE NOT orphan
            QUALIFY row_number() OVER (PARTITION BY type, id, pid {_LATEST}) = 1)"""
    )
    kept = scalar(con, "SELECT count(*) FROM work.final")
    owned.superseded = scalar(con, "SELECT count(*) FROM work.owned") - owned.orphans - kept
    owned.shared_ids = scalar(
        con,
        "SELECT count(*) FROM (SELECT type, id FROM work.final GROUP BY ALL HAVING count(DISTINCT pid) > 1)",
    )


def _write_skeleton(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """The type's own table with its keys, and its raw resources under their final numbers."""
    name = literal(kind)
    con.execute(
        f"""CREATE TABLE {quote(kind)} AS SELECT pid, rid, id FROM work.final WHERE type = {name} ORDER BY rid"""
    )
    raw = f"raw.{quote(kind)}"
    con.execute(
        f"""DELETE FROM {raw} WHERE rid IN (SELECT seq FROM work.owned WHERE type = {name} AND NOT orphan
            AND seq NOT IN (SELECT seq FROM work.final WHERE type = {name}))"""
    )
    con.execute(
        f"""UPDATE {raw} SET rid = f.rid FROM (SELECT o.seq, f.rid FROM (SELECT seq FROM work.owned WHERE type
        = {name}) o
            LEFT JOIN (SELECT seq, rid FROM work.final WHERE type = {name}) f USING (seq)) f
        WHERE {raw}.rid = f.seq"""
    )


def _resolve_references(con: duckdb.DuckDBPyConnection, types: list[str]) -> None:
    """`work.ref`: what each patient's resources, and each resource without a patient, refer to; and
    `reference_alias`.
    """
    con.execute("CREATE TABLE work.ref(pid INTEGER, type VARCHAR, rid BIGINT, ref VARCHAR)")
    for kind in types:
        con.execute(
            f"""INSERT INTO work.ref
            SELECT DISTINCT k.pid, CASE WHEN k.pid IS NULL THEN {literal(kind)} END, CASE WHEN k.pid IS NULL
            THEN rid END, ref FROM (SELECT rid, unnest(json_extract_string(json, '$..reference')) AS ref FROM
            raw.{quote(kind)})
            JOIN {quote(kind)} k USING (rid)"""
        )
    con.execute(
        f"""CREATE TABLE work.foreign_ref AS SELECT DISTINCT ref FROM work.ref WHERE {_FOREIGN.format("ref")}"""
    )
    _index_identifiers(con, types)
    con.execute(
        f"""CREATE TABLE reference_alias AS
        SELECT ref AS url, coalesce(u.target, i.target, t.target) AS target FROM work.foreign_ref
        LEFT JOIN work.url u ON u.url = ref
        LEFT JOIN work.identifier i ON i.url = ref
        LEFT JOIN (SELECT DISTINCT type || '/' || id AS target FROM work.final) t
            ON NOT contains(ref, '?') AND t.target = {_TARGET.format("ref")}
        WHERE coalesce(u.target, i.target, t.target) IS NOT NULL ORDER BY ref"""
    )


def _index_identifiers(con: duckdb.DuckDBPyConnection, types: list[str]) -> None:
    """What conditional references (`Practitioner?identifier=system|value`) stand for, when exactly one
    resource answers.
    """
    con.execute("CREATE TABLE work.identified(url VARCHAR, target VARCHAR)")
    asked = rows(
        con,
        "SELECT DISTINCT split_part(ref, '?', 1) FROM work.foreign_ref WHERE contains(ref, '?identifier=')",
    )
    for kind in sorted({str(kind) for (kind,) in asked} & set(types)):
        con.execute(
            f"""INSERT INTO work.identified
            SELECT {literal(kind + "?identifier=")} || coalesce(i->>'$.system' || '|', '') || (i->>'$.value'),
            {literal(kind + "/")} || k.id FROM (SELECT rid, unnest(CAST(json->'$.identifier[*]' AS JSON[])) AS
            i FROM raw.{quote(kind)})
            JOIN {quote(kind)} k USING (rid)"""
        )
    con.execute(
        """CREATE TABLE work.identifier AS SELECT url, any_value(target) AS target FROM work.identified
        GROUP BY url HAVING count(DISTINCT target) = 1"""
    )


def _find_visible(con: duckdb.DuckDBPyConnection) -> None:
    """Follow references from each patient's resources to those without a patient, and from these to others."""
    con.execute("CREATE TABLE visible(type VARCHAR, pid INTEGER, rid BIGINT)")
    con.execute(
        f"""CREATE TABLE work.lead AS
        SELECT r.pid, r.type AS source, r.rid AS source_rid, f.type, f.rid FROM work.ref r
        LEFT JOIN reference_alias a ON a.url = r.ref
        JOIN (SELECT type || '/' || id AS target, type, rid FROM work.final WHERE pid IS NULL) f
            ON f.target = coalesce(a.target, {_TARGET.format("r.ref")})"""
    )
    con.execute(
        "CREATE TABLE work.reached AS SELECT DISTINCT type, pid, rid FROM work.lead WHERE pid IS NOT NULL"
    )
    for _ in range(_REACH):
        con.execute("INSERT INTO visible FROM work.reached")
        con.execute(
            """CREATE OR REPLACE TABLE work.reached AS SELECT DISTINCT l.type, r.pid, l.rid
            FROM work.reached r JOIN work.lead l ON l.pid IS NULL AND l.source = r.type AND l.source_rid =
            r.rid
            ANTI JOIN visible v ON v.type = l.type AND v.pid = r.pid AND v.rid = l.rid"""
        )
        if not scalar(con, "SELECT count(*) FROM work.reached"):
            return
