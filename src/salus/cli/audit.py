"""`salus audit verify` and `salus audit show`: does the chain hold, and what is in it.

Leaves to others: the log itself (`publish.audit`).
"""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from salus.errors import SalusError, UsageError
from salus.publish import audit


def found(where: Path | None) -> Path:
    """The log meant: a log file, or the log beside or in what is named; default: here. UsageError: there is none."""
    log = audit.place(Path("here")) if where is None else where
    if log.is_dir():
        log = next((each for each in (log / audit.FILE, audit.place(log)) if each.is_file()), log / audit.FILE)
    elif log.suffix != ".jsonl":
        log = audit.place(log)
    if not log.is_file():
        raise UsageError(f"there is no audit log at {log}")
    return log


def verify_command(where: Path | None, console: Console | None = None) -> None:
    """Say that the chain holds, and its last hash; SalusError names the first entry that breaks it."""
    checked = audit.verify(found(where))
    if checked.broken:
        raise SalusError(f"{checked.broken} ({checked.entries} entries before it hold together)")
    said = f"{checked.log}: {checked.entries} entries hold together; the last has the hash {checked.last}"
    (console or Console()).print(said, highlight=False, soft_wrap=True)


def show_command(where: Path | None, as_json: bool = False, console: Console | None = None) -> None:
    """Every entry on a line (number, when, who, what, made, read), or as JSON."""
    console = console or Console()
    entries = audit.entries(found(where))
    if as_json:
        console.print_json(json.dumps(entries, ensure_ascii=False))
        return
    for entry in entries:
        said = "  ".join(str(entry.get(key, "")) for key in ("number", "when", "who", "action"))
        read = ", ".join(_paths(entry.get("read", {})))
        text = f"{said}  {entry.get('made', {}).get('path', '')}" + (f"  from {read}" if read else "")
        console.print(text, highlight=False, markup=False, soft_wrap=True)


def _paths(value: object) -> list[str]:
    """Every path in an entry's `read`, however deep."""
    if isinstance(value, dict):
        inner = [path for each in value.values() for path in _paths(each)]
        return [str(value["path"])] if "path" in value else inner
    if isinstance(value, list):
        return [path for each in value for path in _paths(each)]
    return [str(value)] if value else []
