"""The file a load works on: a copy beside the population that takes its place in one step, or is thrown away.

Whatever ends a load (an error, a full disk, a killed process) leaves the population as it was; what a killed load left
behind goes with the next. One load at a time: a second one on the same population is refused. Leaves to others: what is
written (`loading`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from salus.errors import SalusError, writing
from salus.store.lock import alone
from salus.store.sql import open_file, refused


@contextmanager
def scratch(into: Path, *, onto: bool) -> Iterator[Path]:
    """A path to write a population to, which replaces `into` at the end of the block; with `onto` there is a copy of
    `into` at it already. A block that ends without a file there leaves `into` as it is.

    Raises SalusError when the folder is not there or not writable, the disk is full, or `into` is in use.
    """
    if not into.parent.is_dir():
        raise SalusError(f"no such folder: {into.parent}")
    place = into.with_name(f".{into.name}.loading")
    with _said(into), alone(into, f"another load into {into} is under way"):
        try:
            _remove(place)
            if onto:
                _copy(into, place)
            yield place
            if place.exists():
                _take_over(place, into)
        finally:
            _remove(place)


@contextmanager
def _said(into: Path) -> Iterator[None]:
    """What the disk and the database refuse, in words."""
    try:
        with writing(f"the population {into}"):
            yield
    except duckdb.Error as problem:
        if not refused(problem):
            raise
        raise SalusError(f"cannot write the population {into}: {str(problem).splitlines()[0]}") from problem


def _copy(into: Path, place: Path) -> None:
    """Nobody else may write while it is copied: the database holds its lock until the copy is closed (closing any
    handle of a file gives up a process's locks on it), and what an earlier process left in the log is in the file.
    """
    try:
        con = open_file(into)
    except duckdb.Error as problem:
        reason = str(problem).splitlines()[0]
        raise SalusError(f"{into} is not a population, or it is in use: {reason}") from problem
    with into.open("rb") as old:
        try:
            con.execute("CHECKPOINT")
            with place.open("wb") as new:
                shutil.copyfileobj(old, new, 1 << 22)
        finally:
            con.close()


def _take_over(place: Path, into: Path) -> None:
    """On the disk before it has the name. A log of the old file must not be taken for one of the new."""
    _log(into).unlink(missing_ok=True)
    _sync(place)
    os.replace(place, into)
    _sync(into.parent)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _log(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _remove(place: Path) -> None:
    for leftover in (place, _log(place), place.with_name(place.name + ".tmp")):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
