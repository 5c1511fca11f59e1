"""Files -> raw resources in the population, with what is needed to say whose they are.

Streams `salus.fhir.reading.scan` into `raw."Type"` (as they came, `seq` numbering each type in order of arrival)
and, in the work database, one `work.arrival` row per resource or deletion: its type, number, id, Bundle, date, and the
references that may name its patient. Numbers go on where earlier loads ended. What cannot be read goes to
`quarantine`. Python only splits; batches are written by a second thread while the next ones are read.

Leaves to others: patients, identities and final numbers (`salus.store.owners`), typed elements
(`salus.store.shred`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salus.fhir import model
from salus.fhir.reading import Raw, scan
from salus.fhir.sources import Walk
from salus.store import manifest
from salus.store.sql import literal, quote, rows, scalar

BATCH_BYTES = 16 << 20
BATCH_ROWS = 100_000
"""A type's resources are written once this much JSON of it, or so many, have been gathered."""
_HELD_BYTES = 64 << 20
_TELL_BYTES = 1 << 20
_PENDING = 2

# Zstandard is asked for: of all codecs it is twice as fast on JSON and leaves a quarter of the size.
RAW_COLUMNS = "rid BIGINT, seq BIGINT, json VARCHAR USING COMPRESSION zstd, file INTEGER, line BIGINT, entry INTEGER"
TABLES = """
CREATE SCHEMA IF NOT EXISTS raw;
CREATE TABLE IF NOT EXISTS load_file(file INTEGER, path VARCHAR, resources BIGINT, quarantined BIGINT,
    deletions BIGINT, source INTEGER);
CREATE TABLE IF NOT EXISTS quarantine(file VARCHAR, line BIGINT, entry INTEGER, reason VARCHAR, type VARCHAR);
"""
ARRIVAL = """type VARCHAR, seq BIGINT, id VARCHAR, url VARCHAR, bundle INTEGER, file INTEGER, line BIGINT,
    entry INTEGER, owners VARCHAR[], updated TIMESTAMP, collection BOOLEAN, deleted BOOLEAN,
    load INTEGER, kept BOOLEAN"""
"""What is known of all that was ever loaded; `kept`: whether the resource itself is in raw still."""

_LAST = "SELECT type, max(seq) FROM work.arrival GROUP BY type"

# The first instant that a text can mean.
_UPDATED = "work.first_of(work.time_body({0})) - to_minutes(work.offset_minutes({0}))"


@dataclass(slots=True)
class Batch:
    """Resources of one type gathered for one write: `start` is the number of the first, `bundle` that of the first
    Bundle of this reading."""

    start: int
    bundle: int
    size: int = 0
    rows: list[Raw] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def add(self, raw: Raw, file: int) -> None:
        """Add a resource that came from the file of that number."""
        self.size += len(raw.data)
        self.rows.append(raw)
        self.files.append(file)

    def table(self) -> pa.Table:
        """The batch column by column, numbered from `start`; Bundles from `bundle`."""
        rows = self.rows
        return pa.table(
            {
                "seq": pa.array(np.arange(self.start, self.start + len(rows))),
                "json": _texts([raw.data or b"{}" for raw in rows]),
                "id": pa.array([raw.id for raw in rows], pa.string()),
                "url": pa.array([raw.full_url for raw in rows], pa.string()),
                "bundle": pc.add(pa.array([raw.bundle for raw in rows], pa.int32()), self.bundle),
                "file": pa.array(self.files, pa.int32()),
                "line": pa.array([raw.line for raw in rows], pa.int64()),
                "entry": pa.array([raw.entry for raw in rows], pa.int32()),
                "collection": pa.array([raw.collection for raw in rows], pa.bool_()),
                "deleted": pa.array([raw.deleted for raw in rows], pa.bool_()),
                "deleted_at": pa.array([raw.at for raw in rows], pa.string()),
            }
        )


def _texts(data: list[bytes]) -> pa.Array:
    """Texts known to be UTF-8 as an array: three times as fast as handing over one by one."""
    offsets = np.zeros(len(data) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, data), np.int64, len(data)), out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(data))]
    return pa.Array.from_buffers(pa.large_string(), len(data), buffers)


