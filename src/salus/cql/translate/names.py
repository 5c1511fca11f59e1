"""Names: what an identifier stands for, and what a dot after one means.

Nearest first: aliases and lets of the queries around, operands, `$this` and its kin, then the library's definitions.
Inside a sort clause a name is an element of what is sorted.
Source: CQL 1.5, Developer's Guide, Identifier Resolution, Scoping.
"""

from __future__ import annotations

from collections.abc import Iterator

from salus.cql import ast
from salus.cql import types as t
from salus.cql.diagnostics import did_you_mean
from salus.cql.translate.core import UNKNOWN, Fault, Nothing, Translator, Typed, handles
from salus.cql.translate.properties import find, property_of
from salus.elm.types import Type


@handles(ast.Identifier)
def identifier(tr: Translator, node: ast.Identifier) -> Typed:
    found = local(tr, node) or tr.library.reference(node)
    if found is None:
        raise Fault(node, f"there is nothing called {node.text} here", hint(tr, node.text))
    return found


def local(tr: Translator, node: ast.Identifier) -> Typed | None:
    """What the scopes around give under a name."""
    for scope in reversed(tr.scopes):
        if node.text in scope.names:
            kind, type_ = scope.names[node.text]
            if type_ == UNKNOWN:
                raise Nothing
            return Typed({"type": kind, "name": node.text}, type_)
        if scope.sorted is not None and (found := _sorted(tr, scope.sorted, node.text)):
            return found
    return None


def _sorted(tr: Translator, type_: Type, name: str) -> Typed | None:
    """An element of what a sort clause sorts: ELM has it by its name alone, read as the model says."""
    found = find(tr, Typed({"type": "AliasRef", "name": ""}, type_), name)
    return Typed(_unscoped(found.elm), found.type) if found else None


def _unscoped(elm: object) -> dict[str, object]:
    """Elements of the nameless element, by name."""

    def walk(value: object) -> object:
        if isinstance(value, list):
            return [walk(each) for each in value]
        if not isinstance(value, dict):
            return value
        if value.get("type") == "Property" and value.get("scope") == "":
            return {"type": "IdentifierRef", "name": value["path"]}
        return {key: walk(each) for key, each in value.items()}

    walked = walk(elm)
    assert isinstance(walked, dict)
    return walked


@handles(ast.Variable)
def variable(tr: Translator, node: ast.Variable) -> Typed:
    for scope in reversed(tr.scopes):
        if scope.sorted is not None and node.name == "$this":
            return Typed({"type": "IdentifierRef", "name": "$this"}, scope.sorted)
        if node.name in scope.names:
            kind, type_ = scope.names[node.name]
            return Typed({"type": kind, "name": node.name}, type_)
    raise Fault(node, f"{node.name} has no meaning here")


@handles(ast.Member)
def member(tr: Translator, node: ast.Member) -> Typed:
    if alias := qualifier(tr, node.source):
        return tr.library.included_reference(alias, node.name)
    return property_of(tr, tr.known(node.source), node.name)


def qualifier(tr: Translator, node: ast.Expression | None) -> str | None:
    """The name of an included library, when that is what stands before a dot."""
    if isinstance(node, ast.Identifier) and tr.library.is_include(node.text) and local(tr, node) is None:
        return node.text
    return None


@handles(ast.ExternalConstant)
def external(_: Translator, node: ast.ExternalConstant) -> Typed:
    raise Fault(node, f"%{node.name} is a constant of FHIRPath that CQL does not have")


def hint(tr: Translator, name: str) -> str:
    """Names like the one that was not found."""
    return did_you_mean(name, _known(tr))


def _known(tr: Translator) -> Iterator[str]:
    for scope in tr.scopes:
        yield from scope.names
        if scope.sorted is not None:
            yield from t.element_names(scope.sorted)
    yield from tr.library.names()
