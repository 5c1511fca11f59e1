"""`salus conformance`: the official CQL suite, read and judged on an engine.

Leaves to others: the work itself (`salus.conformance`).
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from salus.conformance import Verdict, judge, read_suite
from salus.conformance.evaluators import ENGINES
from salus.conformance.front_end import translated
from salus.errors import UsageError


def conformance_command(folder: Path, engine: str, out: Path | None) -> None:
    """Judge every test and print a line per chapter; with `out`, every verdict as JSON.

    Raises UsageError for an engine or folder that is not there, SalusError for a file that is no suite.
    """
    if engine not in ENGINES:
        raise UsageError(f"there is no engine {engine!r}; choose {' or '.join(ENGINES)}")
    if not folder.exists():
        raise UsageError(f"{folder} is not there")
    cases = read_suite(folder)
    with ENGINES[engine]() as evaluate:
        verdicts = list(judge(cases, translated, evaluate))
    show(verdicts, engine)
    if out is not None:
        out.write_text(json.dumps([verdict.as_json() for verdict in verdicts], indent=1), encoding="utf-8")


def show(verdicts: Sequence[Verdict], engine: str) -> None:
    """Counts per file and chapter on stdout, what did not pass on stderr."""
    table = Table("file", "chapter", "tests", "passed")
    for file in dict.fromkeys(verdict.case.file for verdict in verdicts):
        chosen = [verdict for verdict in verdicts if verdict.case.file == file]
        table.add_row(file, "", str(len(chosen)), str(sum(verdict.passed for verdict in chosen)))
        chapters = Counter(verdict.case.group for verdict in chosen)
        held = Counter(verdict.case.group for verdict in chosen if verdict.passed)
        for chapter, count in chapters.items():
            table.add_row("", chapter, str(count), str(held[chapter]))
    Console().print(table)
    for verdict in verdicts:
        if not verdict.passed:
            print(f"{verdict.outcome}: {verdict.case.label}: {verdict.why}", file=sys.stderr)
    passed = sum(verdict.passed for verdict in verdicts)
    print(f"{passed:,} of {len(verdicts):,} tests pass on {engine}")
