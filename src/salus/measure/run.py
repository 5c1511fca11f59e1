"""One evaluation, from a population and content to a results folder.

    choose measures -> ask the engine for every define they need -> determinations -> attributes ->
    reports -> run.json

The engine and the source of Salus's own attributes are given by the caller; the attributes need no measure, and are
worked out in a thread of their own meanwhile.
Leaves to others: the truth of the defines (`engine`), the scoring flow (`measure.scoring`), the folder
(`measure.folder`).
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct, structs
from msgspec.structs import asdict

from salus import __version__
from salus.engine.costs import DefineCost
from salus.engine.run import Criteria, Wanted
from salus.errors import SalusError
from salus.logic.context import Unsupported
from salus.measure import clauses, observations
from salus.measure.attributes import RISK_SCHEMA, absent, attributes_table, risk_adjustment, risk_tables
from salus.measure.clauses import Ask
from salus.measure.components import with_components
from salus.measure.composite import compose
from salus.measure.composition import OF_CASES
from salus.measure.content import Content
from salus.measure.definition import Group, MeasureDefinition, Need
from salus.measure.emptiness import ClauseCounts, is_empty, reasons
from salus.measure.folder import check_replaceable, results_folder
from salus.measure.individual import individual_reports, unit_type
from salus.measure.libraries import Identity
from salus.measure.needs import needs
from salus.measure.perpatient import lists_resources
from salus.measure.report import Occasion, summary_report
from salus.measure.score import counts, score
from salus.measure.scoring import SCHEMA, Values, check_supported, determine
from salus.measure.select import select_measures

Period = tuple[date, date]


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


Engine = Callable[[Any, Content, Sequence[Wanted], Period | None], Outcome]
AttributeSource = Callable[[Any, Period], Callable[[], pa.Table]]
"""Makes the population ready, and gives back what works out the attributes, in whatever thread."""
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


class Tools(Struct, frozen=True):
    """What the layers beside and above give to a run."""

    open_population: OpenPopulation
    engine: Engine
    attributes: AttributeSource | None = None
    clauses: Ask | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Evaluated(Struct, frozen=True):
    """One measure of a run: its library (a composite may have none), the values of its defines and its determinations
    by group id.
    """

    measure: MeasureDefinition
    library: Identity | None
    values: Values
    groups: Mapping[str, pa.Table]


class Evaluation(Struct, frozen=True):
    """A finished run: where it is, the summary MeasureReports in it, and its warnings."""

    out: Path
    reports: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]
    timings: Mapping[str, float]
    defines: tuple[DefineCost, ...] = ()


class _Clock(Struct):
    """Seconds per step, in the order the steps were first taken."""

    seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 4)


def evaluate(job: Job, tools: Tools, content: Content | None = None) -> Evaluation:
    """Evaluate measures and write `job.out`. Raises SalusError (nothing is written then) or UsageError.

    `content`, when given, is that of the job's paths, read before: for many runs with the same.
    """
    clock, started = _Clock(), tools.now()
    check_replaceable(job.out)
    with (
        tools.open_population(job.population) as population,
        _meanwhile(_attributes(job, tools, population, clock)) as own,
    ):
        with clock.step("content"):
            plan = _plan(job, content or _content(job))
        with results_folder(job.out) as folder:
            return _written(folder, _Run(job, tools, population, plan, clock, started), own)


def _attributes(job: Job, tools: Tools, population: Population, clock: _Clock) -> Callable[[], pa.Table | None]:
    """What works out Salus's own attributes, for another thread."""
    if tools.attributes is None:
        return lambda: None
    with clock.step("attributes"):
        return tools.attributes(population, job.period)


