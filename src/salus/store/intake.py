"""Files -> raw resources in the population, with what is needed to say whose they are.

Streams `salus.fhir.reading.scan_blocks` into `raw."Type"` (as they came, `seq` numbering all in order of arrival)
and, in the work database, one `work.arrival` row per resource or deletion: its type, number, id, Bundle, date, and the
references that may name its patient. Numbers go on where earlier loads ended. What cannot be read goes to
`quarantine`. Python only splits; batches are written by further threads while the next ones are read.

Leaves to others: patients, identities and final numbers (`salus.store.owners`), typed elements
(`salus.store.shred`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Lock

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct

from salus.fhir import model
from salus.fhir.lines import Block
from salus.fhir.reading import Raw, scan_blocks
from salus.fhir.sources import Walk
from salus.store import contained, manifest
from salus.store.batches import Batch
from salus.store.publish import RAW_COLUMNS
from salus.store.sql import another, insert_rows, literal, quote, scalar

BATCH_BYTES = 16 << 20
BATCH_ROWS = 200_000
"""Resources are written once this much JSON, or so many, have been gathered."""
_TELL_BYTES = 1 << 20
_CHECKPOINT_BYTES = 192 << 20
"""So much JSON waits in memory to be compressed; what is compressed with less than a row group is so anew later."""
_WRITERS = 2
_PENDING = 3
"""Batches that are being written, or wait for it, while the next is read."""

TABLES = """
CREATE SCHEMA IF NOT EXISTS raw;
CREATE TABLE IF NOT EXISTS load_file(file INTEGER, path VARCHAR, resources BIGINT, quarantined BIGINT,
    deletions BIGINT, source INTEGER);
