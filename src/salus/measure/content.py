"""What a run is given to evaluate: Measure, Library and ValueSet resources, CQL files, bare ELM documents, and measures
and value sets as their authors write them.

Everything in the paths is read once; libraries and value sets are worked out when they are asked for, so that
a run pays for what its measures use. `warnings` tells what the user should know, `hashes` what exactly was
used.
Leaves to others: files and bundles (`fhir.reading`), ELM by identity (`measure.libraries`), authors' files
(`measure.authored`), codes (`terminology`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from salus.errors import SalusError
from salus.fhir.reading import Raw, scan
from salus.measure import authored
from salus.measure.authored import TOML
from salus.measure.definition import MeasureDefinition, parse_measure
from salus.measure.libraries import Identity, Libraries
from salus.measure.texts import CQL
from salus.terminology.valueset import Terminology, ValueSetCodes
from salus.terminology.versions import split_canonical

Json = Mapping[str, Any]


class Content:
    """The content of a run. Engines need `library` and `value_set` only."""

    def __init__(self, *, allow_missing_valuesets: bool = False, prefer_elm: bool = False) -> None:
        self.terminology = Terminology(allow_missing=allow_missing_valuesets)
        self.libraries = Libraries(prefer_elm=prefer_elm)
        self._measures: list[Json] = []
        self._problems: list[str] = []
        self._value_sets: dict[tuple[str, str | None], ValueSetCodes] = {}

    @classmethod
    def load(cls, paths: Sequence[Path], *, allow_missing_valuesets: bool = False, prefer_elm: bool = False) -> Content:
        """Read everything in `paths`; resources of other types are passed over.

        Raises SalusError when there is neither a measure nor a library in them.
        """
        content = cls(allow_missing_valuesets=allow_missing_valuesets, prefer_elm=prefer_elm)
        for raw in scan(paths, untyped=True, texts=(CQL, TOML)):
            content._add(raw)
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

        Raises SalusError when one cannot be read that is `asked` for by name; without names, every one is asked for.
        Another one that cannot be read is left out, with a warning.
        """
        parsed = [measure for resource in self._measures if (measure := self._parsed(resource, asked))]
        unique = {(measure.name, measure.version): measure for measure in reversed(parsed)}
        return sorted(unique.values(), key=lambda measure: (measure.name, measure.version or ""))

    def _parsed(self, resource: Json, asked: Sequence[str]) -> MeasureDefinition | None:
        try:
            return parse_measure(resource)
        except SalusError as error:
            if not asked or any(_may_mean(name, resource) for name in asked):
                raise
            self._problems.append(f"left out, as nobody asked for it: {error}")
            return None

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
                _label(m): sha256(m)
                for m in self._measures
                if (m.get("name") or m.get("id"), m.get("version")) in wanted
            },
            "libraries": {str(identity): digest for identity, digest in self.libraries.used()},
            "value_sets": {
                pinned(*key): sha256(_sorted(found)) for key, found in sorted(self._value_sets.items(), key=str)
            },
        }

    def _add(self, raw: Raw) -> None:
        where = f"{raw.file}:{raw.line}"
        if raw.error:
            self._problems.append(f"{where} {raw.error}")
            return
        if raw.type == TOML:
            self._add_authored(raw)
            return
        try:
            self._index(raw, where)
        except SalusError as error:
            self._problems.append(str(error))

    def _index(self, raw: Raw, where: str) -> None:
        match raw.type:
            case "Measure":
                self._measures.append(orjson.loads(raw.data))
            case "Library":
                self.libraries.add_resource(orjson.loads(raw.data), where)
            case "ValueSet":
                self.terminology.add(raw.data)
            case "CodeSystem":
                self.terminology.add_system(orjson.loads(raw.data))
            case "":
                self.libraries.add_elm(raw.data, where)
            case text if text == CQL:
                self.libraries.add_text(raw.data, raw.file)

    def _add_authored(self, raw: Raw) -> None:
        """What an author is still writing is never passed over: a fault in it ends the run."""
        for resource in authored.resources(raw.data, raw.file) if authored.is_authored(raw.data) else ():
            if resource["resourceType"] == "Measure":
                self._measures.append(resource)
            else:
                self.terminology.add(orjson.dumps(resource))

    def _first_problem(self) -> str:
        return f" ({self._problems[0]})" if self._problems else ""


def _may_mean(asked: str, measure: Json) -> bool:
    """Whether a name a person typed may stand for a measure: one of its names, or how one of them begins."""
    name = split_canonical(asked)[0].casefold()
    return any(str(measure.get(key) or "").casefold().startswith(name) for key in ("name", "title", "id", "url"))


def _label(measure: Json) -> str:
    return pinned(str(measure.get("name") or measure.get("id")), measure.get("version"))


def pinned(name: str, version: str | None) -> str:
    """What stands for one version of an artifact: `name|version`."""
    return f"{name}|{version}" if version else name


def _sorted(found: ValueSetCodes) -> list[tuple[str, str]]:
    return sorted(found.codes)


def sha256(value: object) -> str:
    """Of a value as JSON, its keys in order; what JSON does not know (days of TOML) as text."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()
