"""A library's definitions: what its names stand for, translated when first asked for, and the ELM of the whole.

Definitions may refer to later ones, so each is translated on demand, once, and one that needs itself is a fault. A
library that includes this one asks it for the same: the types of what it refers to, and no more.
Leaves to others: expressions (the chapters), headers and declarations (`translate.declarations`), finding the text of
included libraries (`translate.including`).
Source: CQL 1.5, Developer's Guide, Libraries; ELM r1, Library.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from salus.cql import ast
from salus.cql import types as t
from salus.cql.conversions import Json
from salus.cql.diagnostics import Report, did_you_mean
from salus.cql.models import ClassInfo
from salus.cql.signatures import Signature
from salus.cql.source import Source
from salus.cql.translate.core import UNKNOWN, Fault, Nothing, Scope, Translator, Typed
from salus.cql.translate.declarations import Declarations
from salus.elm.library import UNFILTERED
from salus.elm.types import ANY, ListOf, Named, Type

if TYPE_CHECKING:
    from salus.cql.translate.including import Finder


@dataclass(slots=True)
class Define:
    """A statement: its context, and its ELM and type once translated."""

    node: ast.ExpressionDef | ast.FunctionDef | None
    name: str
    context: str
    private: bool = False
    elm: Json | None = None
    type: Type = UNKNOWN
    working: bool = False


@dataclass(slots=True)
class Function(Define):
    """A function with its operand types; `signature.result` is not known before it is translated."""

    signature: Signature = field(default_factory=lambda: Signature("", (), ANY))
    fluent: bool = False


class LibraryScope:
    """One library: what its names stand for. `circle` says by what way it includes itself, if it does."""

    def __init__(self, tree: ast.Library, source: Source, report: Report, finder: Finder) -> None:
        self.tree, self.source, self.report = tree, source, report
        self.name = tree.name.parts[-1].text if tree.name else source.name
        self.version = tree.version.value if tree.version else None
        self.declared = Declarations(self, finder)
        self.tr = Translator(source, report, self)
        self.defines: dict[str, Define] = {}
        self.functions_by_name: dict[str, list[Function]] = {}
        self.contexts: list[ast.ContextDef] = []
        self.circle = ""
        self.declared.read()
        self._index()

    # what the chapters ask

    def model_names(self) -> list[str]:
        """The models whose conversions are in force: all that are used, if their helpers are at hand."""
        return [each.name for each in self.declared.models.values()] if self.helpers() is not None else []

    def helpers(self) -> str | None:
        """The name by which this library calls FHIRHelpers: "" in FHIRHelpers itself, None when it is not included."""
        if self.name == "FHIRHelpers":
            return ""
        return next((alias for alias, lib in self.declared.includes.items() if lib and lib.name == "FHIRHelpers"), None)

    def call_helper(self, function: str, value: Json, operand: Type) -> Json:
        """A conversion function applied to a value of `operand`."""
        return self.call(function, value, str(operand).partition(".")[2])

    def call(self, function: str, value: Json, kind: str | None) -> Json:
        """`FHIRHelpers.ToX(value)`; `kind` is the FHIR type of the value where the helpers have several of the name."""
        alias, name = self.helpers(), function.rpartition(".")[2]
        if alias is None:
            message = f"{self.name} reads FHIR values and does not include FHIRHelpers"
            raise Fault(self.declared.first_using(), message, "add: include FHIRHelpers")
        owner = self.declared.includes[alias] if alias else self
        elm: Json = {"type": "FunctionRef", "name": name, **({"libraryName": alias} if alias else {})}
        several = owner is not None and len(owner.functions_by_name.get(name, ())) > 1
        if kind and several:
            elm["signature"] = [t.specifier(Named(f"FHIR.{kind}"))]
        return {**elm, "operand": [value]}

    def type_of(self, node: ast.TypeSpecifier) -> Type:
        """The type a specifier names; a fault when there is none of the name."""
        return self.declared.type_of(node)

    def named_type(self, node: ast.NamedType) -> Named:
        return self.declared.named_type(node)

    def retrievable(self, node: ast.NamedType) -> ClassInfo:
        return self.declared.retrievable(node)

    def code_system(self, name: ast.QualifiedName) -> Json:
        return self.declared.code_system(name)

    def no_element(self, type_: Type, name: ast.Identifier) -> Fault:
        """The fault of asking a value for an element its type does not have."""
        hint = did_you_mean(
            name.text, t.element_names(t.alternatives(type_)[0] if not isinstance(type_, ListOf) else type_.element)
        )
        return Fault(name, f"{t.shown(type_)} has no element {name.text}", hint)

    def is_include(self, name: str) -> bool:
        return name in self.declared.includes

    def names(self) -> Iterator[str]:
        """Everything an identifier can stand for in the library."""
        yield from self.defines
        yield from self.declared.terms
        yield from self.declared.includes

    def reference(self, node: ast.Identifier) -> Typed | None:
        """The definition of that name; None when the library has none."""
        if node.text in self.defines:
            return self._expression(self.defines[node.text], node)
        return self.declared.reference(node.text)

    def included_reference(self, alias: str, name: ast.Identifier) -> Typed:
        """A definition of an included library."""
        library = self.included(alias, name)
        found = library.exported(name)
        if found is None:
            hint = did_you_mean(name.text, library.names())
            raise Fault(name, f"{library.name} defines nothing called {name.text}", hint)
        return Typed({**found.elm, "libraryName": alias}, self._seen(found.type, library.defines.get(name.text)))

    def included(self, alias: str, at: ast.Node) -> LibraryScope:
        """The library an include stands for; one that could not be found was reported at its include."""
        library = self.declared.includes[alias]
        if library is None:
            raise Nothing
        return library

    def exported(self, name: ast.Identifier) -> Typed | None:
        """A definition as other libraries see it."""
        define = self.defines.get(name.text)
        if self.declared.is_private(name.text) or (define and define.private):
            raise Fault(name, f"{name.text} is private to {self.name}")
        if define is None:
            return self.declared.reference(name.text)
        self.ensure(define)
        if define.type == UNKNOWN:
            raise Fault(name, f"{name.text} of {self.name} could not be translated")
        return Typed({"type": "ExpressionRef", "name": define.name}, define.type)

    def functions(self, name: str) -> list[Function]:
        """The functions of that name, all overloads."""
        return self.functions_by_name.get(name, [])

    def context_value(self) -> Typed | None:
        """The resource of the context, as a value."""
        define = self.defines.get(self.tr.context)
        return Typed({"type": "ExpressionRef", "name": define.name}, define.type) if define and define.elm else None

    # translation on demand

    def ensure(self, define: Define) -> None:
        """Translate a statement unless it is; a fault inside leaves its type unknown."""
        if define.elm is not None or define.working or define.node is None:
            return
        define.working = True
        try:
            with self.tr.afresh(define.context):
                make = _function if isinstance(define, Function) else _expression
                make(self, define)
        finally:
            define.working = False

    def _expression(self, define: Define, node: ast.Identifier) -> Typed:
        if define.working:
            raise Fault(node, f"{define.name} is defined by itself", self._cycle())
        self.ensure(define)
        if define.type == UNKNOWN:
            raise Nothing
        return Typed({"type": "ExpressionRef", "name": define.name}, self._seen(define.type, define))

    def _seen(self, type_: Type, define: Define | None) -> Type:
        """Seen from an unfiltered context, a define of each patient is a list of all patients' values, or of the
        elements of their lists."""
        outside = self.tr.context in UNFILTERED
        if define and outside and define.context not in UNFILTERED and not isinstance(define, Function):
            return type_ if isinstance(type_, ListOf) else ListOf(type_)
        return type_

    def _cycle(self) -> str:
        return "by way of " + ", ".join(each.name for each in self.statements() if each.working)

    def statements(self) -> Iterator[Define]:
        """All statements."""
        yield from self.defines.values()
        for overloads in self.functions_by_name.values():
            yield from overloads

    def _index(self) -> None:
        context = "Unfiltered"
        for node in self.tree.definitions:
            match node:
                case ast.ContextDef():
                    context = node.name.text
                    self._enter(node)
                case ast.ExpressionDef():
                    self._add(node, context)
                case ast.FunctionDef():
                    self._add_function(node, context)

    def _enter(self, node: ast.ContextDef) -> None:
        """A context of the model gives a define of its name: the resource at hand."""
        name = node.name.text
        self.contexts.append(node)
        if name in UNFILTERED or name in self.defines:
            return
        found = self.declared.context(node)
        if found is None:
            return
        retrieve = self.tr.place(found.elm, node)
        elm: Json = {"name": name, "context": name, "expression": {"type": "SingletonFrom", "operand": retrieve}}
        self.defines[name] = Define(None, name, name, elm=self.tr.place(elm, node), type=found.type)

    def _add(self, node: ast.ExpressionDef, context: str) -> None:
        name = node.name.text
        if name in self.defines or name in self.declared.terms:
            self.report.error(node.name, f"there is already something called {name} in this library")
            return
        self.defines[name] = Define(node, name, context, node.access == "private")

    def _add_function(self, node: ast.FunctionDef, context: str) -> None:
        try:
            types = tuple(self.type_of(operand.type) for operand in node.operands)
        except Fault as fault:
            self.report.error(fault.at, fault.message, fault.hint)
            types = (UNKNOWN,) * len(node.operands)
        name = node.name.text
        overloads = self.functions_by_name.setdefault(name, [])
        if any(each.signature.operands == types for each in overloads):
            self.report.error(node.name, f"there is already a function {name} that takes the same")
            return
        signature = Signature(name, types, ANY)
        private = node.access == "private"
        overloads.append(Function(node, name, context, private, signature=signature, fluent=node.fluent))


def _head(define: Define) -> Json:
    access = "Private" if define.private else "Public"
    return {"name": define.name, "context": define.context, "accessLevel": access}


def _expression(library: LibraryScope, define: Define) -> None:
    node = define.node
    assert isinstance(node, ast.ExpressionDef)
    value = library.tr.expr(node.body)
    define.type = value.type
    define.elm = library.tr.place({**_head(define), "expression": value.elm}, node)


def _function(library: LibraryScope, define: Define) -> None:
    node = define.node
    assert isinstance(node, ast.FunctionDef)
    assert isinstance(define, Function)
    elm: Json = {"type": "FunctionDef", **_head(define)}
    if node.fluent:
        elm["fluent"] = True
    try:
        declared = library.type_of(node.returns) if node.returns else None
        elm |= _body(library, define, node, declared)
    except Fault as fault:
        library.report.error(fault.at, fault.message, fault.hint)
        elm["expression"] = {"type": "Null"}
    known = UNKNOWN not in define.signature.operands
    elm["operand"] = [_operand(library, each) for each in node.operands] if known else []
    define.elm = library.tr.place(elm, node)


def _operand(library: LibraryScope, node: ast.Operand) -> Json:
    return {"name": node.name.text, "operandTypeSpecifier": library.declared.specifier(node.type)}


def _body(library: LibraryScope, define: Function, node: ast.FunctionDef, declared: Type | None) -> Json:
    """The body of a function or, of an external one, what it returns."""
    if declared is not None:
        define.type = declared
    if node.body is None:
        return {
            "external": True,
            **({"resultTypeSpecifier": library.declared.specifier(node.returns)} if node.returns else {}),
        }
    pairs = zip(node.operands, define.signature.operands, strict=True)
    names = {operand.name.text: ("OperandRef", type_) for operand, type_ in pairs}
    with library.tr.scope(Scope(names)):
        value = library.tr.expr(node.body)
        if declared is not None:
            value = library.tr.convert(value, declared, node.body, f"what {define.name} returns")
    define.type = value.type
    return {"expression": value.elm}