CREATE TABLE IF NOT EXISTS quarantine(file VARCHAR, line BIGINT, entry INTEGER, reason VARCHAR, type VARCHAR);
"""
ARRIVAL = """type VARCHAR, seq BIGINT, id VARCHAR USING COMPRESSION zstd, url VARCHAR USING COMPRESSION zstd,
    bundle INTEGER, file INTEGER, line BIGINT, entry INTEGER, owner VARCHAR, updated TIMESTAMP,
    collection BOOLEAN, deleted BOOLEAN, load INTEGER, kept BOOLEAN"""
"""What is known of all that was ever loaded; `owner`: the references that may name its patient, one to a line; `kept`:
whether the resource itself is in raw still."""

# The first instant that a text can mean.
_UPDATED = "work.first_of(work.time_body({0})) - to_minutes(work.offset_minutes({0}))"


class Taken(Struct):
    """What an intake read: `resources` and `deletions`, files `skipped`; of what is `bad` file, line, entry, reason."""

    resources: int = 0
    deletions: int = 0
    bytes: int = 0
    json_bytes: int = 0
    skipped: list[str] = []
    bad: list[tuple[str, int, int | None, str]] = []

    def first_problem(self) -> str:
        """The first of what could not be read, as the end of a sentence; nothing where all could."""
        if not self.bad:
            return ""
        file, line, _, reason = self.bad[0]
        more = f" (and {len(self.bad) - 1:,} more)" if len(self.bad) > 1 else ""
        return f": {file}, line {line:,}: {reason}{more}"


class _File(Struct):
    path: str
    given: int
    resources: int = 0
    quarantined: int = 0
    deletions: int = 0


class Intake:
    """One reading of files into a population, `load` its number; `run` does it."""

    def __init__(self, con: duckdb.DuckDBPyConnection, load: int) -> None:
        self._con = con
        con.execute(TABLES)
        self._next = scalar(con, "SELECT max(seq) + 1 FROM work.arrival")
        self._bundle = scalar(con, "SELECT max(bundle) + 1 FROM work.arrival")
        self._file = scalar(con, "SELECT max(file) + 1 FROM load_file")
        self._source = manifest.next_source(con)
        self._batch = Batch(self._bundle)
        self._files: list[_File] = []
        self._bad: list[tuple[str, int, int | None, str]] = []
        self._writer = _Writer(con, load)

    def run(self, walk: Walk, progress: Callable[[int, int], None]) -> Taken:
        """Read everything; `progress` is told (bytes read, bytes to read)."""
        taken, meter, told = Taken(), walk.meter, 0
        with self._writer:
            for found in scan_blocks(walk, skipped=taken.skipped.append):
                self._take(found, self._source + len(walk.given) - 1)
                if meter.done - told > _TELL_BYTES:
                    told = meter.done
                    progress(meter.done, meter.total)
            self._send()
        progress(meter.total, meter.total)
        self._finish()
        taken.resources = sum(file.resources for file in self._files)
        taken.deletions = sum(file.deletions for file in self._files)
        taken.bad = self._bad
        taken.bytes, taken.json_bytes = meter.total, meter.unpacked
        return taken

    def _take(self, found: Raw | Block, given: int) -> None:
        if not self._files or self._files[-1].path != found.file or self._files[-1].given != given:
            self._files.append(_File(found.file, given))
        file, number = self._files[-1], len(self._files) - 1 + self._file
        if isinstance(found, Block):
            self._take_block(found, file, number)
        elif reason := found.error or _unfit(found.type):
            self._refuse(file, found.line, found.entry, reason)
        else:
            file.deletions += found.deleted
            file.resources += not found.deleted
            self._batch.add(found, number)
        if self._batch.size > BATCH_BYTES or self._batch.count > BATCH_ROWS:
            self._send()

    def _take_block(self, block: Block, file: _File, number: int) -> None:
        if any(_unfit(kind) for kind in set(block.types)):
            reasons = [_unfit(kind) for kind in block.types]
            entries = block.within.entries if block.within else [None] * len(reasons)
            for line, entry, reason in zip(block.lines.tolist(), entries, reasons, strict=True):
                if reason:
                    self._refuse(file, line, entry, reason)
            block = block.only([reason is None for reason in reasons])
        file.resources += len(block.types)
        self._batch.extend(block, number)

    def _refuse(self, file: _File, line: int, entry: int | None, reason: str) -> None:
        file.quarantined += 1
        self._bad.append((file.path, line, entry, reason))

    def _send(self) -> None:
        if self._batch.count:
            self._writer.put(self._batch, self._next)
            self._next += self._batch.count
            self._batch = Batch(self._bundle)

    def _finish(self) -> None:
        for number, line, entry in self._writer.refused:
            file = self._files[number - self._file]
            self._bad.append((file.path, line, entry, "is not valid JSON"))
            file.resources -= 1
            file.quarantined += 1
        files = [
            (n, f.path, f.resources, f.quarantined, f.deletions, f.given) for n, f in enumerate(self._files, self._file)
        ]
        insert_rows(self._con, "load_file", files)
        insert_rows(self._con, "quarantine", [(*bad, None) for bad in self._bad])


class _Writer:
    """Writes batches in threads of its own, a few at most waiting; a context manager that waits for the last."""

    def __init__(self, con: duckdb.DuckDBPyConnection, load: int) -> None:
        self._load = load
        self._pool = ThreadPoolExecutor(_WRITERS)
        self._cons: SimpleQueue[duckdb.DuckDBPyConnection] = SimpleQueue()
        for _ in range(_WRITERS):
            self._cons.put(another(con))
        self._pending: deque[Future[None]] = deque()
        self._created: set[str] = set()
        self._creating = Lock()
        self._written = 0
        self.refused: list[tuple[int, int, int | None]] = []

    def put(self, batch: Batch, start: int) -> None:
        """Have a batch written, numbered from `start`. Raises what an earlier one failed with."""
        self._wait(_PENDING - 1 if self._written else 0)
        self._pending.append(self._pool.submit(self._write, batch, start))
        self._written += batch.size
        if self._written > _CHECKPOINT_BYTES:
            self._wait(0)  # nothing is written during a checkpoint: the next batch waits for it
            self._pending.append(self._pool.submit(self._checkpoint))
            self._written = 0

    def _wait(self, most: int) -> None:
        """Until so many batches at most are left to be written."""
        while len(self._pending) > most:
            self._pending.popleft().result()

    def _checkpoint(self) -> None:
        with self._connection() as con:
            con.execute("CHECKPOINT")

    @contextmanager
    def _connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        con = self._cons.get()
        try:
            yield con
        finally:
            self._cons.put(con)

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: object) -> None:
        try:
            if kind is None:
                self._wait(0)
        finally:
            self._pool.shutdown(cancel_futures=True)
            for _ in range(_WRITERS):
                self._cons.get().close()

    def _write(self, batch: Batch, start: int) -> None:
        table = batch.table(start)
        with self._connection() as con:
            try:
                self._note_arrival(con, batch.kinds, table)
            except duckdb.InvalidInputException:
                table = self._without_refused(con, table)
                self._note_arrival(con, batch.kinds, table)
            for kind in sorted(batch.kinds):
                self._write_kind(con, kind, table)
            if batch.holds_others:
                contained.take(con, self._table)
            con.unregister("batch")

    def _write_kind(self, con: duckdb.DuckDBPyConnection, kind: str, table: pa.Table) -> None:
        mine = pc.and_not(pc.equal(table["type"], kind), pc.fill_null(table["deleted"], False))
        con.register("mine", table.select(["seq", "json", "file", "line", "entry"]).filter(mine))
        con.execute(f"INSERT INTO {self._table(con, kind)} FROM mine")
        con.unregister("mine")

    def _table(self, con: duckdb.DuckDBPyConnection, kind: str) -> str:
        """The table of a type's records, which is made at the first of them."""
        name = f"raw.{quote(kind)}"
        with self._creating:
            if kind not in self._created:
                con.execute(f"CREATE TABLE IF NOT EXISTS {name}({RAW_COLUMNS})")
                self._created.add(kind)
        return name

    def _note_arrival(self, con: duckdb.DuckDBPyConnection, kinds: set[str], table: pa.Table) -> None:
        con.register("batch", table)
        con.execute(
            f"""INSERT INTO work.arrival
            SELECT type, seq, id, url, bundle, file, line, entry, told[2],
                {_UPDATED.format("coalesce(deleted_at, told[1])")}, coalesce(collection, FALSE),
                coalesce(deleted, FALSE), {self._load}, TRUE
            FROM (SELECT *, {_told(kinds)} AS told FROM batch)"""
        )

    def _without_refused(self, con: duckdb.DuckDBPyConnection, table: pa.Table) -> pa.Table:
        """What passed for JSON until now and does not with DuckDB (it should never happen) must not stop a load."""
        checked = con.sql("SELECT json_valid(json) AS valid, NOT valid AS refused FROM batch").to_arrow_table()
        refused = table.filter(checked["refused"]).select(["file", "line", "entry"])
        self.refused += [tuple(row.values()) for row in refused.to_pylist()]
        return table.filter(checked["valid"])


