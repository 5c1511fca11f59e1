"""Immutable nodes of which equal ones are one object, and functions of them that are worked out once.

A plan is full of the same tests: sameness by identity makes them cheap to compare and to recognise, and what was once
found out about a node (whether it can be null, what it says when it is true) stays with it. Nothing here keeps a node
alive: when the last expression that holds it goes, so does all that is known of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar
from weakref import ref

Node = TypeVar("Node")
Found = TypeVar("Found")
_UNASKED = object()


class Shared:
    """A class of nodes whose fields are given by position; `known` holds what was worked out about this one."""

    __slots__ = ("__weakref__", "known")
    _made: ClassVar[dict[tuple[Any, ...], ref[Any]]] = {}
    known: dict[Callable[..., Any], Any]

    def __new__(cls, *parts: Any) -> Any:
        key = (cls, *cls.identity(*parts))
        there = cls._made.get(key)
        found = there() if there is not None else None
        if found is None:
            found = object.__new__(cls)
            object.__setattr__(found, "known", {})
            cls._made[key] = ref(found, lambda gone: _forget(cls._made, key, gone))
        return found

    @staticmethod
    def identity(*parts: Any) -> tuple[Any, ...]:
        """What two nodes of a class must have in common to be the same."""
        return parts


def _forget(made: dict[tuple[Any, ...], ref[Any]], key: tuple[Any, ...], gone: ref[Any]) -> None:
    if made.get(key) is gone:
        del made[key]


def remembered(function: Callable[[Node], Found]) -> Callable[[Node], Found]:
    """A function of one node whose answer is kept with the node."""

    def ask(node: Node) -> Found:
        known = node.known  # type: ignore[attr-defined]
        found = known.get(function, _UNASKED)
        if found is _UNASKED:
            found = known[function] = function(node)
        return found  # type: ignore[no-any-return]

    ask.__doc__, ask.__name__ = function.__doc__, function.__name__
    return ask
