"""A population taken in parts, patient by patient, where it is larger than the memory a run may use.

A run's plan is the same for every part; while one is evaluated, views of the connection stand before the stored tables
and show the rows of its patients only. What belongs to no patient (dictionaries, medications, places) stays whole. As
one patient's rows never meet another's (a plan says if they do, and is not divided then), the parts' answers one after
the other are the answers of the whole. Leaves to others: spilling within a part (DuckDB), the plan (`salus.logic`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import duckdb

from salus.fhir import model

Part = tuple[int, int]
"""The first and the last pid of a part."""

_ROW = 160  # bytes that a stored row is taken to come to while a plan works on it; more parts than needed cost little
_UNITS = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def parts(con: duckdb.DuckDBPyConnection, number: int | None = None) -> list[Part]:
    """The patients in `number` parts of about the same size; without one, in as many as fit the engine's memory."""
    ((patients,),) = con.execute('SELECT coalesce(max(pid), 0) FROM "Patient"').fetchall()
    number = max(1, min(number or _needed(con), patients))
    bounds = [patients * part // number for part in range(number + 1)]
    return [(first + 1, last) for first, last in pairwise(bounds)]


def roomy(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether memory would do for twice the patients, so that two statements may be under way at a time."""
    return _needed(con, 2) == 1


def _needed(con: duckdb.DuckDBPyConnection, times: int = 1) -> int:
    ((rows,),) = con.execute(
        "SELECT coalesce(sum(estimated_size), 0) FROM duckdb_tables() WHERE database_name = current_database()"
        " AND schema_name = 'main'"
    ).fetchall()
    return int(rows) * _ROW * times // max(1, memory_limit(con)) + 1


def memory_limit(con: duckdb.DuckDBPyConnection) -> int:
    """Bytes that the engine may hold."""
    ((text,),) = con.execute("SELECT current_setting('memory_limit')").fetchall()
    amount, _, unit = text.partition(" ")
    return int(float(amount) * _UNITS[unit])


@contextmanager
def only(stored: duckdb.DuckDBPyConnection, con: duckdb.DuckDBPyConnection, part: Part) -> Iterator[None]:
    """While it lasts, a connection beside that of the stored tables sees of them the rows of the part's patients."""
    names = _of_patients(stored)
    ((place,),) = stored.execute("SELECT current_database()").fetchall()
    mine = f"WHERE pid BETWEEN {part[0]} AND {part[1]}"
    for name in names:
        con.execute(f'CREATE TEMP VIEW "{name}" AS SELECT * FROM "{place}".main."{name}" {mine}')
    try:
        yield
    finally:
        for name in names:
            con.execute(f'DROP VIEW temp."{name}"')


def _of_patients(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The stored tables whose rows belong to patients."""
    found = con.execute(
        "SELECT DISTINCT table_name FROM duckdb_columns() WHERE database_name = current_database()"
        " AND schema_name = 'main' AND column_name = 'pid' ORDER BY table_name"
    ).fetchall()
    return [name for (name,) in found if _belongs(name.partition(".")[0])]


def _belongs(type_: str) -> bool:
    return type_ in ("Patient", "visible") or (type_ in model.RESOURCES and bool(model.owner_paths(type_)))
