"""A population: one DuckDB file of typed records, whose columns appear when they are asked for.

`Population` opens a file that `salus.store.load` made and types further elements from the raw resources on
first use.

Leaves to others: making the file (`loading`), reading JSON (`shred`), writing tables (`publish`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from types import MappingProxyType, TracebackType

import duckdb

from salus.errors import SalusError
from salus.store import manifest, moments, problems
from salus.store.intern import Dictionary
from salus.store.publish import (
    KEYS,
    RAW_COLUMNS,
    ColumnFact,
    Facts,
    absent,
    drop_staged,
    number,
    present_elements,
    publish,
)
from salus.store.shred import Shredder, Staged
from salus.store.sql import (
    attach_work,
    beside,
    literal,
    one_by_one,
    open_file,
    quote,
    refused,
    rows,
    tables,
    transaction,
)
from salus.store.tree import Need, canonical, grow, relation

SCHEMA = "9"
"""Changes whenever populations made before cannot be read any more."""

MEMORY = "768MB"
"""How much the database may hold while it takes in or types records, if nothing is said; the rest waits on disk beside
the file.
"""


class Population:
    """One population file, open; a context manager, which says in words what the disk refuses. `con` is its DuckDB
    connection."""

    con: duckdb.DuckDBPyConnection

    def __init__(self, con: duckdb.DuckDBPyConnection, *, read_only: bool, scratch: Path | None = None) -> None:
        self.con = con
        self._scratch = scratch
        self._read_only = read_only
        self._facts: Facts | None = None

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False, memory: str | None = None) -> Population:
        """Open a population. Raises SalusError when the file is not there or is none.

        `memory` limits what the database holds, as DuckDB writes sizes; the rest waits in a folder beside the
        file, which goes when the population is closed.
        """
        if not path.is_file():
            raise SalusError(f"no such population: {path}")
        try:
            con = open_file(path, read_only=read_only)
        except duckdb.Error as problem:
            raise SalusError(f"{path} is not a population, or it is in use: {_first_line(problem)}") from problem
        if schema_of(con) != SCHEMA:
            con.close()
            raise SalusError(f"{path} is not a population of this version of Salus: load it again")
        scratch = None
        if memory:
            limit(con, memory)
            scratch = path.with_name(f".{path.name}.{os.getpid()}.scratch")
            con.execute(f"SET temp_directory = {literal(str(scratch))}")
        prepare(con)
        return cls(con, read_only=read_only, scratch=scratch)

    def beside(self) -> Population:
        """The same population on a connection of its own, for another thread to read what is typed already. It is to be
        closed before this one."""
        return Population(beside(self.con), read_only=True)

    def close(self) -> None:
        self.con.close()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> Population:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if value is not None and refused(value):
            raise SalusError(f"the disk or the memory does not suffice: {_first_line(value)}") from value

    def tables(self) -> frozenset[str]:
        """The resource types present."""
        return frozenset(str(name) for (name,) in rows(self.con, "SELECT type FROM resource_type"))

    def contents(self) -> str:
        """What it is known by, whatever of it is typed: a hash of all files that were loaded."""
        return manifest.contents(self.con)

    def facts(self) -> Facts:
        """(table, element column) -> what is known of it; only what has been typed is there.

        A date has a fact for the element and one for each of its columns; a child table has one under
        (parent table, path) and one under (table, "").
        """
        if self._facts is None:
            self._facts = read_facts(self.con)
        return self._facts

    def ensure(self, needs: Iterable[tuple[str, str]]) -> None:
        """Make sure that every (table, element column) asked for is there, as `learn` does; tables and columns are
        there afterwards also when no row has the element.
        """
        wanted = {canonical(table, column) for table, column in needs}
        self.learn(wanted)
        grown = [relation(grow(resource, asked)) for resource, asked in by_resource(wanted)]
        if lacking := absent(self.con, grown):
            self._refuse_if_read_only()
            self.con.execute("; ".join(lacking))

    def learn(self, needs: Iterable[tuple[str, str]]) -> None:
        """Make sure that there are facts about every (table, element column) asked for, and a column where there is
        anything; what is missing is typed from the raw resources.

        Columns may be named whole (`effectiveDateTime`) or as stored (`effectiveDateTime.low`);
        ("Encounter.diagnosis", "") asks for the table alone. All or nothing. Raises SalusError for types and
        elements FHIR R4 does not have, and when the population is open for reading only.
        """
        wanted = {canonical(table, column) for table, column in needs}
        missing = {need for need in wanted if need not in self.facts() and not self._is_own(need)}
        if not missing:
            return
        self._refuse_if_read_only()
        self._type_within_memory(missing)
        self._facts = None

    def _type_within_memory(self, missing: set[Need]) -> None:
        """Where no limit was given, no more than MEMORY is held; what that does not suffice for is typed without one,
        for a limit of our own must not stop a measure.
        """
        if self._scratch is not None:
            self._type(missing)
            return
        limit(self.con, MEMORY)
        try:
            self._type(missing)
            return
        except duckdb.OutOfMemoryException:
            pass
        finally:
            self.con.execute("RESET memory_limit")
        self._type(missing)

    def _refuse_if_read_only(self) -> None:
        if self._read_only:
            raise SalusError("the population is open for reading only and lacks elements that are asked for")

    def _is_own(self, need: Need) -> bool:
        """Whether it is what every resource table has from the first: its rows and their ids."""
        if "." in need.table or need.column not in ("", "id"):
            return False
        return need.table in tables(self.con)

    def _type(self, missing: set[Need]) -> None:
        dictionary = Dictionary(self.con)
        staged: list[Mapping[str, Staged]] = []
        try:
            for resource, needs in by_resource(missing):
                staged.append(stage_type(self.con, resource, needs, dictionary))
                number(self.con, staged[-1], self.facts())
            dictionary.publish(self.con)
            with transaction(self.con):
                for one in staged:
                    publish(self.con, one, self.facts())
                problems.record(self.con)
        finally:
            for one in staged:
                drop_staged(self.con, one)
            self.con.execute("DELETE FROM work.problem")


def schema_of(con: duckdb.DuckDBPyConnection) -> str | None:
    """The version of the tables, None when it is no population."""
    try:
        found = con.execute("SELECT value FROM population_info WHERE key = 'schema'").fetchone()
    except duckdb.CatalogException:
        return None
    return found[0] if found else None


def limit(con: duckdb.DuckDBPyConnection, memory: str) -> None:
    """Limit the memory of a population's database. Raises SalusError, and closes it, when that is no amount."""
    try:
        con.execute(f"SET memory_limit = {literal(memory)}")
    except duckdb.Error as problem:
        con.close()
        raise SalusError(f"{memory} is not an amount of memory (try 2GB)") from problem


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Attach the work database and define what typing needs there."""
    attach_work(con)
    moments.define(con)
    con.execute(problems.TABLE)


def read_facts(con: duckdb.DuckDBPyConnection) -> Facts:
    found = con.execute("SELECT table_name, column_name, present, exact FROM column_fact").fetchall()
    return MappingProxyType({(t, c): ColumnFact(present, exact) for t, c, present, exact in found})


def by_resource(needs: Iterable[Need]) -> Iterator[tuple[str, list[Need]]]:
    """The needs grouped by the resource type they belong to; both in order of name, so that tables come out
    the same.
    """
    for resource, group in groupby(sorted(needs), key=lambda need: need.table.split(".")[0]):
        yield resource, list(group)


def stage_type(
    con: duckdb.DuckDBPyConnection,
    resource: str,
    needs: Iterable[Need],
    dictionary: Dictionary,
    advance: Callable[[int], None] = lambda done: None,
    each: Callable[..., None] = one_by_one,
) -> Mapping[str, Staged]:
    """Stage the needed elements of one type, whose table is made (empty) when the population has none."""
    con.execute(f"CREATE TABLE IF NOT EXISTS {quote(resource)}({KEYS})")
    con.execute(f"CREATE TABLE IF NOT EXISTS raw.{quote(resource)}({RAW_COLUMNS})")
    shredder = Shredder(con, resource, dictionary)
    return shredder.stage(grow(resource, needs), advance, present_elements(con, resource), each)


def _first_line(problem: BaseException) -> str:
    return str(problem).splitlines()[0]
