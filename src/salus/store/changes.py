"""What a further load changed: the types to be typed anew, and how what was typed of them is taken away.

A type is as it was when it has the same records with the same ids and owners, by which they are numbered; then its
typed tables stand. Leaves to others: typing (`loading`).
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from salus.store.population import read_facts
from salus.store.sql import literal, quote, rows, scalar, tables
from salus.store.tree import Need, canonical


def of_keys(con: duckdb.DuckDBPyConnection, types: Iterable[str]) -> list[str]:
    """The types whose rows in `work.final` are not those of the population; also those that have none any more."""
    before = (
        {str(kind) for (kind,) in rows(con, "SELECT type FROM resource_type")}
        if "resource_type" in tables(con)
        else set()
    )
    return sorted(kind for kind in before | set(types) if kind not in before or _differs(con, kind))


def _differs(con: duckdb.DuckDBPyConnection, kind: str) -> bool:
    new = f"SELECT seq, pid, id FROM work.final WHERE type = {literal(kind)}"
    old = f"SELECT seq, pid, id FROM {quote(kind)}"
    if scalar(con, f"SELECT count(*) FROM ({new})") != scalar(con, f"SELECT count(*) FROM {quote(kind)}"):
        return True
    return bool(scalar(con, f"SELECT count(*) FROM ({new} EXCEPT {old})"))


def aliases(con: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    """What references lead to, to be compared; nothing before the first load. Those to what a resource itself contains
    change with the resource alone."""
    if "reference_alias" not in tables(con):
        return []
    told = "SELECT count(*), bit_xor(hash(url, target)), sum(hash(target, url)) FROM reference_alias"
    return rows(con, f"{told} WHERE NOT starts_with(url, '#')")


def forget(con: duckdb.DuckDBPyConnection, kinds: Iterable[str]) -> set[Need]:
    """Drop the typed tables of types and what is noted of them; returns the elements they had."""
    needs: set[Need] = set()
    facts, there = read_facts(con), tables(con)
    for kind in kinds:
        needs |= {canonical(table, column) for table, column in facts if table.split(".")[0] == kind}
        for table in sorted(one for one in there if one.split(".")[0] == kind):
            con.execute(f"DROP TABLE {quote(table)}")
        con.execute(f"DELETE FROM column_fact WHERE split_part(table_name, '.', 1) = {literal(kind)}")
        con.execute(f"DELETE FROM element WHERE split_part(table_name, '.', 1) = {literal(kind)}")
        con.execute(f"DELETE FROM quarantine WHERE type = {literal(kind)}")
    return needs
