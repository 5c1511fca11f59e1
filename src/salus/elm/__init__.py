"""ELM: the Expression Logical Model, as typed nodes.

`parse` turns ELM JSON into frozen nodes that keep localId and locator; `library` holds a parsed library and resolves
names across libraries. Reading CQL text is `salus.cql`'s work; meaning is given by `salus.logic` and the engines.
Source: CQL 1.5 specification, "Using ELM" and the ELM schema r1 (https://cql.hl7.org/elm.html).
"""

from salus.elm.library import Includes, Library, LibrarySource
from salus.elm.nodes import Node

__all__ = ["Includes", "Library", "LibrarySource", "Node"]
