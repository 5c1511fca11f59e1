"""The manifest: every file that was ever loaded, by the hash of its content, so that none is loaded twice.

`manifest(source, load, path, hash, size, resources, deletions, quarantined, rows, loaded)`: a row per file on disk;
`resources` are those read from it, `rows` those of them that are kept (in raw) after the last load. An archive is
one file here; `load_file` lists its members. Leaves to others: finding and hashing files (`salus.fhir.sources`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime

import duckdb

from salus.fhir.sources import Given
from salus.store.sql import insert_rows, quote, scalar, tables

TABLE = """CREATE TABLE IF NOT EXISTS manifest(source INTEGER, load INTEGER, path VARCHAR, hash VARCHAR, size BIGINT,
    resources BIGINT, deletions BIGINT, quarantined BIGINT, rows BIGINT, loaded TIMESTAMP)"""

_COUNTS = """
UPDATE manifest SET resources = f.resources, deletions = f.deletions, quarantined = f.quarantined
FROM (SELECT source, sum(resources) AS resources, sum(deletions) AS deletions, sum(quarantined) AS quarantined
    FROM load_file GROUP BY source) f WHERE f.source = manifest.source
"""


def known(con: duckdb.DuckDBPyConnection) -> dict[int, set[str]]:
    """The hashes, by size, of the files that need not be read again."""
    found = con.execute("SELECT size, list(hash) FROM manifest WHERE hash IS NOT NULL GROUP BY size").fetchall()
    return {size: set(hashes) for size, hashes in found}


def next_source(con: duckdb.DuckDBPyConnection) -> int:
    return scalar(con, "SELECT max(source) + 1 FROM manifest")


def next_load(con: duckdb.DuckDBPyConnection) -> int:
    """Loads are numbered from 1."""
    return scalar(con, "SELECT max(load) FROM manifest") + 1


def note(con: duckdb.DuckDBPyConnection, given: Iterable[Given], load: int) -> None:
    """List the files of this load. Their numbers go on where the list ended, as `load_file.source` has them."""
    first, now = next_source(con), datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    listed = [(first + n, load, one.path, one.hash, one.size, 0, 0, 0, 0, now) for n, one in enumerate(given)]
    insert_rows(con, "manifest", listed)
    con.execute(_COUNTS)


def contents(con: duckdb.DuckDBPyConnection) -> str:
    """What a population is known by, whatever of it is typed: the SHA-256 of the sizes and hashes of all files that
    were ever loaded. The order they came in does not matter to a population, and not here."""
    found = con.execute("SELECT size, coalesce(hash, path) FROM manifest ORDER BY ALL").fetchall()
    return hashlib.sha256(repr(found).encode()).hexdigest()


def count_rows(con: duckdb.DuckDBPyConnection) -> None:
    """Bring `rows` up to date for all files."""
    each = " UNION ALL ".join(f"SELECT file FROM raw.{quote(kind)}" for kind in sorted(tables(con, "raw")))
    con.execute(
        f"""UPDATE manifest SET rows = coalesce(kept.rows, 0)
        FROM manifest m LEFT JOIN (SELECT source, count(*) AS rows FROM ({each}) JOIN load_file USING (file)
            GROUP BY source) kept USING (source) WHERE manifest.source = m.source"""
    )
