"""The CQL text of the content, by the identity its own library line states.

Text comes base64-encoded in Library resources or as `.cql` files; a file was given for this very purpose and wins over
an embedded text. Only the head of a text is read to learn who it is, and the text is read when it is asked for.
FHIRHelpers is there also when the content has none (`cql.helpers`).
Leaves to others: reading files (`measure.content`), translating (`cql.translations`), ELM (`measure.libraries`).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import PurePath

import msgspec

from salus.cache import Cache, cache_folder
from salus.cql import helpers
from salus.cql.header import Head
from salus.cql.source import Source
from salus.errors import SalusError
from salus.measure.identity import Identity
from salus.terminology.versions import version_key

CQL = ".cql"
"""How the names of files with CQL text end."""


class TextHead(msgspec.Struct, frozen=True, tag=True):
    """What is known of a text before it is asked for, and whose it is."""

    identity: Identity
    text: Head

    @classmethod
    def of(cls, source: Source, unless_said: Identity) -> TextHead:
        """The identity that its library line states; what it does not say is as given."""
        head = _head(source)
        return cls(Identity(head.header.name or unless_said.name, head.header.version or unless_said.version), head)

    @classmethod
    def of_file(cls, data: bytes, where: str) -> TextHead:
        """Raises SalusError where a file is no text."""
        stem = PurePath(where.rpartition("!")[2]).stem
        return cls.of(source_of_file(data, where), Identity(stem, None))


@dataclass(frozen=True)
class Text:
    """A library's text and where it came from; `file`: whether as a file of its own."""

    identity: Identity
    head: Head
    where: str
    file: bool
    load: Callable[[], Source]

    @cached_property
    def source(self) -> Source:
        return self.load()


class LibraryTexts:
    """Texts by name and version, as `cql.translate.Texts` asks for them.

    `doubles` names what is there more than once with different text: the first is used.
    """

    def __init__(self) -> None:
        self._texts: dict[str, dict[str | None, Text]] = {}
        self.doubles: list[Identity] = []

    def __len__(self) -> int:
        return sum(len(versions) for versions in self._texts.values())

    def add_file(self, data: bytes, where: str) -> Identity:
        """Index a `.cql` file that was read. Raises SalusError where it is no text."""
        return self.add(TextHead.of_file(data, where), where, partial(source_of_file, data, where), file=True)

    def add(self, head: TextHead, where: str, load: Callable[[], Source], *, file: bool) -> Identity:
        """Index a text, a `.cql` file or one in a Library resource."""
        identity = head.identity
        there = self._texts.setdefault(identity.name, {})
        old = there.get(identity.version)
        if old is None or (file and not old.file):
            there[identity.version] = Text(identity, head.text, where, file, load)
        elif file == old.file and head.text.digest != old.head.digest:
            self.doubles.append(identity)
        return identity

    def append(self, identity: Identity, defines: Mapping[str, str], on_behalf_of: str) -> None:
        """Add defines, name and expression, at the end of a text; what is wrong in them is said of `on_behalf_of`."""
        old = self._texts[identity.name][identity.version]
        added = "".join(f"define {quoted(name)}:\n  {text}\n" for name, text in defines.items())
        source = Source(f"{old.source.text}\ncontext Patient\n{added}", f"{identity}, criteria of {on_behalf_of}")
        self._texts[identity.name][identity.version] = Text(
            identity, _head(source), old.where, old.file, lambda: source
        )

    def __contains__(self, identity: Identity) -> bool:
        return identity.version in self.versions(identity.name)

    def all(self) -> list[Text]:
        """Every text, in order of name and version."""
        return [self._texts[name][version] for name in sorted(self._texts) for version in self.versions(name)]

    def versions(self, name: str) -> list[str | None]:
        """The versions there are, oldest first."""
        if name == helpers.NAME and name not in self._texts:
            return [helpers.VERSION]
        return sorted(self._texts.get(name, {}), key=version_key)

    def text(self, name: str, version: str | None) -> Source:
        if name == helpers.NAME and name not in self._texts:
            return helpers.fhir_helpers()
        return self._texts[name][version].source

    def head(self, name: str, version: str | None) -> Head:
        """What stands for a text that is there."""
        if name == helpers.NAME and name not in self._texts:
            return _head(helpers.fhir_helpers())
        return self._texts[name][version].head

    def names(self) -> list[str]:
        return list(self._texts)


def quoted(name: str) -> str:
    """A name as CQL may write any (CQL 1.5, quoted identifiers)."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def source_of_file(data: bytes, where: str) -> Source:
    """The text of a `.cql` file. Messages call it by its path. Raises SalusError."""
    return Source(_decoded(data, where), where)


def source_within(data: str, own: Identity, where: str) -> Source:
    """The text in the Library resource of that identity, given as base64. Raises SalusError."""
    try:
        text = base64.b64decode(data)
    except ValueError as error:
        raise SalusError(f"the CQL in {where} cannot be read: {error}") from None
    return Source(_decoded(text, where), own.name)


def _head(source: Source) -> Head:
    """What stands for a text, its header kept in the user's cache."""
    return Head.of(source, Cache(cache_folder()))


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SalusError(f"the CQL in {where} is not UTF-8 text (byte {error.start})") from None
