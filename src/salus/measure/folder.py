"""A results folder appears whole or not at all.

A run writes into a new folder beside its goal, which takes the goal's place when everything is written. An
older results folder is replaced only then; anything else that stands there is never touched. What a killed run
left behind goes with the next, and if it died while replacing, the older results come back.
Leaves to others: what is written (`measure.run`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from salus.errors import UsageError, writing
from salus.store.lock import alone

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
    """A fresh folder to write in; it becomes `out` when the block ends, and vanishes when the block fails.

    Raises UsageError for what may not be replaced, SalusError when another run is writing there or the disk refuses.
    """
    check_replaceable(out)
    with writing(f"the results {out}"):
        out.parent.mkdir(parents=True, exist_ok=True)
        with alone(out, f"another evaluation into {out} is under way"):
            fresh, old = (out.with_name(f".{out.name}.{state}") for state in ("writing", "old"))
            _recover(out, fresh, old)
            fresh.mkdir(0o700)
            try:
                yield fresh
                fresh.chmod(0o755)
                _replace(out, fresh, old)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)


def _recover(out: Path, fresh: Path, old: Path) -> None:
    """Undo what a run that died has left."""
    if old.exists() and not out.exists():
        old.rename(out)
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)


def _replace(out: Path, fresh: Path, old: Path) -> None:
    if not out.exists():
        fresh.rename(out)
        return
    out.rename(old)
    try:
        fresh.rename(out)
    except OSError:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)
