"""What every chapter of the translator works with: typed ELM, scopes, operators, faults.

A chapter registers a function per kind of syntax node (`handles`); `Translator.expr` finds it, gives its ELM the place
in the text, and turns a `Fault` into a diagnostic and a value of unknown type. Whatever is made of something unknown is
unknown too and reports nothing, so that one fault is one message.
Leaves to others: meaning (the chapters), definitions (`translate.library`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from salus.cql import ast
from salus.cql import types as t
from salus.cql.conversions import Conversions, Json
from salus.cql.diagnostics import Report
from salus.cql.overloads import Overloads, Resolution
from salus.cql.signatures import BINARY, SHAPES, Signature, table
from salus.cql.source import Source
from salus.elm.types import ANY, ChoiceOf, ListOf, Named, Type

if TYPE_CHECKING:
    from salus.cql.translate.library import LibraryScope

UNKNOWN = Named("Unknown.Unknown")
"""The type of what could not be translated; the reason was reported where it happened."""

DEEPEST = 200
"""How deep the expression of one definition may be nested; those who read the ELM go about as deep."""
_FRAMES = 100_000
"""Calls that may be open at once: definitions that wait for each other make many, none on the machine's stack."""


@dataclass(frozen=True, slots=True)
class Typed:
    """ELM and the type of its value."""

    elm: Json
    type: Type

    @property
    def unknown(self) -> bool:
        return self.type == UNKNOWN


