"""`salus scorecard` and `salus mission`: the mission, clause by clause, beside what was measured.

Leaves to others: the figures and the page (`salus.mission`), the mission file (`catalog.mission`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from salus.catalog import measure_names
from salus.catalog.mission import DEFAULT, read_mission
from salus.cli.equity import parse_pairs
from salus.equity.compare import Settings
from salus.mission.files import check_out, write
from salus.mission.scorecard import Kept, Order, Scorecard, scorecard
from salus.publish.audit import record

_STYLES = {"measured": "green", "checked": "cyan", "not measured yet": "dim"}


def scorecard_command(
    folders: Sequence[Path],
    out: Path,
    mission: Path | None = None,
    order: Order | None = None,
    console: Console | None = None,
) -> None:
    """Write the scorecard of results folders or releases to `out`, .json and .csv beside it, and print it in short.

    Raises UsageError (exit 2) or SalusError (exit 1); nothing is half written.
    """
    check_out(out)
    card = scorecard(folders, read_mission(mission or DEFAULT), measure_names(), order)
    written = write(card, out)
    record("scorecard", out, {"folders": list(folders), "mission": card.mission.path}, inside=card.inside)
    console = console or Console()
    show(card, console)
    console.print(f"{written[0]} written, and {written[1].name} and {written[2].name} beside it", highlight=False)
    if card.inside:
        console.print("It is for use inside the house: small groups are not hidden.", style="dim")


def show(card: Scorecard, console: Console) -> None:
    """A line per clause."""
    table = Table("clause", "", "measures", "sure gaps", "worst for", box=None, pad_edge=False)
    for kept in card.clauses:
        table.add_row(*_row(kept))
    console.print(Text(card.mission.title, style="bold"))
    console.print(table)


def _row(kept: Kept) -> tuple[Text, ...]:
    about = "" if kept.worst is None else f"{kept.worst.who}, {kept.worst.title}"
    measures, gaps = (str(len(each)) if each else "" for each in (kept.measures, kept.certain))
    state = Text(kept.state, style=_STYLES[kept.state])
    return Text(kept.clause.words), state, Text(measures), Text(gaps), Text(about, style="red")


def order_of(
    by: Sequence[str],
    level: float,
    minimum: int,
    references: Sequence[str],
    control: bool,
    improvement: Sequence[str],
) -> Order:
    """What the options of a command ask for: `references` are "attribute=group", `improvement` "measure=decrease"."""
    settings = Settings(level, minimum, parse_pairs(references, "attribute=group"), control)
    return Order(tuple(by), settings, parse_pairs(improvement, "measure=decrease"))


def mission_command() -> None:
    """Print the default mission file, for an institution to edit."""
    print(DEFAULT.read_text(encoding="utf-8"), end="")
