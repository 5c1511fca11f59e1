"""`salus demo`: the whole way on synthetic people in whom gaps are planted, and whether they were found.

Makes people (`catalog.synth`), then calls the other commands as a person would, and sets what the equity
table says beside what was planted. Leaves to others: every one of those steps.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.rule import Rule

from salus.catalog import content_paths
from salus.catalog.synth import Truth, synthesize
from salus.catalog.synth.found import Found, find
from salus.catalog.synth.run import RECORDS
from salus.equity.results import Results
from salus.errors import UsageError

COMMUNITY, POPULATION, RESULTS = "community", "population.duckdb", "results"
REPORT, SCORECARD = "report.html", "scorecard.html"
MARK = f"{COMMUNITY}/truth.json"  # by which a folder is known to be a demo's own
ATTRIBUTES = ("uninsured", "payer", "race", "ethnicity", "language", "sex", "age_band", "zip")


def demo_command(out: Path, people: int, seed: int) -> None:
    """Write records, population, results, scorecard and report into `out`; raises UsageError, SalusError."""
    console = Console(highlight=False)
    check_folder(out)
    steps = Steps(console, total=6)
    with steps.step(f"{people:,} synthetic people, seed {seed}"):
        truth = fresh(out, people, seed)
    with steps.step("load: records into typed tables"):
        load(out)
    with steps.step("evaluate: who meets which measure"):
        evaluate(out, truth.period)
    with steps.step("equity: for whom less often"):
        compare(out)
    with steps.step("scorecard: the mission, clause by clause"):
        scorecard(out)
    with steps.step("report: every measure by every group"):
        report(out)
    console.print(Rule(style="dim"))
    for line in summary(truth, Results.open(out / RESULTS)):
        console.print(line, soft_wrap=True)
    pages = f"[bold]{out / SCORECARD}[/bold] and [bold]{out / REPORT}[/bold]"
    console.print(f"\nOpen {pages} in a browser: they need no network.", soft_wrap=True)


class Steps:
    """Announces each step, and says how long it took."""

    def __init__(self, console: Console, total: int) -> None:
        self.console, self.total, self.done = console, total, 0

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        self.done += 1
        self.console.print(f"[bold]{self.done}/{self.total}[/bold]  {what}")
        started = time.perf_counter()
        yield
        self.console.print(f"     [dim]{time.perf_counter() - started:.1f} s[/dim]")


def check_folder(out: Path) -> None:
    """Only what a demo made is made again."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; the demo needs a folder")
    if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
        raise UsageError(f"{out} holds other things than a demo; choose another folder with --out")


def fresh(out: Path, people: int, seed: int) -> Truth:
    if out.exists():
        shutil.rmtree(out)
    return synthesize(out / COMMUNITY, people, seed).truth


def load(out: Path) -> None:
    from salus.cli.load import load_command

    load_command(sorted((out / COMMUNITY / RECORDS).glob("*.ndjson")), out / POPULATION, replace=True)


def evaluate(out: Path, period: tuple[date, date]) -> None:
    from salus.cli.evaluate import evaluate_command

    evaluate_command(out / POPULATION, content_paths(), [], period, out / RESULTS, clauses=True)


def compare(out: Path) -> None:
    from salus.cli.equity import equity_command

    equity_command(out / RESULTS, ATTRIBUTES, console=Console(quiet=True))


def report(out: Path) -> None:
    from salus.cli.report import report_command

    report_command(out / RESULTS, out / REPORT)


def scorecard(out: Path) -> None:
    from salus.cli.scorecard import scorecard_command

    scorecard_command([out / RESULTS], out / SCORECARD, console=Console(quiet=True))


def summary(truth: Truth, results: Results) -> Iterator[str]:
    """Planted against found, in plain words, for each planted gap of the measures there are."""
    found = list(find(truth, results))
    for each in found:
        yield from told(each, results)
    sure, covered = sum(each.sure for each in found), sum(each.covered for each in found)
    yield f"Of {len(found)} planted gaps the report is sure of {sure}; {covered} intervals hold what was planted."


def told(found: Found, results: Results) -> Iterator[str]:
    """One planted gap, and what the report says of it."""
    effect, planted = found.planted.effect, found.planted.expected
    who, than = " × ".join(effect.who.values()), " × ".join(effect.against.values())
    attribute, title = " × ".join(effect.who), results.measure(found.planted.measure).label
    gap = "nobody to compare" if planted is None else points(planted)
    yield f"[bold]Planted[/bold]  {title}, by {attribute}: {who} against {than}, {gap}."
    if found.gap is None or found.low is None or found.high is None:
        yield "[bold]Found[/bold]    Too little to say; try more people."
        return
    interval = f"between {found.low * 100:+.1f} and {found.high * 100:+.1f}"
    yield (
        f"[bold]Found[/bold]    [bold]{points(found.gap)}[/bold], {interval} with 95% confidence "
        f"({found.people:,} people or visits); verdict: {found.verdict}."
    )


def points(gap: float) -> str:
    """A difference of shares, in percentage points."""
    return f"{gap * 100:+.1f} points"
