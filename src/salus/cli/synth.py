"""`salus synth`: a synthetic community with a planted truth, as FHIR records on disk.

Leaves to others: options and help (`cli.main`), the people (`catalog.synth`).
"""

from __future__ import annotations

import dataclasses
import shlex
import time
from pathlib import Path

from rich.console import Console

from salus.catalog.synth import Made, Mess, Scenario, synthesize
from salus.catalog.synth.run import RECORDS


def synth_command(
    out: Path, people: int, seed: int, scenario: str, year: int | None, mess: bool, workers: int | None
) -> None:
    """Write records and truth into `out` and say what was planted; raises UsageError, SalusError."""
    chosen = Scenario.named(scenario)
    if year is not None:
        chosen = dataclasses.replace(chosen, year=year)
    if mess:
        chosen = dataclasses.replace(chosen, mess=Mess.usual())
    console = Console(highlight=False, markup=False)
    started = time.perf_counter()
    with console.status(f"0 of {people:,} people") as status:
        made = synthesize(
            out, people, seed, chosen, workers, lambda done: status.update(f"{done:,} of {people:,} people")
        )
    show(console, made, time.perf_counter() - started)
    console.print("\n".join(_next(out, chosen.year)), soft_wrap=True)


def _next(out: Path, year: int) -> list[str]:
    """Where the truth is, and what to do with the records."""
    return [
        f"The truth is in {out / 'truth.json'}. The records are about {year}:",
        f"  salus load {shlex.quote(str(out / RECORDS))} --into population.duckdb",
        f"  salus evaluate population.duckdb --period {year}-01-01 {year}-12-31 --out results/",
    ]


def show(console: Console, made: Made, seconds: float) -> None:
    """How much was made, and each planted gap."""
    truth = made.truth
    console.print(
        f"{truth.people:,} people, {made.resources:,} resources ({made.resources / truth.people:.0f} and "
        f"{made.bytes / truth.people / 1000:.0f} KB a person), {made.bytes / 1e6:,.0f} MB, in {seconds:.1f} s",
        soft_wrap=True,
    )
    console.print(f"Scenario {truth.scenario}: {truth.title}.", soft_wrap=True)
    for planted in truth.planted:
        console.print(f"  {planted.in_words()}", soft_wrap=True)
