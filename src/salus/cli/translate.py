"""`salus translate`: libraries of CQL text to ELM documents.

Leaves to others: options and help (`cli.main`), translating (`cql`), finding the texts (`measure.authoring`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from salus.cli.lint import check_there, summary
from salus.cql.diagnostics import Diagnostic
from salus.files import write_atomically
from salus.measure.authoring import Workshop
from salus.measure.identity import Identity


def translate_command(paths: Sequence[Path], out: Path, others: Sequence[Path]) -> int:
    """Write `out/NAME-VERSION.json` for every library without errors; 1 when there is one with errors, else 0."""
    check_there([*paths, *others])
    workshop = Workshop.open(paths, others)
    found: list[Diagnostic] = []
    out.mkdir(parents=True, exist_ok=True)
    for identity, made in workshop.translated():
        found += made.diagnostics
        if not made.errors:
            print(_write(out, identity, {"library": made.elm}))
    for each in found:
        print(each, file=sys.stderr)
    print(summary(found, len(workshop.asked)), file=sys.stderr)
    return int(any(each.severity == "error" for each in found))


def _write(out: Path, identity: Identity, document: dict[str, object]) -> Path:
    parts = [identity.name, *([identity.version] if identity.version else [])]
    path = out / (re.sub(r"[^\w.-]", "_", "-".join(parts)) + ".json")
    text = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    write_atomically(path, lambda aside: aside.write_bytes(text))
    return path
