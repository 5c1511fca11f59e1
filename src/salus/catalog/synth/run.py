"""A community onto disk: blocks drawn side by side, written in their order, the truth counted as they pass.

One file per resource type, as a Bulk Data export has them. The bytes are the same whatever the number of workers.
Everything is made in a folder beside and takes its name when it is whole.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from salus.catalog.synth.block import Drawn, draw_block
from salus.catalog.synth.dice import BLOCK
from salus.catalog.synth.registry import registry
from salus.catalog.synth.scenario import Scenario
from salus.catalog.synth.truth import PEOPLE, SUMMARY, UNITS, Truth, people_table, units_table
from salus.errors import UsageError, writing

RECORDS = "records"
"""The folder of the NDJSON files within that of a community; the truth lies beside it."""
SMALL = 3  # blocks that are made sooner than workers have started


@dataclass(frozen=True)
class Piece:
    """A block's share of the files: bytes by type, and how many resources of each; the truth of it."""

    files: dict[str, tuple[int, bytes]]
    truth: Truth
    units: pa.Table
    who: pa.Table


@dataclass(frozen=True)
class Made:
    """What was made: the truth, and per resource type how many resources and bytes."""

    truth: Truth
    sizes: dict[str, tuple[int, int]]

    @property
    def resources(self) -> int:
        return sum(count for count, _ in self.sizes.values())

    @property
    def bytes(self) -> int:
        return sum(size for _, size in self.sizes.values())


def synthesize(
    folder: Path,
    people: int,
    seed: int,
    scenario: Scenario | None = None,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Made:
    """Write `people` people into `folder` (records in its `RECORDS`), which is new, empty, or one that this wrote
    before.

    `workers`: processes side by side (as many as processors unless said); `progress` is told the number of people
    done. Raises UsageError for a folder that holds other things, SalusError when the disk refuses.
    """
    scenario = scenario or Scenario.named("standard")
    with writing(f"synthetic records into {folder}"):
        check_folder(folder)
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        (partial / RECORDS).mkdir(parents=True)
        try:
            made = _write(partial, people, seed, scenario, workers or os.cpu_count() or 1, progress)
            if folder.exists():
                shutil.rmtree(folder)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return made


def check_folder(folder: Path) -> None:
    """Only what was made here is made again; the folder is put in its place whole, so it is none that one stands in."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        kind = "a link" if folder.is_symlink() else "a file"
        raise UsageError(f"{folder} is {kind}; synthetic records need a folder")
    if Path.cwd().is_relative_to(folder.resolve()):
        raise UsageError(f"{folder} is the folder of work or above it; synthetic records need a folder of their own")
    there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if there and (SUMMARY not in there or there - {RECORDS, SUMMARY, UNITS, PEOPLE}):
        raise UsageError(f"{folder} holds other things than synthetic records; choose another folder")


def _write(
    folder: Path, people: int, seed: int, scenario: Scenario, workers: int, progress: Callable[[int], None] | None
) -> Made:
    truth = Truth.of(scenario, seed, people)
    with contextlib.ExitStack() as stack:
        files = _Files(folder, stack)
        for resource in registry():
            files.add(resource["resourceType"], 1, orjson.dumps(resource) + b"\n")
        done = 0
        for piece in pieces(scenario, seed, people, workers):
            for kind, (count, text) in piece.files.items():
                files.add(kind, count, text)
            files.add_tables(piece)
            truth.join(piece.truth)
            done += piece.truth.people
            if progress:
                progress(done)
    (folder / SUMMARY).write_bytes(orjson.dumps(truth.as_json(), option=orjson.OPT_INDENT_2))
    return Made(truth, files.sizes)


class _Files:
    """The files of an export, opened when the first of their kind comes."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._open: dict[str, IO[bytes]] = {}
        self._tables: dict[str, pq.ParquetWriter] = {}
        self.sizes: dict[str, tuple[int, int]] = {}

    def add(self, kind: str, count: int, text: bytes) -> None:
        if kind not in self._open:
            self._open[kind] = self._stack.enter_context((self._folder / RECORDS / f"{kind}.ndjson").open("wb"))
        self._open[kind].write(text)
        before = self.sizes.get(kind, (0, 0))
        self.sizes[kind] = (before[0] + count, before[1] + len(text))

    def add_tables(self, piece: Piece) -> None:
        for name, table in ((UNITS, piece.units), (PEOPLE, piece.who)):
            if name not in self._tables:
                self._tables[name] = self._stack.enter_context(pq.ParquetWriter(self._folder / name, table.schema))
            self._tables[name].write_table(table)


def pieces(scenario: Scenario, seed: int, people: int, workers: int) -> Iterator[Piece]:
    """The blocks of a run in order, the last one cut to size; with workers, a few ahead of the one asked for."""
    counts = [min(BLOCK, people - start) for start in range(0, people, BLOCK)]
    tasks = ((scenario, seed, number, count) for number, count in enumerate(counts))
    if workers == 1 or len(counts) <= SMALL:
        yield from (make_piece(*task) for task in tasks)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        ahead: deque[Future[Piece]] = deque()
        for task in tasks:
            ahead.append(pool.submit(make_piece, *task))
            if len(ahead) > 2 * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def make_piece(scenario: Scenario, seed: int, number: int, count: int) -> Piece:
    """The first `count` people of a block."""
    drawn = draw_block(scenario, seed, number)
    truth = Truth.of(scenario, seed, count)
    entries = [entry.only(entry.who < count) for entry in drawn.ledger]
    for entry in entries:
        truth.add(entry, drawn.people)
    units = pa.concat_tables([units_table(entry, drawn.people) for entry in entries])
    return Piece(dict(_cut(drawn, count)), truth, units, people_table(drawn.people, count))


def _cut(drawn: Drawn, count: int) -> Iterator[tuple[str, tuple[int, bytes]]]:
    """By type, the number and the lines of the rows about the first `count` people."""
    for kind, (who, rows) in drawn.rows.items():
        size = int(np.searchsorted(who, count))
        if size:
            yield kind, (size, ("\n".join(rows[:size]) + "\n").encode())
