"""Selectors: intervals, lists, tuples, instances, codes and concepts written out.

Source: CQL 1.5 grammar, intervalSelector, listSelector, tupleSelector, instanceSelector, codeSelector, conceptSelector.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from salus.cql import ast
from salus.cql.parser.literals import Literals
from salus.cql.parser.names import REFERENTIAL


class Selectors(Literals, ABC):
    @abstractmethod
    def expression(self, tighter: int = 0) -> ast.Expression:
        """Any expression (`parser.expressions`)."""

    def expressions(self) -> tuple[ast.Expression, ...]:
        """One or more, with commas between."""
        return self.several(self.expression)

    def interval_selector(self) -> ast.IntervalSelector:
        start = self.start
        self.advance()
        opened, open_mark = self.at, self.take_any("[", "(")
        if open_mark is None:
            self.fail("expected [ or ( after Interval")
        low = self.expression()
        self.expect(",", "between the bounds of an interval")
        high = self.expression()
        close_mark = self.take_any("]", ")")
        if close_mark is None:
            self.close("]" if open_mark == "[" else ")", opened)
        return ast.IntervalSelector(start, self.end, low, high, open_mark == "[", close_mark == "]")

    def braces(self) -> ast.TupleSelector | ast.ListSelector:
        """`{...}` without a word before it: a tuple when it names elements, a list otherwise."""
        if self.peek() == ":" or (self.peek() in REFERENTIAL and self.peek(2) == ":"):
            return self.tuple_selector()
        return self.list_selector()

    def list_selector(self) -> ast.ListSelector:
        start, element_type = self.start, None
        if self.take("List") and self.kind == "<":
            opened = self.at
            self.advance()
            element_type = self.type_specifier()
            self.close(">", opened)
        opened = self.at
        self.expect("{", "before the elements of a list")
        elements = () if self.kind == "}" else self.expressions()
        self.close("}", opened)
        return ast.ListSelector(start, self.end, elements, element_type)

    def tuple_selector(self) -> ast.TupleSelector:
        start = self.start
        self.take("Tuple")
        elements = self._elements()
        return ast.TupleSelector(start, self.end, elements)

    def instance_selector(self, type_: ast.NamedType) -> ast.InstanceSelector:
        """The braces that follow the name of a type."""
        elements = self._elements()
        return ast.InstanceSelector(type_.start, self.end, type_, elements)

    def _elements(self) -> tuple[ast.Element, ...]:
        opened = self.at
        self.expect("{", "before the elements of a tuple")
        elements = () if self.take(":") else self.several(self._element)
        self.close("}", opened)
        return elements

    def _element(self) -> ast.Element:
        start = self.start
        name = self.referential("the name of an element")
        self.expect(":", f"after the element {name.text}")
        value = self.expression()
        return ast.Element(start, self.end, name, value)

    def code_selector(self) -> ast.CodeSelector:
        start = self.start
        self.expect("Code")
        code = self.string("the code")
        self.expect("from", "and a code system after the code")
        system = self.qualified_name("the name of a code system")
        display = self.display()
        return ast.CodeSelector(start, self.end, code, system, display)

    def concept_selector(self) -> ast.ConceptSelector:
        start, opened = self.start, self.at + 1
        self.go(opened + 1)
        codes = self.several(self.code_selector)
        self.close("}", opened)
        display = self.display()
        return ast.ConceptSelector(start, self.end, codes, display)

    def display(self) -> ast.StringLiteral | None:
        return self.string("the display") if self.take("display") else None
