"""The ELM documents of the content, by the identity the ELM itself states.

A published Library resource often carries the ELM of another version than its own, so what counts is `identifier`
inside the ELM. ELM comes base64-encoded in Library resources or as bare documents `{"library": ...}`; a bare document
was given for this very purpose and wins over an embedded one. Embedded ELM is megabytes of JSON: only its head is read
to learn who it is, and it is parsed when it is asked for.
Leaves to others: reading files (`measure.content`), CQL text (`measure.texts`), typed nodes (`elm`).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

from salus.errors import SalusError
from salus.measure.identity import Identity

Json = Mapping[str, Any]

_HEAD = 16_384  # characters of base64, a multiple of four
_LIBRARY = re.compile(rb'\s*\{\s*"library"\s*:\s*\{')
_IDENTIFIER = re.compile(rb'"identifier"\s*:\s*(\{[^{}]*\})')


@dataclass(frozen=True)
class _Document:
    """One ELM document, unread: what gives its JSON bytes (bare) or base64 text (embedded); and where it came from."""

    where: str
    bare: bool
    load: Callable[[], bytes | str]

    def parse(self) -> Json:
        """The object under `library`."""
        return _parsed(self.load(), self.where)


class _Elm(msgspec.Struct):
    library: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class ElmHead(msgspec.Struct, frozen=True, tag=True):
    """What is known of an ELM document before it is asked for."""

    identity: Identity

    @classmethod
    def of(cls, data: bytes, where: str) -> ElmHead | None:
        """Of a bare document `{"library": ...}`, given as JSON; None of other JSON. Raises SalusError."""
        if not _LIBRARY.match(data) and isinstance(msgspec.json.decode(data, type=_Elm).library, msgspec.UnsetType):
            return None
        return cls(_sniff(data, data, where))

    @classmethod
    def within(cls, data: str, where: str) -> ElmHead:
        """Of the ELM inside a Library resource, given as base64. Raises SalusError."""
        return cls(_sniff(_head(data), data, where))


class ElmDocuments:
    """An index of ELM documents. `notes` says what was chosen, as documents are asked for."""

    def __init__(self) -> None:
        self._documents: dict[str, dict[str | None, list[_Document]]] = {}
        self._embedded: dict[Identity, Identity] = {}
        self._shadowed: list[Identity] = []
        self._notes: list[str] = []

    def __len__(self) -> int:
        return sum(len(versions) for versions in self._documents.values())

    def __contains__(self, identity: Identity) -> bool:
        return identity.version in self._documents.get(identity.name, {})

    @property
    def notes(self) -> list[str]:
        """What the user should know about the documents used so far."""
        if not self._shadowed:
            return list(self._notes)
        names = ", ".join(str(identity) for identity in self._shadowed)
        return [
            *self._notes,
            f"given both as ELM documents and inside Library resources, the former are used: {names}",
        ]

    def add_bare(self, head: ElmHead, where: str, load: Callable[[], bytes]) -> None:
        """Index a bare ELM document."""
        self._index(head.identity, _Document(where, True, load))

    def add_embedded(self, own: Identity, head: ElmHead, where: str, load: Callable[[], str]) -> None:
        """Index the ELM inside the Library resource of that identity; what is loaded is its base64."""
        self._embedded[own] = head.identity
        self._index(head.identity, _Document(where, False, load))

    def versions(self, name: str) -> Iterable[str | None]:
        return self._documents.get(name, {})

    def is_bare(self, identity: Identity) -> bool:
        """Whether it was given as a document of its own."""
        return any(each.bare for each in self._documents.get(identity.name, {}).get(identity.version, ()))

    def stale(self, identity: Identity) -> Identity | None:
        """What the Library resource of that identity carries instead of its own ELM."""
        inside = self._embedded.get(identity)
        return inside if inside != identity else None

    def choose(self, identity: Identity) -> Json:
        """The ELM of that very identity. It must be there."""
        documents = self._documents[identity.name][identity.version]
        bare = [document for document in documents if document.bare]
        if stale := self.stale(identity):
            self._notes.append(
                f"the Library resource of {identity} carries the ELM of {stale}, which is not used for it"
            )
        elif 0 < len(bare) < len(documents):
            self._shadowed.append(identity)
        chosen, *others = (document.parse() for document in bare or documents)
        if any(other != chosen for other in others):
            self._notes.append(f"{identity} is in the content more than once with different ELM; the first is used")
        return chosen

    def _index(self, identity: Identity, document: _Document) -> None:
        self._documents.setdefault(identity.name, {}).setdefault(identity.version, []).append(document)


def _parsed(data: bytes | str, where: str) -> Json:
    try:
        text = base64.b64decode(data) if isinstance(data, str) else data
        library: Json = orjson.loads(text)["library"]
    except (ValueError, KeyError, TypeError) as error:
        raise SalusError(f"the ELM in {where} cannot be read: {error}") from None
    return library


def _identity(identifier: Json, where: str) -> Identity:
    if not identifier.get("id"):
        raise SalusError(f"the ELM in {where} has no library identifier")
    return Identity(str(identifier["id"]), identifier.get("version"))


def _sniff(head: bytes, data: bytes | str, where: str) -> Identity:
    """The identity of an ELM document, from its head when it is there (translators write it first)."""
    found = _IDENTIFIER.search(head, 0, _HEAD)
    if found is None:
        return _identity(_parsed(data, where).get("identifier", {}), where)
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
