"""Files, folders and archives -> the readable streams inside them, one at a time, nothing extracted by name.

Containers are told by content: gzip, xz and bzip2 are unwrapped, tar and zip are walked member by member
(also inside one another), folders are walked in sorted order. A member is named
`archive.zip!folder/member.json`. What a container cannot give up becomes a `Failure` with its name and a
reason; the walk goes on with the next file. A damaged stream is given as far as it goes. What unpacks to
hundreds of times its size, or is packed in itself again and again, is not unpacked to the end.

Leaves to others: what the streams hold (`salus.fhir.reading`).
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from blake3 import blake3
from msgspec import Struct

from salus.errors import SalusError

BROKEN = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, tarfile.TarError, RuntimeError)
"""What reading a damaged container raises (RuntimeError: a zip member under a password)."""

DEEPEST = 8
"""How many containers may stand in one another."""
PLENTY = 1 << 30
RATIO = 500
"""A file may unpack to `PLENTY` bytes, or to `RATIO` times its size; records are far from both."""

_HEAD = 1 << 16
_BLOCK = 1 << 20
_SPOOL = 1 << 26
_JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


class TooMuch(OSError):
    """There is more in a container, or in one document, than a record can need."""


class Meter(Struct):
    """How many bytes of the given files have been read, of how many; and how much JSON came out of them."""

    done: int = 0
    total: int = 0
    unpacked: int = 0


class Source(Struct, frozen=True):
    """A readable stream: its name for messages, its first bytes (not consumed), and the stream from its start.

    broken: why there are no more than these first bytes, where that is so.
    """

    name: str
    head: bytes
    stream: BinaryIO
    broken: str | None = None


class Given(Struct):
    """One file on disk that a walk read: `hash` is of its bytes, None until (and unless) all of them were read and
    hashed."""

    path: str
    size: int
    hash: str | None = None


class Failure(Struct, frozen=True):
    """A file or archive member that could not be opened, and why."""

    name: str
    reason: str


@dataclass(slots=True)
class Walk:
    """A walk over paths; iterate it for sources and failures. Raises SalusError at once for a path that is
    not there.

    `given` lists the files read so far, the last being the one under way. A file whose content is in `known`
    (hashes, by size) is passed over and listed in `unchanged`, with its hash; so is a further copy of one that was
    read. Who does not keep what was `given` need not have every file hashed: then only those are that may be copies.
    With `copies` these are read too, for those to whom a file's place says something.
    """

    paths: Sequence[Path]
    hashed: bool = True
    copies: bool = False
    meter: Meter = field(default_factory=Meter)
    known: dict[int, set[str]] = field(default_factory=dict)
    files: list[Path] = field(init=False)
    given: list[Given] = field(default_factory=list)
    unchanged: dict[str, str] = field(default_factory=dict)
    _alike: Counter[int] = field(init=False)

    def __post_init__(self) -> None:
        for path in self.paths:
            if not path.exists():
                raise SalusError(f"no such file or folder: {path}")
        self.files = [file for path in self.paths for file in _files(path)]
        self._alike = Counter(file.stat().st_size for file in self.files)
        self.meter.total = sum(size * times for size, times in self._alike.items())

    def __iter__(self) -> Iterator[Source | Failure]:
        for file in self.files:
            if known := self._known(file):
                self.unchanged[str(file)] = known
                self.meter.done += file.stat().st_size
            else:
                yield from self._open(file)

    def hashes(self) -> dict[str, str]:
        """The hashes of the files that were read to their end, or passed over, by path."""
        return self.unchanged | {each.path: each.hash for each in self.given if each.hash}

    def _known(self, file: Path) -> str | None:
        """The file's hash where its content is known. Reads it only where one of its size is."""
        hashes = self.known.get(file.stat().st_size)
        if not hashes:
            return None
        try:
            with file.open("rb", buffering=0) as raw:
                _, found = _Metered(raw, Meter(), blake3()).finish()
        except OSError:
            return None  # reading it in earnest will say what is wrong
        return found if found in hashes else None

    def _open(self, file: Path) -> Iterator[Source | Failure]:
        given = Given(str(file), file.stat().st_size)
        self.given.append(given)
        try:
            with file.open("rb", buffering=0) as raw:
                hashed = not self.copies and (self.hashed or self._alike[given.size] > 1)
                metered = _Metered(raw, self.meter, blake3() if hashed else None)
                try:
                    yield from _unwrap(str(file), cast(BinaryIO, metered), _Depth(metered))
                except BROKEN as problem:
                    yield Failure(str(file), _reason(problem))
                given.size, given.hash = metered.finish()
                if given.hash:
                    self.known.setdefault(given.size, set()).add(given.hash)
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


class _Metered(io.RawIOBase):
    """Counts (and hashes) what is read off the disk, so that progress is known whatever the compression."""

    def __init__(self, raw: BinaryIO, meter: Meter, digest: blake3 | None) -> None:
        self._raw, self._meter, self._digest = raw, meter, digest
        self.size, self.unpacked = 0, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = cast(io.RawIOBase, self._raw).readinto(buffer) or 0
        self._meter.done += count
        self.size += count
        if self._digest:
            self._digest.update(memoryview(buffer)[:count])
        return count

    def finish(self) -> tuple[int, str | None]:
        """Size and hash of the whole file: what an archive's reader left unread is read too."""
        while self.read(_BLOCK):
            pass
        return self.size, self._digest.hexdigest() if self._digest else None


