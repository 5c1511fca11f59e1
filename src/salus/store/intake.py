"""Files -> raw resources in the population, with what is needed to say whose they are.

Streams `salus.fhir.reading.scan` into `raw."Type"` (as they came, numbered in order of arrival) and, in the
work database, one `work.arrival` row per resource: its type, number, id, Bundle, and the references that may
name its patient. What cannot be read goes to `quarantine`. Python only splits; batches are written by a
second thread while the next ones are read.

Leaves to others: patients, identities and final numbers (`salus.store.owners`), typed elements
(`salus.store.shred`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salus.fhir import model
from salus.fhir.reading import Raw, scan
from salus.fhir.sources import Meter
from salus.store.sql import literal, quote

BATCH_BYTES = 16 << 20
"""A type's resources are written once this much JSON of it has been gathered."""
_HELD_BYTES = 64 << 20
_TELL_BYTES = 1 << 20
_PENDING = 2

# Zstandard is asked for: of all codecs it is twice as fast on JSON and leaves a quarter of the size.
RAW_COLUMNS = "rid BIGINT, json VARCHAR USING COMPRESSION zstd, file INTEGER, line BIGINT, entry INTEGER"
TABLES = """
CREATE SCHEMA raw;
CREATE TABLE load_file(file INTEGER, path VARCHAR, resources BIGINT, quarantined BIGINT);
CREATE TABLE quarantine(file VARCHAR, line BIGINT, entry INTEGER, reason VARCHAR);
CREATE TABLE work.arrival(type VARCHAR, seq BIGINT, id VARCHAR, url VARCHAR, bundle INTEGER,
    file INTEGER, line BIGINT, entry INTEGER, owners VARCHAR[], updated VARCHAR, collection BOOLEAN);
"""


@dataclass(slots=True)
class Batch:
    """Resources of one type gathered for one write; `start` is the number of the first."""

    start: int
    size: int = 0
    rows: list[Raw] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def add(self, raw: Raw, file: int) -> None:
        """Add a resource that came from the file of that number."""
        self.size += len(raw.data)
        self.rows.append(raw)
        self.files.append(file)

    def table(self) -> pa.Table:
        """The batch column by column, numbered from `start`."""
        rows = self.rows
        return pa.table(
            {
                "seq": pa.array(np.arange(self.start, self.start + len(rows))),
                "json": _texts([raw.data for raw in rows]),
                "id": pa.array([raw.id for raw in rows], pa.string()),
                "url": pa.array([raw.full_url for raw in rows], pa.string()),
                "bundle": pa.array([raw.bundle for raw in rows], pa.int32()),
                "file": pa.array(self.files, pa.int32()),
                "line": pa.array([raw.line for raw in rows], pa.int64()),
                "entry": pa.array([raw.entry for raw in rows], pa.int32()),
                "collection": pa.array([raw.collection for raw in rows], pa.bool_()),
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
    """What an intake read."""

    resources: int = 0
    bytes: int = 0
    json_bytes: int = 0
    skipped: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _File:
    path: str
    resources: int = 0
    quarantined: int = 0


class Intake:
    """One reading of files into an empty population; `run` does it."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._batches: dict[str, Batch] = {}
        self._held = 0
        self._files: list[_File] = []
        self._bad: list[tuple[str, int, int | None, str]] = []
        self._writer = _Writer(con.cursor())

    def run(self, paths: Sequence[Path], progress: Callable[[int, int], None]) -> Taken:
        """Read everything; `progress` is told (bytes read, bytes to read). Raises SalusError when a path is
        not there.
        """
        self._con.execute(TABLES)
        taken, meter, told = Taken(), Meter(), 0
        with self._writer:
            for raw in scan(paths, skipped=taken.skipped.append, meter=meter):
                self._take(raw)
                if meter.done - told > _TELL_BYTES:
                    told = meter.done
                    progress(meter.done, meter.total)
            for kind in list(self._batches):
                self._send(kind)
        progress(meter.total, meter.total)
        self._finish()
        taken.resources = sum(file.resources for file in self._files)
        taken.bytes, taken.json_bytes = meter.total, meter.unpacked
        return taken

    def _take(self, raw: Raw) -> None:
        if not self._files or self._files[-1].path != raw.file:
            self._files.append(_File(raw.file))
        file = self._files[-1]
        if reason := raw.error or _unfit(raw):
            file.quarantined += 1
            self._bad.append((raw.file, raw.line, raw.entry, reason))
            return
        file.resources += 1
        batch = self._batches.get(raw.type) or self._batches.setdefault(raw.type, Batch(0))
        batch.add(raw, len(self._files) - 1)
        self._held += len(raw.data)
        if batch.size > BATCH_BYTES:
            self._send(raw.type)
        elif self._held > _HELD_BYTES:
            self._send(max(self._batches, key=lambda kind: self._batches[kind].size))

    def _send(self, kind: str) -> None:
        batch = self._batches[kind]
        self._batches[kind] = Batch(batch.start + len(batch.rows))
        self._held -= batch.size
        if batch.rows:
            self._writer.put(kind, batch)

    def _finish(self) -> None:
        for file, line, entry in self._writer.refused:
            self._bad.append((self._files[file].path, line, entry, "is not valid JSON"))
            self._files[file].resources -= 1
            self._files[file].quarantined += 1
        files = [(number, f.path, f.resources, f.quarantined) for number, f in enumerate(self._files)]
        _insert_rows(self._con, "load_file", files)
        _insert_rows(self._con, "quarantine", self._bad)


class _Writer:
    """Writes batches in a thread of its own, a few at most waiting; a context manager that waits for the last."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
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
            self._con.execute(f"CREATE TABLE raw.{quote(kind)}({RAW_COLUMNS})")
            self._created.add(kind)
        self._con.execute(f"INSERT INTO raw.{quote(kind)} SELECT seq, json, file, line, entry FROM batch")
        self._con.unregister("batch")

    def _note_arrival(self, kind: str, table: pa.Table) -> None:
        self._con.register("batch", table)
        updated, owners = _asked(kind)
        self._con.execute(
            f"""INSERT INTO work.arrival
            SELECT {literal(kind)}, seq, id, url, bundle, file, line, entry, {owners}, {updated}, collection
            FROM batch"""
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
