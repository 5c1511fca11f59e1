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

from salus.fhir import model
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

    def dates(self, one: Relation, column: Column, part: str, source: str, there: int) -> None:
        """Note the texts of a date column (`there` of them in `source`) that have no span in the staged `part`."""
        prec = quote(f"{column.name}.prec")
        if scalar(self.con, f"SELECT count({prec}) FROM {part}") < there:
            self._note(
                f"""SELECT s.rid, {literal(_element(one, column))} FROM {part} s JOIN {source} r USING (sk)
                WHERE s.{prec} IS NULL AND {value(column.path, "r.v")} IS NOT NULL""",
                _DATE,
            )

    def numbers(self, one: Relation, found: Mapping[str, int], size: int, source: str) -> None:
        """Note numbers that are there and were not read. Only elements that fewer rows have than have the element
        around it are looked at, and only in resources whose text has the element's name.
        """
        lacking = [column for column in one.columns if _is_lacking(one, column, found, size)]
        if not lacking:
            return
        # One pattern for all names costs what two of them cost; and few resources have some elements.
        named = "|".join(dict.fromkeys(_last_name(one, column) for column in lacking))
        self.con.execute(
            f"""CREATE TABLE {self._suspects} AS SELECT rid, json FROM {self.block}
            WHERE CASE WHEN rid IN (SELECT rid FROM {source}) THEN regexp_matches(json, '"(?:{named})"') END"""
        )
        if scalar(self.con, f"SELECT count(*) FROM {self._suspects}"):
            for column in lacking:
                self._note(self._unread_numbers(one, column, source), _NUMBER)
        self.con.execute(f"DROP TABLE {self._suspects}")

    def _unread_numbers(self, one: Relation, column: Column, source: str) -> str:
        path = _json_path(one.table, column.path)
        there = f"json_extract(json, {literal(path)})"
        listed = there if "[*]" in path else f"[{there}]"
        return f"""SELECT rid, {literal(_element(one, column))}
            FROM (SELECT rid, {listed} AS there FROM {self._suspects})
            JOIN (SELECT rid, count({value(column.path, "v")}) AS read FROM {source} GROUP BY rid) USING (rid)
            WHERE len(list_filter(there, lambda x: json_type(x) <> 'NULL')) > read"""

    @property
    def _suspects(self) -> str:
        return f"work.{quote(f'{self.resource} suspects')}"

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
            FROM work.problem p JOIN raw.{quote(str(kind))} r USING (rid) JOIN load_file f USING (file)
            WHERE p.type = {literal(str(kind))} ORDER BY ALL"""
        )


def value(path: Sequence[str], row: str) -> str:
    """The value at a path of a row."""
    return ".".join([row, *(quote(name) for name in path)])


def _element(one: Relation, column: Column) -> str:
    """A column's element path below the resource, for messages."""
    within = one.table.split(".")[1:]
    return ".".join([*within, *column.path])


def _json_path(table: str, path: Sequence[str]) -> str:
    """The JSON path from the resource to every occurrence of an element of a table."""
    resource, *names = table.split(".")
    steps, at = ["$"], resource
    for name in [*names, *path]:
        found = model.member(at, name)
        assert found is not None
        steps.append(f'"{name}"[*]' if found.many else f'"{name}"')
        at = found.types[0]
    return ".".join(steps)


def _is_lacking(one: Relation, column: Column, found: Mapping[str, int], size: int) -> bool:
    """Whether fewer rows have the number than have what it is part of. A resource's own are seen to by `shapes`."""
    around = ".".join(column.path[:-1])
    if column.storage not in ("integer", "decimal") or not (one.path or around):
        return False
    return found[column.name] < (found[around] if around else size)


def _last_name(one: Relation, column: Column) -> str:
    """The element's own name."""
    return (*one.table.split("."), *column.path)[-1]
