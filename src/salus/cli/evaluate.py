"""`salus evaluate`: a population and content in, a results folder out.

Leaves to others: options and help (`cli.main`), the evaluation itself (`measure.run`).
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from salus.catalog import content_paths
from salus.errors import UsageError
from salus.measure.run import Engine, Evaluation, Job, Tools, evaluate
from salus.measure.tablerun import evaluate_table, is_table
from salus.publish.audit import record

ENGINES = ("duckdb", "oracle")


def evaluate_command(
    population: Path,
    content: Sequence[Path],
    measures: Sequence[str],
    period: tuple[date, date],
    out: Path,
    engine: str = "duckdb",
    allow_missing_valuesets: bool = False,
    individual: bool = False,
    clauses: bool = False,
    prefer_elm: bool = False,
    memory: str | None = None,
    profile: bool = False,
) -> None:
    """Evaluate and print a line per measure group; without content, the measures of the catalog.

    Raises UsageError (exit 2) before anything starts, or SalusError.
    """
    choices = (engine, allow_missing_valuesets, individual, clauses, prefer_elm)
    content = content or content_paths()
    job = Job(population, tuple(content), period, out, tuple(measures), *choices)
    check_job(job)
    if is_table(population):
        check_table(job, memory, profile)
    spare_pandas()
    atexit.register(gc.freeze)  # what is left of a plan goes with the process; to look through it takes seconds
    done = evaluate_table(job, datetime.now(UTC)) if is_table(population) else evaluate(job, tools(engine, memory))
    record("evaluate", out, {"population": population, "content": list(content)}, period=period, engine=engine)
    show(done)
    if profile:
        show_costs(done)


class _NoPandas(MetaPathFinder):
    """Says of pandas that it is not installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def spare_pandas() -> None:
    """Have Arrow look for pandas now, and find none. It would load it at the first array only to see whether that is
    one of pandas, which takes longer than evaluating a small population; who converts to pandas later still can.
    Arrow has no setting for it, and takes a None in `sys.modules` for the module."""
    if "pandas" not in sys.modules:
        hidden = _NoPandas()
        sys.meta_path.insert(0, hidden)
        pa.array([0])
        sys.meta_path.remove(hidden)


def check_job(job: Job) -> None:
    """UsageError for what is not there, an engine that is none, a period that ends before it starts."""
    check_engine(job.engine)
    if job.period[0] > job.period[1]:
        raise UsageError(f"the period starts ({job.period[0]}) after it ends ({job.period[1]})")
    for path in (job.population, *job.content):
        if not path.exists():
            raise UsageError(f"{path} is not there")


def check_table(job: Job, memory: str | None, profile: bool) -> None:
    """UsageError for an option that means nothing where measures are of a table."""
    asked = {
        "--engine": job.engine != "duckdb", "--individual": job.individual, "--clauses": job.clauses,
        "--memory": memory, "--profile": profile,
    }  # fmt: skip
    for option, given in asked.items():
        if given:
            raise UsageError(f"{job.population} is a table: {option} is for populations of FHIR records")


def check_engine(name: str) -> None:
    if name not in ENGINES:
        raise UsageError(f"there is no engine {name!r}; choose {' or '.join(ENGINES)}")


def tools(name: str = "duckdb", memory: str | None = None) -> Tools:
    """The real store (with a limit of memory), engine (by name) and attributes.

    Imported here so that `salus --help` stays quick.
    """
    from salus import engine
    from salus.engine import either
    from salus.equity.attributes import attributes_beside
    from salus.store import Population

    run: Engine = either.run
    if name == "oracle":
        from salus.engine import oracle

        run = oracle.run
    return Tools(partial(Population.open, memory=memory), run, attributes_beside, engine.clause_tests)


def show(done: Evaluation) -> None:
    """The counts and score of every measure group on stdout, warnings on stderr."""
    console = Console()
    counts = (Column(name, justify="right", no_wrap=True) for name in ("initial", "counted", "numerator", "score"))
    names = (Column(name, overflow="fold") for name in ("measure", "group"))
    table = Table(*names, *counts, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for report in done.reports:
        for group in report["group"]:
            table.add_row(*_row(report["measure"], group))
    console.print(table)
    console.print("counted: the denominator, or the measure population", style="dim")
    for warning in done.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    console.print(f"{done.out} written in {sum(done.timings.values()):.1f} s", highlight=False)


def show_costs(done: Evaluation, most: int = 40) -> None:
    """What each define took, slowest first."""
    names = (Column(name, overflow="fold") for name in ("define", "library and line"))
    table = Table("seconds", "rows", "memory", *names, title="What the defines took")
    for each in done.defines[:most]:
        where = f"{each.library}, {each.locator.partition('-')[0]}" if each.locator else each.library
        held = f"{each.memory / 2**20:,.0f} MiB"
        table.add_row(f"{each.seconds:.3f}", f"{each.rows:,}", held, each.define, where)
    Console().print(table)
    rest = done.defines[most:]
    if rest:
        print(f"and {len(rest):,} more, {sum(each.seconds for each in rest):.3f} s (all of them: run.json)")


def _row(measure: str, group: Mapping[str, Any]) -> tuple[str, ...]:
    counts = {_code(population["code"]): population["count"] for population in group["population"]}
    below = counts.get("denominator", counts.get("measure-population", ""))
    shown = (counts.get("initial-population", ""), below, counts.get("numerator", ""))
    name = measure.partition("|")[0].rsplit("/", 1)[-1]
    return (name, group["id"], *map(str, shown), _score(group))


def _score(group: Mapping[str, Any]) -> str:
    """A proportion in percent, another score as a number, "-" for none."""
    score = group["measureScore"].get("value")
    if score is None:
        return "-"
    scorings = [_code(each["valueCodeableConcept"]) for each in group.get("extension", ())]
    return f"{score:.1%}" if scorings in ([], ["proportion"], ["composite"]) else f"{score:,.4g}"


def _code(concept: Mapping[str, Any]) -> str:
    return str(concept["coding"][0]["code"])
