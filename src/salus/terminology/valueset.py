"""From ValueSet resources to the codes they hold.

A set is read from its `expansion` and from its `compose` where that lists its codes (or refers to sets that
do): the definition says what belongs to a set, an expansion is a list made from it with the editions of one day, and
lacks codes that those editions did not know yet or that a page limit cut off. An OID is one name however it is written
(`1.2.3`, `urn:oid:1.2.3`, the end of a url). Nothing is guessed: a set that is not there, or that only a terminology
server could expand, is an error that names it and who asked. Resources are kept as
they came and worked out when they are asked for, once.
Leaves to others: reading files (`measure.content`), codes as integers and membership tables (`engine`).
Sources: FHIR R4 ValueSet (https://hl7.org/fhir/R4/valueset.html#compositions and #expansion).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from salus.errors import SalusError
from salus.terminology.codesystem import CannotFilter, CodeSystem
from salus.terminology.versions import newest, split_canonical

Code = tuple[str, str]
Json = Mapping[str, Any]
Asked = Callable[[], Json | bytes]
"""Gives a resource, parsed or as JSON, when it is asked for."""

_NAMED = 5
_OID = re.compile(r"(?:^urn:oid:|^(?=[\d.]{9})|/(?=[\d.]{9}))([0-2](?:\.(?:0|[1-9]\d*))+)$")
_TOO_COSTLY = "http://hl7.org/fhir/StructureDefinition/valueset-toocostly"


@dataclass(frozen=True)
class ValueSetCodes:
    """The members of one value set: (system, code) pairs, system "" where the resource gives none."""

    url: str
    version: str | None
    codes: frozenset[Code]


class _Identifier(msgspec.Struct):
    value: str = ""


class _Head(msgspec.Struct):
    url: str = ""
    version: str | None = None
    identifier: list[_Identifier] = []


class ValueSetHead(msgspec.Struct, frozen=True, tag=True):
    """What is known of a value set before it is asked for: its url and OIDs, and its version."""

    names: tuple[str, ...]
    version: str | None

    @classmethod
    def of(cls, resource: Json | bytes) -> ValueSetHead:
        """Raises SalusError where a resource is none."""
        head = _head_of(resource)
        oids = [oid for each in (head.url, *(i.value for i in head.identifier)) if (oid := _oid(each))]
        return cls(tuple(name for name in dict.fromkeys((head.url, *oids)) if name), head.version)


class MissingValueSet(SalusError):
    """A value set that is not in the content, or whose codes the content does not tell."""

    def __init__(self, url: str, asked_by: str, reason: str = "is not in the content") -> None:
        self.url, self.asked_by, self.reason = url, asked_by, reason
        super().__init__(f"value set {url} {reason} (asked for by {asked_by or 'the run'})")


class _CannotExpand(Exception):
    """Why a definition does not tell its codes."""


class Terminology:
    """Every ValueSet of the content, by url and version.

    `warnings` and `missing` grow as sets are asked for.
    """

    def __init__(self, resources: Iterable[Json] = (), *, allow_missing: bool = False) -> None:
        self.allow_missing = allow_missing
        self.missing: dict[str, list[str]] = {}
        self._warnings: list[str] = []
        self._behind: dict[str, int] = {}
        self._resources: dict[str, dict[str | None, list[Asked]]] = {}
        self._systems: dict[str, list[CodeSystem]] = {}
        self._done: dict[tuple[str, str | None], ValueSetCodes] = {}
        self._open: list[str] = []
        for resource in resources:
            self.add(ValueSetHead.of(resource), partial(_itself, resource))

    def add(self, head: ValueSetHead, resource: Asked) -> None:
        """Index one ValueSet resource by its names."""
        for name in head.names:
            self._resources.setdefault(name, {}).setdefault(head.version, []).append(resource)

    def add_system(self, resource: Json) -> None:
        """Index one CodeSystem resource, of which value sets may be all or a part."""
        self._systems.setdefault(str(resource.get("url")), []).append(CodeSystem(resource))

    @property
    def warnings(self) -> list[str]:
        """What the user should know about the sets asked for so far."""
        return [*self._warnings, *_older(self._behind)]

    def lookup(self, url: str, version: str | None = None, asked_by: str = "") -> ValueSetCodes:
        """The codes of `url` (or `url|version`); the newest version when none is asked for.

        Raises MissingValueSet; with `allow_missing` the set is empty instead, and listed in `missing`.
        """
        plain, pinned = split_canonical(url)
        try:
            return self._codes(plain, version or pinned, asked_by)
        except MissingValueSet as error:
            if not self.allow_missing:
                raise
            return self._without(error, version or pinned)

    def _without(self, error: MissingValueSet, version: str | None) -> ValueSetCodes:
        askers = self.missing.setdefault(error.url, [])
        if error.asked_by not in askers:
            askers.append(error.asked_by)
            self._warn(f"{error}; it was taken as empty, so every test against it fails")
        return ValueSetCodes(error.url, version, frozenset())

    def _codes(self, url: str, version: str | None, asked_by: str) -> ValueSetCodes:
        found = self._version(url, version, asked_by)
        if (url, found) not in self._done:
            self._done[url, found] = self._read(url, found, asked_by)
        return self._done[url, found]

    def _version(self, url: str, version: str | None, asked_by: str) -> str | None:
        there = self._named(url)
        if not there:
            raise MissingValueSet(url, asked_by)
        if version is None:
            return newest(there)
        if version not in there:
            have = ", ".join(sorted(str(v) for v in there))
            raise MissingValueSet(f"{url}|{version}", asked_by, f"is not in the content; there is {have}")
        return version

    def _named(self, url: str) -> Mapping[str | None, list[Asked]]:
        """The versions of a set; one that is not there under its url may be so under its OID."""
        return self._resources.get(url) or self._resources.get(_oid(url) or "", {})

    def _read(self, url: str, version: str | None, asked_by: str) -> ValueSetCodes:
        if url in self._open:
            raise MissingValueSet(url, asked_by, "is defined by itself")
        self._open.append(url)
        try:
            sets = [self._members(url, each) for each in _joined(map(_parsed, self._named(url)[version]))]
        except _CannotExpand as error:
            raise MissingValueSet(url, asked_by, f"cannot be expanded: {error}") from None
        finally:
            self._open.pop()
        if any(other != sets[0] for other in sets[1:]):
            self._warn(f"value set {url} is in the content more than once with different codes; the first is used")
        return ValueSetCodes(url, version, sets[0])

    def _members(self, url: str, resource: Json) -> frozenset[Code]:
        expansion = resource.get("expansion")
        if expansion is None:
            return self._composed(url, resource)
        held = frozenset(_contained(expansion.get("contains", ())))
        whole = held | self._defined(url, resource)
        if cut := _cut(expansion):
            self._tell_cut(url, cut, len(whole), len(whole) > len(held) and len(whole) >= expansion.get("total", 0))
        elif len(whole) > len(held):
            self._behind[url] = len(whole) - len(held)
        elif not whole:
            self._warn(f"value set {url} expands to no codes at all")
        return whole

    def _defined(self, url: str, resource: Json) -> frozenset[Code]:
        """The codes that the definition lists; none where it does not tell them all."""
        before = len(self._warnings)
        try:
            return self._composed(url, resource)
        except (_CannotExpand, MissingValueSet):
            del self._warnings[before:]
            return frozenset()

    def _tell_cut(self, url: str, cut: str, codes: int, whole: bool) -> None:
        """The warning about an expansion that says it is not complete: whether the definition makes up for it."""
        if whole:
            self._warn(f"value set {url}: {cut}; its definition gives the rest, {codes} codes are used")
        else:
            self._warn(f"value set {url}: {cut}, its definition does not give the rest; codes are missing")

    def _composed(self, url: str, resource: Json) -> frozenset[Code]:
        compose = resource.get("compose") or {}
        includes = compose.get("include", ())
        if not includes:
            raise _CannotExpand("it has neither an expansion nor a definition")
        inside = frozenset[Code]().union(*(self._clause(url, part) for part in includes))
        return inside.difference(*(self._clause(url, part) for part in compose.get("exclude", ())))

    def _clause(self, url: str, part: Json) -> frozenset[Code]:
        """One include or exclude: all that its listed concepts and each of its value sets have in common."""
        sets = [self._codes(*split_canonical(ref), url).codes for ref in part.get("valueSet", ())]
        if "concept" in part:
            system = part.get("system", "")
            sets.append(frozenset((system, concept["code"]) for concept in part["concept"]))
        elif "filter" in part or "system" in part:
            sets.append(self._of_system(part))
        if not sets:
            raise _CannotExpand("a part of its definition names nothing")
        return frozenset.intersection(*sets)

    def _of_system(self, part: Json) -> frozenset[Code]:
        """All of a code system, or what its filters let through, where the content has it whole."""
        system, version, filters = str(part.get("system", "")), part.get("version"), part.get("filter", ())
        what = f"{'a filter on' if filters else 'all of'} {system}"
        there = [each for each in self._systems.get(system, ()) if version in (None, each.resource.get("version"))]
        whole = next((each for each in reversed(there) if each.is_whole), None)
        if whole is None:
            raise _CannotExpand(f"it has no expansion and is defined as {what}")
        try:
            return frozenset((system, code) for code in whole.codes(filters))
        except CannotFilter as unknown:
            raise _CannotExpand(f"it is defined as {what} ({unknown}), which is not known here") from None

    def _warn(self, text: str) -> None:
        if text not in self._warnings:
            self._warnings.append(text)


def _older(behind: Mapping[str, int]) -> Iterator[str]:
    """One warning for all sets whose definitions list codes that their expansions do not hold."""
    if behind:
        named = ", ".join(f"{url} ({codes})" for url, codes in sorted(behind.items())[:_NAMED])
        more = f" and {len(behind) - _NAMED} more" if len(behind) > _NAMED else ""
        yield (
            f"the definitions of {len(behind)} value sets list {sum(behind.values())} codes that their expansions, "
            f"made with older editions, do not hold; they count as members: {named}{more}"
        )


def _head_of(resource: Json | bytes) -> _Head:
    try:
        if isinstance(resource, bytes):
            return msgspec.json.decode(resource, type=_Head)
        return msgspec.convert(resource, _Head)
    except msgspec.ValidationError as error:
        raise SalusError(f"a ValueSet resource cannot be read: {error}") from None


def _itself(resource: Json) -> Json:
    return resource


def _parsed(asked: Asked) -> Json:
    resource = asked()
    if not isinstance(resource, bytes):
        return resource
    parsed: Json = msgspec.json.decode(resource)
    return parsed


def _oid(name: str) -> str | None:
    """The OID that a name is or ends in, as `urn:oid:`."""
    found = _OID.search(name)
    return f"urn:oid:{found[1]}" if found else None


def _joined(resources: Iterable[Json]) -> list[Json]:
    """The resources of one set, with the pages of an expansion (told by their offsets) put together."""
    found = list(resources)
    expansions = [each.get("expansion") or {} for each in found]
    if len({each.get("offset", 0) for each in expansions}) < max(2, len(found)):
        return found
    pages = sorted(expansions, key=lambda each: int(each.get("offset", 0)))
    whole = [entry for page in pages for entry in page.get("contains", ())]
    return [{**found[0], "expansion": {**pages[0], "contains": whole}}]


def _contained(entries: Iterable[Json]) -> Iterator[Code]:
    """Every selectable code of an expansion, nested ones too.

    Inactive codes are members: old records hold them.
    """
    for entry in entries:
        if "code" in entry and not entry.get("abstract"):
            yield entry.get("system", ""), entry["code"]
        if "contains" in entry:
            yield from _contained(entry["contains"])


def _cut(expansion: Json) -> str | None:
    """How an expansion is known not to be whole, or None: it states a larger total, or that it was
    limited.
    """
    held, total = _size(expansion.get("contains", ())), expansion.get("total")
    if total is not None and total > held:
        return f"its expansion is cut ({held} of {total} codes)"
    parameters = {p.get("name"): p.get("valueBoolean", p.get("valueInteger")) for p in expansion.get("parameter", ())}
    limited = parameters.get("limitedExpansion") or any(
        extension.get("url") == _TOO_COSTLY for extension in expansion.get("extension", ())
    )
    full_page = total is None and held > 0 and parameters.get("count") == held
    return f"its expansion says that it is limited ({held} codes)" if limited or full_page else None


def _size(entries: Sequence[Json]) -> int:
    return len(entries) + sum(_size(entry["contains"]) for entry in entries if "contains" in entry)
