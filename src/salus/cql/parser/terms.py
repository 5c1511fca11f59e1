"""Terms: what stands between operators; invocations, operators written before their operand, and arithmetic.

Tightest first, as the alternatives of the grammar rank them: `.` and `[ ]`; the operators before (`-x`, `start of x`);
`^`; `* / div mod`; `+ - &`. All of the middle ones associate to the left.
Source: CQL 1.5 grammar, expressionTerm, term, invocation.
"""

from __future__ import annotations

from typing import NoReturn, cast

from salus.cql import ast
from salus.cql.parser.literals import LITERALS, UNIT_WORDS
from salus.cql.parser.names import FUNCTION_NAMES, REFERENTIAL
from salus.cql.parser.selectors import Selectors
from salus.cql.tokens import PLURALS, PRECISIONS

_STRENGTH = {"+": 1, "-": 1, "&": 1, "*": 2, "/": 2, "div": 2, "mod": 2, "^": 3}
_BEFORE = 4
_OF = frozenset({"start", "end", "width", "successor", "predecessor"})
_FROM = frozenset({"singleton", "point"})
COMPONENTS = frozenset(PRECISIONS) | {"date", "time", "timezoneoffset"}

# What a term can begin with (a name aside).
_OPENERS = LITERALS | {
    *("(", "{", "%", "+", "-", "VARIABLE", "Interval", "List", "Tuple", "Code", "Concept"),
    *("convert", "singleton", "point", "minimum", "maximum", "if", "case", "duration", "difference"),
    *("distinct", "flatten", "expand", "collapse"),
}


