"""Translations of the libraries there are, each made once and kept between runs.

What is kept is found by everything a translation depends on: the text, the texts of all it includes, and the translator
itself. Leaves to others: where texts come from (`Texts`), translating (`cql.translate`), keeping (`salus.cache`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import orjson

from salus.cache import Cache, cache_folder
from salus.cql.diagnostics import Diagnostic
from salus.cql.digests import digest, translator
from salus.cql.header import Head, chosen_version
from salus.cql.source import Source
from salus.cql.translation import Translation

if TYPE_CHECKING:
    from salus.cql.translate import Finder

Identity = tuple[str, str | None]


class Texts(Protocol):
    """As `cql.translate.Texts`, with what stands for a text where it is not read."""

    def versions(self, name: str) -> Sequence[str | None]: ...
    def text(self, name: str, version: str | None) -> Source: ...
    def names(self) -> Sequence[str]: ...
    def head(self, name: str, version: str | None) -> Head: ...


class Translations:
    """The ELM of libraries by name and version."""

    def __init__(self, texts: Texts, kept: Cache | None = None) -> None:
        self._texts = texts
        self._kept = kept if kept is not None else Cache(cache_folder())
        self._made: dict[Identity, Translation] = {}
        self._keys: dict[Identity, str] = {}

    def of(self, name: str, version: str | None) -> Translation:
        """The translation of a library that the texts have, and what is wrong with it."""
        identity = name, version
        if identity not in self._made:
            self._made[identity] = self._recall(identity) or self._make(identity)
        return self._made[identity]

    @cached_property
    def _finder(self) -> Finder:
        from salus.cql.translate import Finder  # not loaded where all is kept

        return Finder(self._texts)

    def _make(self, identity: Identity) -> Translation:
        from salus.cql.translate import translate_scope

        made = translate_scope(self._finder.open(*identity))
        self._kept.put(self._key(identity), _pack(made))
        return made

    def _recall(self, identity: Identity) -> Translation | None:
        data = self._kept.get(self._key(identity))
        return _unpack(data) if data is not None else None

    def _key(self, identity: Identity) -> str:
        """A digest of all that the translation depends on."""
        if identity not in self._keys:
            self._keys[identity] = digest(translator(), *self._depends(identity, set()))
        return self._keys[identity]

    def _depends(self, identity: Identity, seen: set[Identity]) -> Iterator[str]:
        """The name and text of the library, then those of what it includes, as deep as that goes, each once."""
        seen.add(identity)
        head = self._texts.head(*identity)
        yield from (head.called, head.digest)
        for name, version in head.header.includes:
            there = self._texts.versions(name)
            chosen = (name, chosen_version(version, there)) if there else None
            yield f"{name} {version} {chosen}"
            if chosen and chosen not in seen:
                yield from self._depends(chosen, seen)


def _pack(made: Translation) -> bytes:
    return orjson.dumps({"elm": made.elm, "diagnostics": [asdict(each) for each in made.diagnostics]})


def _unpack(data: bytes) -> Translation:
    kept = orjson.loads(data)
    return Translation(kept["elm"], tuple(Diagnostic(**each) for each in kept["diagnostics"]))
