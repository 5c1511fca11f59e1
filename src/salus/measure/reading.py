"""The content of a run read whole, when nothing is known of it yet: a head of each resource, and where it stands.

Loaded where content is not known (`measure.listing`): there a run takes longer.
Leaves to others: files and bundles (`fhir.reading`), authors' files (`measure.authored`).
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import orjson

from salus.errors import SalusError
from salus.fhir.reading import Raw, scan
from salus.fhir.sources import Walk
from salus.measure import authored
from salus.measure.authored import TOML
from salus.measure.elms import ElmHead
from salus.measure.heads import CodeSystemHead, Entry, File, Found, Head, MeasureHead, Place
from salus.measure.libraries import LibraryHead
from salus.measure.texts import CQL, TextHead
from salus.terminology.valueset import ValueSetHead


class Reading:
    """Reads everything; afterwards `entries` says what there was, and where. It is not sound where something could not
    be read, which the next time it may.
    """

    def __init__(self, walk: Walk, files: Sequence[File]) -> None:
        self.entries: list[Entry] = []
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
                place = Place(self._file, self._position, part, start, len(raw.data))
                self.entries.append(Entry(head, where, place))
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


def of_file(path: Path) -> list[Raw]:
    """All that is read of a file, in its order: the n-th is that of position n."""
    return list(scan([path], untyped=True, texts=(CQL, TOML)))


def data_of(raw: Raw, part: int) -> bytes:
    """The JSON or text of what was read; of an author's file, that of its n-th resource."""
    return orjson.dumps(_authored(raw)[part]) if raw.type == TOML else raw.data


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
