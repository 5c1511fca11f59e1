"""`salus explain`: why one subject is where it is, or where a population falls out.

What a person's records say is shown on the user's own screen, and written only into the files that are asked for.
Leaves to others: options and help (`cli.main`), finding it out (`measure.explain`), the page (`publish.explanation`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text
from rich.tree import Tree

from salus import __version__
from salus.errors import UsageError
from salus.files import write_atomically
from salus.measure.explain.model import Criterion, Explanation, Finding, GroupStory, Truth, Unit, as_json
from salus.measure.explain.opened import opened
from salus.measure.explain.reasons import spelled
from salus.measure.explain.subject import explain_subject

_MOST_REASONS = 5
_LONGEST = 150
_MARKS: dict[Truth, tuple[str, str]] = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}


@dataclass(frozen=True)
class Asked:
    """What was asked for on the command line."""

    results: Path
    measure: str
    subject: str | None = None
    unit: str | None = None
    population: Path | None = None
    content: tuple[Path, ...] = ()
    html: Path | None = None
    json: Path | None = None


def explain_command(asked: Asked, console: Console | None = None) -> None:
    """Explain and print; write the files asked for. Raises UsageError (exit 2) or SalusError (exit 1)."""
    console = console or Console(highlight=False)
    if asked.subject is not None:
        _explain_one(asked, asked.subject, console)
    elif asked.unit or asked.html:
        raise UsageError("--unit and --html explain one subject: name it with --subject")
    else:
        _explain_all(asked, console)


def _explain_one(asked: Asked, subject: str, console: Console) -> None:
    with opened(asked.results, asked.measure, asked.population, asked.content) as ground:
        found = explain_subject(ground, subject, asked.unit)
    for warning in found.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    show(found, console)
    _write(asked, found, console)


def _explain_all(asked: Asked, console: Console) -> None:
    """Where a population falls out, counted on the records now; what differs from the run is said."""
    from salus.cli.clauses import show_clauses
    from salus.engine.run import clause_tests
    from salus.measure.clauses import counted, differences

    where = asked.results, asked.measure, asked.population, asked.content
    with opened(*where, read_only=False) as ground:  # elements may be typed on first use, as when evaluating
        measure = ground.measure
        found = counted(clause_tests, ground.population, ground.content, measure, ground.library, ground.period)
        warnings = [*ground.changes(), *differences(measure.name, found.members, pq.read_table(ground.determinations))]
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
    show_clauses(measure.title or measure.name, found.table, console)
    if asked.json:
        told = {"salus": __version__, "measure": measure.name, "warnings": warnings, "clauses": found.table.to_pylist()}
        _write_json(asked.json, told)
        console.print(f"{asked.json} written", style="dim")


def _write_json(out: Path, told: dict[str, Any]) -> None:
    text = orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    write_atomically(out, lambda path: path.write_bytes(text))


def _write(asked: Asked, found: Explanation, console: Console) -> None:
    if asked.json:
        _write_json(asked.json, {"salus": __version__, "agrees": found.agrees, **as_json(found)})
    if asked.html:
        from salus.publish.explanation import write_page

        write_page(found, asked.html)
    for path in filter(None, (asked.json, asked.html)):
        console.print(f"{path} written: it holds a person's records", style="dim")


def show(found: Explanation, console: Console) -> None:
    """The explanation on the screen."""
    console.print(f"[bold]{escape(found.title or found.measure)}[/bold]  {escape(found.version)}")
    console.print(f"Subject {escape(found.subject)}, {found.period[0]} to {found.period[1]}")
    for group in found.groups:
        if len(found.groups) > 1:
            console.rule(escape(f"Group {group.id} {group.description}".strip()), align="left", style="dim")
        for unit in group.units:
            _show_unit(group, unit, console)


def _show_unit(group: GroupStory, unit: Unit, console: Console) -> None:
    if unit.record is not None:
        console.print(f"\n[bold]{escape(str(unit.record))}[/bold]  [dim]{escape(unit.id)}[/dim]")
    if not unit.agrees:
        console.print(f"THIS EXPLANATION DOES NOT AGREE WITH THE RUN: {escape(unit.difference)}.", style="bold red")
    for criterion in unit.criteria:
        _show_standing(criterion, console)
    if any(value is not None for value in unit.observations):
        values = ", ".join("-" if value is None else f"{value:g}" for value in unit.observations)
        console.print(f"  Observed: {values}")
    for criterion in unit.criteria:
        title = (
            f"\n[bold]{spelled(criterion.population).capitalize()}[/bold]  [dim]{escape(criterion.expression)}[/dim]"
        )
        console.print(title)
        console.print(_tree(criterion.finding, console.width))


def _show_standing(criterion: Criterion, console: Console) -> None:
    mark, colour = _MARKS[True if criterion.member else None if criterion.met is None else False]
    console.print(f"[{colour}]{mark}[/{colour}] [bold]{escape(criterion.standing)}[/bold]")
    for reason in criterion.reasons[:_MOST_REASONS]:
        console.print(Padding(Text(reason), (0, 0, 0, 4)))
    more = len(criterion.reasons) - _MOST_REASONS
    if more > 0:
        console.print(f"    and {more} more, below", style="dim")


def _tree(finding: Finding, width: int) -> Tree:
    tree = Tree(_label(finding, width), guide_style="dim")
    _grow(tree, finding, width)
    return tree


def _grow(tree: Tree, finding: Finding, width: int) -> None:
    for part in finding.parts:
        _grow(tree.add(_label(part, width)), part, width)


def _label(finding: Finding, width: int) -> Text:
    """The mark, the source text in its colour, and what was found."""
    mark, colour = _MARKS[finding.truth]
    label = Text(f"{mark} ", style=colour)
    named = [name for name in finding.named if f'"{name}"' != finding.text]
    if named:
        label.append(" › ".join(named) + ("" if finding.kind in ("all", "any") else "  "), style=f"bold {colour}")
    if not named or finding.kind not in ("all", "any"):
        label.append(_shortened(finding.text, max(width, 60)), style=colour)
    if finding.kind == "row":
        label = Text(f"closest: {finding.text}", style="bold")
    if finding.sentence:
        label.append(f"\n{finding.sentence}", style="default")
    return label


def _shortened(text: str, width: int) -> str:
    most = min(_LONGEST, width)
    return text if len(text) <= most else f"{text[: most - 1]}…"
