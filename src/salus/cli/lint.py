"""`salus lint`: what is wrong with libraries of CQL text.

Leaves to others: options and help (`cli.main`), finding faults (`cql`), finding the texts (`measure.authoring`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from salus.cql.diagnostics import Diagnostic
from salus.errors import UsageError
from salus.measure.authoring import Workshop


def lint_command(paths: Sequence[Path], others: Sequence[Path], as_json: bool) -> int:
    """Print every error and warning; 1 when there is an error, else 0."""
    check_there([*paths, *others])
    workshop = Workshop.open(paths, others)
    found = [each for _, made in workshop.translated() for each in made.diagnostics]
    if as_json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    else:
        for each in found:
            print(each, end="\n\n")
        print(summary(found, len(workshop.asked)))
    return int(any(each.severity == "error" for each in found))


def check_there(paths: Sequence[Path]) -> None:
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} is not there")


def summary(found: Sequence[Diagnostic], libraries: int) -> str:
    errors = sum(each.severity == "error" for each in found)
    counts = f"{_many(errors, 'error')}, {_many(len(found) - errors, 'warning')}"
    return f"{counts} in {libraries} {'library' if libraries == 1 else 'libraries'}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
