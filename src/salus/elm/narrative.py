"""The source text of a node, from the annotations that translators put into ELM.

An annotation is a tree of text whose branches carry the localId of the node they spell. Leaves to others: highlighting
and values. Source: CQL 1.5, "Annotations" (cql-annotations schema, Narrative).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from salus.elm.library import Library
from salus.elm.nodes import Node


def text_of(library: Library, define: str, node: Node) -> str:
    """The text a node was written as, in one line; its place in the library where there is no annotation."""
    for statement in library.statements(define):
        for annotation in statement.get("annotation", ()):
            found = _find(annotation.get("s") or {}, node.local_id) if node.local_id else None
            if found is not None:
                return " ".join("".join(_words(found)).split())
    return f"{library.label}, line {node.locator}" if node.locator else library.label


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
