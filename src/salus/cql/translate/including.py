"""The libraries a library includes: found, parsed, and asked for the types of what is referred to.

Leaves to others: where the text comes from (a `Texts`: files, FHIR Library resources).
Source: CQL 1.5, Author's Guide, Library, include.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from salus.cql import ast
from salus.cql.diagnostics import did_you_mean
from salus.cql.header import chosen_version
from salus.cql.parser import parse_library
from salus.cql.source import Source
from salus.cql.translate.core import Fault
from salus.cql.translate.library import LibraryScope


class Texts(Protocol):
    """Where the text of libraries comes from."""

    def versions(self, name: str) -> Sequence[str | None]:
        """The versions there are of a library, oldest first; none when there is no such library."""

    def text(self, name: str, version: str | None) -> Source:
        """The text of one of those versions."""

    def names(self) -> Sequence[str]:
        """The names of all libraries, for hints."""


class Finder:
    """Opens libraries, each once, and answers includes."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._open: dict[tuple[str, str | None], LibraryScope] = {}
        self._opening: list[str] = []

    def include(self, asked_by: LibraryScope, node: ast.Include, version: str | None) -> LibraryScope:
        """The library an include names. A version that is not there is read as the newest there is, with a warning."""
        name = node.name.parts[-1].text
        there = self._texts.versions(name)
        if not there:
            raise Fault(node.name, f"there is no library {name}", did_you_mean(name, self._texts.names()))
        chosen = chosen_version(version, there)
        if version not in (None, chosen):
            message = f"{name} {version} is not there; {name} {chosen or 'without a version'} is used for it"
            asked_by.report.warning(node, message)
        if name in self._opening:
            circle = " includes ".join([*self._opening[self._opening.index(name) :], name])
        else:
            found = self.open(name, chosen)
            circle = found.circle
        if circle:
            asked_by.circle = circle
            raise Fault(node, f"libraries include each other: {circle}")
        return found

    def open(self, name: str, version: str | None) -> LibraryScope:
        """The library, parsed and indexed, its definitions not yet translated."""
        key = (name, version)
        if key not in self._open:
            self._open[key] = self.scope(self._texts.text(name, version))
        return self._open[key]

    def scope(self, source: Source) -> LibraryScope:
        """A library from its text."""
        tree, report = parse_library(source)
        self._opening.append(tree.name.parts[-1].text if tree.name else source.name)
        try:
            return LibraryScope(tree, source, report, self)
        finally:
            self._opening.pop()
