"""An export into a folder, and what is kept there so that an interrupted one goes on where it was.

`folder` holds one folder per request (named by a hash of it): `job.json` says where the server's job is and what it
offers, beside it the files, whole ones under their names. It is for the owner's eyes only. Running the same request
again asks the server for the same job; when the server does not know it any more, a new one is begun.

Leaves to others: loading the files, and remembering as of when they are (`store`).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from salus.errors import SalusError, writing
from salus.fhir.bulk.download import Download, Stopped
from salus.fhir.bulk.job import Failed, Gone, Server
from salus.fhir.bulk.manifest import Manifest, Part
from salus.fhir.bulk.outcome import Issue, issues
from salus.fhir.bulk.request import Request
from salus.fhir.bulk.web import Bearer, Web
from salus.fhir.reading import read

THREADS = 4

Tell = Callable[[str, int, int], None]
"""Told (step, done, of how many): `export` (percent, where the server says it), `download` (files)."""


class Job(msgspec.Struct):
    """`job.json`: where to ask for the job; and once it is done, what it offers: as of when, and each file."""

    status: str
    transaction_time: str = ""
    parts: list[Part] | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """files: what is to be loaded, outputs and deletions; issues: what the server says it could not export."""

    transaction_time: str
    files: tuple[Path, ...]
    issues: tuple[Issue, ...]

    @property
    def whole(self) -> bool:
        """Whether the server says that nothing is missing."""
        return not any(issue.grave for issue in self.issues)


@dataclass(slots=True)
class Export:
    """One request of a server, its files gathered in `folder` (which is made). A context manager: it holds the folder,
    so that nobody else gathers there meanwhile, and leaves it as it is; `finish` clears it away.
    """

    web: Web
    bearer: Bearer
    request: Request
    folder: Path
    _tell: Tell = lambda step, done, total: None
    _lock: int = -1

    def __enter__(self) -> Export:
        """Raises SalusError when the folder cannot be written, or another run is at it."""
        with writing(f"the downloads into {self.folder}"):
            for each in (self.folder, self.place):
                each.mkdir(mode=0o700, exist_ok=True)
            self._lock = os.open(self.place / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            os.close(self._lock)
            raise SalusError(f"another run is at the same export already ({self.place})") from problem
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._lock)

    @property
    def place(self) -> Path:
        """The folder of this request."""
        return self.folder / hashlib.sha256(self.request.url.encode()).hexdigest()[:16]

    def run(self, tell: Tell = lambda step, done, total: None) -> Exported:
        """Bring everything here. Raises SalusError; what has arrived is kept for the next run of the same request."""
        self._tell = tell
        with writing(f"the downloads into {self.folder}"):
            job = self._known()
            if job is None or not self._is_here(job):
                job = self._bring(job)
            assert job.parts is not None
            return self._exported(job.transaction_time, job.parts)

    def finish(self) -> None:
        """Clear away what was downloaded, then the server's job. Raises SalusError when the server cannot be told."""
        job = self._known()
        shutil.rmtree(self.place, ignore_errors=True)
        with suppress(OSError):  # exports of other requests may be in it
            self.folder.rmdir()
        if job is not None:
            self._server.delete(job.status)

    @property
    def _server(self) -> Server:
        return Server(self.web, self.bearer)

    @property
    def _notes(self) -> Path:
        return self.place / "job.json"

    def _bring(self, job: Job | None) -> Job:
        manifest = None
        if job is not None:
            with suppress(Gone):
                manifest = self._wait(job.status)
        if job is None or manifest is None:
            job = self._begin()
            manifest = self._wait(job.status)
        offered = Job(job.status, manifest.transaction_time, [part.without_url() for part in manifest.parts])
        if job.parts is not None and job != offered:
            self._forget()
        self._keep(offered)
        try:
            self._download(manifest)
        except Gone:
            self._forget()
            raise
        return offered

    def _begin(self) -> Job:
        self._forget()
        job = Job(self._server.kick_off(self.request.url))
        self._keep(job)
        return job

    def _wait(self, status: str) -> Manifest:
        self._tell("export", 0, 100)
        try:
            return self._server.wait(status, lambda said: self._tell("export", _percent(said), 100))
        except Failed:
            self._forget()
            raise

    def _known(self) -> Job | None:
        try:
            return msgspec.json.decode(self._notes.read_bytes(), type=Job)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def _keep(self, job: Job) -> None:
        """In one step: `job.json` is there whole, or as it was."""
        draft = self.place / "job.json.new"
        draft.write_bytes(msgspec.json.encode(job))
        os.replace(draft, self._notes)

    def _forget(self) -> None:
        for path in self.place.iterdir():
            if path.name != "lock":
                path.unlink()

    def _file(self, number: int, part: Part) -> Path:
        return self.place / part.name(number)

    def _is_here(self, job: Job) -> bool:
        parts = job.parts
        return parts is not None and all(self._file(number, part).exists() for number, part in enumerate(parts))

    def _download(self, manifest: Manifest) -> None:
        """All files, some at a time; the first that fails stops the others."""
        stop, parts = threading.Event(), manifest.parts
        bearer = self.bearer if manifest.requires_token else None
        self._tell("download", 0, len(parts))
        with ThreadPoolExecutor(THREADS) as pool:
            under_way = [pool.submit(self._one, number, part, bearer, stop) for number, part in enumerate(parts)]
            try:
                for done, _ in enumerate(as_completed(under_way), 1):
                    self._tell("download", done, len(parts))
            finally:
                stop.set()
        failed = [problem for future in under_way if (problem := future.exception())]
        if failed:
            raise next((problem for problem in failed if not isinstance(problem, Stopped)), failed[0])

    def _one(self, number: int, part: Part, bearer: Bearer | None, stop: threading.Event) -> None:
        label = f"file {number + 1} ({part.label})"
        try:
            Download(self.web, bearer, part, self._file(number, part), label, stop).run()
        except BaseException:
            stop.set()
            raise

    def _exported(self, time: str, parts: list[Part]) -> Exported:
        places = [(part.kind, self._file(number, part)) for number, part in enumerate(parts)]
        files = tuple(path for kind, path in places if kind != "error" and path.stat().st_size)
        told = [issue for kind, path in places if kind == "error" for issue in _told(path)]
        return Exported(time, files, tuple(told))


def _told(path: Path) -> Iterator[Issue]:
    """The issues in a file of OperationOutcomes; what is none is an issue too."""
    for record in read([path]):
        found = issues(record.resource)
        if not found:
            found = [Issue("error", "", f"line {record.line} of an error file is not an OperationOutcome")]
        yield from found


def _percent(progress: str) -> int:
    """Of an X-Progress, which is free text, the percentage if it is one."""
    number, sign, _ = progress.partition("%")
    return min(int(number), 100) if sign and number.isascii() and number.isdigit() else 0
