"""Defines of a run evaluated on a population: content and period in, one Arrow table per wanted define out.

Leaves to others: which defines a measure wants and what they count for (`salus.measure`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Protocol

import pyarrow as pa

from salus.elm.library import Includes, LibrarySource
from salus.elm.types import IntervalOf
from salus.engine import duckdb as duckdb_engine
from salus.engine.facts import Facts
from salus.errors import SalusError
from salus.logic.calendar import last
from salus.logic.compiler import Compiler
from salus.logic.data import Codes
from salus.logic.expr import TRUE, Const
from salus.logic.plan import Plan, plan
from salus.logic.reach import value_sets_of
from salus.logic.values import DATETIME, Interval, Point, Value
from salus.store import Population

PERIOD = "Measurement Period"


class ValueSetCodes(Protocol):
    @property
    def codes(self) -> frozenset[tuple[str, str]]: ...


class Content(LibrarySource, Protocol):
    """Libraries and value sets, by name and by url; what is missing raises SalusError."""

    def value_set(self, url: str, version: str | None, asked_by: str) -> ValueSetCodes: ...


@dataclass(frozen=True)
class Wanted:
    """A define of a library."""

    library: str
    version: str | None
    define: str


@dataclass
class Outcome:
    """Per wanted define: (pid, value) dense by pid, or for a list of resources (pid, type, id); timings in seconds."""

    values: dict[Wanted, pa.Table] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    defines: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def run(
    population: Population,
    content: Content,
    wanted: Sequence[Wanted],
    period: tuple[date, date],
    *,
    engine: str = "duckdb",
    now: datetime | None = None,
    parameters: Mapping[str, Value] | None = None,
) -> Outcome:
    """Evaluate the wanted defines for every patient over the measurement period (both days included, UTC)."""
    if engine != "duckdb":
        raise SalusError(f"engine {engine} is not there yet; duckdb is")
    outcome = Outcome()
    values = {PERIOD: measurement_period(*period), **(parameters or {})}
    moment = now or datetime.now(UTC).replace(tzinfo=None)
    clock = time.perf_counter()
    facts, compiled, compiler = _compile(population, content, wanted, values, moment)
    outcome.timings["compile"] = time.perf_counter() - clock
    clock = time.perf_counter()
    duckdb_engine.prepare(population.con)
    done = duckdb_engine.execute(population.con, compiled)
    outcome.timings["execute"] = time.perf_counter() - clock
    outcome.warnings = [*compiler.warnings, *done.warnings]
    outcome.defines = duckdb_engine.describe(done.statements)
    types = {output.name: output.resource_type for output in compiled.outputs}
    for index, want in enumerate(wanted):
        name = str(index)
        outcome.values[want] = _with_ids(population, done.tables[name], types[name])
    return outcome


def _compile(
    population: Population,
    content: Content,
    wanted: Sequence[Wanted],
    parameters: Mapping[str, Value],
    now: datetime,
) -> tuple[Facts, Plan, Compiler]:
    includes = Includes(content)
    facts = Facts(population)
    targets = [(str(i), includes.open(w.library, w.version, "the run"), w.define) for i, w in enumerate(wanted)]
    for url, version, asked_by in value_sets_of(includes, [(library, define) for _, library, define in targets]):
        content.value_set(url, version, asked_by)

    def codes(url: str, version: str | None, asked_by: str) -> Codes:
        return content.value_set(url, version, asked_by).codes

    while True:
        compiler = Compiler(includes, facts, codes, parameters, now)
        compiled = plan(compiler, targets)
        if not facts.type_missing():
            return facts, compiled, compiler


def measurement_period(start: date, end: date) -> Interval:
    """The whole days from start to end, as a closed interval of instants."""
    first = datetime(start.year, start.month, start.day)
    final = last(datetime(end.year, end.month, end.day), "day")
    return Interval(
        Point(DATETIME, Const(first)), Point(DATETIME, Const(final)), TRUE, TRUE, TRUE, IntervalOf(DATETIME)
    )


def _with_ids(population: Population, table: pa.Table, resource_type: str | None) -> pa.Table:
    """Rows of resources named by type and id instead of row key."""
    if resource_type is None:
        return table
    population.con.register("salus_rows", table)
    found = population.con.sql(
        f"SELECT r.pid, '{resource_type}' AS type, t.id FROM salus_rows r JOIN \"{resource_type}\" t USING (rid) ORDER BY 1, 3"
    ).to_arrow_table()
    population.con.unregister("salus_rows")
    return found
