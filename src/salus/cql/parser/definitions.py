"""Libraries and their definitions; and going on after a fault.

Source: CQL 1.5 grammar, library, definition, statement.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from salus.cql import ast
from salus.cql.diagnostics import Report
from salus.cql.parser.cursor import Fault, Place, nearest
from salus.cql.parser.expressions import Expressions
from salus.cql.tokens import NAMES, Tokens, unquote

_TERMINOLOGY = frozenset({"codesystem", "valueset", "code", "concept"})
_ACCESS = ("public", "private")
STARTS = _TERMINOLOGY | {"using", "include", "parameter", "context", "define", "library", *_ACCESS}


class Definitions(Expressions):
    """Reads all of a text; what is wrong goes to the report."""

    def __init__(self, report: Report, tokens: Tokens) -> None:
        super().__init__(report.source, tokens)
        self.report = report
        self.statements = False
        self.lost: list[ast.ExpressionDef] = []

    def library(self) -> ast.Library:
        name, version = None, None
        definitions: list[ast.Definition] = []
        if self._word() == "library":
            try:
                self.advance()
                name = self.qualified_name("the name of the library")
                version = self._version()
            except Fault as fault:
                self._recover(fault)
        while self.kind != "EOF":
            began = self.at
            try:
                definitions.append(self._definition())
            except Fault as fault:
                self._recover(fault, began)
            except RecursionError:
                self._recover(too_deep(self.place(began)), began)
        return ast.Library(0, len(self.source.text), name, version, (*definitions, *self.lost))

    def _word(self) -> str:
        """The kind at hand; a definition that was marked as one (`mark_definitions`) by its plain word."""
        lower = self.kind.lower()
        return lower if lower in STARTS else self.kind

    # Faults

    def _body(self) -> ast.Expression:
        """The expression of a definition; a fault in it costs the body, not the name."""
        start = self.start
        try:
            body = self.expression()
            if self.kind != "EOF" and not self._definition_ahead():
                self.fail_here("expected the definition to end or go on with an operator")
            return body
        except RecursionError:
            fault = too_deep(Place(start, start + 1))
        except Fault as found:
            fault = found
        self._recover(fault)
        return ast.Malformed(start, max(self.end, start))

    def _recover(self, fault: Fault, began: int = -1) -> None:
        """Say what is wrong and go on at the next definition, which is not the one that `began` at this token."""
        self.report.error(fault.place, fault.message, fault.hint)
        first = self.at - 1
        while self.kind != "EOF" and (self.at == began or not self._definition_begins_line()):
            self.advance()
        for index in range(max(first, 0), self.at):
            self._note_lost(index)

    def _note_lost(self, index: int) -> None:
        """Keep the name of a definition that is passed over because its first word or its name is wrong, so that what
        refers to it is not wrong as well."""
        if not begins_line(self.tokens, index) or not nearest(self.tokens.word(index), ("define",)):
            return
        if (name := self._lost_name(index + 1)) is not None:
            start, end = self.starts[index], self.tokens.ends[index + 1]
            self.lost.append(ast.ExpressionDef(start, end, None, name, ast.Malformed(end, end)))

    def _lost_name(self, index: int) -> ast.Identifier | None:
        place, text = self.place(index), self.tokens.word(index)
        if self.kinds[index] == "UNCLOSED":
            return ast.Identifier(place.start, place.end, text[1:].rstrip().removesuffix(":"), True)
        if self.kinds[index] in NAMES and self.kinds[index + 1] == ":" and self.kinds[index - 1] == "IDENTIFIER":
            quoted = self.kinds[index] == "QUOTED"
            return ast.Identifier(place.start, place.end, unquote(text) if quoted else text, quoted)
        return None

    def _definition_begins_line(self) -> bool:
        return begins_line(self.tokens, self.at) and self._definition_ahead()

    def _definition_ahead(self) -> bool:
        return definition_at(self.tokens, self.at)

    # Definitions

    def _definition(self) -> ast.Definition:
        start, word = self.start, self._word()
        statement = word in ("define", "context")
        if self.statements and not statement and word in STARTS:
            place = Place(start, self.tokens.ends[self.at])
            self.report.error(place, f"a {word} stands after the first context or define", "move it before them")
        self.statements |= statement
        if word == "define":
            return self._define(start)
        if word == "context":
            return self._context(start)
        access = cast("ast.Access | None", self.take_any(*_ACCESS, *(each.upper() for each in _ACCESS)))
        reader = _READERS.get(self._word())
        if reader is None:
            self.fail_here("expected a definition (define, parameter, valueset, ...)")
        self.advance()
        return reader(self, start, access)

    def _version(self) -> ast.StringLiteral | None:
        return self.string("the version") if self.take("version") else None

    def _using(self, start: int, access: ast.Access | None) -> ast.Using:
        name, version = self.qualified_name("the name of a model"), self._version()
        alias = self.identifier("a name for the model") if self.take("called") else None
        return ast.Using(start, self.end, name, version, alias)

    def _include(self, start: int, access: ast.Access | None) -> ast.Include:
        name, version = self.qualified_name("the name of a library"), self._version()
        alias = self.identifier("a name for the library") if self.take("called") else None
        return ast.Include(start, self.end, name, version, alias)

    def _named(self, what: str) -> ast.Identifier:
        name = self.identifier(f"the name of the {what}")
        self.expect(":", f"after the name of the {what}")
        return name

    def _codesystem(self, start: int, access: ast.Access | None) -> ast.CodeSystemDef:
        name, id_ = self._named("code system"), self.string("the code system's URI")
        version = self._version()
        return ast.CodeSystemDef(start, self.end, access, name, id_, version)

    def _valueset(self, start: int, access: ast.Access | None) -> ast.ValueSetDef:
        name, id_ = self._named("value set"), self.string("the value set's URL")
        version, systems = self._version(), tuple[ast.QualifiedName, ...]()
        if self.take("codesystems"):
            systems = self._list_of_names("a code system")
        return ast.ValueSetDef(start, self.end, access, name, id_, version, systems)

    def _code_definition(self, start: int, access: ast.Access | None) -> ast.CodeDef:
        name, id_ = self._named("code"), self.string("the code")
        self.expect("from", "and a code system after the code")
        system, display = self.qualified_name("the name of a code system"), self.display()
        return ast.CodeDef(start, self.end, access, name, id_, system, display)

    def _concept_definition(self, start: int, access: ast.Access | None) -> ast.ConceptDef:
        name, codes = self._named("concept"), self._list_of_names("a code")
        display = self.display()
        return ast.ConceptDef(start, self.end, access, name, codes, display)

    def _list_of_names(self, what: str) -> tuple[ast.QualifiedName, ...]:
        opened = self.at
        self.expect("{", f"before the name of {what}")
        names = self.several(lambda: self.qualified_name(f"the name of {what}"))
        self.close("}", opened)
        return names

    def _parameter(self, start: int, access: ast.Access | None) -> ast.ParameterDef:
        name = self.identifier("the name of the parameter")
        ends = self.kind in ("EOF", "default") or self._definition_ahead()
        type_ = None if ends else self.type_specifier()
        default = self._body() if self.take("default") else None
        return ast.ParameterDef(start, self.end, access, name, type_, default)

    def _context(self, start: int) -> ast.ContextDef:
        self.advance()
        model, name = None, self.identifier("the name of the context")
        if self.take("."):
            model, name = name, self.identifier("the name of the context")
        return ast.ContextDef(start, self.end, model, name)

    # Statements

    def _define(self, start: int) -> ast.ExpressionDef | ast.FunctionDef:
        comment = self._comment()
        self.advance()
        access = cast("ast.Access | None", self.take_any(*_ACCESS))
        if self.kind == "function" or (self.kind == "fluent" and self.peek() == "function"):
            return self._function(start, access, comment)
        name = self.identifier("the name of the definition")
        self.expect(":", f'after define "{name.text}"')
        body = self._body()
        return ast.ExpressionDef(start, self.end, access, name, body, comment)

    def _function(self, start: int, access: ast.Access | None, comment: str) -> ast.FunctionDef:
        fluent = self.take("fluent")
        self.expect("function")
        name = self.function_name("the name of the function")
        operands = self._operands()
        returns = None
        if self.is_word("returns"):
            self.advance()
            returns = self.type_specifier()
        self.expect(":", f"before the body of the function {name.text}")
        if external := self.is_word("external"):
            self.advance()
        body = None if external else self._body()
        return ast.FunctionDef(start, self.end, access, fluent, name, operands, returns, body, comment)

    def _operands(self) -> tuple[ast.Operand, ...]:
        opened = self.at
        self.expect("(", "before the operands of a function")
        operands = () if self.kind == ")" else self.several(self._operand_definition)
        self.close(")", opened)
        return operands

    def _operand_definition(self) -> ast.Operand:
        start = self.start
        name = self.referential("the name of an operand")
        type_ = self.type_specifier()
        return ast.Operand(start, self.end, name, type_)

    def _comment(self) -> str:
        """The comments between the line of the token before and the definition at hand."""
        before = self.tokens.ends[self.at - 1] if self.at else 0
        between = self.source.text[before : self.start]
        return (between if before == 0 else between.partition("\n")[2]).strip()


def too_deep(place: Place) -> Fault:
    return Fault(place, "this is nested too deeply to be read", "name parts of it with define")


_READERS: dict[str, Callable[[Definitions, int, ast.Access | None], ast.Definition]] = {
    "using": Definitions._using,
    "include": Definitions._include,
    "parameter": Definitions._parameter,
    "codesystem": Definitions._codesystem,
    "valueset": Definitions._valueset,
    "code": Definitions._code_definition,
    "concept": Definitions._concept_definition,
}


def begins_line(tokens: Tokens, index: int) -> bool:
    between = tokens.text[tokens.ends[index - 1] : tokens.starts[index]] if index else "\n"
    return "\n" in between


def definition_at(tokens: Tokens, index: int) -> bool:
    """Whether the words here are those of a definition's beginning, whatever follows them."""
    kinds = tokens.kinds
    first, second, third = (*kinds[index : index + 3], "EOF", "EOF")[:3]
    first = first.lower()
    if first in _ACCESS:
        return second in _TERMINOLOGY or second == "parameter"
    if first == "define":
        return second in NAMES or second in ("function", "fluent", "STRING", *_ACCESS) or third == ":"
    if first in _TERMINOLOGY:
        return second in NAMES and third in (":", "STRING")
    return first in STARTS and second in NAMES


def mark_definitions(tokens: Tokens) -> None:
    """Make words that begin a line and a definition unfit for anything else (`define` becomes `DEFINE`)."""
    for index, kind in enumerate(tokens.kinds):
        if kind in STARTS and begins_line(tokens, index) and definition_at(tokens, index):
            tokens.kinds[index] = kind.upper()