class _Unpacked(io.RawIOBase):
    """What a decompressor gives, piece by piece, so that nothing before a break is lost; ends what has no end."""

    def __init__(self, inner: BinaryIO, disk: _Metered) -> None:
        self._inner, self._disk = inner, disk

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count: int = self._inner.readinto1(buffer)  # type: ignore[attr-defined]
        self._disk.unpacked += count
        if self._disk.unpacked > max(PLENTY, RATIO * self._disk.size):
            raise TooMuch(f"it unpacks to more than {RATIO} times its size")
        return count


class _Rewound(io.RawIOBase):
    """A stream whose first bytes have been read already, from its start again; `broken`: what ended it there."""

    def __init__(self, head: bytes, rest: BinaryIO, broken: Exception | None) -> None:
        self._head, self._rest, self._broken = head, rest, broken

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._head:
            return self._further(buffer)
        data, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def _further(self, buffer: bytearray | memoryview) -> int:
        """Damage is met again by whoever reads on; some decompressors tell of it once."""
        if self._broken:
            raise self._broken
        try:
            return cast(io.RawIOBase, self._rest).readinto(buffer) or 0
        except BROKEN as problem:
            self._broken = problem
            raise

    def readall(self) -> bytes:
        """In large steps; the inherited one takes 8 KiB at a time."""
        parts = []
        while part := self.read(_BLOCK):
            parts.append(part)
        return b"".join(parts)


class _Depth(Struct, frozen=True):
    """How many containers there are around a stream, and the file on disk they are in."""

    disk: _Metered
    around: int = 0

    def unpacked(self, inner: object) -> BinaryIO:
        """A decompressor's output as a stream."""
        return cast(BinaryIO, _Unpacked(cast(BinaryIO, inner), self.disk))

    def deeper(self) -> _Depth:
        """Raises TooMuch when there are too many containers."""
        if self.around == DEEPEST:
            raise TooMuch(f"more than {DEEPEST} containers are in one another")
        return _Depth(self.disk, self.around + 1)


def _unwrap(name: str, raw: BinaryIO, depth: _Depth) -> Iterator[Source | Failure]:
    """The sources in one stream: itself, or what it is a container of."""
    head, broken = _read_head(raw)
    stream = cast(BinaryIO, io.BufferedReader(_Rewound(head, raw, broken), _BLOCK))
    if head[:2] == b"\x1f\x8b":
        yield from _unwrap(name, depth.unpacked(gzip.GzipFile(fileobj=stream)), depth.deeper())
    elif head[:6] == b"\xfd7zXZ\x00":
        yield from _unwrap(name, depth.unpacked(lzma.LZMAFile(stream)), depth.deeper())  # noqa: SIM115 - closed with `raw`
    elif head[:3] == b"BZh":
        yield from _unwrap(name, depth.unpacked(bz2.BZ2File(stream)), depth.deeper())
    elif head[:4] == b"\x28\xb5\x2f\xfd":
        yield Failure(name, "is compressed with zstd, which is not supported")
    elif head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        yield from _unzip(name, stream, depth.deeper())
    elif head[257:262] == b"ustar":
        yield from _untar(name, stream, depth.deeper())
    else:
        yield Source(name, head, stream, _reason(broken) if broken else None)


def _read_head(raw: BinaryIO) -> tuple[bytes, Exception | None]:
    """The first bytes, and what stood in the way of more. Raises that when there are none at all."""
    parts = []
    missing = _HEAD
    try:
        while missing and (part := raw.read(missing)):
            parts.append(part)
            missing -= len(part)
    except BROKEN as problem:
        if not parts:
            raise
        return b"".join(parts), problem
    return b"".join(parts), None


def _untar(name: str, stream: BinaryIO, depth: _Depth) -> Iterator[Source | Failure]:
    with tarfile.open(fileobj=stream, mode="r|", bufsize=_BLOCK) as archive:
        for member in archive:
            if member.isfile() and not _is_junk(member.name):
                inner = archive.extractfile(member)
                assert isinstance(inner, io.BufferedReader)
                raw = cast(BinaryIO, inner.raw)  # its buffer is small and stands in the way of large reads
                yield from _unwrap_member(f"{name}!{_clean(member.name)}", raw, depth)


def _unzip(name: str, stream: BinaryIO, depth: _Depth) -> Iterator[Source | Failure]:
    """A zip has its directory at its end, so it is read from a spooled copy."""
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as copy:
        while block := stream.read(_BLOCK):
            copy.write(block)
        with zipfile.ZipFile(cast(BinaryIO, copy)) as archive:
            for member in sorted(archive.namelist()):
                if not member.endswith("/") and not _is_junk(member):
                    yield from _unzip_member(f"{name}!{_clean(member)}", archive, member, depth)


def _unzip_member(name: str, archive: zipfile.ZipFile, member: str, depth: _Depth) -> Iterator[Source | Failure]:
    try:
        inner = archive.open(member)
    except BROKEN as problem:
        yield Failure(name, _reason(problem))
        return
    with inner:
        yield from _unwrap_member(name, depth.unpacked(inner), depth)


def _unwrap_member(name: str, inner: BinaryIO, depth: _Depth) -> Iterator[Source | Failure]:
    """A damaged member does not take the rest of its archive with it."""
    try:
        yield from _unwrap(name, inner, depth)
    except BROKEN as problem:
        yield Failure(name, _reason(problem))


def _clean(member: str) -> str:
    return member.removeprefix("./")