class Fault(Exception):
    """Something the author has to set right, at a place."""

    def __init__(self, at: ast.Node, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.at, self.message, self.hint = at, message, hint


class TooDeep(Fault):
    """Nesting that no reader of the ELM would follow; one such fault ends its definition."""


class Nothing(Exception):
    """What depends on something unknown: unknown as well, and already reported."""


@dataclass(slots=True)
class Scope:
    """Names a query or a function gives: name -> (ELM reference kind, type); `sorted` is what a sort clause sorts."""

    names: dict[str, tuple[str, Type]] = field(default_factory=dict)
    sorted: Type | None = None


Node_ = TypeVar("Node_", bound=ast.Node)
Handler = Callable[["Translator", Any], Typed]
_HANDLERS: dict[type[ast.Node], Handler] = {}


def handles(*kinds: type[ast.Node]) -> Callable[[Handler], Handler]:
    """Register a chapter's function for kinds of syntax nodes."""

    def register(handler: Handler) -> Handler:
        _HANDLERS.update(dict.fromkeys(kinds, handler))
        return handler

    return register


class Translator:
    """Translates the expressions of one library. `library` answers for names that no scope gives."""

    def __init__(self, source: Source, report: Report, library: LibraryScope) -> None:
        self.source, self.report, self.library = source, report, library
        self.scopes: list[Scope] = []
        self.context = "Unfiltered"
        self.conversions = Conversions(library.call_helper, library.model_names)
        self.overloads = Overloads(self.conversions)
        self.loose = Overloads(Conversions(library.call_helper, library.model_names, kin=True))
        self._ids = 0
        self._depth = 0

    def expr(self, node: ast.Node) -> Typed:
        """The node as ELM with its place; of unknown type when it has a fault, which is reported here."""
        self._depth += 1
        try:
            if self._depth > DEEPEST:
                raise TooDeep(node, f"this is nested more than {DEEPEST} deep", "give parts of it names of their own")
            found = _HANDLERS[type(node)](self, node)
        except Fault as fault:
            if isinstance(fault, TooDeep) and self._depth > 1:
                raise
            self.report.error(fault.at, fault.message, fault.hint)
            found = self.nothing()
        except Nothing:
            found = self.nothing()
        finally:
            self._depth -= 1
        self.place(found.elm, node)
        return found

    def nothing(self) -> Typed:
        """The value of what could not be translated."""
        return Typed({"type": "Null"}, UNKNOWN)

    def known(self, node: ast.Node) -> Typed:
        """`expr`, for those who can do nothing with the unknown."""
        found = self.expr(node)
        if found.unknown:
            raise Nothing
        return found

    def all_known(self, *nodes: ast.Node) -> list[Typed]:
        """`known`, of several: the faults of each are told."""
        found = [self.expr(node) for node in nodes]
        if any(each.unknown for each in found):
            raise Nothing
        return found

    def place(self, elm: Json, node: ast.Node) -> Json:
        """Give ELM the place of a node and an id, unless it has them."""
        if "locator" not in elm:
            elm["locator"] = self.source.locator(node.start, node.end)
        if "localId" not in elm:
            self._ids += 1
            elm["localId"] = str(self._ids)
        return elm

    def placed(self, elm: Json, start: int, end: int) -> Json:
        """Give ELM a place that no node has of its own (a word of a timing phrase)."""
        elm["locator"] = self.source.locator(start, end)
        return elm

    @contextmanager
    def scope(self, scope: Scope) -> Iterator[Scope]:
        """Names that hold inside."""
        self.scopes.append(scope)
        try:
            yield scope
        finally:
            self.scopes.pop()

    @contextmanager
    def afresh(self, context: str) -> Iterator[None]:
        """A definition of its own, in the middle of another that needs it."""
        saved = self.scopes, self.context, self._depth
        limit = sys.getrecursionlimit()
        self.scopes, self.context, self._depth = [], context, 0
        sys.setrecursionlimit(max(limit, _FRAMES))
        try:
            yield
        finally:
            sys.setrecursionlimit(limit)
            self.scopes, self.context, self._depth = saved

    def convert(self, value: Typed, target: Type, at: ast.Node, what: str = "this") -> Typed:
        """The value as one of `target`; a fault when it does not convert implicitly."""
        if value.unknown or target == UNKNOWN:
            return value
        conversion = self.conversions.find(value.type, target)
        if conversion is None:
            raise Fault(at, f"{what} should be {t.shown(target)} and is {t.shown(value.type)}")
        return Typed(conversion.wrap(value.elm), target)

    def boolean(self, node: ast.Node, what: str) -> Json:
        """A condition."""
        return self.convert(self.expr(node), t.BOOLEAN, node, what).elm

    def operator(self, name: str, at: ast.Node, *operands: Typed, **attributes: object) -> Typed:
        """A call of an operator of the System library, by its ELM name."""
        found = self.resolve(table()[name], operands)
        if found is None:
            raise self._no_signature(name, at, operands)
        return Typed(operation(name, self.converted(found, operands), **attributes), found.signature.result)

    def resolve(self, signatures: Iterable[Signature], operands: Sequence[Typed]) -> Resolution | None:
        """The signature that fits best."""
        if any(operand.unknown for operand in operands):
            raise Nothing
        return self.overloads.resolve(signatures, [operand.type for operand in operands])

    def resolve_loosely(self, signatures: Iterable[Signature], operands: Sequence[Typed]) -> Resolution | None:
        """The signature that fits when a profile may be taken for another of its class."""
        return self.loose.resolve(signatures, [operand.type for operand in operands])

    def converted(self, found: Resolution, operands: Sequence[Typed]) -> list[Json]:
        """The operands as the signature wants them."""
        pairs = zip(found.conversions, operands, strict=True)
        return [conversion.wrap(operand.elm) for conversion, operand in pairs]

    def _no_signature(self, name: str, at: ast.Node, operands: Sequence[Typed]) -> Fault:
        types = ", ".join(t.shown(operand.type) for operand in operands)
        wanted = [f"({', '.join(map(t.shown, each.operands))})" for each in table()[name]]
        written = at.op if isinstance(at, (ast.Unary, ast.Binary)) else name
        return Fault(at, f"{written} cannot be applied to ({types})", f"it takes {' or '.join(wanted[:4])}")

    def unify(self, values: Sequence[Typed], at: Sequence[ast.Node], *, wrap: bool = True) -> tuple[Type, list[Json]]:
        """The type that holds all the values, and the values as of that type. Of two types the one the other converts
        to, else their choice. `wrap`: values of a choice are cast to it.
        """
        if any(value.unknown for value in values):
            raise Nothing
        type_ = self.common([value.type for value in values])
        if isinstance(type_, ChoiceOf) and not wrap:
            return type_, [value.elm for value in values]
        pairs = zip(values, at, strict=True)
        return type_, [self.convert(value, type_, node).elm for value, node in pairs]

    def common(self, types: Sequence[Type]) -> Type:
        """The type to which all convert, else their choice."""
        current: Type = ANY
        for each in types:
            current = self._common(current, each)
        return current

    def _common(self, current: Type, each: Type) -> Type:
        if current == ANY or t.is_subtype(current, each):
            return each if each != ANY else current
        if each == ANY or t.is_subtype(each, current):
            return current
        if isinstance(current, ChoiceOf) or isinstance(each, ChoiceOf):
            return t.common([current, each])
        if self.conversions.find(each, current):
            return current
        if self.conversions.find(current, each):
            return each
        return t.common([current, each])


def operation(name: str, operands: Sequence[Json], **attributes: object) -> Json:
    """The ELM of an operator with its operands where the schema has them."""
    elm: Json = {"type": name, **attributes}
    if name in SHAPES:
        elm.update(zip(SHAPES[name], operands, strict=False))
    elif len(operands) == 1 and name not in BINARY:
        elm["operand"] = operands[0]
    elif operands:
        elm["operand"] = list(operands)
    return elm


def literal(type_: Named, value: object) -> Json:
    """A literal that is not written in the text."""
    return {"type": "Literal", "valueType": t.qname(type_), "value": str(value)}


def element_of(type_: Type) -> Type:
    """What a list holds; the type itself when it is no list."""
    return type_.element if isinstance(type_, ListOf) else type_


def precise(precision: ast.Precision | None) -> dict[str, object]:
    """The attribute that says to which precision to compare."""
    return {"precision": precision.capitalize()} if precision else {}
