"""Operators by their ELM name, and what an operator is given.

`@operator` registers a function of the operands' values; `@lazy` one that evaluates its operands itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from salus.elm.nodes import Node, Operator
from salus.engine.oracle.errors import IllTyped
from salus.engine.oracle.moments import Moment
from salus.engine.oracle.scope import Scope
from salus.engine.oracle.values import Value, ValueSet

Codes = frozenset[tuple[str, str]]


class Evaluator(Protocol):
    """What an operator needs of the interpreter."""

    def evaluate(self, node: Node, scope: Scope) -> Value: ...
    def codes(self, value_set: ValueSet) -> Codes: ...
    def warn(self, scope: Scope, node: Node, text: str) -> None: ...
    def error(self, scope: Scope, node: Node, text: str) -> None: ...
    def now(self) -> Moment: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One use of an operator."""

    interpreter: Evaluator
    node: Operator
    scope: Scope

    @property
    def unit(self) -> str | None:
        """The precision the operator is used at, such as `day`."""
        return self.node.precision.lower() if self.node.precision else None

    def operand(self, place: int) -> Value:
        """The value of an operand; None when it is left out."""
        found = self.node.operands[place] if place < len(self.node.operands) else None
        return None if found is None else self.interpreter.evaluate(found, self.scope)

    def fail(self, problem: str) -> NoReturn:
        """Refuse operands for which the operator is not defined."""
        raise IllTyped(self.scope.library, self.node, f"{self.node.op}: {problem}")

    def warn(self, text: str) -> None:
        self.interpreter.warn(self.scope, self.node, text)

    def error(self, text: str) -> None:
        """A run-time error: the value is null, with a warning, where the run goes on."""
        self.interpreter.error(self.scope, self.node, text)


Function = Callable[..., Value]
EAGER: dict[str, Function] = {}
LAZY: dict[str, Callable[[Call], Value]] = {}


def operator(*names: str) -> Callable[[Function], Function]:
    """Register a function of (call, operand values...) for ELM operators."""

    def register(function: Function) -> Function:
        for name in names:
            EAGER[name] = function
        return function

    return register


def lazy(*names: str) -> Callable[[Callable[[Call], Value]], Callable[[Call], Value]]:
    """Register a function that asks its call for the operands it needs."""

    def register(function: Callable[[Call], Value]) -> Callable[[Call], Value]:
        for name in names:
            LAZY[name] = function
        return function

    return register


def strict(function: Function) -> Function:
    """Null when any operand is null."""

    def guarded(call: Call, *values: Any) -> Value:
        return None if any(value is None for value in values) else function(call, *values)

    return guarded


def supported() -> frozenset[str]:
    """The names of the operators there are."""
    return frozenset(EAGER) | frozenset(LAZY)
