"""A results folder appears whole or not at all.

A run writes into a new folder beside its goal, which takes the goal's place when everything is written. An
older results folder is replaced only then; anything else that stands there is never touched.
Leaves to others: what is written (`measure.run`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from salus.errors import UsageError

MARK: Final = "run.json"
FILES: Final = frozenset(
    {
        *(MARK, "determinations.parquet", "attributes.parquet", "measure-reports.ndjson"),
        *("risk-adjustment.parquet", "clauses.parquet"),
    }
)
"""What a results folder of Salus holds; `MARK` is always among it."""


def check_replaceable(out: Path) -> None:
    """Raise UsageError when `out` is there and is neither empty nor a results folder."""
    if not out.exists():
        return
    if not out.is_dir():
        raise UsageError(f"{out} is a file; --out needs a folder")
    names = {path.name for path in out.iterdir()}
    if names and not (MARK in names and names & (FILES - {MARK})):
        raise UsageError(f"{out} is not a results folder of Salus; it is not replaced")


@contextmanager
def results_folder(out: Path) -> Iterator[Path]:
    """A fresh folder to write in; it becomes `out` when the block ends, and vanishes when the block fails."""
    check_replaceable(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        yield fresh
        fresh.chmod(0o755)
        _replace(out, fresh)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _replace(out: Path, fresh: Path) -> None:
    if not out.exists():
        fresh.rename(out)
        return
    old = fresh.with_name(fresh.name + ".old")
    out.rename(old)
    try:
        fresh.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)
