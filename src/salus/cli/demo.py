"""`salus demo`: the whole way on synthetic people in whom a gap is planted, and whether it was found.

Makes people (`catalog.synth`), then calls the other commands as a person would, and sets what the equity
table says beside what was planted. Leaves to others: every one of those steps.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.rule import Rule

from salus.catalog import content_paths
from salus.catalog.synth import Truth, synthesize
from salus.catalog.synth.truth import MEASURE
from salus.equity.compare import Settings, equity_table
from salus.equity.results import Results
from salus.errors import SalusError, UsageError

RECORDS, POPULATION, RESULTS, REPORT = "records", "population.duckdb", "results", "report.html"
MARK = f"{RECORDS}/truth.json"  # by which a folder is known to be a demo's own
ATTRIBUTES = ("uninsured", "payer", "race", "ethnicity", "language", "sex", "age_band", "zip")


@dataclass(frozen=True)
class Found:
    """What the equity table says of the uninsured against the insured; shares, from 0 to 1."""

    uninsured: float
    insured: float
    gap: float
    low: float
    high: float
    verdict: str
    people: int  # uninsured people in the denominator


def demo_command(out: Path, people: int, seed: int) -> None:
    """Write records, population, results and report.html into `out`; raises UsageError, SalusError."""
    console = Console(highlight=False)
    check_folder(out)
    steps = Steps(console, total=5)
    with steps.step(f"{people:,} synthetic people, seed {seed}"):
        truth = fresh(out, people, seed)
    with steps.step("load: records into typed tables"):
        load(out)
    with steps.step("evaluate: who has their blood pressure under control"):
        evaluate(out, truth.scenario.period)
    with steps.step("equity: for whom less often"):
        compare(out)
    with steps.step("report: one HTML file"):
        report(out)
    console.print(Rule(style="dim"))
    for line in summary(truth, find(out / RESULTS)):
        console.print(line, soft_wrap=True)
    console.print(f"\nOpen [bold]{out / REPORT}[/bold] in a browser: it needs no network.", soft_wrap=True)


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
    return synthesize(out / RECORDS, people, seed)


def load(out: Path) -> None:
    from salus.cli.load import load_command

    load_command(sorted((out / RECORDS).glob("*.ndjson")), out / POPULATION, replace=True)


def evaluate(out: Path, period: tuple[date, date]) -> None:
    from salus.cli.evaluate import evaluate_command

    evaluate_command(out / POPULATION, content_paths(), [MEASURE], period, out / RESULTS, clauses=True)


def compare(out: Path) -> None:
    from salus.cli.equity import equity_command

    equity_command(out / RESULTS, ATTRIBUTES, console=Console(quiet=True))


def report(out: Path) -> None:
    from salus.cli.report import report_command

    report_command(out / RESULTS, out / REPORT)


def find(results: Path) -> Found:
    """The rate of the uninsured, and its difference from that of the insured."""
    settings = Settings(references={"uninsured": "no"})
    table = equity_table(Results.open(results), ["uninsured"], settings).to_pylist()
    rows = {row["value"]: row for row in table if row["measure"] == MEASURE and row["attribute"] == "uninsured"}
    uninsured = rows.get("yes")
    if uninsured is None or uninsured["difference"] is None:
        raise SalusError("there are too few uninsured people to compare; try more people")
    people = uninsured["denominator"]
    gap, low, high = (uninsured[key] for key in ("difference", "difference_low", "difference_high"))
    return Found(uninsured["rate"], rows["no"]["rate"], gap, low, high, uninsured["verdict"], people)


def summary(truth: Truth, found: Found) -> Iterator[str]:
    """Planted against found, in plain words."""
    scenario, drawn = truth.scenario, truth.gap("insured")
    planted = scenario.control_uninsured - scenario.control_insured
    yield (
        f"[bold]Planted[/bold]  Blood pressure is under control in {share(scenario.control_uninsured)} of "
        f"the uninsured and {share(scenario.control_insured)} of the insured: a gap of {points(planted)}."
    )
    if drawn is not None:
        yield f"         Among these people chance made it {points(drawn)}."
    yield (
        f"[bold]Found[/bold]    {share(found.uninsured)} and {share(found.insured)}: a gap of "
        f"[bold]{points(found.gap)}[/bold], between {found.low * 100:+.1f} and {found.high * 100:+.1f} with "
        f"95% confidence ({found.people:,} uninsured people)."
    )
    yield f"         {conclusion(found, planted)}"


def conclusion(found: Found, planted: float) -> str:
    verdicts = {"worse": "The uninsured are worse off", "better": "The uninsured are better off"}
    said = verdicts.get(found.verdict, f"The report says: {found.verdict}")
    inside = "holds" if found.low <= planted <= found.high else "does not hold"
    return f"{said}; the interval {inside} what was planted."


def share(value: float) -> str:
    return f"{value:.0%}"


def points(gap: float) -> str:
    """A difference of shares, in percentage points."""
    return f"{gap * 100:+.1f} points"