def _unfit(kind: str) -> str | None:
    if kind not in model.RESOURCES:
        return "has a resourceType that FHIR R4 does not have"
    return None


def _told(kinds: Iterable[str]) -> str:
    """SQL for what resources of these types say: when they were last updated, and the references that may name their
    patient, one to a line.
    """
    by_path: dict[str | None, list[str]] = {}
    for kind in sorted(kinds):
        by_path.setdefault(_owner_path(kind), []).append(literal(kind))
    cases = (f"WHEN type IN ({', '.join(some)}) THEN {_asked(path)}" for path, some in by_path.items())
    return f"CASE {' '.join(cases)} END"


def _asked(owner: str | None) -> str:
    """One parse of the JSON gives both, unless the references are on a repeating element."""
    updated = literal("$.meta.lastUpdated")
    if owner is None:
        return f"[json_extract_string(json, {updated}), NULL]"
    if "[*]" in owner:
        owners = f"array_to_string(json_extract_string(json, {literal(owner)}), chr(10))"
        return f"[json_extract_string(json, {updated}), nullif({owners}, '')]"
    return f"json_extract_string(json, [{updated}, {literal(owner)}])"


def _owner_path(kind: str) -> str | None:
    """The JSON path of the best of the references that may name the patient of a resource."""
    for owner in model.owner_paths(kind)[:1]:
        steps, at = ["$"], kind
        for name in owner.split("."):
            found = model.member(at, name)
            assert found is not None
            steps.append(f"{name}[*]" if found.many else name)
            at = found.types[0]
        return ".".join([*steps, "reference"])
    return None
