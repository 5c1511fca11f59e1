"""What is in the records and could not be read: noted by resource and element, never by its value.

`Notes` finds, block by block, elements whose shape is not FHIR's, dates that mean nothing and numbers that
are none, into `work.problem`; `record` turns the notes into rows of `quarantine` with file, line and entry.
All such elements are NULL in the typed tables. Counts tell whether there is anything to look for, so that
good data costs nothing more.

Leaves to others: what could not be read as a resource at all (`salus.store.intake`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from salus.store.sql import literal, quote, rows, scalar
from salus.store.tree import Column, Relation

TABLE = "CREATE TABLE IF NOT EXISTS work.problem(type VARCHAR, rid BIGINT, element VARCHAR, what VARCHAR)"

_SHAPE = "does not have the shape FHIR gives it"
_DATE = "is not a FHIR date or time"
_NUMBER = "is not a number, or too large a one"


@dataclass(frozen=True, slots=True)
class Notes:
    """Notes on one block of one resource type: `block` is the query that gives its (rid, json)."""

    con: duckdb.DuckDBPyConnection
    resource: str
    block: str

    def shapes(self, keys: Mapping[str, int], read: Mapping[str, int], source: str) -> None:
        """Note top elements that are there (in `keys` resources) and were not read (in `read` they were)."""
        for name, count in read.items():
            if count < keys[name]:
                path = literal(f'$."{name}"')
                unread = f"SELECT rid FROM {source} WHERE v.{quote(name)} IS NULL"
                self._note(
                    f"""SELECT rid, {literal(name)} FROM {self.block} SEMI JOIN ({unread}) USING (rid)
                    WHERE json_type(json, {path}) <> 'NULL'""",
                    _SHAPE,
                )

    def unread(self, one: Relation, column: Column, part: str, source: str, there: int) -> None:
        """Note the texts of a date's or number's column (`there` of them in `source`) that mean nothing: they have no
        value in the staged `part`.
        """
        made = quote(column.typed[0][0])
        if scalar(self.con, f"SELECT count({made}) FROM {part}") < there:
            self._note(
                f"""SELECT s.rid, {literal(_element(one, column))} FROM {part} s JOIN {source} r USING (sk)
                WHERE s.{made} IS NULL AND {value(column.path, "r.v")} IS NOT NULL""",
                _unread(one, column),
            )

    def _note(self, found: str, what: str) -> None:
        self.con.execute(
            f"""INSERT INTO work.problem SELECT {literal(self.resource)}, rid, element, {literal(what)}
            FROM ({found}) f(rid, element)"""
        )


def record(con: duckdb.DuckDBPyConnection) -> None:
    """The notes so far, into `quarantine`: a row per resource, element and reason."""
    for (kind,) in rows(con, "SELECT DISTINCT type FROM work.problem"):
        con.execute(
            f"""INSERT INTO quarantine
            SELECT DISTINCT f.path, r.line, r.entry, p.type || '.' || p.element || ' ' || p.what, p.type
            FROM work.problem p JOIN {quote(str(kind))} USING (rid) JOIN raw.{quote(str(kind))} r USING (seq)
                JOIN load_file f USING (file)
            WHERE p.type = {literal(str(kind))} ORDER BY ALL"""
        )


def value(path: Sequence[str], row: str) -> str:
    """The value at a path of a row."""
    return ".".join([row, *(quote(name) for name in path)])


def _element(one: Relation, column: Column) -> str:
    """A column's element path below the resource, for messages."""
    within = one.table.split(".")[1:]
    return ".".join([*within, *column.path])


def _unread(one: Relation, column: Column) -> str:
    """What is wrong with a text that means nothing."""
    if column.storage in ("date", "datetime"):
        return _DATE
    return _NUMBER if one.path or len(column.path) > 1 else _SHAPE
