"""`salus publish`: a results folder in, a certified release out, or nothing.

Leaves to others: what is hidden, and the proof (`publish.release`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from salus.cli.equity import parse_pairs
from salus.equity.compare import Settings
from salus.equity.estimate import MINIMUM
from salus.equity.results import Results
from salus.errors import UsageError
from salus.publish.audit import record
from salus.publish.policy import profile
from salus.publish.release import Done, Order, publish

MOST = 10


def publish_command(
    results: Path,
    out: Path,
    profile_name: str = "cms11",
    earlier: Sequence[Path] = (),
    by: Sequence[str] = (),
    level: float = 0.95,
    minimum: int = MINIMUM,
    references: Sequence[str] = (),
    control: bool = True,
    improvement: Sequence[str] = (),
    console: Console | None = None,
) -> None:
    """Release `results` to `out` beside `earlier` releases. UsageError (exit 2), or SalusError (exit 1) when the
    certificate fails; then nothing is written."""
    settings = Settings(level, minimum, parse_pairs(references, "attribute=group"), control)
    policy = profile(profile_name)
    for folder in earlier:
        if not folder.is_dir():
            raise UsageError(f"{folder} is not there")
    opened = Results.open(results, parse_pairs(improvement, "measure=decrease"))
    done = publish(opened, out, Order(tuple(by), settings, policy, tuple(earlier)))
    record("publish", out, {"results": results, "earlier": list(earlier)}, profile=profile_name)
    _say(done, console or Console())


def _say(done: Done, console: Console) -> None:
    console.print(f"{done.out} written. {done.statement}", highlight=False, soft_wrap=True)
    console.print(f"{done.hidden} of {done.lines} lines have something hidden.", highlight=False)
    if done.lost:
        console.print(f"{len(done.lost)} gaps that are certain inside cannot be shown outside:", style="yellow")
        for key in done.lost[:MOST]:
            console.print("  " + " / ".join(key), highlight=False, markup=False, soft_wrap=True)
        if len(done.lost) > MOST:
            console.print(f"  and {len(done.lost) - MOST} more")
        console.print("Which they are is for the house alone: it says how a hidden group does.", style="dim")
