"""Plans carried out on DuckDB: one table in memory per materialised relation, and the outputs as Arrow.

Leaves to others: what the relations mean (`salus.logic`), the statements and their order (`script`), and which of them
are under way at a time (`streams`).
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from operator import itemgetter
from typing import TYPE_CHECKING

import duckdb

from salus.engine.costs import Cost
from salus.engine.partitions import only, parts, roomy
from salus.engine.script import Action, Make, Put, script
from salus.engine.streams import carry_out, connections, failed
from salus.logic.compiler import Check
from salus.logic.plan import Plan
from salus.store.sql import GROUP

if TYPE_CHECKING:
    import pyarrow as pa

_DEFINITION = re.compile(r"^CREATE OR REPLACE TEMP MACRO (salus_\w+)[^;]*;$", re.MULTILINE)
_CALL = re.compile(r"\bsalus_\w+")

_STREAMS = 2
"""Statements under way at a time."""

_LONG = 0.05
"""Seconds after which a statement may have come to hold memory worth telling."""


@dataclass
class Execution:
    """What a plan put out, by output name, what was noticed on the way, and what it cost."""

    tables: dict[str, pa.Table] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)


@cache
def _functions() -> Mapping[str, str]:
    """Salus's functions: the statement that defines each, by name, in the order of the file, in which those that are
    called come first."""
    text = files("salus.engine").joinpath("macros.sql").read_text(encoding="utf-8")
    return {found[1]: found[0] for found in _DEFINITION.finditer(text)}


def _called(text: str) -> set[str]:
    """Salus's functions that a statement calls, and those that they call in turn."""
    called = set(_CALL.findall(text)) & _functions().keys()
    return called.union(*(_called(_functions()[name].partition("(")[2]) for name in called))


def prepare(con: duckdb.DuckDBPyConnection, called: Collection[str]) -> None:
    """Define those of Salus's functions on the connection that are called: each takes the database as long as a small
    statement."""
    if called:
        con.execute("".join(text for name, text in _functions().items() if name in called))


def execute(
    con: duckdb.DuckDBPyConnection,
    plan: Plan,
    number: int | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> Execution:
    """Compute a plan's outputs, over the patients in `number` parts (None: as many as memory asks for). `meanwhile` is
    called while statements are under way, or before them where this thread carries them out itself."""
    divided = parts(con, 1 if plan.undivided else number)
    actions = script(plan)
    called = _called(" ".join(action.statement.text for action in actions))
    run = _Run(con, meanwhile)
    streams = _STREAMS if len(divided) == 1 and roomy(con) else 1
    with _threads(con), connections(con, streams) as cons:
        for each in cons:
            prepare(each, called)
        for part in divided:
            with only(con, cons[0], part) if len(divided) > 1 else nullcontext():
                run.part(actions, cons)
    return run.execution(plan)


@contextmanager
def _threads(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """With one thread where no table is longer than what the engine shares out (a row group): hundreds of small
    statements are done sooner when none waits for another thread to wake."""
    ((longest, threads),) = con.execute(
        "SELECT coalesce(max(estimated_size), 0), current_setting('threads') FROM duckdb_tables()"
        " WHERE database_name = current_database() AND schema_name = 'main'"
    ).fetchall()
    if longest > GROUP:
        yield
        return
    con.execute("SET threads = 1")
    try:
        yield
    finally:
        con.execute(f"SET threads = {threads}")


class _Run:
    """What comes of a script while it is carried out, a part of the patients after the other."""

    def __init__(self, con: duckdb.DuckDBPyConnection, meanwhile: Callable[[], object] | None) -> None:
        self._con = con
        self._meanwhile = meanwhile
        self._tables: dict[str, list[pa.Table]] = {}
        self._costs: list[tuple[int, Cost]] = []
        self._several: Counter[Check] = Counter()
        self._held = 0

    def part(self, actions: Sequence[Action], cons: Sequence[duckdb.DuckDBPyConnection]) -> None:
        """The script over what the connections show. What several outputs ask for alike is read once."""
        puts = [(place, action) for place, action in enumerate(actions) if isinstance(action, Put)]
        texts = {_asked(action): place for place, action in reversed(puts)}
        tables: dict[int, pa.Table] = {}

        def do(con: duckdb.DuckDBPyConnection, place: int, action: Action) -> None:
            if isinstance(action, Make):
                self._made(con, place, action)
            elif texts[_asked(action)] == place:
                from salus.engine.outputs import read  # while tables are made: to load Arrow takes as long as many

                tables[place] = read(con, action)

        carry_out(actions, cons, do, self._meanwhile)
        for _, action in puts:
            self._tables.setdefault(action.output.name, []).append(tables[texts[_asked(action)]])

    def _made(self, con: duckdb.DuckDBPyConnection, place: int, action: Make) -> None:
        cost = _make(con, action, self._held)
        self._held = cost.memory
        self._costs.append((place, cost))
        self._several.update(_verified(con, action))

    def execution(self, plan: Plan) -> Execution:
        from salus.engine.outputs import together  # as above

        done = Execution(together(self._con, self._tables))
        done.costs = [cost for _, cost in sorted(self._costs, key=itemgetter(0))]
        done.warnings = [
            f"singleton from found more than one element in {self._several[check]} places, null there: {check.where}"
            for check in plan.checks
            if self._several[check]
        ]
        return done


def _asked(put: Put) -> tuple[object, ...]:
    """What an output reads."""
    return put.statement.text, *put.output.columns.items()


def _make(con: duckdb.DuckDBPyConnection, make: Make, held: int) -> Cost:
    """A table made. The engine held `held` bytes before; to ask again costs more than most statements take, which can
    have changed little then."""
    began = time.perf_counter()
    try:
        found = con.execute(f'CREATE TABLE "{make.name}" AS {make.statement.text}').fetchone()
    except duckdb.Error as error:
        raise failed(f'"{make.label}"', error) from error
    seconds = time.perf_counter() - began
    if seconds > _LONG or not held:
        held = _held(con)
    return Cost(make.label, make.origin, seconds, found[0] if found else 0, held)


def _held(con: duckdb.DuckDBPyConnection) -> int:
    """Bytes of memory that the engine holds."""
    ((held,),) = con.execute("SELECT sum(memory_usage_bytes)::BIGINT FROM duckdb_memory()").fetchall()
    return int(held)


def _verified(con: duckdb.DuckDBPyConnection, make: Make) -> dict[Check, int]:
    """In how many groups each check of a table finds more than one row."""
    found: dict[Check, int] = {}
    for check in make.checks:
        rows = con.execute(f'SELECT count(*) FROM "{make.name}" WHERE "{check.count}" > 1').fetchall()
        found[check] = rows[0][0]
    return found