@contextmanager
def _meanwhile(work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Work done in a thread of its own meanwhile; it has ended when this is left."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)


class _Run(Struct, frozen=True):
    """A run under way."""

    job: Job
    tools: Tools
    population: Population
    plan: _Plan
    clock: _Clock
    started: datetime


def _written(folder: Path, run: _Run, own: Future[pa.Table | None]) -> Evaluation:
    """Everything asked of the engine, worked out and written."""
    job, tools, population, plan, clock = run.job, run.tools, run.population, run.plan, run.clock
    with clock.step("engine"):
        outcome = tools.engine(population, plan.content, plan.wanted(), job.period)
    with clock.step("determinations"):
        subjects = _subjects(population)
        done = _composed([_evaluated(*planned, outcome, subjects) for planned in plan.measures], subjects)
    with _meanwhile(partial(write_determinations, folder, done)) as writing:
        with clock.step("attributes"):
            table = attributes_table(subjects, own.result(), [(each.measure, each.values) for each in done])
            pq.write_table(table, folder / "attributes.parquet", compression="zstd")
            _write_risk_adjustment(folder, done, subjects)
        with clock.step("reports"):
            reports = write_reports(folder, done, Occasion(*job.period, run.started), job.individual)
            empty = _empty(job, tools, population, plan.content, done, len(subjects))
            writing.result()
    odd = _write_clauses(folder, job, tools, clock, population, plan.content, done) if job.clauses else []
    strange = absent([each.measure for each in done], table)
    warnings = tuple(dict.fromkeys([*plan.notes, *plan.content.warnings, *outcome.warnings, *strange, *empty, *odd]))
    about = {
        **_about_run(job, plan.content, done, run.started),
        "population": _facts(job, population, len(subjects)),
        "timings": {**clock.seconds, "engine_steps": dict(outcome.timings)},
        "columns_read": outcome.reads,
        "defines": [asdict(each) | {"seconds": round(each.seconds, 4)} for each in outcome.defines],
        "warnings": warnings,
        "data_gaps": list(outcome.gaps),
    }
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    (folder / "run.json").write_bytes(orjson.dumps(about, option=options))
    return Evaluation(job.out, tuple(reports), warnings, clock.seconds, tuple(outcome.defines))


class _Plan(Struct, frozen=True):
    """What is to be evaluated: the content, its chosen measures with their libraries, and notes on the
    choice.
    """

    content: Content
    measures: Sequence[tuple[MeasureDefinition, Identity | None, tuple[Need, ...]]]
    notes: Sequence[str]

    def wanted(self) -> list[Wanted]:
        """Everything the measures need, once; what is optional for every one of them last."""
        needed = [_wanted(library, need) for _, library, needed in self.measures if library for need in needed]
        return list(dict.fromkeys(sorted(needed, key=lambda want: want.optional)))


def _content(job: Job) -> Content:
    return Content.load(job.content, allow_missing_valuesets=job.allow_missing_valuesets, prefer_elm=job.prefer_elm)


def _plan(job: Job, content: Content) -> _Plan:
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
    return _Plan(content, [_planned(content, measure) for measure in measures], [*notes, *understood])


def _planned(
    content: Content, measure: MeasureDefinition
) -> tuple[MeasureDefinition, Identity | None, tuple[Need, ...]]:
    if not (measure.with_logic or measure.criteria() or measure.supplemental):
        return measure, None, ()
    library = content.measure_library(measure)
    return measure, library, needs(measure, content.library(library.name, library.version, measure.name))


def _wanted(library: Identity, need: Need) -> Wanted:
    return Wanted(library.name, library.version, need.define, need.over, need.optional)


def _subjects(population: Population) -> pa.StringArray:
    """Patient.id by pid."""
    table: pa.Table = population.con.sql("SELECT id FROM patient ORDER BY pid").to_arrow_table()
    return table["id"].combine_chunks().cast(pa.string())


def _evaluated(
    measure: MeasureDefinition,
    library: Identity | None,
    needed: Sequence[Need],
    outcome: Outcome,
    subjects: pa.StringArray,
) -> Evaluated:
    told = ((need, outcome.values.get(_wanted(library, need))) for need in needed if library)
    values = {need: table for need, table in told if table is not None}
    groups = {group.id: determine(measure, group, subjects, values) for group in measure.with_logic}
    return Evaluated(measure, library, values, groups)


def _composed(done: list[Evaluated], subjects: pa.StringArray) -> list[Evaluated]:
    """What was evaluated, with the composites that are made of it."""
    rows = {(each.measure.name, id_): table for each in done for id_, table in each.groups.items()}

    def made(each: Evaluated, group: Group) -> pa.Table:
        if group.composite is None:
            return each.groups[group.id]
        parts = [rows[part.measure, part.group] for part in group.composite.components]
        return compose(each.measure, group, parts, subjects, each.values)

    return [
        structs.replace(each, groups={group.id: made(each, group) for group in each.measure.groups}) for each in done
    ]


def _empty(
    job: Job, tools: Tools, population: Population, content: Content, done: Sequence[Evaluated], patients: int
) -> list[str]:
    """A warning for every measure group that counts no one, with the clauses that nobody meets."""
    if tools.clauses is None:
        return []
    ask = tools.clauses

    def count(asked: Sequence[Criteria]) -> Sequence[ClauseCounts]:
        return [clauses.outermost(answer) for (answer,) in ask(population, content, asked, job.period)]

    empty = [
        (each.measure, group, each.library)
        for each in done
        if each.library
        for group in each.measure.with_logic
        if is_empty(each.groups[group.id])
    ]
    return reasons(empty, patients, count)


def _unit(group: Group, values: Values) -> str | None:
    """What a group counts: patients, a type of resource, opportunities; None when it is not known."""
    if group.composite:
        return "opportunity" if group.composite.method in OF_CASES else "Patient"
    return "Patient" if _is_truth(group, values) else unit_type(group, values)


def _is_truth(group: Group, values: Values) -> bool:
    """Whether the initial population is a truth value of the patient."""
    initial = group.population("initial-population")
    return initial is not None and not lists_resources(values[Need(initial.expression)])


def write_determinations(folder: Path, done: Sequence[Evaluated]) -> None:
    """The determinations of every measure, group by group."""
    with pq.ParquetWriter(folder / "determinations.parquet", SCHEMA, compression="zstd") as writer:
        for each in done:
            for table in each.groups.values():
                writer.write_table(table)


def _write_risk_adjustment(folder: Path, done: Sequence[Evaluated], subjects: pa.StringArray) -> None:
    """A file only where a measure has such data."""
    if not any(risk_adjustment(each.measure) for each in done):
        return
    with pq.ParquetWriter(folder / "risk-adjustment.parquet", RISK_SCHEMA, compression="zstd") as writer:
        for each in done:
            for table in risk_tables(subjects, each.measure, each.values):
                writer.write_table(table)


def _write_clauses(
    folder: Path,
    job: Job,
    tools: Tools,
    clock: _Clock,
    population: Population,
    content: Content,
    done: Sequence[Evaluated],
) -> list[str]:
    """Where people fall out of every measure; returns where that does not agree with the determinations."""
    odd: list[str] = []
    if tools.clauses is None:
        return odd
    path = folder / "clauses.parquet"
    with clock.step("clauses"), pq.ParquetWriter(path, clauses.SCHEMA, compression="zstd") as writer:
        for each in done:
            logic = structs.replace(each.measure, groups=each.measure.with_logic)
            if not (each.library and logic.groups):
                continue
            try:
                found = clauses.counted(tools.clauses, population, content, logic, each.library, job.period)
            except Unsupported as error:  # the oracle answered what does not compile
                odd.append(f"the clauses of {each.measure.name} are not counted: {error}")
                continue
            writer.write_table(found.table)
            determined = pa.concat_tables(each.groups.values())
            odd += clauses.differences(each.measure.name, found.members, determined)
    return odd


def write_reports(
    folder: Path, done: Sequence[Evaluated], occasion: Occasion, individual: bool
) -> list[dict[str, Any]]:
    """The summary reports, which are returned, and individual ones where asked for."""
    summaries = [summary_report(each.measure, each.groups, occasion) for each in done]
    with (folder / "measure-reports.ndjson").open("wb") as file:
        for report in summaries:
            file.write(orjson.dumps(report, option=orjson.OPT_APPEND_NEWLINE))
        for each in done if individual else ():
            for report in individual_reports(each.measure, each.groups, occasion, each.values):
                file.write(orjson.dumps(report, option=orjson.OPT_APPEND_NEWLINE))
    return summaries


def _about_run(job: Job, content: Content, done: Sequence[Evaluated], started: datetime) -> dict[str, Any]:
    return {
        **about_software(started),
        "engine": job.engine,
        "prefer_elm": job.prefer_elm,
        "period": {"start": job.period[0].isoformat(), "end": job.period[1].isoformat()},
        "measures": [about_measure(each) for each in done],
        "missing_valuesets": [
            {"url": url, "asked_by": ", ".join(askers)} for url, askers in content.terminology.missing.items()
        ],
        "content": {"paths": list(map(str, job.content)), **content.hashes(each.measure for each in done)},
    }


def about_software(started: datetime) -> dict[str, Any]:
    """What made a run, and when, as run.json says it."""
    return {
        "salus": __version__,
        "versions": {"salus": __version__, "duckdb": duckdb.__version__, "python": platform.python_version()},
        "started": started.isoformat(timespec="seconds"),
    }


def about_measure(each: Evaluated) -> dict[str, Any]:
    """What run.json says of a measure that was evaluated."""
    measure = each.measure
    return {
        "name": measure.name,
        "title": measure.title,
        "version": measure.version,
        "url": measure.url,
        "library": {"name": each.library.name, "version": each.library.version} if each.library else None,
        "scoring": measure.scoring,
        "improvement": measure.improvement,
        "not_by": list(measure.not_by),
        "groups": [_about_group(group, each.groups[group.id], each.values) for group in measure.groups],
        "description": measure.description,
        "rationale": measure.rationale,
    }


def _about_group(group: Group, rows: pa.Table, values: Values) -> dict[str, Any]:
    return {
        "id": group.id,
        "scoring": group.scoring,
        "basis": group.basis,
        "unit": _unit(group, values),
        "improvement": group.improvement,
        "description": group.description,
        "populations": {population.code: population.expression for population in group.criteria},
        "observations": [
            {"id": each.id, "expression": each.expression, "method": each.method, "of": each.column}
            for each in observations.observations(group)
        ],
        "stratifiers": {stratifier.id: stratifier.description for stratifier in group.stratifiers},
        **_about_composite(group),
        "counts": counts(rows, group),
        "score": score(rows, group),
    }


def _about_composite(group: Group) -> dict[str, Any]:
    if group.composite is None:
        return {}
    components = [
        {"measure": each.measure, "group": each.group, "weight": each.weight} for each in group.composite.components
    ]
    return {"composite": {"method": group.composite.method, "components": components}}


def _facts(job: Job, population: Population, patients: int) -> dict[str, Any]:
    """What was in the population: numbers only."""
    sizes = {name: _count(population, name) for name in sorted(population.tables())}
    return {
        "path": str(job.population),
        "patients": patients,
        "resources": sizes,
        "quarantined": _count(population, "quarantine"),
    }


def _count(population: Population, table: str) -> int:
    quoted = table.replace('"', '""')
    row = population.con.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()
    return int(row[0]) if row else 0
