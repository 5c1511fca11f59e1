"""`salus report`: one self-contained HTML file of a results folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from salus.cli.equity import parse_crossings, parse_pairs
from salus.equity.compare import Settings
from salus.equity.estimate import MINIMUM
from salus.equity.results import Results
from salus.equity.visits import SITE
from salus.publish.audit import record
from salus.publish.disclosure import THRESHOLD
from salus.publish.report import Options, write_report


def report_command(
    results: Path,
    out: Path,
    by: Sequence[str] = (),
    level: float = 0.95,
    minimum: int = MINIMUM,
    references: Sequence[str] = (),
    show_small: bool = False,
    control: bool = True,
    improvement: Sequence[str] = (),
    console: Console | None = None,
    cross: Sequence[str] = (),
    earlier: Sequence[Path] = (),
    site: str = SITE,
) -> None:
    """Write the report of `results` to `out`.

    `references` are "attribute=group" texts, `improvement` "measure=decrease" ones, `cross` "race,sex" ones; `earlier`
    are results of earlier periods, `site` is the attribute drawn as a funnel. `show_small` shows counts of 1 to 10, for
    use inside the house only. Raises UsageError (exit 2) or SalusError (exit 1); nothing is half written.
    """
    settings = Settings(level, minimum, parse_pairs(references, "attribute=group"), control)
    ways = parse_pairs(improvement, "measure=decrease")
    opened = Results.open(results, ways)
    before = tuple(Results.open(folder) for folder in earlier)
    crossings = tuple(parse_crossings(opened, by, cross))
    options = Options(tuple(by), settings, 1 if show_small else THRESHOLD, crossings, before, site)
    write_report(opened, out, options)
    record("report", out, {"results": results, "earlier": list(earlier)}, by=by, show_small=show_small)
    console = console or Console()
    console.print(f"{out} written ({out.stat().st_size / 1e6:.1f} MB, opens without a network)", highlight=False)
    if show_small:
        console.print("Small groups are shown in it: for use inside the house only.", style="yellow")
