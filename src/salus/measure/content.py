"""What a run is given to evaluate: Measure, Library and ValueSet resources, CQL files, bare ELM documents, and measures
and value sets as their authors write them.

Libraries and value sets are read and worked out when they are asked for, so that a run pays for what its measures
use. `warnings` tells what the user should know, `hashes` what exactly was used.
Leaves to others: what is in the paths (`measure.listing`), ELM by identity (`measure.libraries`), codes
(`terminology`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from salus.errors import SalusError
from salus.measure.definition import MeasureDefinition
from salus.measure.elms import ElmHead
from salus.measure.heads import CodeSystemHead, Found, MeasureHead
from salus.measure.libraries import Identity, Libraries, LibraryHead
from salus.measure.listing import found_in
from salus.measure.texts import TextHead
from salus.terminology.valueset import Terminology, ValueSetCodes, ValueSetHead
from salus.terminology.versions import split_canonical

Json = Mapping[str, Any]


class Content:
    """The content of a run. Engines need `library` and `value_set` only."""

    def __init__(self, *, allow_missing_valuesets: bool = False, prefer_elm: bool = False) -> None:
        self.terminology = Terminology(allow_missing=allow_missing_valuesets)
        self.libraries = Libraries(prefer_elm=prefer_elm)
        self._measures: list[tuple[MeasureHead, Found]] = []
        self._problems: list[str] = []
        self._value_sets: dict[tuple[str, str | None], ValueSetCodes] = {}

    @classmethod
    def load(cls, paths: Sequence[Path], *, allow_missing_valuesets: bool = False, prefer_elm: bool = False) -> Content:
        """All that is in `paths`; resources of other types are passed over.

        Raises SalusError when there is neither a measure nor a library in them.
        """
        content = cls(allow_missing_valuesets=allow_missing_valuesets, prefer_elm=prefer_elm)
        for found in found_in(paths):
            content._add(found)
        if not (content._measures or len(content.libraries)):
            listed = ", ".join(str(path) for path in paths)
            raise SalusError(f"no Measure, Library, CQL or ELM in {listed}{content._first_problem()}")
        return content

    def library(self, name: str, version: str | None = None, asked_by: str = "") -> Json:
        """The ELM `library` object of (name, version). Raises SalusError naming it and who includes it."""
        return self.libraries.library(name, version, asked_by)

    def cql(self, name: str, version: str | None = None) -> str | None:
        """The CQL text of a library; None when there is none."""
        return self.libraries.cql(name, version)

    def value_set(self, url: str, version: str | None = None, asked_by: str = "") -> ValueSetCodes:
        """The codes of a value set. Raises MissingValueSet, unless missing ones are allowed."""
        found = self.terminology.lookup(url, version, asked_by)
        self._value_sets[found.url, found.version] = found
        return found

    def measures(self, asked: Sequence[str] = ()) -> list[MeasureDefinition]:
        """Every measure of the content, in order of name; the same name and version twice counts once
        (the first).

        Raises SalusError when one cannot be read that is `asked` for by name; without names, every one is asked for but
        composites of others. Another one that cannot be read is left out, with a warning.
        """
        parsed = [measure for head, _ in self._measures if (measure := self._read(head, asked))]
        unique = {(measure.name, measure.version): measure for measure in reversed(parsed)}
        return sorted(unique.values(), key=lambda measure: (measure.name, measure.version or ""))

    def _read(self, head: MeasureHead, asked: Sequence[str]) -> MeasureDefinition | None:
        if head.definition is None:
            if any(_may_mean(name, head.names) for name in asked) or not (asked or head.composite):
                raise SalusError(head.problem)
            self._problems.append(f"left out{', as nobody asked for it' if asked else ''}: {head.problem}")
        return head.definition

    def measure_library(self, measure: MeasureDefinition) -> Identity:
        """The library whose defines are the measure's criteria, those among them that the measure writes out itself.
        Raises SalusError when it is not there.
        """
        if not measure.library:
            raise SalusError(f"measure {measure.name} names no library")
        identity = self.libraries.named_by(measure.library, measure.name)
        self.library(identity.name, identity.version, measure.name)
        self.libraries.amend(identity, measure.written, measure.name)
        return identity

    @property
    def warnings(self) -> list[str]:
        """What the user should know about the content used so far."""
        return [*self._problems, *self.libraries.notes, *self.terminology.warnings]

    def hashes(self, measures: Iterable[MeasureDefinition] = ()) -> dict[str, dict[str, str]]:
        """sha256 of each measure given, and of each library and value set asked for so far."""
        wanted = {(measure.name, measure.version) for measure in measures}
        return {
            "measures": {
                pinned(each.name, each.version): sha256(orjson.loads(found.load()))
                for head, found in self._measures
                if (each := head.definition) and (each.name, each.version) in wanted
            },
            "libraries": {str(identity): digest for identity, digest in self.libraries.used()},
            "value_sets": {
                pinned(*key): sha256(_sorted(found)) for key, found in sorted(self._value_sets.items(), key=str)
            },
        }

    def _add(self, found: Found) -> None:
        match found.head:
            case str(problem):
                self._problems.append(problem)
            case MeasureHead() as head:
                self._measures.append((head, found))
            case ValueSetHead() as head:
                self.terminology.add(head, found.load)
            case CodeSystemHead():
                self.terminology.add_system(orjson.loads(found.load()))
            case LibraryHead() as head:
                self.libraries.add_resource(head, found.where, found.load)
                self._problems += [head.problem] if head.problem else []
            case TextHead() as head:
                self.libraries.add_text(head, found.where, found.load)
            case ElmHead() as head:
                self.libraries.add_elm(head, found.where, found.load)

    def _first_problem(self) -> str:
        return f" ({self._problems[0]})" if self._problems else ""


def _may_mean(asked: str, names: Iterable[str]) -> bool:
    """Whether a name a person typed may stand for a measure: one of its names, or how one of them begins."""
    name = split_canonical(asked)[0].casefold()
    return any(each.casefold().startswith(name) for each in names)


def pinned(name: str, version: str | None) -> str:
    """What stands for one version of an artifact: `name|version`."""
    return f"{name}|{version}" if version else name


def _sorted(found: ValueSetCodes) -> list[tuple[str, str]]:
    return sorted(found.codes)


def sha256(value: object) -> str:
    """Of a value as JSON, its keys in order; what JSON does not know (days of TOML) as text."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()
