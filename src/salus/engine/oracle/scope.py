"""What an expression can see: its library, the define it stands in, and the names bound around it.

Leaves to others: what names mean at each kind of reference (`interpreter`, `queries`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from salus.elm.library import Library
from salus.engine.oracle.values import Value


class Later:
    """A value computed when it is first asked for: a `let` of a query."""

    def __init__(self, compute: Callable[[], Value]) -> None:
        self._compute = compute
        self._made: list[Value] = []

    def get(self) -> Value:
        if not self._made:
            self._made.append(self._compute())
        return self._made[0]


@dataclass(frozen=True, slots=True)
class Scope:
    """Aliases, lets and operands by name, in a definition of a library."""

    library: Library
    define: str
    names: Mapping[str, Value | Later] = field(default_factory=dict)

    def bind(self, name: str, value: Value | Later) -> Scope:
        return Scope(self.library, self.define, {**self.names, name: value})

    def get(self, name: str) -> Value:
        """The value of a name; KeyError when nothing is called that."""
        found = self.names[name]
        return found.get() if isinstance(found, Later) else found
