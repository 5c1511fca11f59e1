"""What is in the paths of a run's content: a head of each resource, and a way to read it when it is asked for.

A run asks for one measure of forty and for a few of a thousand value sets. What the heads say is kept in the user's
cache for as long as the program and every file are what they were, as far as the file system tells; then only what is
asked for is read. A resource is found again at its place in its file or, where it does not stand there as it is (in an
archive, an indented Bundle, an author's file), by reading that file as it was read before.
Leaves to others: reading (`measure.reading`), what heads are for (`measure.content`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from salus.cache import Cache, cache_folder
from salus.cql.digests import program
from salus.errors import SalusError
from salus.fhir.sources import Walk
from salus.measure.heads import Entry, File, Found, Place

if TYPE_CHECKING:
    from salus.fhir.reading import Raw


def found_in(paths: Sequence[Path]) -> Iterator[Found]:
    """Everything in `paths` that a run may ask for, in their order.

    Raises SalusError for a path that is not there, and for a fault in what an author is still writing.
    """
    walk = Walk(paths, hashed=False)
    files = [File.of(str(path)) for path in walk.files]
    kept, key = Cache(cache_folder() / "content"), _key(files)
    entries = _recalled(kept.get(key))
    if entries is None:
        from salus.measure.reading import Reading  # what is known needs none of what reads it

        found = Reading(walk, files)
        yield from found
        if found.is_sound and all(file.is_settled for file in files):
            kept.put(key, msgspec.msgpack.encode(found.entries))
        return
    again = [_Again(file) for file in files]
    for entry in entries:
        yield Found(entry.head, entry.where, partial(again[entry.place.file].load, entry.place))


def _key(files: Sequence[File]) -> str:
    code = program("measure", "terminology", "fhir", "cql", "elm")
    return hashlib.sha256(code.encode() + msgspec.msgpack.encode(files)).hexdigest()


def _recalled(data: bytes | None) -> list[Entry] | None:
    try:
        return msgspec.msgpack.decode(data, type=list[Entry]) if data else None
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


class _Again:
    """A file whose heads were kept, read for what is asked of it."""

    def __init__(self, file: File) -> None:
        self._file = file

    def load(self, place: Place) -> bytes:
        """The resource at a place. Raises SalusError where the file is no longer what it was."""
        if place.start < 0:
            return self._read(place)
        with open(self._file.name, "rb", buffering=0) as file:
            file.seek(place.start)
            data = file.read(place.length)
        self._check()
        return data

    def _read(self, place: Place) -> bytes:
        from salus.measure import reading  # as above

        return reading.data_of(self._resources[place.position], place.part)

    @cached_property
    def _resources(self) -> Sequence[Raw]:
        from salus.measure import reading  # as above

        found = reading.of_file(Path(self._file.name))
        self._check()
        return found

    def _check(self) -> None:
        """After it was read, so that what was read is known to be what it was."""
        if File.of(self._file.name) != self._file:
            raise SalusError(f"{self._file.name} was changed while it was read; run it again")
