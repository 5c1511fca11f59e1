"""What is in the paths of a run's content: a head of each resource, and a way to read it when it is asked for.

A run asks for one measure of forty and for a few of a thousand value sets. What the heads say is kept in the user's
cache for as long as the program and every file are what they were, as far as the file system tells; then only what is
asked for is read. A resource is found again at its place in its file or, where it does not stand there as it is (in an
archive, an indented Bundle, an author's file), by reading that file as it was read before.
Leaves to others: files and bundles (`fhir.reading`), authors' files (`measure.authored`), what heads are for
(`measure.content`).
"""

from __future__ import annotations

import hashlib
import mmap
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from salus.cache import Cache, cache_folder
from salus.cql.digests import program
from salus.errors import SalusError
from salus.fhir.reading import Raw, scan
from salus.fhir.sources import Walk
from salus.measure import authored
from salus.measure.authored import TOML
from salus.measure.composition import is_composite
from salus.measure.definition import MeasureDefinition, parse_measure
from salus.measure.elms import ElmHead
from salus.measure.libraries import LibraryHead
from salus.measure.texts import CQL, TextHead
from salus.terminology.valueset import ValueSetHead

_SETTLED: Final = 2.0
"""Seconds after which a file that changes is sure to have another time of change."""


class MeasureHead(msgspec.Struct, frozen=True, tag=True):
    """A measure as it is read, or what is wrong with it; the names it may be asked for by; whether it is a composite
    of others."""

    definition: MeasureDefinition | None
    problem: str
    names: tuple[str, ...]
    composite: bool = False

    @classmethod
    def of(cls, resource: dict[str, Any]) -> MeasureHead:
        names = tuple(str(resource[key]) for key in ("name", "title", "id", "url") if resource.get(key))
        try:
            return cls(parse_measure(resource), "", names)
        except SalusError as error:
            return cls(None, str(error), names, is_composite(resource))


class CodeSystemHead(msgspec.Struct, frozen=True, tag=True):
    """Nothing is known of a code system before it is read."""


Head = MeasureHead | LibraryHead | ValueSetHead | CodeSystemHead | TextHead | ElmHead


class Found(msgspec.Struct):
    """One resource: its head, or what is wrong with it; its file and line; and what gives its JSON (or its text)."""

    head: Head | str
    where: str
    load: Callable[[], bytes]


class _File(msgspec.Struct, array_like=True, frozen=True):
    """A file as the file system tells it."""

    name: str
    size: int
    modified: int
    changed: int
    number: tuple[int, int]

    @classmethod
    def of(cls, path: str) -> _File:
        told = os.stat(path)
        return cls(path, told.st_size, told.st_mtime_ns, told.st_ctime_ns, (told.st_dev, told.st_ino))

    @property
    def is_settled(self) -> bool:
        return os.path.isfile(self.name) and max(self.modified, self.changed) < (time.time() - _SETTLED) * 1e9


class _Place(msgspec.Struct, array_like=True, frozen=True):
    """Where a resource is: its file, its ordinal among all that is read of it, and among the resources that one text
    of an author stands for; and where its bytes stand in that file, -1 where they do not.
    """

    file: int
    position: int
    part: int
    start: int
    length: int


class _Entry(msgspec.Struct, array_like=True, frozen=True):
    head: Head | str
    where: str
    place: _Place


def found_in(paths: Sequence[Path]) -> Iterator[Found]:
    """Everything in `paths` that a run may ask for, in their order.

    Raises SalusError for a path that is not there, and for a fault in what an author is still writing.
    """
    walk = Walk(paths, hashed=False)
    files = [_File.of(str(path)) for path in walk.files]
    kept, key = Cache(cache_folder() / "content"), _key(files)
    entries = _recalled(kept.get(key))
    if entries is None:
        reading = _Reading(walk, files)
        yield from reading
        if reading.is_sound and all(file.is_settled for file in files):
            kept.put(key, msgspec.msgpack.encode(reading.entries))
        return
    again = [_Again(file) for file in files]
    for entry in entries:
        yield Found(entry.head, entry.where, partial(again[entry.place.file].load, entry.place))


def _key(files: Sequence[_File]) -> str:
    code = program("measure", "terminology", "fhir", "cql", "elm")
    return hashlib.sha256(code.encode() + msgspec.msgpack.encode(files)).hexdigest()


