"""The ELM libraries of the content, by the identity the ELM itself states.

A published Library resource often carries the ELM of another version than its own, so what counts is
`identifier` inside the ELM. ELM comes base64-encoded in Library resources or as bare documents `{"library":
...}`; a bare document was given for this very purpose and wins over an embedded one. Embedded ELM is
megabytes of JSON: only its head is read to learn who it is, and it is parsed when it is asked for.
Leaves to others: reading files (`measure.content`), typed nodes (`elm`), compiling CQL text.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from salus.errors import SalusError
from salus.terminology.versions import newest, split_canonical

Json = Mapping[str, Any]

_HEAD = 16_384  # characters of base64, a multiple of four
_IDENTIFIER = re.compile(rb'"identifier"\s*:\s*(\{[^{}]*\})')


@dataclass(frozen=True)
class Identity:
    """The name and version of a library; how people write it is `str(identity)`."""

    name: str
    version: str | None

    def __str__(self) -> str:
        return f"{self.name} {self.version or 'without a version'}"


@dataclass(frozen=True)
class _Document:
    """One ELM document, unparsed: JSON bytes (bare) or base64 text (embedded); and where it came from."""

    where: str
    data: bytes | str

    @property
    def bare(self) -> bool:
        return isinstance(self.data, bytes)

    def parse(self) -> Json:
        """The object under `library`."""
        try:
            text = base64.b64decode(self.data) if isinstance(self.data, str) else self.data
            library: Json = orjson.loads(text)["library"]
        except (ValueError, KeyError, TypeError) as error:
            raise SalusError(f"the ELM in {self.where} cannot be read: {error}") from None
        return library


class _Elm(msgspec.Struct):
    library: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Libraries:
    """An index of ELM documents and Library resources.

    `notes` says what was chosen, as libraries are asked for.
    """

    def __init__(self) -> None:
        self._documents: dict[str, dict[str | None, list[_Document]]] = {}
        self._resources: dict[str, dict[str | None, Json]] = {}
        self._embedded: dict[Identity, Identity] = {}
        self._cql_only: set[Identity] = set()
        self._parsed: dict[Identity, Json] = {}
        self._shadowed: list[Identity] = []
        self._notes: list[str] = []

    def __len__(self) -> int:
        return sum(len(versions) for versions in self._documents.values())

    @property
    def notes(self) -> list[str]:
        """What the user should know about the libraries used so far."""
        if not self._shadowed:
            return list(self._notes)
        names = ", ".join(str(identity) for identity in self._shadowed)
        return [
            *self._notes,
            f"given both as ELM documents and inside Library resources, the former are used: {names}",
        ]

    def add_elm(self, data: bytes, where: str) -> None:
        """Index a bare ELM document `{"library": ...}`, given as JSON; other JSON is passed over."""
        if isinstance(msgspec.json.decode(data, type=_Elm).library, msgspec.UnsetType):
            return
        self._index(_sniff(data, data, where), _Document(where, data))

    def add_resource(self, resource: Json, where: str) -> None:
        """Index a FHIR Library resource and the ELM in it."""
        own = Identity(str(resource.get("name") or resource.get("id") or ""), resource.get("version"))
        for key in _resource_keys(resource):
            self._resources.setdefault(key, {})[own.version] = resource
        contents = {c.get("contentType"): c.get("data") for c in resource.get("content", ())}
        if data := contents.get("application/elm+json"):
            inside = _sniff(_head(data), data, where)
            self._embedded[own] = inside
            self._index(inside, _Document(where, data))
        elif contents.get("text/cql"):
            self._cql_only.add(own)

    def library(self, name: str, version: str | None = None, asked_by: str = "") -> Json:
        """The ELM of a library; the newest when no version is asked for.

        A namespace before the name is ignored. Raises SalusError naming what is missing and who asked.
        """
        name = name.rsplit("/", 1)[-1]
        identity = Identity(name, self._version(name, version or None, asked_by))
        if identity not in self._parsed:
            self._parsed[identity] = self._choose(identity)
        return self._parsed[identity]

    def cql(self, name: str, version: str | None) -> str | None:
        """The CQL text in the Library resource of that name and version; None when there is none."""
        for versions in self._resources.values():
            resource = versions.get(version or None)
            if resource is not None and name in (resource.get("name"), resource.get("id")):
                return _text(resource)
        return None

    def named_by(self, canonical: str, asked_by: str) -> Identity:
        """The library that a measure's canonical (`url`, `url|version` or `Library/id`) stands for.

        Without such a Library resource the last part of the url is the name of an ELM document.
        """
        url, version = split_canonical(canonical)
        there = self._resources.get(url)
        if there is None:
            name = url.rsplit("/", 1)[-1]
            return Identity(name, version if version else newest(self._documents.get(name, [None])))
        if version is not None and version not in there:
            raise SalusError(f"{asked_by} names Library {canonical}; the content has {_listed(there)}")
        resource = there[version if version is not None else newest(there)]
        return Identity(str(resource.get("name") or resource.get("id")), resource.get("version"))

    def used(self) -> Iterator[tuple[Identity, str]]:
        """Each library asked for so far, with the sha256 of its ELM (keys sorted, so that layout does
        not matter).
        """
        for identity in sorted(self._parsed, key=str):
            text = orjson.dumps(self._parsed[identity], option=orjson.OPT_SORT_KEYS)
            yield identity, hashlib.sha256(text).hexdigest()

    def _index(self, identity: Identity, document: _Document) -> None:
        self._documents.setdefault(identity.name, {}).setdefault(identity.version, []).append(document)

    def _version(self, name: str, version: str | None, asked_by: str) -> str | None:
        there = self._documents.get(name, {})
        if version in there:
            return version
        if version is None and there:
            return newest(there)
        raise SalusError(self._missing(Identity(name, version), asked_by))

    def _missing(self, wanted: Identity, asked_by: str) -> str:
        what = str(wanted) if wanted.version else wanted.name
        text = f"{asked_by or 'the run'} needs {what}, which is not in the content"
        if wanted in self._cql_only:
            return f"{text} as ELM, only as CQL: give its ELM too"
        if there := self._documents.get(wanted.name):
            text += f"; there is {_listed(there)}"
        if stale := self._embedded.get(wanted):
            text += f" (the Library resource of {wanted} carries the ELM of {stale})"
        return text

    def _choose(self, identity: Identity) -> Json:
        documents = self._documents[identity.name][identity.version]
        bare = [document for document in documents if document.bare]
        if stale := self._stale(identity):
            self._notes.append(
                f"the Library resource of {identity} carries the ELM of {stale}, which is not used for it"
            )
        elif 0 < len(bare) < len(documents):
            self._shadowed.append(identity)
        chosen, *others = (document.parse() for document in bare or documents)
        if any(other != chosen for other in others):
            self._notes.append(f"{identity} is in the content more than once with different ELM; the first is used")
        return chosen

    def _stale(self, identity: Identity) -> Identity | None:
        inside = self._embedded.get(identity)
        return inside if inside != identity else None


def _text(resource: Json) -> str | None:
    data = next((c.get("data") for c in resource.get("content", ()) if c.get("contentType") == "text/cql"), None)
    try:
        return base64.b64decode(data).decode("utf-8") if data else None
    except ValueError:
        return None


def _resource_keys(resource: Json) -> Iterable[str]:
    url, id_ = resource.get("url"), resource.get("id")
    return [key for key in (url, f"Library/{id_}" if id_ else None) if key]


def _listed(versions: Iterable[str | None]) -> str:
    return ", ".join(sorted(str(version) for version in versions))


def _identity(identifier: Json, where: str) -> Identity:
    if not identifier.get("id"):
        raise SalusError(f"the ELM in {where} has no library identifier")
    return Identity(str(identifier["id"]), identifier.get("version"))


def _sniff(head: bytes, data: bytes | str, where: str) -> Identity:
    """The identity of an ELM document, from its head when it is there (translators write it first)."""
    found = _IDENTIFIER.search(head, 0, _HEAD)
    if found is None:
        return _identity(_Document(where, data).parse().get("identifier", {}), where)
    try:
        return _identity(orjson.loads(found[1]), where)
    except ValueError as error:
        raise SalusError(f"the ELM in {where} cannot be read: {error}") from None


def _head(data: str) -> bytes:
    """The first decoded bytes; none when line breaks in the text put the cut in the wrong place."""
    try:
        return base64.b64decode(data[:_HEAD])
    except ValueError:
        return b""
