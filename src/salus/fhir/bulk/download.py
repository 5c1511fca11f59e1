"""One file of an export onto the disk: whole, checked, or not under its name at all.

Bytes are kept as they come (packed where the server packs them) in a `.part` file, beside it what is needed to go on
after an interruption: a Range request (RFC 9110, 14), conditional on the file being the same, and from the start where
the server does not take that. A file is whole when its length is as announced, its last line is JSON and it has as many
lines as the manifest counts. Follows Bulk Data Access 2.0.0, "Bulk Data Output File Request".

Leaves to others: which files, in which order (`export`).
"""

from __future__ import annotations

import gzip
import os
import re
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
from urllib3 import exceptions

from salus.errors import SalusError
from salus.fhir.bulk.job import Gone
from salus.fhir.bulk.manifest import Part
from salus.fhir.bulk.web import TRIES, Answer, Bearer, Refused, Unreachable, Web, shown, unreachable

_BLOCK = 1 << 18
_ASKED = {"Accept": "application/fhir+ndjson", "Accept-Encoding": "gzip"}
_ENCODINGS = ("", "identity", "gzip")
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")

_json = msgspec.json.Decoder(msgspec.Raw).decode


class Stopped(SalusError):
    """Another file failed; this one is left as far as it came."""


class Damaged(Exception):
    """What was downloaded is not whole; the words say in what."""


@dataclass(frozen=True, slots=True)
class Resume:
    """What a partial file needs to be gone on with: `validator` names this version of it (ETag or date, "" for none),
    `size` is its full length (-1: not announced), `packed` whether the bytes are gzip.
    """

    validator: str
    size: int
    packed: bool

    @property
    def possible(self) -> bool:
        """Packed anew, the bytes may be others: then only a validator can tell."""
        return bool(self.validator) or (self.size >= 0 and not self.packed)

    def headers(self, offset: int) -> dict[str, str]:
        """To ask for the rest."""
        wanted = {"Range": f"bytes={offset}-"}
        return wanted | ({"If-Range": self.validator} if self.validator else {})


@dataclass(frozen=True, slots=True)
class Download:
    """One file: `place` is where it will be, `label` what it is called in messages. It gives up when `stop` is set."""

    web: Web
    bearer: Bearer | None
    part: Part
    place: Path
    label: str
    stop: threading.Event

    def run(self) -> None:
        """Bring it here. Raises SalusError; what is there by then is kept where it can be gone on with."""
        if self.place.exists():
            return
        if self.stop.is_set():
            raise Stopped(f"{self.label}: not begun")
        for last in (False, True):
            self._bring()
            try:
                self._check()
            except Damaged as problem:
                self._forget()
                if last:
                    raise SalusError(f"{self.label} from {shown(self.part.url)} {problem}") from problem
                continue
            os.replace(self._partial, self.place)
            self._notes.unlink(missing_ok=True)
            return

    @property
    def _partial(self) -> Path:
        return self.place.with_name(self.place.name + ".part")

    @property
    def _notes(self) -> Path:
        return self.place.with_name(self.place.name + ".resume")

    def _forget(self) -> None:
        self._partial.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)

    def _bring(self) -> None:
        """Go on until the stream has ended as announced; gives up when tries bring nothing further."""
        failures, furthest = 0, self._size()
        while True:
            try:
                return self._stream()
            except Unreachable as problem:
                grown = self._size() > furthest
                furthest = max(furthest, self._size())
                failures = 1 if grown else failures + 1
                if not problem.passing or failures >= TRIES:
                    raise SalusError(f"{self.label}: {problem}") from problem
                self.web.wait(failures)

    def _size(self) -> int:
        return self._partial.stat().st_size if self._partial.exists() else 0

    def _stream(self) -> None:
        known, offset = self._known(), self._size()
        rest = known.headers(offset) if known and offset else {}
        try:
            with self.web.ask(self.part.url, {**_ASKED, **rest}, self.bearer, fine=(200, 206, 416)) as answer:
                if answer.status == 200:
                    self._note(answer)
                    self._write(answer, "wb")
                elif known and answer.status == 206 and _continues(answer, known, offset):
                    self._write(answer, "ab")
                elif not (known and answer.status == 416 and known.size == offset):
                    self._forget()
                    raise Unreachable(self.part.url, "it sent another part of the file than was asked for")
        except Refused as problem:
            kind = Gone if problem.status in (404, 410) else SalusError
            raise kind(f"{self.label}: {problem}") from problem

    def _known(self) -> Resume | None:
        try:
            found = msgspec.json.decode(self._notes.read_bytes(), type=Resume)
        except (OSError, msgspec.DecodeError):
            return None
        return found if found.possible else None

    def _note(self, answer: Answer) -> None:
        encoding = answer.headers.get("Content-Encoding", "").lower()
        if encoding not in _ENCODINGS:
            raise SalusError(f"{self.label} came packed as {encoding[:20]!r}; only gzip was asked for")
        tag, length = answer.headers.get("ETag", ""), answer.headers.get("Content-Length", "")
        validator = answer.headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
        noted = Resume(validator, int(length) if length.isdigit() else -1, encoding == "gzip")
        self._notes.write_bytes(msgspec.json.encode(noted))

    def _write(self, answer: Answer, mode: str) -> None:
        with self._partial.open(mode) as file:
            try:
                for block in answer.stream(_BLOCK, decode_content=False):
                    if self.stop.is_set():
                        raise Stopped(f"{self.label}: stopped")
                    file.write(block)
            except exceptions.HTTPError as problem:
                raise unreachable(self.part.url, problem) from None

    def _check(self) -> None:
        """Raises Damaged when the file is not what was promised."""
        lines = count_lines(self._partial)
        if self.part.count is not None and lines != self.part.count:
            raise Damaged(f"has {lines:,} lines where the server's manifest counts {self.part.count:,}")


def _continues(answer: Answer, known: Resume, offset: int) -> bool:
    found = _RANGE.match(answer.headers.get("Content-Range", ""))
    if not found or int(found[1]) != offset:
        return False
    return found[2] == "*" or known.size < 0 or int(found[2]) == known.size


def count_lines(path: Path) -> int:
    """The lines of an NDJSON file, packed or not, that are not blank. Raises Damaged when it breaks off."""
    lines, last = 0, b""
    try:
        with path.open("rb") as raw, _unpacked(raw) as file:
            for line in file:
                if not line.isspace():
                    lines, last = lines + 1, line
    except (EOFError, gzip.BadGzipFile, zlib.error) as problem:
        raise Damaged("is damaged or breaks off (its gzip does not unpack)") from problem
    try:
        if last:
            _json(last)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise Damaged(f"breaks off in line {lines:,}") from problem
    return lines


def _unpacked(raw: BinaryIO) -> BinaryIO:
    magic = raw.read(2)
    raw.seek(0)
    return cast(BinaryIO, gzip.open(raw)) if magic == b"\x1f\x8b" else raw
