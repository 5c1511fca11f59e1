"""What the wanted defines can reach, before any data is looked at: every library, function and value set they name.

A missing one is an error however little the population has: an empty table must not hide it. Leaves to others:
opening libraries (`salus.elm`), expanding value sets (`salus.terminology`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import astuple

from salus.elm import nodes as n
from salus.elm.library import Includes, Library
from salus.errors import SalusError


def nodes_of(node: object) -> Iterator[n.Node]:
    """Every node of an expression, itself included."""
    stack: list[object] = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple):
            stack.extend(item)
        elif isinstance(item, n.Node):
            yield item
            stack.extend(astuple(item))


def reach(includes: Includes, targets: Iterable[tuple[Library, str]]) -> Iterator[tuple[Library, n.Node]]:
    """Every node that evaluating the targets can come to, with its library."""
    todo = [(library, found) for library, name in targets for found in _definitions(library, name)]
    seen: set[int] = set()
    while todo:
        library, definition = todo.pop()
        if id(definition) in seen:
            continue
        seen.add(id(definition))
        for node in nodes_of(definition.expression):
            yield library, node
            todo += _named(includes, library, node)


def _definitions(library: Library, name: str) -> Sequence[n.ExpressionDef | n.FunctionDef]:
    return library.functions(name) or [library.expression(name)]


def _named(
    includes: Includes, library: Library, node: n.Node
) -> Sequence[tuple[Library, n.ExpressionDef | n.FunctionDef]]:
    if isinstance(node, n.Ref) and node.kind == "ExpressionRef":
        owner = includes.included(library, node.library)
        return [(owner, owner.expression(node.name, f"{library.label}, line {node.locator}"))]
    if isinstance(node, n.FunctionRef):
        owner = includes.included(library, node.library)
        if not owner.has_function(node.name, len(node.operands)):
            raise SalusError(
                f'{library.label}, line {node.locator}: {owner.label} has no function "{node.name}"'
                f" of {len(node.operands)} arguments"
            )
        native = owner.name == "FHIRHelpers"
        return [] if native else [(owner, found) for found in owner.functions(node.name, len(node.operands))]
    return []


def value_sets_of(includes: Includes, targets: Iterable[tuple[Library, str]]) -> list[tuple[str, str | None, str]]:
    """(url, version, who asks) of every value set the targets can come to, once each."""
    found: dict[tuple[str, str | None], str] = {}
    for library, node in reach(includes, targets):
        if isinstance(node, n.Ref) and node.kind == "ValueSetRef":
            owner = includes.included(library, node.library)
            declared = owner.value_sets.get(node.name)
            if declared is None:
                raise SalusError(f'{owner.label} declares no value set "{node.name}"')
            found.setdefault((declared["id"], declared.get("version")), f'{owner.label} ("{node.name}")')
    return [(url, version, asked_by) for (url, version), asked_by in found.items()]
