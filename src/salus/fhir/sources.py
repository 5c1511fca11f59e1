"""Files, folders and archives -> the readable streams inside them, one at a time, nothing extracted by name.

Containers are told by content: gzip, xz and bzip2 are unwrapped, tar and zip are walked member by member
(also inside one another), folders are walked in sorted order. A member is named
`archive.zip!folder/member.json`. What a container cannot give up becomes a `Failure` with its name and a
reason; the walk goes on with the next file.

Leaves to others: what the streams hold (`salus.fhir.reading`).
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from salus.errors import SalusError

BROKEN = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, tarfile.TarError, RuntimeError)
"""What reading a damaged container raises (RuntimeError: a zip member under a password)."""

_HEAD = 1 << 16
_BLOCK = 1 << 20
_SPOOL = 1 << 26
_JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(slots=True)
class Meter:
    """How many bytes of the given files have been read, of how many; and how much JSON came out of them."""

    done: int = 0
    total: int = 0
    unpacked: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """A readable stream: its name for messages, its first bytes (not consumed), and the stream from its start."""

    name: str
    head: bytes
    stream: BinaryIO


@dataclass(slots=True)
class Given:
    """One file on disk that a walk read: `hash` is of its bytes, None until (and unless) all of them were read."""

    path: str
    size: int
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A file or archive member that could not be opened, and why."""

    name: str
    reason: str


@dataclass(slots=True)
class Walk:
    """A walk over paths; iterate it for sources and failures. Raises SalusError at once for a path that is
    not there.

    `given` lists the files read so far, the last being the one under way. A file whose content is in `known`
    (size, hash) is passed over and listed in `unchanged`; so is a further copy of one that was read.
    """

    paths: Sequence[Path]
    meter: Meter = field(default_factory=Meter)
    known: set[tuple[int, str]] = field(default_factory=set)
    files: list[Path] = field(init=False)
    given: list[Given] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for path in self.paths:
            if not path.exists():
                raise SalusError(f"no such file or folder: {path}")
        self.files = [file for path in self.paths for file in _files(path)]
        self.meter.total = sum(file.stat().st_size for file in self.files)

    def __iter__(self) -> Iterator[Source | Failure]:
        for file in self.files:
            if self._is_known(file):
                self.unchanged.append(str(file))
                self.meter.done += file.stat().st_size
            else:
                yield from self._open(file)

    def _is_known(self, file: Path) -> bool:
        """Reads the file only where one of its size is known."""
        size = file.stat().st_size
        if not any(size == other for other, _ in self.known):
            return False
        try:
            with file.open("rb") as stream:
                return (size, hashlib.file_digest(stream, _digest).hexdigest()) in self.known
        except OSError:
            return False  # reading it in earnest will say what is wrong

    def _open(self, file: Path) -> Iterator[Source | Failure]:
        given = Given(str(file), file.stat().st_size)
        self.given.append(given)
        try:
            with file.open("rb", buffering=0) as raw:
                metered = _Metered(raw, self.meter)
                try:
                    yield from _unwrap(str(file), cast(BinaryIO, metered))
                except BROKEN as problem:
                    yield Failure(str(file), _reason(problem))
                given.size, given.hash = metered.finish()
                self.known.add((given.size, given.hash))
        except OSError as problem:
            yield Failure(str(file), _reason(problem))


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for child in sorted(path.iterdir()):
        if not (child.name.startswith(".") or _is_junk(child.name)):
            yield from _files(child)


def _is_junk(name: str) -> bool:
    """Left by operating systems beside the data, also inside archives; never anybody's record."""
    parts = name.split("/")
    return parts[-1].startswith("._") or any(part in _JUNK for part in parts)


def _reason(problem: Exception) -> str:
    return f"cannot be read: {problem or type(problem).__name__}"


def _digest() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=16)


