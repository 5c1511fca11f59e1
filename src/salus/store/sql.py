"""SQL text helpers of the store: quoting, and the two databases a connection works with.

The population file is the default database of a connection. `work` is an in-memory database attached beside
it, shared by all cursors of one connection and gone with it, for everything that need not last. Leaves to
others: every query.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import duckdb

_Job = TypeVar("_Job")
_Work = Callable[[duckdb.DuckDBPyConnection, _Job], None]

PROCESSORS = os.cpu_count() or 1
"""How many jobs are done side by side."""

GROUP = 32_768
"""Rows that are compressed, and read by one thread, together: with DuckDB's own 122,880 one thread would have all of a
small population, and a batch would wait in memory for the next."""

_IDLE = (
    "common_subplan, projection_placement, duplicate_groups, partial_aggregate_pushdown, projection_pullup,"
    " self_join_aggregate, join_elimination, aggregate_reuse"
)
"""Passes of DuckDB's optimizer that look at every statement and find nothing: what they look for is not spelled."""

_REFUSED = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.FatalException)


def refused(problem: BaseException | None) -> bool:
    """Whether a full disk, one that cannot be written, or too little memory is behind an error of the database."""
    if isinstance(problem, duckdb.TransactionException):  # so a commit is told that could not be written
        return "Failed to commit" in str(problem)
    return isinstance(problem, _REFUSED)


def quote(name: str) -> str:
    """An identifier: names have dots and capitals, so every one is quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def attach_work(con: duckdb.DuckDBPyConnection) -> None:
    """Attach `work` and make time zones a matter of the data alone."""
    con.execute("SET TimeZone = 'UTC'")
    con.execute("ATTACH IF NOT EXISTS ':memory:' AS work (READ_WRITE)")


def open_bulk(con: duckdb.DuckDBPyConnection, place: Path) -> None:
    """Make the file at `place` the default database of a connection in memory, to be written in bulk: without a log
    (what is not in the file at a checkpoint is not there), and what does not fit into memory beside it. Checkpoints
    are made where they are asked for: those the database makes by itself, of `work` too, come at bad moments.
    """
    con.execute(f"SET temp_directory = {literal(str(place) + '.tmp')}")
    con.execute(f"ATTACH {literal(str(place))} AS population (RECOVERY_MODE no_wal_writes, ROW_GROUP_SIZE {GROUP})")
    con.execute("USE population; SET checkpoint_threshold = '1TB'")


def open_file(path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Connect to a population file as it is. A checkpoint would else join its short row groups to longer ones, and so
    write the whole file anew, in memory, at the first change however small. Settings that all connections share are
    made here: to change one later is not safe beside a statement that is under way.
    """
    return duckdb.connect(str(path), read_only=read_only, config={"max_vacuum_tasks": 0, "disabled_optimizers": _IDLE})


def threads(con: duckdb.DuckDBPyConnection, many: int | None) -> None:
    """Have statements, of all connections, done by so many threads each, or by as many as there are processors; to be
    called while none is under way. Where several are under way, each is done soonest by one.
    """
    con.execute("RESET threads" if many is None else f"SET threads = {many}")


def beside(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A further connection to the same databases, for another thread."""
    made = con.cursor()
    made.execute("SET TimeZone = 'UTC'")  # as `attach_work` has it; each connection has its own
    return made


def another(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A further connection to what `open_bulk` opened, for another thread."""
    made = con.cursor()
    made.execute("USE population")
    return made


def one_by_one(con: duckdb.DuckDBPyConnection, work: _Work[_Job], jobs: Iterable[_Job]) -> None:
    """Do every job, on the connection there is."""
    for job in jobs:
        work(con, job)


@contextmanager
def meanwhile(con: duckdb.DuckDBPyConnection, statement: str) -> Iterator[None]:
    """Have a statement done while the block is. Raises what it fails with, unless the block does first."""
    with another(con) as beside, ThreadPoolExecutor(1) as pool:
        done = pool.submit(beside.execute, statement)
        yield
        done.result()


def side_by_side(con: duckdb.DuckDBPyConnection, work: _Work[_Job], jobs: Iterable[_Job]) -> None:
    """Do every job on a connection of its own, as many at a time as there are processors. Raises what the first fails
    with."""

    def do(job: _Job) -> None:
        with another(con) as beside:
            work(beside, job)

    with ThreadPoolExecutor(PROCESSORS) as pool:
        for result in [pool.submit(do, job) for job in jobs]:
            result.result()


def scalar(con: duckdb.DuckDBPyConnection, query: str) -> int:
    """The one integer a query gives; NULL is 0."""
    found = con.execute(query).fetchall()  # to the end: a result half read is in the way of what comes next
    return int(found[0][0] or 0) if found else 0


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    """All rows of a query."""
    return con.execute(query).fetchall()


def tables(con: duckdb.DuckDBPyConnection, schema: str = "main") -> frozenset[str]:
    """The names of the tables of a schema of the population."""
    query = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = ?"
    return frozenset(name for (name,) in con.execute(query, [schema]).fetchall())


def insert_rows(con: duckdb.DuckDBPyConnection, table: str, values: Sequence[tuple[object, ...]]) -> None:
    """Add rows all at once: one by one costs milliseconds each."""
    if not values:
        return
    import pyarrow as pa  # which who only reads a population needs later, if ever

    columns = list(zip(*values, strict=True))
    con.register("new_rows", pa.table({f"c{i}": list(column) for i, column in enumerate(columns)}))
    con.execute(f"INSERT INTO {table} SELECT * FROM new_rows")
    con.unregister("new_rows")


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of what is done inside, or nothing. Only one database can be written to in it, and that is not `work`."""
    con.execute("BEGIN")
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):  # a database that failed has nothing to take back
            con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")
