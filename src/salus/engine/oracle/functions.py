"""Functions: which overload a call means, and the few that the model provides (ELM §9, FunctionRef).

A call that states its signature means the overload of exactly those types; without one, the first whose operands the
values are of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from salus.elm import nodes as n
from salus.engine.oracle.elements import Element, child, is_resource
from salus.engine.oracle.kinds import is_a
from salus.engine.oracle.values import Value


def overload(candidates: Sequence[n.FunctionDef], node: n.FunctionRef, values: Sequence[Value]) -> n.FunctionDef | None:
    """The function a call means; None when there is none of that many operands."""
    fitting = [c for c in candidates if len(c.operands) == len(values)]
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    for candidate in fitting:
        if node.signature and tuple(type_ for _, type_ in candidate.operands) == node.signature:
            return candidate
    return next((c for c in fitting if _accepts(c, values)), None)


def _accepts(candidate: n.FunctionDef, values: Sequence[Value]) -> bool:
    pairs = zip(candidate.operands, values, strict=True)
    return all(value is None or type_ is None or is_a(value, type_) for (_, type_), value in pairs)


def _reference(resource: Value) -> Value:
    """A Reference to a resource."""
    return Element("Reference", {"reference": str(resource)}) if is_resource(resource) else None


def _extension(element: Value, url: Value) -> Value:
    """The extensions of an element that have a url."""
    if not isinstance(element, Element):
        return None
    return [each for each in child(element, "extension") or () if each.json.get("url") == url]


EXTERNAL: dict[str, Callable[..., Value]] = {"reference": _reference, "extension": _extension}
"""Functions that a library declares external and the model provides, by name."""
