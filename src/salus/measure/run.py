"""One evaluation, from a population and content to a results folder.

    choose measures -> ask the engine for every define they need -> determinations -> attributes ->
    reports -> run.json

The engine and the source of Salus's own attributes are given by the caller. A thread of its own opens the population
while content is read, and works out the attributes, which need no measure, while the engine is at work.
What follows the engine (`measure.written`) is loaded after it, or by the caller while it works.
Leaves to others: the truth of the defines (`engine`), what comes of them (`measure.written`), the folder
(`measure.folder`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec import Struct

from salus.engine.asked import Wanted
from salus.errors import SalusError
from salus.measure import observations
from salus.measure.components import with_components
from salus.measure.definition import MeasureDefinition, Need
from salus.measure.folder import check_replaceable, results_folder
from salus.measure.identity import Identity
from salus.measure.needs import needs
from salus.measure.select import select_measures
from salus.measure.supported import check_supported

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from salus.engine.costs import DefineCost
    from salus.measure.clauses import Ask
    from salus.measure.content import Content

Period = tuple[date, date]
_TABLES: Final = (".csv", ".tsv", ".parquet")
"""How the names of tables end."""


class Outcome(Protocol):
    """What an engine gives back: a table per define, seconds per step, and what the user should know."""

    @property
    def values(self) -> Mapping[Wanted, pa.Table]: ...
    @property
    def timings(self) -> Mapping[str, float]: ...
    @property
    def warnings(self) -> Sequence[str]: ...
    @property
    def gaps(self) -> Sequence[str]: ...
    @property
    def defines(self) -> Sequence[DefineCost]: ...
    @property
    def reads(self) -> Mapping[str, Sequence[str]]: ...


class Population(Protocol):
    """What a run needs of the store."""

    @property
    def con(self) -> duckdb.DuckDBPyConnection: ...
    def tables(self) -> frozenset[str]: ...
    def contents(self) -> str: ...


Engine = Callable[[Any, "Content", Sequence[Wanted], Period | None], Outcome]
Beside = Callable[[Callable[[], object]], "pa.Table"]
"""Works something out in whatever thread; what it calls keeps it waiting until Arrow is loaded."""
AttributeSource = Callable[[Any, Period], Beside]
"""Makes the population ready, and gives back what works out the attributes."""
OpenPopulation = Callable[[Path], AbstractContextManager[Population]]


class Job(Struct, frozen=True):
    """What was asked for; `measures` are names as typed, none for all."""

    population: Path
    content: tuple[Path, ...]
    period: Period
    out: Path
    measures: tuple[str, ...] = ()
    engine: str = "duckdb"
    allow_missing_valuesets: bool = False
    individual: bool = False
    clauses: bool = False
    prefer_elm: bool = False

    @property
    def is_of_table(self) -> bool:
        """Whether the rows are those of a table rather than of a population (see `measure.tablerun`)."""
        return self.population.suffix.lower() in _TABLES


class Tools(Struct, frozen=True):
    """What the layers beside and above give to a run."""

    open_population: OpenPopulation
    engine: Engine
    attributes: AttributeSource | None = None
    clauses: Ask | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Evaluation(Struct, frozen=True):
    """A finished run: where it is, the summary MeasureReports in it, its warnings, and what the population is known by
    (None: it was a table)."""

    out: Path
    reports: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]
    timings: Mapping[str, float]
    defines: tuple[DefineCost, ...] = ()
    contents: str | None = None


class Clock(Struct):
    """Seconds per step, in the order the steps were first taken."""

    seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 4)


class Plan(Struct, frozen=True):
    """What is to be evaluated: the content, its chosen measures with their libraries, and notes on the
    choice.
    """

    content: Content
    measures: Sequence[tuple[MeasureDefinition, Identity | None, tuple[Need, ...]]]
    notes: Sequence[str]

    def wanted(self) -> list[Wanted]:
        """Everything the measures need, once; what is optional for every one of them last."""
        needed = [asked(library, need) for _, library, needed in self.measures if library for need in needed]
        return list(dict.fromkeys(sorted(needed, key=lambda want: want.optional)))


class Run(Struct, frozen=True):
    """A run under way."""

    job: Job
    tools: Tools
    population: Population
    plan: Plan
    clock: Clock
    started: datetime


def evaluate(job: Job, tools: Tools, content: Content | None = None) -> Evaluation:
    """Evaluate measures and write `job.out`. Raises SalusError (nothing is written then) or UsageError.

    `content`, when given, is that of the job's paths, read before: for many runs with the same.
    """
    clock, started, loaded = Clock(), tools.now(), Event()
    check_replaceable(job.out)
    with ExitStack() as last, ThreadPoolExecutor(1) as beside:
        opening = beside.submit(_opened, job, tools, clock, last)
        own = beside.submit(lambda: opening.result()[1](loaded.wait))
        try:
            with clock.step("content"):
                plan = _plan(job, content or _content(job))
            population, _ = opening.result()
            with results_folder(job.out) as folder:
                with clock.step("engine"):
                    outcome = tools.engine(population, plan.content, plan.wanted(), job.period)
                from salus.measure.written import write  # not before: it needs Arrow, which takes long to load

                loaded.set()
                return write(folder, Run(job, tools, population, plan, clock, started), outcome, own)
        finally:
            own.cancel()
            loaded.set()


def _opened(job: Job, tools: Tools, clock: Clock, last: ExitStack) -> tuple[Population, Beside]:
    """The population, which is closed with the stack, and what works out Salus's own attributes."""
    population = last.enter_context(tools.open_population(job.population))
    if tools.attributes is None:
        return population, lambda wait: None
    with clock.step("attributes"):
        return population, tools.attributes(population, job.period)


def _content(job: Job) -> Content:
    from salus.measure.content import Content  # while the population is opened

    return Content.load(job.content, allow_missing_valuesets=job.allow_missing_valuesets, prefer_elm=job.prefer_elm)


def _plan(job: Job, content: Content) -> Plan:
    there = content.measures(job.measures)
    chosen, versions = select_measures(there, job.measures)
    measures, left_out = with_components(chosen, there, asked=bool(job.measures))
    if not measures:
        raise SalusError("; ".join(["there is no measure in the content", *left_out]))
    check_supported(measures)
    notes = [*versions, *left_out]
    understood = [
        f"{measure.name}, {note}"
        for measure in measures
        for group in measure.with_logic
        for note in observations.notes(group)
    ]
    return Plan(content, [_planned(content, measure) for measure in measures], [*notes, *understood])


def _planned(
    content: Content, measure: MeasureDefinition
) -> tuple[MeasureDefinition, Identity | None, tuple[Need, ...]]:
    if not (measure.with_logic or measure.criteria() or measure.supplemental):
        return measure, None, ()
    library = content.measure_library(measure)
    return measure, library, needs(measure, content.library(library.name, library.version, measure.name))


def asked(library: Identity, need: Need) -> Wanted:
    """What the engine is asked for."""
    return Wanted(library.name, library.version, need.define, need.over, need.optional)
