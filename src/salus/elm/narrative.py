"""The source text of a node: from its locator in the CQL its library was written as, from the annotations translators
put into ELM, or, where there is neither, a rendering of the node itself.

The CQL is taken at its word only where the define is found at its locator: a Library resource may carry the text of
another version than its ELM. Leaves to others: where the text is kept (`measure.content`), highlighting and values.
Sources: CQL 1.5, "Annotations" (cql-annotations schema, Narrative); ELM r1, `locator` (`line:column-line:column`, both
from 1, the end included).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from salus.elm.library import Library
from salus.elm.nodes import Node
from salus.elm.rendering import rendered

CqlOf = Callable[[str, str], str | None]
"""The CQL text of a library by name and version, or None."""

_LOCATOR = re.compile(r"(\d+):(\d+)(?:-(\d+):(\d+))?$")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


class Passage(Struct, frozen=True):
    """A definition as it stands in the CQL: its text, and its first and last place in it (`end` excluded)."""

    text: str
    start: int
    end: int


class Narrative:
    """The texts of libraries. `cql` gives the source of one; without it, annotations and renderings serve."""

    def __init__(self, cql: CqlOf | None = None) -> None:
        self._cql = cql or (lambda name, version: None)
        self._texts: dict[tuple[str, str], _Text | None] = {}

    def of(self, library: Library, define: str, node: Node) -> str:
        """The text a node was written as, in one line and without comments."""
        return _plain(self._located(library, define, node) or _annotated(library, define, node) or rendered(node))

    def passage(self, library: Library, define: str) -> Passage | None:
        """A definition in the CQL; None when there is no text or the define is not where its locator says."""
        text, found = self._text(library), None
        for statement in library.statements(define) if text else ():
            found = found or text.passage(define, str(statement.get("locator", "")))  # type: ignore[union-attr]
        return found

    def span(self, library: Library, locator: str) -> tuple[int, int] | None:
        """Where a locator points in the library's CQL: first place, and the one after the last."""
        text = self._text(library)
        return text.span(locator) if text else None

    def _text(self, library: Library) -> _Text | None:
        key = library.name, library.version
        if key not in self._texts:
            cql = self._cql(*key)
            self._texts[key] = None if cql is None else _Text(cql)
        return self._texts[key]

    def _located(self, library: Library, define: str, node: Node) -> str:
        passage, where = self.passage(library, define), _span_of(node)
        span = self.span(library, where) if passage and where else None
        if passage is None or span is None or not passage.start <= span[0] < span[1] <= passage.end:
            return ""
        return passage.text[span[0] : span[1]]


class _Text:
    """The CQL of one library and where its lines begin."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = [0, *(found.end() for found in re.finditer(r"\r\n|\r|\n", text))]

    def span(self, locator: str) -> tuple[int, int] | None:
        found = _LOCATOR.match(locator)
        if found is None:
            return None
        line, column, last_line, last_column = (int(each or 0) for each in found.groups())
        start = self._place(line, column)
        end = self._place(last_line, last_column) if last_line else start
        return None if start is None or end is None or end < start else (start, end + 1)

    def _place(self, line: int, column: int) -> int | None:
        place = self._lines[line - 1] + column - 1 if 0 < line <= len(self._lines) else len(self.text)
        return place if place < len(self.text) else None

    def passage(self, define: str, locator: str) -> Passage | None:
        span = self.span(locator)
        if span is None or not self.text.startswith("define", span[0]) or define not in self.text[span[0] : span[1]]:
            return None
        return Passage(self.text, *span)


def children(node: object) -> Iterator[Node]:
    """The nodes directly inside a node."""
    for value in astuple(node) if isinstance(node, Struct) else node if isinstance(node, tuple) else ():
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from children(value)


def _span_of(node: Node) -> str:
    """The node's locator; of one that a translator put in without any (a conversion), that of what is inside."""
    while not node.locator:
        inner = next(children(node), None)
        if inner is None:
            return ""
        node = inner
    return node.locator


def _annotated(library: Library, define: str, node: Node) -> str:
    for statement in library.statements(define) if node.local_id else ():
        for annotation in statement.get("annotation", ()):
            found = _find(annotation.get("s") or {}, node.local_id)
            if found is not None:
                return "".join(_words(found))
    return ""


def _find(branch: Mapping[str, Any], local_id: str) -> Mapping[str, Any] | None:
    if branch.get("r") == local_id:
        return branch
    for part in branch.get("s", ()):
        found = _find(part, local_id) if isinstance(part, Mapping) else None
        if found is not None:
            return found
    return None


def _words(branch: Mapping[str, Any]) -> Iterator[str]:
    yield from branch.get("value", ())
    for part in branch.get("s", ()):
        yield from _words(part)


def _plain(text: str) -> str:
    """One line; a condition without the `where` that a translator counts to it."""
    return " ".join(_COMMENT.sub(" ", text).split()).removeprefix("where ")
