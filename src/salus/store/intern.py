"""The dictionary of concepts: every distinct CodeableConcept or Coding becomes an integer.

`intern.concept_json` and `intern.concept_list_json` map the JSON text of a concept, or of a whole list of concepts, to
its number; equal texts share one. New texts are gathered in the work database and come into the population with
`publish`, which also spells them out as `concept`, `coding` and `concept_list`. The dictionary only grows, so numbers
once given stay valid. Leaves to others: finding the texts (`salus.store.shred`), value sets (`terminology`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable

import duckdb

from salus.store.sql import scalar

_TABLES = """
CREATE SCHEMA IF NOT EXISTS intern;
CREATE TABLE IF NOT EXISTS intern.concept_json(key INTEGER, json VARCHAR);
CREATE TABLE IF NOT EXISTS intern.concept_list_json(key INTEGER, json VARCHAR);
CREATE TABLE IF NOT EXISTS concept(cid INTEGER, text VARCHAR);
CREATE TABLE IF NOT EXISTS coding(
    cid INTEGER, ord INTEGER, system VARCHAR, version VARCHAR, code VARCHAR, display VARCHAR);
CREATE TABLE IF NOT EXISTS concept_list(lid INTEGER, ord INTEGER, cid INTEGER);
"""

_KINDS = ("concept_json", "concept_list_json")

# A CodeableConcept with only text has no codings; only what has a part of a Coding is one.
_CODINGS = """
INSERT INTO coding
SELECT key, ord, coding->>'$.system', coding->>'$.version', coding->>'$.code', coding->>'$.display'
FROM (
    SELECT key, unnest(codings) AS coding, generate_subscripts(codings, 1) - 1 AS ord
    FROM (
        SELECT key, CASE WHEN json_type(json, '$.coding') = 'ARRAY' THEN CAST(json->'$.coding[*]' AS JSON[])
            WHEN coalesce(json->>'$.system', json->>'$.code', json->>'$.display', json->>'$.version') IS NOT
            NULL THEN [CAST(json AS JSON)] END AS codings FROM work.fresh)) WHERE json_type(coding) = 'OBJECT'
            ORDER BY key, ord
"""


_MEMBERS = """
CREATE OR REPLACE TABLE work.list_member AS
SELECT key, unnest(members) AS json, generate_subscripts(members, 1) - 1 AS ord
FROM (SELECT key, CASE json_type(json) WHEN 'ARRAY' THEN CAST(json->'$[*]' AS VARCHAR[]) ELSE [json] END AS members
    FROM work.concept_list_json ANTI JOIN intern.concept_list_json USING (key))
"""


class Dictionary:
    """Gives numbers to concept texts; one per population, shared by the threads that type its tables."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        con.execute(_TABLES)
        self._lock = threading.Lock()
        self._last = {}
        for kind in _KINDS:
            con.execute(f"CREATE OR REPLACE TABLE work.{kind} AS FROM intern.{kind}")
            self._last[kind] = scalar(con, f"SELECT max(key) FROM work.{kind}")

    def intern(self, con: duckdb.DuckDBPyConnection, texts: Iterable[str], *, lists: bool, into: str) -> None:
        """Number the texts the queries give (one column), and make `into` the table (json, key) of them."""
        table = _KINDS[lists]
        con.execute(
            f"""CREATE OR REPLACE TABLE {into} AS
            SELECT DISTINCT json, CAST(NULL AS INTEGER) AS key FROM ({" UNION ALL ".join(texts)}) t(json)"""
        )
        with self._lock:
            added = con.execute(
                f"""INSERT INTO work.{table}
                SELECT {self._last[table]} + row_number() OVER (ORDER BY json), json
                FROM {into} ANTI JOIN work.{table} USING (json) WHERE json IS NOT NULL"""
            ).fetchone()
            self._last[table] += int(added[0]) if added else 0
        con.execute(f"UPDATE {into} SET key = known.key FROM work.{table} known WHERE known.json = {into}.json")

    def publish(self, con: duckdb.DuckDBPyConnection) -> None:
        """Bring what is new into the population, spelt out. Lists first: their members are concepts too."""
        con.execute(_MEMBERS)
        self.intern(con, ["SELECT json FROM work.list_member WHERE json <> 'null'"], lists=False, into="work.member")
        con.execute(
            """INSERT INTO concept_list SELECT l.key, l.ord, m.key
            FROM work.list_member l LEFT JOIN work.member m USING (json) ORDER BY l.key, l.ord"""
        )
        con.execute(
            "CREATE OR REPLACE TABLE work.fresh AS FROM work.concept_json ANTI JOIN intern.concept_json USING (key)"
        )
        con.execute("INSERT INTO concept SELECT key, json->>'$.text' FROM work.fresh ORDER BY key")
        con.execute(_CODINGS)
        for kind in _KINDS:
            con.execute(f"INSERT INTO intern.{kind} FROM work.{kind} ANTI JOIN intern.{kind} USING (key) ORDER BY key")
        con.execute("DROP TABLE work.member; DROP TABLE work.list_member; DROP TABLE work.fresh")
