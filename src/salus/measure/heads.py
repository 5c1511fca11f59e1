"""Heads: what is known of a resource of the content before it is asked for, and where it is.

Leaves to others: what a head of each kind says (`measure.libraries`, `terminology`), keeping heads (`measure.listing`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec

from salus.errors import SalusError
from salus.measure.composition import is_composite
from salus.measure.definition import MeasureDefinition, parse_measure
from salus.measure.elms import ElmHead
from salus.measure.libraries import LibraryHead
from salus.measure.texts import TextHead
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


class File(msgspec.Struct, array_like=True, frozen=True):
    """A file as the file system tells it."""

    name: str
    size: int
    modified: int
    changed: int
    number: tuple[int, int]

    @classmethod
    def of(cls, path: str) -> File:
        told = os.stat(path)
        return cls(path, told.st_size, told.st_mtime_ns, told.st_ctime_ns, (told.st_dev, told.st_ino))

    @property
    def is_settled(self) -> bool:
        return os.path.isfile(self.name) and max(self.modified, self.changed) < (time.time() - _SETTLED) * 1e9


class Place(msgspec.Struct, array_like=True, frozen=True):
    """Where a resource is: its file, its ordinal among all that is read of it, and among the resources that one text
    of an author stands for; and where its bytes stand in that file, -1 where they do not.
    """

    file: int
    position: int
    part: int
    start: int
    length: int


class Entry(msgspec.Struct, array_like=True, frozen=True):
    head: Head | str
    where: str
    place: Place
