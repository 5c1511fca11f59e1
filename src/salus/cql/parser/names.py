"""Names, qualified names and type specifiers.

Source: CQL 1.5 grammar, identifier, referentialIdentifier, qualifiedIdentifier, typeSpecifier.
"""

from __future__ import annotations

from salus.cql import ast
from salus.cql.parser.cursor import Cursor
from salus.cql.tokens import KEYWORD_NAMES, KEYWORDS, NAMES, unquote

REFERENTIAL = NAMES | KEYWORD_NAMES
TYPE_NAMES = REFERENTIAL | {"Code", "Concept"}
FUNCTION_NAMES = NAMES | KEYWORDS


class Names(Cursor):
    def identifier(self, what: str) -> ast.Identifier:
        """A name that is no keyword, as definitions and aliases need."""
        if self.kind not in NAMES:
            self._fail_name(what)
        return self._take_name()

    def referential(self, what: str) -> ast.Identifier:
        """A name where a value is referred to: some keywords may be names here."""
        if self.kind not in REFERENTIAL:
            self._fail_name(what)
        return self._take_name()

    def function_name(self, what: str) -> ast.Identifier:
        if self.kind not in FUNCTION_NAMES:
            self._fail_name(what)
        return self._take_name()

    def _take_name(self) -> ast.Identifier:
        start, text = self.start, self.word()
        quoted = self.kind == "QUOTED"
        self.advance()
        return ast.Identifier(start, self.end, unquote(text) if quoted else text, quoted)

    def _fail_name(self, what: str) -> None:
        hint = f'to use it as a name, write "{self.kind}" in double quotes' if self.kind in KEYWORDS else ""
        if self.kind == "STRING":
            hint = "names are written in double quotes"
        self.fail(f"expected {what}", hint)

    def qualified_name(self, what: str) -> ast.QualifiedName:
        start = self.start
        parts = [self.identifier(what)]
        while self.take("."):
            parts.append(self.identifier(what))
        return ast.QualifiedName(start, self.end, tuple(parts))

    # Types

    def type_specifier(self) -> ast.TypeSpecifier:
        if self.peek() == "<":
            if self.kind in ("List", "Interval"):
                return self._list_or_interval()
            if self.is_word("Choice"):
                return self._choice()
        if self.kind == "Tuple":
            return self._tuple_type()
        return self.named_type()

    def named_type(self) -> ast.NamedType:
        start = self.start
        parts = [self._type_name()]
        while self.take("."):
            parts.append(self._type_name())
        return ast.NamedType(start, self.end, ast.QualifiedName(start, self.end, tuple(parts)))

    def _type_name(self) -> ast.Identifier:
        if self.kind not in TYPE_NAMES:
            self._fail_name("the name of a type")
        return self._take_name()

    def _list_or_interval(self) -> ast.ListType | ast.IntervalType:
        start, kind = self.start, self.kind
        opened = self.at + 1
        self.go(opened + 1)
        inner = self.type_specifier()
        self.close(">", opened)
        make = ast.ListType if kind == "List" else ast.IntervalType
        return make(start, self.end, inner)

    def _choice(self) -> ast.ChoiceType:
        start, opened = self.start, self.at + 1
        self.go(opened + 1)
        choices = self.several(self.type_specifier)
        self.close(">", opened)
        return ast.ChoiceType(start, self.end, choices)

    def _tuple_type(self) -> ast.TupleType:
        start, opened = self.start, self.at + 1
        self.advance()
        self.expect("{", "after Tuple")
        elements = self.several(self._tuple_type_element)
        self.close("}", opened)
        return ast.TupleType(start, self.end, elements)

    def _tuple_type_element(self) -> ast.TupleTypeElement:
        start = self.start
        name = self.referential("the name of an element")
        return ast.TupleTypeElement(start, type=self.type_specifier(), name=name, end=self.end)