@dataclass(slots=True)
class Taken:
    """What an intake read: `resources` and `deletions`, `files` given (number of the load_file rows of each)."""

    resources: int = 0
    deletions: int = 0
    bytes: int = 0
    json_bytes: int = 0
    skipped: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _File:
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
        self._next = {str(kind): int(str(last)) + 1 for kind, last in rows(con, _LAST)}
        self._bundle = scalar(con, "SELECT max(bundle) + 1 FROM work.arrival")
        self._file = scalar(con, "SELECT max(file) + 1 FROM load_file")
        self._source = manifest.next_source(con)
        self._batches: dict[str, Batch] = {}
        self._held = 0
        self._files: list[_File] = []
        self._bad: list[tuple[str, int, int | None, str]] = []
        self._writer = _Writer(con.cursor(), load)

    def run(self, walk: Walk, progress: Callable[[int, int], None]) -> Taken:
        """Read everything; `progress` is told (bytes read, bytes to read)."""
        taken, meter, told = Taken(), walk.meter, 0
        with self._writer:
            for raw in scan(walk, skipped=taken.skipped.append, deletions=True):
                self._take(raw, self._source + len(walk.given) - 1)
                if meter.done - told > _TELL_BYTES:
                    told = meter.done
                    progress(meter.done, meter.total)
            for kind in list(self._batches):
                self._send(kind)
        progress(meter.total, meter.total)
        self._finish()
        taken.resources = sum(file.resources for file in self._files)
        taken.deletions = sum(file.deletions for file in self._files)
        taken.bytes, taken.json_bytes = meter.total, meter.unpacked
        return taken

    def _take(self, raw: Raw, given: int) -> None:
        if not self._files or self._files[-1].path != raw.file or self._files[-1].given != given:
            self._files.append(_File(raw.file, given))
        file = self._files[-1]
        if reason := raw.error or _unfit(raw):
            file.quarantined += 1
            self._bad.append((raw.file, raw.line, raw.entry, reason))
            return
        file.deletions += raw.deleted
        file.resources += not raw.deleted
        batch = self._batches.get(raw.type) or self._batches.setdefault(raw.type, self._batch(raw.type))
        batch.add(raw, len(self._files) - 1 + self._file)
        self._held += len(raw.data)
        if batch.size > BATCH_BYTES or len(batch.rows) > BATCH_ROWS:
            self._send(raw.type)
        elif self._held > _HELD_BYTES:
            self._send(max(self._batches, key=lambda kind: self._batches[kind].size))

    def _batch(self, kind: str) -> Batch:
        return Batch(self._next.get(kind, 0), self._bundle)

    def _send(self, kind: str) -> None:
        batch = self._batches[kind]
        self._next[kind] = batch.start + len(batch.rows)
        self._batches[kind] = self._batch(kind)
        self._held -= batch.size
        if batch.rows:
            self._writer.put(kind, batch)

    def _finish(self) -> None:
        for number, line, entry in self._writer.refused:
            file = self._files[number - self._file]
            self._bad.append((file.path, line, entry, "is not valid JSON"))
            file.resources -= 1
            file.quarantined += 1
        files = [
            (n, f.path, f.resources, f.quarantined, f.deletions, f.given) for n, f in enumerate(self._files, self._file)
        ]
        _insert_rows(self._con, "load_file", files)
        _insert_rows(self._con, "quarantine", [(*bad, None) for bad in self._bad])


class _Writer:
    """Writes batches in a thread of its own, a few at most waiting; a context manager that waits for the last."""

    def __init__(self, con: duckdb.DuckDBPyConnection, load: int) -> None:
        self._con = con
        self._load = load
        self._pool = ThreadPoolExecutor(1)
        self._pending: deque[Future[None]] = deque()
        self._created: set[str] = set()
        self.refused: list[tuple[int, int, int | None]] = []

    def put(self, kind: str, batch: Batch) -> None:
        """Have a batch written. Raises what an earlier one failed with."""
        if len(self._pending) >= _PENDING:
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(self._write, kind, batch))

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: object) -> None:
        try:
            while self._pending and kind is None:
                self._pending.popleft().result()
        finally:
            self._pool.shutdown(cancel_futures=True)
            self._con.close()

    def _write(self, kind: str, batch: Batch) -> None:
        table = batch.table()
        try:
            self._note_arrival(kind, table)
        except duckdb.InvalidInputException:
            table = self._without_refused(table)
            self._note_arrival(kind, table)
        if kind not in self._created:
            self._con.execute(f"CREATE TABLE IF NOT EXISTS raw.{quote(kind)}({RAW_COLUMNS})")
            self._created.add(kind)
        self._con.execute(
            f"INSERT INTO raw.{quote(kind)} SELECT NULL, seq, json, file, line, entry FROM batch WHERE NOT deleted"
        )
        self._con.unregister("batch")

    def _note_arrival(self, kind: str, table: pa.Table) -> None:
        self._con.register("batch", table)
        told, owners = _asked(kind)
        self._con.execute(
            f"""INSERT INTO work.arrival
            SELECT {literal(kind)}, seq, id, url, bundle, file, line, entry, owners,
                {_UPDATED.format("coalesce(deleted_at, told)")}, collection, deleted, {self._load}, TRUE
            FROM (SELECT *, {owners} AS owners, {told} AS told FROM batch)"""
        )

    def _without_refused(self, table: pa.Table) -> pa.Table:
        """What passed for JSON until now and does not with DuckDB (it should never happen) must not stop a load."""
        valid = self._con.sql("SELECT json_valid(json) AS valid FROM batch").to_arrow_table()["valid"]
        refused = table.filter(pc.invert(valid)).select(["file", "line", "entry"])
        self.refused += [tuple(row.values()) for row in refused.to_pylist()]
        return table.filter(valid)


def _insert_rows(con: duckdb.DuckDBPyConnection, table: str, values: Sequence[tuple[object, ...]]) -> None:
    if not values:
        return
    columns = list(zip(*values, strict=True))
    con.register("new_rows", pa.table({f"c{i}": list(column) for i, column in enumerate(columns)}))
    con.execute(f"INSERT INTO {table} SELECT * FROM new_rows")
    con.unregister("new_rows")


def _unfit(raw: Raw) -> str | None:
    if raw.type not in model.RESOURCES:
        return "has a resourceType that FHIR R4 does not have"
    return None


def _asked(kind: str) -> tuple[str, str]:
    """SQL for when a resource was last updated, and for the list of references that may name its patient; one
    parse of the JSON gives both, unless the references are on a repeating element.
    """
    updated, owner = "$.meta.lastUpdated", _owner_path(kind)
    if owner is None or "[*]" in owner:
        owners = "NULL" if owner is None else f"json_extract_string(json, {literal(owner)})"
        return f"json_extract_string(json, {literal(updated)})", owners
    both = f"json_extract_string(json, [{literal(updated)}, {literal(owner)}])"
    return f"{both}[1]", f"{both}[2:2]"


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
