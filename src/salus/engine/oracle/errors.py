"""What goes wrong while evaluating: an expression that is refused, or one that ends in an error.

Leaves to others: null and unknown, which are values.
"""

from __future__ import annotations

from salus.elm.library import Library
from salus.elm.nodes import Node
from salus.errors import SalusError


class Refused(SalusError):
    """A node the interpreter does not evaluate; says library, line and operator."""

    def __init__(self, library: Library, node: Node, problem: str) -> None:
        line = node.locator.partition(":")[0]
        super().__init__(f"{library.label}{f', line {line}' if line else ''}: {problem}")


class IllTyped(Refused):
    """An operator that is not defined for the values it is given."""


class Ended(Refused):
    """An evaluation that the specification ends with a run-time error (an overflow, two elements of a singleton ...).

    A measure's run goes on with null and a warning; with `Setting.strict` it is raised.
    """
