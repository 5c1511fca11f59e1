"""Files -> raw resources in the population, with what is needed to say whose they are.

Streams `salus.fhir.reading.scan_blocks` into `raw."Type"` (as they came, `seq` numbering all in order of arrival),
with one row in `intake.arrival` per resource or deletion: its type, number, id, Bundle, date, and the
references that may name its patient. Numbers go on where earlier loads ended. What cannot be read goes to
`quarantine`. Python only splits; batches are written by further threads while the next ones are read.

Leaves to others: patients, identities and final numbers (`salus.store.owners`), typed elements
(`salus.store.shred`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Lock

import duckdb
from msgspec import Struct

from salus.fhir import model
from salus.fhir.lines import Block
from salus.fhir.reading import Raw, scan_blocks
from salus.fhir.sources import Walk
from salus.store import contained, manifest
from salus.store.batches import Batch, records_of
from salus.store.publish import RAW_COLUMNS
from salus.store.sql import PROCESSORS, another, insert_rows, literal, quote, scalar, threads

BATCH_BYTES = 48 << 20
BATCH_ROWS = 200_000
"""Resources are written once this much JSON, or so many, have been gathered."""
_TELL_BYTES = 1 << 20
_COMMIT_BYTES = 96 << 20
"""So much JSON is written in one transaction."""
_CHECKPOINT_BYTES = 768 << 20
"""After so much, what fills no row group yet is compressed too, lest it stays in memory; later it is so anew."""
_WRITERS = max(2, min(4, PROCESSORS))
"""Threads that write; one cannot read for more."""
_PENDING = _WRITERS + 1
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
_UPDATED = "work.first_of(work.time_body({0})) - to_minutes(work.offset_minutes({0}))".format(
    "coalesce(deleted_at, told[1])"
)

# What passed for JSON until now and does not with DuckDB (it should never happen) tells nothing, and must not stop a
# load: it counts as not kept until `Intake` takes it out.
_ARRIVED = f"""
INSERT INTO intake.arrival
SELECT type, seq, id, url, bundle, file, line, entry, told[2], {_UPDATED}, coalesce(collection, FALSE),
    coalesce(deleted, FALSE), {{load}}, told IS NOT NULL
