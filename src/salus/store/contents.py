"""What is inside a population, as counts: resources by type, dates, what is missing, codes that map to nothing, what
was set aside, and the files it came from. Never a row's value; dates to the month.

Reads what is typed; nothing is typed for it. Leaves to others: who the people are (`salus.equity`), showing it
(`salus.cli.population`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from salus.fhir import model
from salus.store.population import Population
from salus.store.sql import quote, rows, scalar
from salus.store.tree import Column, Relation, canonical, grow, relation

DATES = (
    *("period.start", "effectiveDateTime", "effectivePeriod.start", "effectiveInstant", "performedDateTime"),
    *("performedPeriod.start", "occurrenceDateTime", "occurrencePeriod.start", "onsetDateTime", "onsetPeriod.start"),
    *("recordedDate", "authoredOn", "billablePeriod.start", "created", "sent", "date", "dateTime", "start"),
)
"""The elements that say when a resource happened, of any type."""


@dataclass(frozen=True, slots=True)
class TypeCounts:
    """One resource type. patients: how many have one; nobodys: resources that belong to no patient. first, last: months
    (`2026-03`) of the dates there are. missing: element -> resources without it, of those every resource should have.
    """

    type: str
    resources: int
    patients: int
    nobodys: int
    first: str | None
    last: str | None
    missing: dict[str, int]


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A coded element: `values` it has in all, and those whose codings all lack a system, all lack a code, or are not
    there.
    """

    element: str
    values: int
    no_system: int
    no_code: int
    text_only: int


@dataclass(frozen=True, slots=True)
class Contents:
    """All of it. quarantine: cause -> how often. manifest: a mapping per file, in order of loading."""

    patients: int
    types: tuple[TypeCounts, ...]
    unmapped: tuple[Unmapped, ...]
    quarantine: dict[str, int]
    manifest: tuple[Mapping[str, object], ...]


def contents(population: Population) -> Contents:
    """Count what there is."""
    con, tables = population.con, sorted(population.tables())
    return Contents(
        patients=scalar(con, "SELECT count(*) FROM patient"),
        types=tuple(_type(con, kind, _typed(population, kind)) for kind in tables),
        unmapped=tuple(one for kind in tables for one in _unmapped(con, population, kind) if _lacks(one)),
        quarantine=_quarantine(con),
        manifest=tuple(_manifest(con)),
    )


def _typed(population: Population, kind: str) -> list[str]:
    """The columns of the type's own table that some resource has."""
    return [column for (table, column), fact in population.facts().items() if table == kind and fact.present]


def _type(con: duckdb.DuckDBPyConnection, kind: str, typed: list[str]) -> TypeCounts:
    dates = [quote(f"{name}.low") for name in DATES if name in typed]
    when = f"least({', '.join(dates)})" if dates else "NULL"
    wanted = _expected(kind, typed, when)
    counted = ", ".join(f"count_if({lacks})" for lacks in wanted.values())
    (found,) = rows(
        con,
        f"""SELECT count(*), count(DISTINCT pid), count_if(pid IS NULL), strftime(min({when})::TIMESTAMP, '%Y-%m'),
        strftime(max({when})::TIMESTAMP, '%Y-%m'), {counted or "NULL"} FROM {quote(kind)}""",
    )
    resources, patients, nobodys = (int(str(count)) for count in found[:3])
    first, last = (None if month is None else str(month) for month in found[3:5])
    missing = {name: int(str(count)) for name, count in zip(wanted, found[5:], strict=False) if count}
    return TypeCounts(kind, resources, patients, nobodys, first, last, missing)


def _expected(kind: str, typed: list[str], when: str) -> dict[str, str]:
    """Element -> SQL for its absence, of those that measures stand on: status, code, date; who a patient is."""
    code = model.primary_code_path(kind)
    names = ["gender", "birthDate"] if kind == "Patient" else ["status", *([code] if code else [])]
    wanted: dict[str, str] = {}
    for name in names:
        if model.member(kind, name) is None:
            continue
        column = f"{name}.low" if name == "birthDate" else name
        wanted[name] = f"{quote(column)} IS NULL" if name in typed else "TRUE"
    if any(model.member(kind, name.split(".")[0]) is not None for name in DATES):
        wanted["date"] = f"{when} IS NULL"
    return wanted


def _unmapped(con: duckdb.DuckDBPyConnection, population: Population, kind: str) -> Iterator[Unmapped]:
    needs = [canonical(t, c) for (t, c), fact in population.facts().items() if t.split(".")[0] == kind and fact.present]
    yield from _in_relation(con, population, relation(grow(kind, needs)))


def _in_relation(con: duckdb.DuckDBPyConnection, population: Population, one: Relation) -> Iterator[Unmapped]:
    for column in one.columns:
        fact = population.facts().get((one.table, column.name))
        if column.storage == "concept" and fact is not None and fact.present:
            yield _coded(con, one.table, column)
    for child in one.children:
        yield from _in_relation(con, population, child)


def _coded(con: duckdb.DuckDBPyConnection, table: str, column: Column) -> Unmapped:
    name = quote(column.name)
    used = f"SELECT {name} AS cid FROM {quote(table)} WHERE {name} IS NOT NULL"
    if column.many:
        used = f"SELECT l.cid FROM concept_list l JOIN ({used}) u ON u.cid = l.lid"
    (counts,) = rows(
        con,
        f"""SELECT sum(n), sum(n) FILTER (has IS NOT NULL AND NOT system), sum(n) FILTER (has IS NOT NULL AND NOT code),
            sum(n) FILTER (has IS NULL)
        FROM (SELECT cid, count(*) AS n FROM ({used}) GROUP BY cid) LEFT JOIN (SELECT cid, TRUE AS has,
            bool_or(coalesce(system, '') <> '') AS system, bool_or(coalesce(code, '') <> '') AS code
            FROM coding GROUP BY cid) USING (cid)""",
    )
    return Unmapped(f"{table}.{column.name}", *(int(str(count or 0)) for count in counts))


def _lacks(one: Unmapped) -> bool:
    return bool(one.no_system or one.no_code or one.text_only)


def _quarantine(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    found = rows(con, "SELECT reason, count(*) FROM quarantine GROUP BY reason ORDER BY count(*) DESC, reason")
    return {str(reason): int(str(count)) for reason, count in found}


def _manifest(con: duckdb.DuckDBPyConnection) -> Iterator[dict[str, object]]:
    columns = ("load", "path", "hash", "size", "resources", "deletions", "quarantined", "rows", "loaded")
    told = ", ".join("strftime(loaded, '%Y-%m-%dT%H:%M:%SZ')" if name == "loaded" else name for name in columns)
    for row in rows(con, f"SELECT {told} FROM manifest ORDER BY source"):
        yield dict(zip(columns, row, strict=True))
