"""A load: files -> a population file that has them too, or the old one untouched.

A further load brings new files to a population, and ends as if all had been loaded at once: what is new is read, then
everything is settled anew (`owners`), and the types whose rows, owners or references changed are typed anew, with the
elements measures asked for in the meantime. Work is done on a copy that takes the population's place at the end
(`scratch`).

Leaves to others: reading (`intake`), ownership (`owners`), typed elements (`shred`, `publish`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from salus import __version__
from salus.errors import SalusError
from salus.fhir.sources import Walk
from salus.store import changes, contained, manifest, problems, references
from salus.store.intake import ARRIVAL, TABLES, Intake, Taken
from salus.store.intern import Dictionary
from salus.store.owners import Owned, drop_raw, name_others, name_patients, settle, write_keys
from salus.store.population import MEMORY, SCHEMA, by_resource, limit, prepare, schema_of, stage_type
from salus.store.publish import ELEMENTS, FACTS, drop_staged, number, publish
from salus.store.scratch import scratch
from salus.store.shred import Staged, blocks
from salus.store.sql import meanwhile, open_bulk, scalar, side_by_side, threads, transaction
from salus.store.tree import Need
from salus.store.versions import date_undated
from salus.store.warm import warm_needs

Progress = Callable[[str, int, int], None]
"""Told (step, done, of how many). Steps in order: `read` (bytes), `settle` (0 and 1), `type` (resources)."""

_TYPES = """CREATE OR REPLACE TABLE resource_type AS
    SELECT type, count(*) AS resources FROM work.final GROUP BY type ORDER BY type"""
_EXISTING = "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database()"
_INFO = "CREATE TABLE IF NOT EXISTS population_info(key VARCHAR, value VARCHAR)"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did, and what is in the population after it.

    read: resources in the files of this load; deletions: entries there that delete one. unchanged: files that were
    loaded before, not read again. bytes_read: of this load, off the disk, as packed as it was; bytes_json: unpacked.
    skipped: files that hold no JSON. All else is of the whole population. resources: kept, by type, contained ones
    that references lead to among them. quarantined: lines, entries and elements that could not be read (rows of
    `quarantine`). superseded: older versions left out. deleted: resources of which deletions left nothing. orphans:
    resources of patients that are not loaded, kept in raw only. inferred: resources given the only patient of their
    Bundle. warnings: sentences for the user, no row's values in them. contents: what the population is known by
    (`manifest.contents`). hashes: of the files of this load that could be read, by path.
    """

    into: Path
    patients: int
    resources: dict[str, int]
    read: int = 0
    deletions: int = 0
    unchanged: tuple[str, ...] = ()
    bytes_read: int = 0
    bytes_json: int = 0
    quarantined: int = 0
    superseded: int = 0
    deleted: int = 0
    orphans: int = 0
    inferred: int = 0
    skipped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())
    contents: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)


def load(
    paths: Sequence[Path],
    into: Path,
    *,
    replace: bool = False,
    memory: str = MEMORY,
    progress: Progress | None = None,
) -> LoadReport:
    """Add everything in `paths` to the population at `into`, which is made when it is not there; with `replace`, what
    was there is left out. `memory` limits what the database holds, as DuckDB writes sizes.

    Raises SalusError when a path is not there, nothing readable is found, `into` is in use or of another version, or
    the population cannot be written; then `into` is untouched.
    """
    walk = Walk(paths)
    onto = into.exists() and not replace
    with scratch(into, onto=onto) as place:
        con = duckdb.connect()
        try:
            open_bulk(con, place)
            job = _Job(con, into, memory, progress or (lambda step, done, total: None))
            report = job.run(walk)
        finally:
            con.close()
        if not report.read and not report.deletions:
            place.unlink()  # nothing new: not a byte of the population changes
    return report


