"""The steps: load, evaluate, open what is there, and the scorecard.

Every step raises `salus.errors.UsageError` for what is asked wrongly and `SalusError` for what fails, and stands in the
audit log as the command of the same name would. Leaves to others: the work, what it gives back (`kinds`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console

from salus.api.kinds import Passing, Population, Results, Scorecard
from salus.catalog import content_paths, measure_names
from salus.catalog.mission import DEFAULT, read_mission
from salus.cli.evaluate import check_job, record_run, tools
from salus.cli.load import bar, check, record_load
from salus.equity.compare import Settings
from salus.errors import UsageError
from salus.measure.run import Job
from salus.measure.run import evaluate as carry_out
from salus.mission.scorecard import Order
from salus.mission.scorecard import scorecard as assemble
from salus.store import MEMORY
from salus.store import load as read_in

Paths = str | Path | Sequence[str | Path]
Period = int | tuple[str | date, str | date]
"""A year, or the first and the last day."""


def load(paths: Paths, into: str | Path, *, replace: bool = False, memory: str = MEMORY) -> Population:
    """Load FHIR records (NDJSON, Bundles, folders and archives of them) into a population file.

    What is new and changed comes in, files loaded before are passed over; `replace` begins anew. Warnings are on stderr
    and in the answer.
    """
    files, target = listed(paths), Path(into)
    check(files, target)
    with bar(Console(stderr=True)) as tell:
        report = read_in(files, target, replace=replace, memory=memory, progress=tell)
    record_load(files, report, replace)
    _warn(report.warnings)
    return Population(target, tuple(report.warnings))


def population(path: str | Path) -> Population:
    """A population that was loaded before."""
    found = Path(path)
    if not found.is_file():
        raise UsageError(f"{found} is not there")
    return Population(found)


def evaluate(
    population: str | Path | Population,
    period: Period,
    out: str | Path | None = None,
    *,
    content: Paths | None = None,
    measures: str | Sequence[str] = (),
    engine: str = "duckdb",
    memory: str | None = None,
    **options: bool,
) -> Results:
    """Evaluate measures over a population.

    `content` has the measures, libraries and value sets (default: Salus's catalog), `measures` names those that are
    wanted (default: all). Without `out` the results vanish with the object. `options` are those of the command:
    allow_missing_valuesets, individual, clauses, prefer_elm.
    """
    wanted = (measures,) if isinstance(measures, str) else tuple(measures)
    given = tuple(content_paths() if content is None else listed(content))
    source = population.path if isinstance(population, Population) else Path(population)
    first_and_last = days(period)
    keep = Passing() if out is None else None
    target = keep.folder / "results" if keep else Path(out or "")
    job = Job(source, given, first_and_last, target, wanted, engine, **options)
    check_job(job)
    done = carry_out(job, tools(engine, memory))
    record_run(job, done)
    _warn(done.warnings)
    return Results(target, keep)


def results(folder: str | Path) -> Results:
    """Results that were written before. SalusError: the folder holds none."""
    found = Results(Path(folder))
    found.opened()
    return found


def scorecard(
    *folders: str | Path | Results,
    mission: str | Path | None = None,
    by: Sequence[str] = (),
    improvement: Mapping[str, str] | None = None,
    **settings: Any,
) -> Scorecard:
    """The mission beside results, of one period or several, or releases of them; `settings` as of `Results.equity`."""
    if not folders:
        raise UsageError("a scorecard is made of results: name at least one folder")
    places = [each.folder if isinstance(each, Results) else Path(each) for each in folders]
    order = Order(tuple(by), Settings(**settings), improvement or {})
    return Scorecard(assemble(places, read_mission(Path(mission) if mission else DEFAULT), measure_names(), order))


def listed(paths: Paths) -> list[Path]:
    """One path or several as a list."""
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(each) for each in paths]


def days(period: Period) -> tuple[date, date]:
    """First and last day. UsageError: no year there is, or a text that is no day."""
    try:
        if isinstance(period, int):
            return date(period, 1, 1), date(period, 12, 31)
        first, last = (each if isinstance(each, date) else date.fromisoformat(each) for each in period)
    except (TypeError, ValueError) as problem:
        raise UsageError(f'a period is a year, or ("2026-01-01", "2026-12-31"), not {period!r}') from problem
    return first, last


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