FROM (SELECT *, TRY({{told}}) AS told FROM batch)
"""


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
        self._con, self._load = con, load
        con.execute(TABLES)
        self._next = scalar(con, "SELECT max(seq) + 1 FROM intake.arrival")
        self._bundle = scalar(con, "SELECT max(bundle) + 1 FROM intake.arrival")
        self._file = scalar(con, "SELECT max(file) + 1 FROM load_file")
        self._source = manifest.next_source(con)
        self._batch = Batch(self._bundle)
        self._files: list[_File] = []
        self._bad: list[tuple[str, int, int | None, str]] = []
        self._writer = _Writer(con, load)

    def run(self, walk: Walk, progress: Callable[[int, int], None]) -> Taken:
        """Read everything; `progress` is told (bytes read, bytes to read)."""
        taken, meter, told = Taken(), walk.meter, 0
        threads(self._con, 1)
        with self._writer:
            for found in scan_blocks(walk, skipped=taken.skipped.append):
                self._take(found, self._source + len(walk.given) - 1)
                if meter.done - told > _TELL_BYTES:
                    told = meter.done
                    progress(meter.done, meter.total)
            self._send()
        threads(self._con, None)
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
        self._take_out_refused()
        files = [
            (n, f.path, f.resources, f.quarantined, f.deletions, f.given) for n, f in enumerate(self._files, self._file)
        ]
        insert_rows(self._con, "load_file", files)
        insert_rows(self._con, "quarantine", [(*bad, None) for bad in self._bad])

    def _take_out_refused(self) -> None:
        """What the database could not read as JSON."""
        refused = f"FROM intake.arrival WHERE load = {self._load} AND NOT kept"
        for kind, number, line, entry in self._con.execute(f"SELECT type, file, line, entry {refused}").fetchall():
            self._con.execute(f"DELETE FROM {_records(kind)} WHERE seq IN (SELECT seq {refused})")
            self._refuse(self._files[number - self._file], line, entry, "is not valid JSON")
            self._files[number - self._file].resources -= 1
        self._con.execute(f"DELETE {refused}")


class _Writer:
    """Writes batches in threads of its own, a few at most waiting; a context manager that waits for the last."""

    def __init__(self, con: duckdb.DuckDBPyConnection, load: int) -> None:
        self._con = another(con)
        self._pool = ThreadPoolExecutor(_WRITERS)
        tables = _Tables(self._con)
        self._hands = [_Hand(con, tables, load) for _ in range(_WRITERS)]
        self._idle: SimpleQueue[_Hand] = SimpleQueue()
        for hand in self._hands:
            self._idle.put(hand)
        self._pending: deque[Future[None]] = deque()
        self._written = 0

    def put(self, batch: Batch, start: int) -> None:
        """Have a batch written, numbered from `start`. Raises what an earlier one failed with."""
        self._wait(_PENDING - 1)
        self._pending.append(self._pool.submit(self._write, batch, start))
        self._written += batch.size
        if self._written > _CHECKPOINT_BYTES:
            self._pending.append(self._pool.submit(self._checkpoint))
            self._written = 0

    def _wait(self, most: int) -> None:
        """Until so many batches at most are left to be written."""
        while len(self._pending) > most:
            try:
                self._pending.popleft().result()
            except duckdb.FatalException as problem:  # another may have failed before, and the database with it
                others = [job.exception() for job in self._pending]
                raise next((each for each in others if each and not _follows(each)), problem) from problem

    def _write(self, batch: Batch, start: int) -> None:
        hand = self._idle.get()
        try:
            hand.write(batch, start)
        finally:
            self._idle.put(hand)

    def _checkpoint(self) -> None:
        """Nothing is written meanwhile: it takes all hands."""
        held = [self._idle.get() for _ in self._hands]
        try:
            for hand in held:
                hand.commit()
            self._con.execute("CHECKPOINT")
        finally:
            for hand in held:
                self._idle.put(hand)

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: object) -> None:
        try:
            if kind is None:
                self._wait(0)
                for hand in self._hands:
                    hand.commit()
        finally:
            self._pool.shutdown(cancel_futures=True)
            for hand in self._hands:
                hand.close()
            self._con.close()


class _Tables:
    """The tables of the types' records, each made at the first of them and there for everybody at once."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._made: set[str] = set()
        self._making = Lock()

    def make(self, kinds: Iterable[str]) -> frozenset[str]:
        """Make those that are not there; returns the types of all that are."""
        with self._making:
            for kind in sorted({*kinds} - self._made):
                self._con.execute(f"CREATE TABLE IF NOT EXISTS {_records(kind)}({RAW_COLUMNS})")
                self._made.add(kind)
            return frozenset(self._made)


class _Hand:
    """What one thread at a time writes with: a transaction over many batches. What is committed is written a second
    time where it is less than a row group, and row groups are compressed by the thread that fills them.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, tables: _Tables, load: int) -> None:
        self._con, self._tables, self._load = another(con), tables, load
        self._written = 0
        self._seen: frozenset[str] | None = None
        """The types whose tables the open transaction sees, if one is open."""

    def write(self, batch: Batch, start: int) -> None:
        table = batch.table(start)
        self._con.register("batch", table)
        inside = contained.find(self._con) if batch.holds_others else []
        self._begin({*batch.kinds, *inside})
        self._con.execute(_ARRIVED.format(told=_told(batch.kinds), load=self._load))
        for kind in sorted(batch.kinds):
            self._con.register("mine", records_of(table, kind))
            self._con.execute(f"INSERT INTO {_records(kind)} FROM mine")
            self._con.unregister("mine")
        for kind in inside:
            contained.take(self._con, kind, _records(kind))
        self._con.unregister("batch")
        self._written += batch.size
        if self._written > _COMMIT_BYTES:
            self.commit()

    def commit(self) -> None:
        """Have what was written be there for everybody."""
        if self._seen is not None:
            self._con.execute("COMMIT")
            self._seen, self._written = None, 0

    def close(self) -> None:
        """Give up what was not committed."""
        self._con.close()

    def _begin(self, kinds: set[str]) -> None:
        """A transaction does not see the tables that were made after it began."""
        made = self._tables.make(kinds)
        if self._seen is not None and not kinds <= self._seen:
            self.commit()
        if self._seen is None:
            self._con.execute("BEGIN")
            self._seen = made


def _follows(problem: BaseException) -> bool:
    """Whether an error says only that there was one before."""
    return isinstance(problem, duckdb.FatalException) and "has been invalidated" in str(problem)


def _records(kind: str) -> str:
    return f"raw.{quote(kind)}"


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
