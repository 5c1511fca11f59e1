"""`salus evaluate`: a population and content in, a results folder out.

Leaves to others: options and help (`cli.main`), the evaluation itself (`measure.run`).
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from salus.catalog import content_paths
from salus.cli.spared import spare_pandas
from salus.engine.asked import Answered, Outcome
from salus.errors import UsageError
from salus.measure.run import Engine, Evaluation, Job, Tools, evaluate

ENGINES = ("duckdb", "oracle")
_FOLLOWING = ("salus.measure.written", "salus.publish.audit", "salus.cli.evaluation_lines")
"""What is needed when the engine has answered, and not before."""


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
    if job.is_of_table:
        check_table(job, memory, profile)
    atexit.register(gc.freeze)  # what is left of a plan goes with the process; to look through it takes seconds
    done = _of_table(job) if job.is_of_table else evaluate(job, tools(engine, memory))
    from salus.cli.evaluation_lines import show, show_costs  # `_follow` loads these while the engine works

    record_run(job, done)
    show(done)
    if profile:
        show_costs(done)


def _of_table(job: Job) -> Evaluation:
    from salus.measure.tablerun import evaluate_table  # which few runs need

    spare_pandas()
    return evaluate_table(job, datetime.now(UTC))


def _follow() -> None:
    """Load what follows the engine, in a thread that waits for the database: Arrow and the rest take as long to load
    as a small population to evaluate."""
    spare_pandas()
    for name in _FOLLOWING:
        import_module(name)


def record_run(job: Job, done: Evaluation) -> None:
    """A line in the audit log: what was evaluated, with what content, and how."""
    from salus.publish.audit import Known, record  # `_follow` loads it while the engine works

    population = Known(job.population, "contents", done.contents) if done.contents else job.population
    read = {"population": population, "content": list(job.content)}
    record("evaluate", job.out, read, period=job.period, engine=job.engine)


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
    """The real store (with a limit of memory), engine (by name) and attributes; each is loaded when it is its turn, for
    meanwhile the database works for the one before."""
    from salus.equity.attributes import attributes_beside
    from salus.store import Population

    run: Engine = _by_oracle if name == "oracle" else _by_database
    return Tools(partial(Population.open, memory=memory), run, attributes_beside, _clause_tests)


def _by_database(population: Any, content: Any, wanted: Any, period: Any) -> Outcome:
    from salus.engine import either  # the compiler, for one

    return either.run(population, content, wanted, period, _follow)


def _by_oracle(*asked: Any) -> Outcome:
    from salus.engine import oracle

    spare_pandas()
    return oracle.run(*asked)


def _clause_tests(*asked: Any) -> list[list[Answered]]:
    from salus.engine.run import clause_tests

    return clause_tests(*asked)
