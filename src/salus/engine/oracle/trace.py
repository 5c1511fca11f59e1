"""What each node of a library was for one patient: the raw material of an explanation.

Leaves to others: source text (`salus.elm.narrative`), showing values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from salus.elm.nodes import Node
from salus.engine.oracle.scope import Scope
from salus.engine.oracle.values import Value


@dataclass(frozen=True, slots=True)
class Place:
    """A node of a definition: library name and version, the define or function, localId and locator."""

    library: str
    version: str
    define: str
    local_id: str
    locator: str


@dataclass
class Trace:
    """The values of every node that was evaluated, in order; a node in a query has one for each row it saw."""

    values: dict[Place, list[Value]] = field(default_factory=dict)

    def add(self, scope: Scope, node: Node, value: Value) -> None:
        place = Place(scope.library.name, scope.library.version, scope.define, node.local_id, node.locator)
        self.values.setdefault(place, []).append(value)

    def of(self, define: str) -> Iterator[tuple[Place, list[Value]]]:
        """The places of one define, in the order they were first evaluated."""
        return ((place, found) for place, found in self.values.items() if place.define == define)
