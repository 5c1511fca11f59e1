"""Small tools the attribute queries share: needs of a table, labels of distinct concepts, text as SQL.

Leaves to others: what a label is (`vocabulary`), whose records count (`demographics`, `payer`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import duckdb

from salus.equity.vocabulary import Code, Concept

Classify = Callable[[Concept], "str | None"]


class Records(Protocol):
    """What attributes ask of a population (`salus.store.Population`)."""

    con: duckdb.DuckDBPyConnection

    def tables(self) -> frozenset[str]:
        """Resource types there are."""

    def ensure(self, needs: Iterable[tuple[str, str]]) -> None:
        """Type the elements named (table, element) when they are not typed yet."""


class Shared(Records, Protocol):
    """Records that can be read by another thread."""

    def beside(self) -> AbstractContextManager[Records]:
        """The same records on a connection of their own."""


def label_concepts(con: duckdb.DuckDBPyConnection, name: str, cids: str, classify: Classify) -> None:
    """Temp table `name(cid, label)`: every distinct concept of the query `cids`, classified once."""
    rows = con.execute(
        f"""
        SELECT c.cid, c.text, list({{'s': g.system, 'c': g.code, 'd': g.display}} ORDER BY g.ord) AS codings
        FROM concept c LEFT JOIN coding g USING (cid) WHERE c.cid IN ({cids}) GROUP BY ALL
        """
    ).fetchall()
    labels = [(cid, classify(Concept(_codes(codings), text))) for cid, text, codings in rows]
    _keep(con, name, "cid INTEGER", labels)


def label_texts(con: duckdb.DuckDBPyConnection, name: str, texts: str, classify: Classify) -> None:
    """Temp table `name(text, label)`: every distinct text of the one-column query `texts`, classified once."""
    rows = con.execute(f"SELECT DISTINCT * FROM ({texts}) t(text) WHERE text IS NOT NULL").fetchall()
    _keep(con, name, "text VARCHAR", [(text, classify(Concept((), text))) for (text,) in rows])


def label_json(con: duckdb.DuckDBPyConnection, name: str, texts: str, classify: Classify) -> None:
    """Temp table `name(text, label)` for a query of CodeableConcepts as JSON text, by their codes and words."""
    rows = con.execute(f"SELECT DISTINCT * FROM ({texts}) t(text) WHERE text IS NOT NULL").fetchall()
    _keep(con, name, "text VARCHAR", [(text, classify(_parsed(text))) for (text,) in rows])


def quoted(text: str) -> str:
    """`text` as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """`name` as the SQL name of a column."""
    return '"' + name.replace('"', '""') + '"'


def parquet(path: Path) -> str:
    """A Parquet file as an SQL relation."""
    return f"read_parquet({quoted(str(path))})"


def _codes(codings: list[dict[str, Any]]) -> tuple[Code, ...]:
    return tuple(Code(c["s"], c["c"], c["d"]) for c in codings if c["c"] or c["d"])


def _parsed(text: str) -> Concept:
    value = json.loads(text)
    given = value.get("coding") if isinstance(value, dict) else None
    codings = given if isinstance(given, list) else []
    codes = tuple(Code(c.get("system"), c.get("code"), c.get("display")) for c in codings if isinstance(c, dict))
    return Concept(codes, value.get("text") if isinstance(value, dict) else None)


def _keep(con: duckdb.DuckDBPyConnection, name: str, key: str, rows: list[tuple[Any, str | None]]) -> None:
    """`key` is a column's name and type."""
    column, kind = key.split()
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT unnest(?::{kind}[]) AS {column}, unnest(?::VARCHAR[]) AS label",
        [[key for key, _ in rows], [label for _, label in rows]],
    )
