"""The audit log: what was loaded, run, exported and released, by whom and when, so that a change to it shows.

One JSON object a line, only ever appended. Each holds its number and the SHA-256 of the line before it, so that an
entry that is edited, dropped or moved breaks the chain at a place that can be named. A writer holds a lock, so that
several at once keep one chain. A cut at the end, or an edit of the last entry, leaves a whole chain: keep the last hash
elsewhere (`salus audit verify` says it). The log lies beside what it is about (`audit.jsonl` in the folder that holds
it), or where SALUS_AUDIT says. Entries name files, hashes and settings; never a value of a row. Leaves to others: when
to write (`cli`).
"""

from __future__ import annotations

import errno
import fcntl
import getpass
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from salus import __version__
from salus.errors import SalusError
from salus.files import digest

FILE: Final = "audit.jsonl"
PLACE: Final = "SALUS_AUDIT"
FIRST: Final = "0" * 64
"""What the first entry holds for the one before it."""

_MANIFEST: Final = ("run.json", "release.json")


class Known(NamedTuple):
    """A path of which it is known what is in it: `hash`, made as `how` says. A population is known by what was loaded
    into it ("contents"), for its bytes change as elements are typed; a file that was loaded, as the manifest has it."""

    path: Path
    how: str
    hash: str | None


@dataclass(frozen=True)
class Checked:
    """A log that was read through: how many entries hold together, the hash of the last, and what is wrong, if
    anything, with the first that does not."""

    log: Path
    entries: int
    last: str
    broken: str | None = None


def place(about: Path) -> Path:
    """The log for what lies at `about`: SALUS_AUDIT, else beside it."""
    given = os.environ.get(PLACE)
    return Path(given) if given else about.absolute().parent / FILE


def record(action: str, about: Path | Known, read: Mapping[str, object] | None = None, **settings: object) -> Path:
    """Append an entry on what was done and made at `about`; the log it went to.

    `read` names what went in, `settings` how. Files among them are put down with their SHA-256, or with the hash by
    which they are known. SalusError: the log cannot be written, or its end is damaged (nothing is added to a chain that
    is broken there).
    """
    log = place(about.path if isinstance(about, Known) else about)
    entry = {
        "action": action, "who": _who(), "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "salus": __version__, "made": _plain(about), "settings": {k: _plain(v) for k, v in settings.items()},
        "read": {name: _plain(value) for name, value in (read or {}).items()},
    }  # fmt: skip
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with _locked(log) as file:
            _append(file, log, entry)
    except OSError as problem:
        raise SalusError(f"the audit log {log} cannot be written: {problem}") from problem
    return log


def _append(file: IO[bytes], log: Path, entry: dict[str, Any]) -> None:
    number, before = _end(file, log)
    line = json.dumps({"number": number + 1, "before": before} | entry, ensure_ascii=False, sort_keys=True)
    _written(file, line.encode() + b"\n")


def _written(file: IO[bytes], line: bytes) -> None:
    """The line at the end of the log, whole and on the disk, or nothing of it."""
    size = file.seek(0, os.SEEK_END)
    try:
        if os.write(file.fileno(), line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(file.fileno())
    except OSError:
        os.ftruncate(file.fileno(), size)
        raise


@contextmanager
def _locked(log: Path) -> Iterator[IO[bytes]]:
    with log.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _end(file: IO[bytes], log: Path) -> tuple[int, str]:
    """Number and hash of the last entry; the end of a long log is enough to read."""
    size = file.seek(0, os.SEEK_END)
    if not size:
        return 0, FIRST
    reach = min(size, 1 << 20)
    file.seek(size - reach)
    tail = file.read(reach)
    line = tail.removesuffix(b"\n").rpartition(b"\n")[2]
    try:
        if not tail.endswith(b"\n"):
            raise ValueError("its last line is not whole")
        return int(json.loads(line)["number"]), _hash(line)
    except (ValueError, KeyError, TypeError) as problem:
        raise SalusError(f"the audit log {log} is damaged at its end ({problem}); nothing is added to it") from problem


def verify(log: Path) -> Checked:
    """Read the whole log; the first entry that does not follow from the one before it is named by line and number."""
    before, count = FIRST, 0
    for number, line in enumerate(_lines(log), 1):
        if wrong := _wrong(line, number, before):
            return Checked(log, count, before, f"{log}:{number}: {wrong}")
        before, count = _hash(line.removesuffix(b"\n")), number
    return Checked(log, count, before)


def entries(log: Path) -> list[dict[str, Any]]:
    """The entries as they stand, oldest first. SalusError names a line that is none."""
    found = []
    for number, line in enumerate(_lines(log), 1):
        try:
            found.append(dict(json.loads(line)))
        except (ValueError, TypeError) as problem:
            raise SalusError(f"{log}:{number}: no entry: {problem}") from problem
    return found


def _lines(log: Path) -> list[bytes]:
    try:
        return log.read_bytes().splitlines(keepends=True)
    except OSError as problem:
        raise SalusError(f"the audit log {log} cannot be read: {problem}") from problem


def _wrong(line: bytes, number: int, before: str) -> str | None:
    """What is wrong with a line that should be entry `number` after the one with the hash `before`."""
    try:
        entry = json.loads(line)
        found, said = entry["number"], entry["before"]
    except (ValueError, KeyError, TypeError):
        return "this is no entry"
    if found != number:
        return f"entry {number} is not there; entry {found} stands in its place"
    if said != before:
        return f"entry {number} does not follow from the one before it: one of the two was changed"
    return None if line.endswith(b"\n") else f"entry {number} is not whole"


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


# --- what was read and made ---


def _plain(value: object) -> object:
    if isinstance(value, Known):
        return {"path": str(value.path), value.how: value.hash}
    if isinstance(value, Path):
        return _named(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _named(path: Path) -> dict[str, str]:
    """A path and what is in it: the hash of a file; of a folder, that of its manifest."""
    about = {"path": str(path)}
    files = [path] if path.is_file() else [path / name for name in _MANIFEST if (path / name).is_file()]
    for file in files[:1]:
        about["sha256"] = digest(file)
    return about