@dataclass(slots=True)
class _Job:
    con: duckdb.DuckDBPyConnection
    into: Path
    memory: str
    tell: Progress
    load: int = 0
    changed: list[str] = field(default_factory=list)
    needs: set[Need] = field(default_factory=set)

    def run(self, walk: Walk) -> LoadReport:
        self._open()
        walk.known = manifest.known(self.con)
        taken = Intake(self.con, self.load).run(walk, lambda done, total: self.tell("read", done, total))
        if not (taken.resources or taken.deletions):
            if walk.unchanged:
                return _unchanged(self.con, self.into, walk, taken)
            raise SalusError(f"no FHIR resources found in {', '.join(map(str, walk.paths))}{taken.first_problem()}")
        manifest.note(self.con, walk.given, self.load)
        owned = self._settle()
        self._type(owned)
        return self._finish(walk, taken, owned)

    def _open(self) -> None:
        """Refuse what is no population of this version; make what a population has from the first."""
        known = schema_of(self.con)
        if known != SCHEMA and scalar(self.con, _EXISTING):
            raise SalusError(f"{self.into} was made by another version of Salus: load all anew with --replace")
        limit(self.con, self.memory)
        prepare(self.con)
        self.con.execute(
            f"{FACTS}; {ELEMENTS}; {TABLES}; {manifest.TABLE}; {_INFO}; CREATE SCHEMA IF NOT EXISTS intake"
        )
        self.con.execute(f"CREATE TABLE IF NOT EXISTS intake.arrival({ARRIVAL}); {contained.TABLE}")
        self.load = manifest.next_load(self.con)

    def _settle(self) -> Owned:
        """Whose everything is, and what references lead to; leaves in `changed` and `needs` what is to be typed."""
        self.tell("settle", 0, 1)
        name_others(self.con)
        date_undated(self.con, self.load)
        name_patients(self.con)
        with meanwhile(self.con, "CHECKPOINT"):
            owned = settle(self.con)
            references.gather(self.con, owned.types)
        self._begin_anew(changes.of_keys(self.con, [*owned.types, "Patient"]))
        drop_raw(self.con)
        before = changes.aliases(self.con)
        references.resolve(self.con, owned.types)
        if changes.aliases(self.con) != before:
            self._begin_anew([kind for kind in owned.types if kind not in self.changed])
        references.find_visible(self.con)
        self.tell("settle", 1, 1)
        return owned

    def _begin_anew(self, kinds: list[str]) -> None:
        self.changed += kinds
        self.needs |= changes.forget(self.con, kinds)
        side_by_side(self.con, write_keys, kinds)

    def _type(self, owned: Owned) -> None:
        """Type the elements of the types that changed: the warm set, and what measures asked for before. Blocks of a
        large type are read side by side, and small types are typed so.
        """
        dictionary = Dictionary(self.con)
        changed = set(self.changed) & {*owned.types, *(need.table.split(".")[0] for need in self.needs), "Patient"}
        self.con.execute(_TYPES)
        sizes = _resources(self.con)
        total = sum(sizes.get(kind, 0) for kind in changed)
        done, lock = 0, threading.Lock()

        def advance(rows: int) -> None:
            nonlocal done
            with lock:
                done = min(done + rows, total)
                self.tell("type", done, total)

        def one_type(con: duckdb.DuckDBPyConnection, job: tuple[str, list[Need]]) -> None:
            _publish(con, stage_type(con, *job, dictionary, advance))

        jobs = list(by_resource(warm_needs(changed) | self.needs))
        large = {kind for kind in sizes if len(blocks(self.con, kind)) > 1}
        for job in (job for job in jobs if job[0] in large):
            threads(self.con, 1)
            staged = stage_type(self.con, *job, dictionary, advance, side_by_side)
            threads(self.con, None)
            _publish(self.con, staged)
        threads(self.con, 1)
        small = (job for job in jobs if job[0] not in large)
        side_by_side(self.con, one_type, sorted(small, key=lambda job: -sizes.get(job[0], 0)))
        threads(self.con, None)
        dictionary.publish(self.con)
        problems.record(self.con)
        self.tell("type", max(total, 1), max(total, 1))

    def _finish(self, walk: Walk, taken: Taken, owned: Owned) -> LoadReport:
        manifest.count_rows(self.con)
        report = LoadReport(
            into=self.into,
            patients=owned.patients,
            resources=_resources(self.con),
            read=taken.resources,
            deletions=taken.deletions,
            unchanged=tuple(walk.unchanged),
            bytes_read=taken.bytes,
            bytes_json=taken.json_bytes,
            quarantined=scalar(self.con, "SELECT count(*) FROM quarantine"),
            superseded=owned.superseded,
            deleted=owned.deleted,
            orphans=owned.orphans,
            inferred=owned.inferred,
            skipped=tuple(taken.skipped),
            warnings=tuple(_warnings(self.con, owned, taken)),
            contents=manifest.contents(self.con),
            hashes=walk.hashes(),
        )
        _write_info(self.con, report)
        self.con.execute("CHECKPOINT")
        return report


def _publish(con: duckdb.DuckDBPyConnection, staged: Mapping[str, Staged]) -> None:
    """Write what was staged of a type into the population."""
    number(con, staged, {})
    with transaction(con):
        publish(con, staged, {})
    drop_staged(con, staged)


def _resources(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return dict(con.execute("SELECT type, resources FROM resource_type ORDER BY type").fetchall())


def _unchanged(con: duckdb.DuckDBPyConnection, into: Path, walk: Walk, taken: Taken) -> LoadReport:
    """The report of a load that brought nothing new."""
    return LoadReport(
        into=into,
        patients=scalar(con, "SELECT count(*) FROM patient"),
        resources=_resources(con),
        unchanged=tuple(walk.unchanged),
        quarantined=scalar(con, "SELECT count(*) FROM quarantine"),
        skipped=tuple(taken.skipped),
        contents=manifest.contents(con),
        hashes=walk.hashes(),
    )


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
    """What is known of the whole population; bytes and skipped files are those of all loads."""
    before = dict(con.execute("SELECT key, value FROM population_info").fetchall())
    info = {
        "schema": SCHEMA,
        "salus_version": __version__,
        "patients": report.patients,
        "resources": sum(report.resources.values()),
        "superseded": report.superseded,
        "deleted": report.deleted,
        "orphans": report.orphans,
        "inferred": report.inferred,
        "skipped_files": len(report.skipped) + int(before.get("skipped_files", 0)),
        "bytes_read": report.bytes_read + int(before.get("bytes_read", 0)),
        "bytes_json": report.bytes_json + int(before.get("bytes_json", 0)),
    }
    con.execute("DELETE FROM population_info")
    con.executemany("INSERT INTO population_info VALUES (?, ?)", [[k, str(v)] for k, v in info.items()])