class Terms(Selectors):
    def term(self, tighter: int = 0) -> ast.Expression:
        """A term with the operators that bind at least as tightly as `tighter`."""
        start = self.start
        left = self._operand()
        while (strength := _STRENGTH.get(self.kind, -1)) > tighter:
            op = cast(ast.BinaryWord, self.kind)
            self.advance()
            right = self.term(strength)
            left = ast.Binary(start, self.end, op, left, right)
        return left

    def term_ahead(self, ahead: int) -> bool:
        """Whether the token so far ahead can begin a term."""
        kind = self.peek(ahead)
        return kind in _OPENERS or kind in REFERENTIAL or (kind in COMPONENTS and self.peek(ahead + 1) == "from")

    # Operators before their operand

    def _operand(self) -> ast.Expression:
        kind, following = self.kind, self.peek()
        if following == "of" and kind in _OF:
            return self._unary(f"{kind} of", 2)
        if following == "from":
            if kind in _FROM:
                return self._unary(f"{kind} from", 2)
            if kind in COMPONENTS:
                return self._component_from()
        if kind in ("+", "-"):
            return self._unary(kind, 1)
        if kind in ("duration", "difference"):
            return self._span_of()
        return self._postfix(self._primary())

    def _unary(self, op: str, words: int) -> ast.Unary:
        start = self.start
        self.go(self.at + words)
        operand = self.term(_BEFORE)
        return ast.Unary(start, self.end, cast(ast.UnaryWord, op), operand)

    def _component_from(self) -> ast.ComponentFrom:
        start, component = self.start, cast(ast.Component, self.kind)
        self.go(self.at + 2)
        operand = self.term(_BEFORE)
        return ast.ComponentFrom(start, self.end, component, operand)

    def _span_of(self) -> ast.SpanOf:
        start, measured = self.start, cast(ast.Measured, self.kind)
        self.advance()
        precision = self.in_precision()
        self.expect("of", "or between")
        operand = self.term(_BEFORE)
        return ast.SpanOf(start, self.end, measured, precision, operand)

    def in_precision(self) -> ast.Precision:
        """`in days`."""
        self.expect("in", "and a precision such as days")
        precision = PLURALS.get(self.kind)
        if precision is None:
            self.fail("expected years, months, weeks, days, hours, minutes, seconds or milliseconds")
        self.advance()
        return cast(ast.Precision, precision)

    # What follows a term

    def _postfix(self, term: ast.Expression) -> ast.Expression:
        while True:
            if self.kind == ".":
                self.advance()
                term = self._invocation(term)
            elif self.kind == "[":
                opened = self.at
                self.advance()
                index = self.expression()
                self.close("]", opened)
                term = ast.Indexer(term.start, self.end, term, index)
            elif self.kind == "{" and (name := as_type(term)):
                term = self.instance_selector(name)
            else:
                return term

    def _invocation(self, source: ast.Expression) -> ast.Expression:
        if self.kind in FUNCTION_NAMES and self.peek() == "(":
            return self._call(source)
        if self.kind in ("Code", "Concept") and self.peek() == "{":
            name = self._take_name()
        else:
            name = self.referential("the name of an element or a function after the dot")
        return ast.Member(source.start, self.end, source, name)

    def _call(self, source: ast.Expression | None) -> ast.Call:
        start = self.start if source is None else source.start
        name = self.function_name("the name of a function")
        opened = self.at
        self.advance()
        arguments = () if self.kind == ")" else self.expressions()
        self.close(")", opened)
        return ast.Call(start, self.end, source, name, arguments)

    # Terms themselves

    def _primary(self) -> ast.Expression:
        kind = self.kind
        if kind in REFERENTIAL:
            return self._call(None) if self.peek() == "(" else self._take_name()
        if kind in LITERALS:
            return self.literal()
        if kind == "(":
            return self.parenthesized()
        if kind == "{":
            return self.braces()
        if kind not in _READERS:
            self._fail_term()
        return cast(ast.Expression, getattr(self, _READERS[kind])())

    def _fail_term(self) -> NoReturn:
        if self.kind in ("[", "from", "exists", "not", "cast") or self.kind in PLURALS:
            self.fail("expected a value", f"put what begins with {self.kind} in parentheses here")
        if self.kind in UNIT_WORDS:
            self.fail("expected a value", f'{self.kind} is a keyword: a number goes before it, or write "{self.kind}"')
        self.fail("expected a value")

    def parenthesized(self) -> ast.Parenthesized:
        start, opened = self.start, self.at
        self.advance()
        body = self.expression()
        self.close(")", opened)
        return ast.Parenthesized(start, self.end, body)

    def _variable(self) -> ast.Variable:
        start, name = self.start, self.word()
        self.advance()
        return ast.Variable(start, self.end, name)  # type: ignore[arg-type]  # the token's pattern

    def _constant(self) -> ast.ExternalConstant:
        start = self.start
        self.advance()
        if self.kind == "STRING":
            return ast.ExternalConstant(start, name=self.string("the constant").value, end=self.end)
        name = self.identifier("the name of a constant")
        return ast.ExternalConstant(start, self.end, name.text)

    def _code(self) -> ast.Expression:
        return self._type_then_braces() if self.peek() == "{" else self.code_selector()

    def _concept(self) -> ast.Expression:
        selector = self.peek(2) == "Code" and self.peek(3) == "STRING"
        return self.concept_selector() if selector else self._type_then_braces()

    def _type_then_braces(self) -> ast.InstanceSelector:
        return self.instance_selector(self.named_type())

    def _convert(self) -> ast.Convert:
        start = self.start
        self.advance()
        operand = self.expression()
        self.expect("to", "and a type or a unit after what is converted")
        to = self.unit() if self.kind == "STRING" or self.kind in UNIT_WORDS else self.type_specifier()
        return ast.Convert(start, self.end, operand, to)

    def _type_extent(self) -> ast.TypeExtent:
        start, op = self.start, self.kind
        self.advance()
        type_ = self.named_type()
        return ast.TypeExtent(start, self.end, "minimum" if op == "minimum" else "maximum", type_)

    def _of_all(self) -> ast.Unary:
        """`distinct`, `flatten`: their operand is all that follows."""
        start, op = self.start, self.kind
        self.advance()
        operand = self.expression()
        return ast.Unary(start, self.end, cast(ast.UnaryWord, op), operand)

    def _interval_set(self) -> ast.IntervalSet:
        start, op = self.start, self.kind
        self.advance()
        operand, per = self.expression(), None
        if self.take("per"):
            per = self._per()
        return ast.IntervalSet(start, self.end, "expand" if op == "expand" else "collapse", operand, per)

    def _per(self) -> ast.Precision | ast.Expression:
        if self.kind in PRECISIONS and self.peek() != "from":
            precision = cast(ast.Precision, self.kind)
            self.advance()
            return precision
        return self.expression()

    def _if(self) -> ast.If:
        start = self.start
        self.advance()
        condition = self.expression()
        self.expect("then", "after the condition")
        then = self.expression()
        self.expect("else", "(every if has one)")
        otherwise = self.expression()
        return ast.If(start, self.end, condition, then, otherwise)

    def _case(self) -> ast.Case:
        start = self.start
        self.advance()
        comparand = None if self.kind == "when" else self.expression()
        items = [self._case_item()]
        while self.kind == "when":
            items.append(self._case_item())
        self.expect("else", "(every case has one)")
        otherwise = self.expression()
        self.expect("end", "to close the case")
        return ast.Case(start, self.end, comparand, tuple(items), otherwise)

    def _case_item(self) -> ast.CaseItem:
        start = self.start
        self.expect("when", "and a condition in a case")
        when = self.expression()
        self.expect("then", "after the condition")
        then = self.expression()
        return ast.CaseItem(start, self.end, when, then)


_READERS = {
    "Interval": "interval_selector",
    "List": "list_selector",
    "Tuple": "tuple_selector",
    "Code": "_code",
    "Concept": "_concept",
    "VARIABLE": "_variable",
    "%": "_constant",
    "convert": "_convert",
    "minimum": "_type_extent",
    "maximum": "_type_extent",
    "distinct": "_of_all",
    "flatten": "_of_all",
    "expand": "_interval_set",
    "collapse": "_interval_set",
    "if": "_if",
    "case": "_case",
}


def name_parts(expression: ast.Expression) -> tuple[ast.Identifier, ...] | None:
    """The names of `a.b.c`, or None for anything else."""
    if isinstance(expression, ast.Identifier):
        return (expression,)
    if isinstance(expression, ast.Member):
        before = name_parts(expression.source)
        return (*before, expression.name) if before else None
    return None


def as_type(expression: ast.Expression) -> ast.NamedType | None:
    """The type that `a.b.c` names when braces follow it."""
    parts = name_parts(expression)
    if parts is None:
        return None
    start, end = expression.start, expression.end
    return ast.NamedType(start, end, ast.QualifiedName(start, end, parts))
