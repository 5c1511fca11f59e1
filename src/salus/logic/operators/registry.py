"""Operators by ELM name. An operator is a function of the context, its node and the values of its operands."""

from __future__ import annotations

from collections.abc import Callable

from salus.logic.values import Value

Handler = Callable[..., Value]

OPERATORS: dict[str, Handler] = {}


def operator(*names: str) -> Callable[[Handler], Handler]:
    """Register a handler `(cx, node, *operand values) -> Value`; an operand left out arrives as null."""

    def register(handler: Handler) -> Handler:
        for name in names:
            OPERATORS[name] = handler
        return handler

    return register