def _recalled(data: bytes | None) -> list[_Entry] | None:
    try:
        return msgspec.msgpack.decode(data, type=list[_Entry]) if data else None
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


class _Reading:
    """Reads everything; afterwards `entries` says what there was, and where. It is not sound where something could not
    be read, which the next time it may.
    """

    def __init__(self, walk: Walk, files: Sequence[_File]) -> None:
        self.entries: list[_Entry] = []
        self.is_sound = True
        self._walk = walk
        self._numbers = {file.name: number for number, file in enumerate(files)}
        self._file = self._position = -1
        self._within: _Within | None = None

    def __iter__(self) -> Iterator[Found]:
        for raw in scan(self._walk, untyped=True, texts=(CQL, TOML)):
            self.is_sound &= raw.error is None
            start = self._placed(raw)
            where = f"{raw.file}:{raw.line}" if raw.type != CQL else raw.file
            for part, (head, data) in enumerate(_heads(raw, where)):
                place = _Place(self._file, self._position, part, start, len(raw.data))
                self.entries.append(_Entry(head, where, place))
                yield Found(head, where, partial(_itself, data))

    def _placed(self, raw: Raw) -> int:
        """Where a resource stands in the file under way."""
        path = self._walk.given[-1].path
        if self._file != self._numbers[path]:
            self._file, self._position = self._numbers[path], -1
            self._within = _Within(path) if raw.file == path and os.path.isfile(path) else None
        self._position += 1
        return self._within.find(raw.data) if self._within and raw.data and raw.type != TOML else -1


class _Within:
    """Where in a file texts stand that were read out of it, in their order; after one that does not, none is found."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._end = 0

    def find(self, data: bytes) -> int:
        start = self._bytes.find(data, self._end) if self._end >= 0 else -1
        self._end = start + len(data) if start >= 0 else -1
        return start

    @cached_property
    def _bytes(self) -> mmap.mmap | bytes:
        try:
            with open(self._path, "rb") as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):  # a pipe, or gone
            return b""


def _itself(data: bytes) -> bytes:
    return data


def _heads(raw: Raw, where: str) -> Iterator[tuple[Head | str, bytes]]:
    """The heads of what was read, each with its JSON or text; none of what no run asks for."""
    if raw.error:
        yield f"{where} {raw.error}", b""
    elif raw.type == TOML:
        # what an author is still writing is never passed over: a fault in it ends the run
        for resource in _authored(raw):
            data = orjson.dumps(resource)
            is_measure = resource["resourceType"] == "Measure"
            yield MeasureHead.of(resource) if is_measure else ValueSetHead.of(resource), data
    else:
        try:
            head = _head(raw, where)
        except SalusError as error:
            yield str(error), b""
            return
        if head:
            yield head, raw.data


def _authored(raw: Raw) -> list[dict[str, Any]]:
    return list(authored.resources(raw.data, raw.file)) if authored.is_authored(raw.data) else []


def _head(raw: Raw, where: str) -> Head | None:
    match raw.type:
        case "Measure":
            return MeasureHead.of(orjson.loads(raw.data))
        case "Library":
            return LibraryHead.of(orjson.loads(raw.data), where)
        case "ValueSet":
            return ValueSetHead.of(raw.data)
        case "CodeSystem":
            return CodeSystemHead()
        case "":
            return ElmHead.of(raw.data, where)
        case text if text == CQL:
            return TextHead.of_file(raw.data, raw.file)
    return None


class _Again:
    """A file whose heads were kept, read for what is asked of it."""

    def __init__(self, file: _File) -> None:
        self._file = file

    def load(self, place: _Place) -> bytes:
        """The resource at a place. Raises SalusError where the file is no longer what it was."""
        if place.start < 0:
            return self._read(place)
        with open(self._file.name, "rb", buffering=0) as file:
            file.seek(place.start)
            data = file.read(place.length)
        self._check()
        return data

    def _read(self, place: _Place) -> bytes:
        raw = self._resources[place.position]
        return orjson.dumps(_authored(raw)[place.part]) if raw.type == TOML else raw.data

    @cached_property
    def _resources(self) -> list[Raw]:
        found = list(scan([Path(self._file.name)], untyped=True, texts=(CQL, TOML)))
        self._check()
        return found

    def _check(self) -> None:
        """After it was read, so that what was read is known to be what it was."""
        if _File.of(self._file.name) != self._file:
            raise SalusError(f"{self._file.name} was changed while it was read; run it again")
