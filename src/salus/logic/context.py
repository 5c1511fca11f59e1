"""What compiling an expression needs at hand: the library it stands in, names in scope, the frame of rows, the run.

Operators receive a `Context`; they ask it for values of sub-expressions and raise its errors, which name the library
and the place. Leaves to others: the dispatch itself (`compiler`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from msgspec import Struct, field
from msgspec.structs import replace

from salus.elm.library import Library
from salus.elm.nodes import Node
from salus.errors import SalusError
from salus.logic.data import Data
from salus.logic.frame import Frame, Rows
from salus.logic.values import Value

if TYPE_CHECKING:
    from salus.logic.compiler import Compiler


class Unsupported(SalusError):
    """The library uses something this engine does not compile; the message names library, line and operator."""


class IllTyped(Unsupported):
    """An operator that is not defined for the types it is given."""


class Ended(SalusError):
    """An evaluation that the specification ends with a run-time error; a run goes on with null and a warning."""


class Context(Struct, frozen=True, eq=False):
    """Scope of one expression. `aliases` are query sources and lets, `operands` a function's arguments. `everyone`: it
    stands in no patient's context (see `salus.logic.everyone`)."""

    compiler: Compiler
    library: Library
    define: str
    frame: Frame
    aliases: Mapping[str, Value | Callable[[], Value]] = field(default_factory=dict)
    operands: Mapping[str, Value] = field(default_factory=dict)
    context: str = "Patient"
    everyone: bool = False

    @property
    def data(self) -> Data:
        return self.frame.data

    @property
    def now(self) -> datetime:
        """The run's evaluation time (UTC), the same for every expression of a run."""
        return self.compiler.now

    def value(self, node: Node) -> Value:
        """The structured value of a sub-expression."""
        return self.compiler.value(node, self)

    def within(self, frame: Frame, **aliases: Value | Callable[[], Value]) -> Context:
        """The same scope inside another frame, with more names."""
        return replace(self, frame=frame, aliases={**self.aliases, **aliases})

    def fail(self, node: Node, message: str) -> NoReturn:
        """Refuse at compile time, naming library, place and define."""
        raise Unsupported(f"{self.where(node)}: {message}")

    def ill_typed(self, node: Node, message: str) -> NoReturn:
        """Refuse an operator that the specification does not define for these types."""
        raise IllTyped(f"{self.where(node)}: {message}")

    def error(self, node: Node, message: str) -> None:
        """Note a run-time error that is certain already: null, and the run warns of it."""
        self.compiler.errors[f"{self.where(node)}: {message}"] = None

    def where(self, node: Node) -> str:
        """`Library 1.0.0, line 12:5-12:20 (define "X")`."""
        place = f", line {node.locator}" if node.locator else ""
        return f'{self.library.label}{place} (in "{self.define}")'


def memo(cx: Context, name: object, parts: tuple[Any, ...], make: Callable[[], Value]) -> Value:
    """`make()` once per frame for the same parts (by identity): a conversion written twice is computed once."""
    cache: dict[Any, tuple[tuple[Any, ...], Value]] = cx.compiler.memo(cx.frame)
    key = (name, tuple(id(part) for part in parts))
    if key in cache:
        return cache[key][1]
    value = make()
    if not isinstance(value, Rows):  # a list is built upon by whoever asked for it
        cache[key] = (parts, value)
    return value
