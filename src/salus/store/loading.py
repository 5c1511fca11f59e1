"""A load: files -> a new population file, or the old one untouched.

Everything is written to a temporary file beside the target, which replaces the target in one step at the
end; a load that dies leaves what was there as it was. For now a load makes a new population from the given
paths alone; adding to one comes later.

Leaves to others: reading (`intake`), ownership (`owners`), typed elements (`shred`, `publish`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from salus import __version__
from salus.errors import SalusError
from salus.store import problems, references
from salus.store.intake import Intake, Taken
from salus.store.intern import Dictionary
from salus.store.owners import Owned, settle
from salus.store.population import SCHEMA, by_resource, prepare, stage_type
from salus.store.publish import FACTS, drop_staged, publish
from salus.store.sql import scalar, transaction
from salus.store.tree import Need
from salus.store.warm import warm_needs

Progress = Callable[[str, int, int], None]
"""Told (step, done, of how many). Steps in order: `read` (bytes), `settle` (0 and 1), `type` (resources)."""

_SETTINGS = (
    "SET memory_limit = '768MB'",  # the rest of a large load waits on disk beside the file
    "SET wal_autocheckpoint = '128MB'",  # a checkpoint compresses the last rows of a table anew: not too often
)


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did.

    resources: kept, by type. bytes_read: off the disk, as packed as it was; bytes_json: unpacked.
    quarantined: lines, entries and elements that could not be read (rows of `quarantine`). superseded: older
    versions left out. orphans: resources of patients that are not loaded, kept in raw only. inferred:
    resources given the only patient of their Bundle. skipped: files that hold no JSON. warnings: sentences
    for the user, no row's values in them.
    """

    into: Path
    patients: int
    resources: dict[str, int]
    bytes_read: int
    bytes_json: int
    quarantined: int
    superseded: int
    orphans: int
    inferred: int
    skipped: tuple[str, ...]
    warnings: tuple[str, ...] = field(default=())


def load(paths: Sequence[Path], into: Path, *, progress: Progress | None = None) -> LoadReport:
    """Make a population of everything in `paths` and put it at `into`, replacing what was there.

    Raises SalusError when a path is not there, nothing readable is found, or the population cannot be
    written; then `into` is untouched.
    """
    tell = progress or (lambda step, done, total: None)
    if not into.parent.is_dir():
        raise SalusError(f"no such folder: {into.parent}")
    scratch = into.with_name(f".{into.name}.{os.getpid()}.loading")
    try:
        report = _build(paths, into, scratch, tell)
        os.replace(scratch, into)
    finally:
        for leftover in (scratch, scratch.with_name(scratch.name + ".wal")):
            leftover.unlink(missing_ok=True)
    return report


def _build(paths: Sequence[Path], into: Path, scratch: Path, tell: Progress) -> LoadReport:
    con = duckdb.connect(str(scratch))
    try:
        for setting in _SETTINGS:
            con.execute(setting)
        prepare(con)
        con.execute(FACTS)
        taken = Intake(con).run(paths, lambda done, total: tell("read", done, total))
        if not taken.resources:
            raise SalusError(f"no FHIR resources found in {', '.join(str(path) for path in paths)}")
        tell("settle", 0, 1)
        owned = settle(con)
        references.resolve(con, owned.types)
        references.find_visible(con)
        tell("settle", 1, 1)
        _type_warm_set(con, owned.types, taken.resources, tell)
        report = _report(con, into, taken, owned)
        con.execute("CHECKPOINT")
        return report
    except duckdb.IOException as problem:
        raise SalusError(f"cannot write the population: {str(problem).splitlines()[0]}") from problem
    finally:
        con.close()


def _type_warm_set(con: duckdb.DuckDBPyConnection, types: list[str], total: int, tell: Progress) -> None:
    dictionary = Dictionary(con)
    done, lock = 0, threading.Lock()

    def advance(rows: int) -> None:
        nonlocal done
        with lock:
            done = min(done + rows, total)
            tell("type", done, total)

    def one_type(resource: str, needs: list[Need]) -> None:
        with con.cursor() as cursor:
            staged = stage_type(cursor, resource, needs, dictionary, {}, advance)
            with transaction(cursor):
                publish(cursor, staged, {})
            drop_staged(cursor, staged)

    jobs = list(by_resource(warm_needs([*types, "Patient"])))
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for result in [pool.submit(one_type, *job) for job in jobs]:
            result.result()
    dictionary.publish(con)
    problems.record(con)
    tell("type", total, total)


def _report(con: duckdb.DuckDBPyConnection, into: Path, taken: Taken, owned: Owned) -> LoadReport:
    counts = con.execute("SELECT type, count(*) FROM work.final GROUP BY type ORDER BY type").fetchall()
    report = LoadReport(
        into=into,
        patients=owned.patients,
        resources=dict(counts),
        bytes_read=taken.bytes,
        bytes_json=taken.json_bytes,
        quarantined=scalar(con, "SELECT count(*) FROM quarantine"),
        superseded=owned.superseded,
        orphans=owned.orphans,
        inferred=owned.inferred,
        skipped=tuple(taken.skipped),
        warnings=tuple(_warnings(con, owned, taken)),
    )
    _write_info(con, report)
    return report


def _warnings(con: duckdb.DuckDBPyConnection, owned: Owned, taken: Taken) -> list[str]:
    quarantined = scalar(con, "SELECT count(*) FROM quarantine")
    said = (
        (quarantined, "lines, entries or elements could not be read (see the table quarantine)"),
        (owned.orphans, "resources name patients that are not loaded: kept as they came, in no measure"),
        (owned.ownerless, "resources that should say whose they are do not: kept, in no measure"),
        (owned.inferred, "resources do not say whose they are and got the only patient of their Bundle"),
        (owned.kept, "resources name another patient than the one whose record (a collection Bundle) they are in"),
        (owned.shared_ids, "ids stand for resources of several patients: each patient keeps their own"),
        (owned.superseded, "resources came more than once: the last updated of each counts"),
        (len(taken.skipped), "files hold no JSON and were skipped"),
    )
    return [f"{count:,} {what}" for count, what in said if count]


def _write_info(con: duckdb.DuckDBPyConnection, report: LoadReport) -> None:
    con.execute(
        """CREATE TABLE resource_type AS
        SELECT type, count(*) AS resources FROM work.final GROUP BY type ORDER BY type"""
    )
    con.execute("CREATE TABLE population_info(key VARCHAR, value VARCHAR)")
    info = {
        "schema": SCHEMA,
        "salus_version": __version__,
        "patients": report.patients,
        "resources": sum(report.resources.values()),
        "superseded": report.superseded,
        "orphans": report.orphans,
        "inferred": report.inferred,
        "skipped_files": len(report.skipped),
        "bytes_read": report.bytes_read,
        "bytes_json": report.bytes_json,
    }
    con.executemany("INSERT INTO population_info VALUES (?, ?)", [[k, str(v)] for k, v in info.items()])
