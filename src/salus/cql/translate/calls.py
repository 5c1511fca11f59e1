"""Calls: functions of the library and its includes, fluent ones, and those of the System library.

Source: CQL 1.5, Developer's Guide, Function Definitions, Fluent Functions; Appendix B.
"""

from __future__ import annotations

from collections.abc import Sequence

from salus.cql import ast
from salus.cql import types as t
from salus.cql.conversions import Json
from salus.cql.diagnostics import did_you_mean
from salus.cql.overloads import Resolution
from salus.cql.signatures import table
from salus.cql.translate.core import UNKNOWN, Fault, Nothing, Translator, Typed, handles
from salus.cql.translate.functions import SPECIAL, system_function
from salus.cql.translate.library import Function, LibraryScope
from salus.cql.translate.methods import METHODS
from salus.cql.translate.names import qualifier
from salus.elm.types import Type


@handles(ast.Call)
def call(tr: Translator, node: ast.Call) -> Typed:
    if node.source is None or _is_system(tr, node.source):
        return _plain(tr, node)
    if alias := qualifier(tr, node.source):
        return _of_library(tr, node, alias)
    return _fluent(tr, node)


def _is_system(tr: Translator, source: ast.Expression) -> bool:
    return isinstance(source, ast.Identifier) and source.text == "System"


def _arguments(tr: Translator, node: ast.Call) -> list[Typed]:
    found = [tr.expr(each) for each in node.arguments]
    if any(each.unknown for each in found):
        raise Nothing
    return found


def _plain(tr: Translator, node: ast.Call) -> Typed:
    """A function of this library, else one of System."""
    operands = _arguments(tr, node)
    own = tr.library.functions(node.name.text)
    if own and (found := tr.resolve([each.signature for each in own], operands)):
        return _reference(tr, node, operands, own, found, None)
    if (value := system_function(tr, node, operands)) is not None:
        return value
    raise _unresolved(tr, node, operands, own, tr.library)


def _of_library(tr: Translator, node: ast.Call, alias: str) -> Typed:
    library = tr.library.included(alias, node)
    operands = _arguments(tr, node)
    own = [each for each in library.functions(node.name.text) if not each.private]
    found = tr.resolve([each.signature for each in own], operands)
    found = found or _loosely(tr, node, [(each, alias) for each in own], operands)
    if found is None:
        raise _unresolved(tr, node, operands, own, library)
    return _reference(tr, node, operands, own, found, alias)


def _fluent(tr: Translator, node: ast.Call) -> Typed:
    """`value.f(x)`: of all fluent functions in sight the one that fits best, with the value as first operand."""
    assert node.source is not None
    source = tr.known(node.source)
    candidates = _in_sight(tr, node.name.text)
    method = METHODS.get(node.name.text)
    if not candidates and method:
        return method(tr, node, source)
    operands = [source, *_arguments(tr, node)]
    found = tr.resolve([each.signature for each, _ in candidates], operands)
    found = found or _loosely(tr, node, candidates, operands)
    if found is None:
        if method:
            return method(tr, node, source)
        raise _unresolved(tr, node, operands, [each for each, _ in candidates], tr.library)
    function, alias = next(pair for pair in candidates if pair[0].signature is found.signature)
    owner = tr.library.included(alias, node) if alias else tr.library
    return _reference(tr, node, operands, owner.functions(function.name), found, alias)


def _loosely(
    tr: Translator, node: ast.Call, candidates: Sequence[tuple[Function, str | None]], operands: Sequence[Typed]
) -> Resolution | None:
    """Profiles change between versions: a function of a library that is read in another version than was asked for may
    be given another profile of the class it takes, with a warning (S-22).
    """
    others = [each.signature for each, alias in candidates if alias in tr.library.declared.stand_ins]
    found = tr.resolve_loosely(others, operands) if others else None
    if found:
        given = ", ".join(t.shown(each.type) for each in operands)
        takes = ", ".join(map(t.shown, found.signature.operands))
        tr.report.warning(node.name, f"{node.name.text} of another version takes ({takes}) and is given ({given})")
    return found


def _in_sight(tr: Translator, name: str) -> list[tuple[Function, str | None]]:
    """Fluent functions of this library and of those it includes."""
    own: list[tuple[Function, str | None]] = [(each, None) for each in tr.library.functions(name) if each.fluent]
    for alias, library in tr.library.declared.includes.items():
        if library:
            own += [(each, alias) for each in library.functions(name) if each.fluent and not each.private]
    return own


def _reference(
    tr: Translator,
    node: ast.Call,
    operands: Sequence[Typed],
    overloads: Sequence[Function],
    found: Resolution,
    alias: str | None,
) -> Typed:
    """A call in ELM, with the signature where several functions of the name take as many operands."""
    function = next(each for each in overloads if each.signature is found.signature)
    owner = tr.library.included(alias, node) if alias else tr.library
    elm: Json = {"type": "FunctionRef", "name": function.name, **({"libraryName": alias} if alias else {})}
    alike = [each for each in overloads if len(each.signature.operands) == len(operands)]
    if len(alike) > 1:
        elm["signature"] = [t.specifier(each) for each in found.signature.operands]
    return Typed({**elm, "operand": tr.converted(found, operands)}, _result(tr, node, function, owner))


def _result(tr: Translator, node: ast.Call, function: Function, owner: LibraryScope) -> Type:
    """What a function returns; one that needs itself must say so."""
    if function.working and function.type == UNKNOWN:
        raise Fault(node, f"{function.name} calls itself and does not say what it returns", "add: returns TYPE")
    owner.ensure(function)
    if function.type == UNKNOWN:
        if owner is tr.library:
            raise Nothing
        raise Fault(node, f"{function.name} of {owner.name} could not be translated")
    return function.type


def _unresolved(
    tr: Translator, node: ast.Call, operands: Sequence[Typed], own: Sequence[Function], library: LibraryScope
) -> Fault:
    """That no function takes the operands; nothing more of a function whose own operands have faults."""
    if any(UNKNOWN in each.signature.operands for each in own):
        raise Nothing
    name = node.name.text
    types = ", ".join(t.shown(each.type) for each in operands)
    if own:
        takes = [f"({', '.join(map(t.shown, each.signature.operands))})" for each in own]
        return Fault(node.name, f"{name} cannot be called with ({types})", f"it takes {' or '.join(takes[:4])}")
    known = [*library.functions_by_name, *table(), *SPECIAL, *METHODS]
    for alias in tr.library.declared.includes.values():
        known += alias.functions_by_name if alias and node.source is not None else ()
    return Fault(node.name, f"there is no function {name}", did_you_mean(name, known))
