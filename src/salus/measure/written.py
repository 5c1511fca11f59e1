"""What comes of the answers of the engine: determinations, attributes, reports and run.json, in the results folder.

Loaded while the engine works (`measure.run`): nothing here is needed before, and Arrow takes long to load.
Leaves to others: the scoring flow (`measure.scoring`), the reports (`measure.report`), the run itself (`measure.run`).
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct, structs
from msgspec.structs import asdict

from salus import __version__
from salus.engine.asked import Criteria
from salus.logic.context import Unsupported
from salus.measure import clauses, observations
from salus.measure.attributes import RISK_SCHEMA, absent, attributes_table, risk_adjustment, risk_tables
from salus.measure.composite import compose
from salus.measure.composition import OF_CASES
from salus.measure.content import Content
from salus.measure.definition import Group, MeasureDefinition, Need
from salus.measure.emptiness import ClauseCounts, is_empty, reasons
from salus.measure.identity import Identity
from salus.measure.individual import individual_reports, unit_type
from salus.measure.perpatient import lists_resources
from salus.measure.report import Occasion, summary_report
from salus.measure.run import Clock, Evaluation, Job, Outcome, Population, Run, Tools, asked
from salus.measure.score import counts, score
from salus.measure.scoring import SCHEMA, Values, determine


class Evaluated(Struct, frozen=True):
    """One measure of a run: its library (a composite may have none), the values of its defines and its determinations
    by group id.
    """

    measure: MeasureDefinition
    library: Identity | None
    values: Values
    groups: Mapping[str, pa.Table]


def write(folder: Path, run: Run, outcome: Outcome, own: Future[pa.Table | None]) -> Evaluation:
    """Write the results folder; `own` are Salus's own attributes."""
    job, tools, population, plan, clock = run.job, run.tools, run.population, run.plan, run.clock
    with clock.step("determinations"):
        subjects = _subjects(population)
        done = _composed([_evaluated(*planned, outcome, subjects) for planned in plan.measures], subjects)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write_determinations, folder, done)
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
    facts = _facts(job, population, len(subjects))
    about = {
        **_about_run(job, plan.content, done, run.started),
        "population": facts,
        "timings": {**clock.seconds, "engine_steps": dict(outcome.timings)},
        "columns_read": outcome.reads,
        "defines": [asdict(each) | {"seconds": round(each.seconds, 4)} for each in outcome.defines],
        "warnings": warnings,
        "data_gaps": list(outcome.gaps),
    }
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    (folder / "run.json").write_bytes(orjson.dumps(about, option=options))
    costs = tuple(outcome.defines)
    return Evaluation(job.out, tuple(reports), warnings, clock.seconds, costs, facts["contents"])


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
    told = ((need, outcome.values.get(asked(library, need))) for need in needed if library)
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
    clock: Clock,
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
    """What was in the population: what it is known by, and numbers only."""
    sizes = {name: _count(population, name) for name in sorted(population.tables())}
    return {
        "path": str(job.population),
        "patients": patients,
        "resources": sizes,
        "quarantined": _count(population, "quarantine"),
        "contents": population.contents(),
    }


def _count(population: Population, table: str) -> int:
    quoted = table.replace('"', '""')
    row = population.con.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()
    return int(row[0]) if row else 0
