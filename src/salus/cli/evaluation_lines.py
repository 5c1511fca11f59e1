"""How `salus evaluate` puts a finished evaluation on a terminal: a line per measure group, and what defines took.

Loaded while the engine works (`cli.evaluate`). Leaves to others: the evaluation itself (`measure.run`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from salus.measure.run import Evaluation


def _console() -> Console:
    """One that shows words as they are: names may hold brackets and colons, and to look for emoji loads all of them."""
    return Console(markup=False, emoji=False)


def show(done: Evaluation) -> None:
    """The counts and score of every measure group on stdout, warnings on stderr."""
    console = _console()
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
    _console().print(table)
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
