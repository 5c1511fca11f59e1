"""`salus load`: records in, a population file out, with a progress bar and what was set aside.

Leaves to others: reading and typing (`store`), options and help (`cli.main`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from salus.cli.spared import spare_pandas
from salus.errors import UsageError
from salus.publish.audit import Known, record
from salus.store import MEMORY, LoadReport, load

STEPS = {"export": "exporting", "download": "downloading", "read": "reading", "settle": "whose is it", "type": "typing"}
MAGIC = slice(8, 12), b"DUCK"  # how a DuckDB file, and so a population, is known


def load_command(paths: Sequence[Path], into: Path, replace: bool = False, memory: str = MEMORY) -> None:
    """Load `paths` into the population file `into`. Raises UsageError (exit 2) or SalusError (exit 1)."""
    check(paths, into)
    started = time.perf_counter()
    spare_pandas()
    with bar(Console(stderr=True)) as tell:
        report = load(paths, into, replace=replace, memory=memory, progress=tell)
    record_load(paths, report, replace)
    seconds = time.perf_counter() - started
    warnings = Console(stderr=True)
    for warning in report.warnings:
        warnings.print(f"warning: {warning}", style="yellow", markup=False, highlight=False)
    Console().print(said(report, seconds), highlight=False, soft_wrap=True)


def record_load(paths: Sequence[Path], report: LoadReport, replace: bool) -> None:
    """A line in the audit log: the files as they were read, and what the population is known by now."""
    read = [Known(path, "blake3", report.hashes[str(path)]) if str(path) in report.hashes else path for path in paths]
    record("load", Known(report.into, "contents", report.contents), {"files": read}, replace=replace)


def check(paths: Sequence[Path], into: Path) -> None:
    """What is read must be there; what is replaced must be a population."""
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} is not there")
    if into.is_dir():
        raise UsageError(f"{into} is a folder; --into names a file")
    if into.exists() and not is_population(into):
        raise UsageError(f"{into} is there and is no population: it stays as it is; choose another name")


def is_population(path: Path) -> bool:
    place, magic = MAGIC
    with path.open("rb") as file:
        return file.read(place.stop)[place] == magic


@contextmanager
def bar(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each step of the load, gone when it is over; silent where stderr is no terminal."""
    columns = (TextColumn("{task.description:>12}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    silent = not console.is_terminal
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=silent) as progress:
        tasks: dict[str, TaskID] = {}

        def tell(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = progress.add_task(STEPS.get(step, step), total=total)
            progress.update(tasks[step], completed=done, total=total)

        yield tell


def said(report: LoadReport, seconds: float) -> str:
    """The load, and what there is now, in sentences; what went wrong is in the report's warnings."""
    resources = sum(report.resources.values())
    there = f"{report.into}: {report.patients:,} patients, {resources:,} resources of {len(report.resources)} types"
    known = f"; {len(report.unchanged):,} files loaded before were passed over" if report.unchanged else ""
    if not (report.read or report.deletions):
        return f"{there}. Nothing new{known}."
    deletions = f" and {report.deletions:,} deletions" if report.deletions else ""
    return (
        f"{there} ({report.read:,} resources{deletions}, {report.bytes_read / 1e6:,.0f} MB, "
        f"read in {seconds:.1f} s{known})"
    )