class _Metered(io.RawIOBase):
    """Counts and hashes what is read off the disk, so that progress is known whatever the compression."""

    def __init__(self, raw: BinaryIO, meter: Meter) -> None:
        self._raw, self._meter = raw, meter
        self._size, self._hash = 0, _digest()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = cast(io.RawIOBase, self._raw).readinto(buffer) or 0
        self._meter.done += count
        self._size += count
        self._hash.update(memoryview(buffer)[:count])
        return count

    def finish(self) -> tuple[int, str]:
        """Size and hash of the whole file: what an archive's reader left unread is read too."""
        while self.read(_BLOCK):
            pass
        return self._size, self._hash.hexdigest()


class _Rewound(io.RawIOBase):
    """A stream whose first bytes have been read already, from its start again."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head, self._rest = head, rest
        # One step of a decompressor at a time: what several gave is lost when a later one finds damage.
        self._further = getattr(rest, "readinto1", None) or cast(io.RawIOBase, rest).readinto

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._head:
            return self._further(buffer) or 0
        data, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """In large steps; the inherited one takes 8 KiB at a time."""
        parts = [self._head]
        self._head = b""
        while part := self._rest.read(_BLOCK):
            parts.append(part)
        return b"".join(parts)


def _unwrap(name: str, raw: BinaryIO) -> Iterator[Source | Failure]:
    """The sources in one stream: itself, or what it is a container of."""
    head = _read_head(raw)
    stream = cast(BinaryIO, io.BufferedReader(_Rewound(head, raw), _BLOCK))
    if head[:2] == b"\x1f\x8b":
        yield from _unwrap(name, cast(BinaryIO, gzip.GzipFile(fileobj=stream)))
    elif head[:6] == b"\xfd7zXZ\x00":
        yield from _unwrap(name, cast(BinaryIO, lzma.LZMAFile(stream)))  # noqa: SIM115 - closed with `raw`
    elif head[:3] == b"BZh":
        yield from _unwrap(name, cast(BinaryIO, bz2.BZ2File(stream)))
    elif head[:4] == b"\x28\xb5\x2f\xfd":
        yield Failure(name, "is compressed with zstd, which is not supported")
    elif head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        yield from _unzip(name, stream)
    elif head[257:262] == b"ustar":
        yield from _untar(name, stream)
    else:
        yield Source(name, head, stream)


def _read_head(raw: BinaryIO) -> bytes:
    parts = []
    missing = _HEAD
    while missing and (part := raw.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _untar(name: str, stream: BinaryIO) -> Iterator[Source | Failure]:
    with tarfile.open(fileobj=stream, mode="r|", bufsize=_BLOCK) as archive:
        for member in archive:
            if member.isfile() and not _is_junk(member.name):
                inner = archive.extractfile(member)
                assert isinstance(inner, io.BufferedReader)
                raw = cast(BinaryIO, inner.raw)  # its buffer is small and stands in the way of large reads
                yield from _unwrap_member(f"{name}!{_clean(member.name)}", raw)


def _unzip(name: str, stream: BinaryIO) -> Iterator[Source | Failure]:
    """A zip has its directory at its end, so it is read from a spooled copy."""
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as copy:
        while block := stream.read(_BLOCK):
            copy.write(block)
        with zipfile.ZipFile(cast(BinaryIO, copy)) as archive:
            for member in sorted(archive.namelist()):
                if not member.endswith("/") and not _is_junk(member):
                    yield from _unzip_member(f"{name}!{_clean(member)}", archive, member)


def _unzip_member(name: str, archive: zipfile.ZipFile, member: str) -> Iterator[Source | Failure]:
    try:
        inner = archive.open(member)
    except BROKEN as problem:
        yield Failure(name, _reason(problem))
        return
    with inner:
        yield from _unwrap_member(name, cast(BinaryIO, inner))


def _unwrap_member(name: str, inner: BinaryIO) -> Iterator[Source | Failure]:
    """A damaged member does not take the rest of its archive with it."""
    try:
        yield from _unwrap(name, inner)
    except BROKEN as problem:
        yield Failure(name, _reason(problem))


def _clean(member: str) -> str:
    return member.removeprefix("./")
