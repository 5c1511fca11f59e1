"""Expressions: operators by their strength, as the alternatives of the grammar rank them.

Loosest first: `| union intersect except`; `implies`; `or xor`; `and`; `in contains`; `= != ~ !~`; timing phrases;
`< <= > >=`; `between`; then `not` and `exists` before their operand; `is as`. So `not a = b` is `(not a) = b`, as the
grammar has it, and the operands of `between` are terms.
Source: CQL 1.5 grammar, expression.
"""

from __future__ import annotations

from typing import cast

from salus.cql import ast
from salus.cql.parser.names import TYPE_NAMES
from salus.cql.parser.queries import Queries
from salus.cql.parser.timing import PHRASE_STARTS
from salus.cql.tokens import PLURALS

_BINARY = {
    **dict.fromkeys(("|", "union", "intersect", "except"), 1),
    "implies": 2,
    **dict.fromkeys(("or", "xor"), 3),
    "and": 4,
    **dict.fromkeys(("=", "!=", "~", "!~"), 6),
    **dict.fromkeys(("<", "<=", ">", ">="), 8),
}
_MEMBERSHIP, _TIMING, _BETWEEN, _TYPE = 5, 7, 9, 10
_STRENGTH = {
    **dict.fromkeys(PHRASE_STARTS, _TIMING),
    **_BINARY,
    "in": _MEMBERSHIP,
    "contains": _MEMBERSHIP,
    "between": _BETWEEN,
    "is": _TYPE,
    "as": _TYPE,
}


class Expressions(Queries):
    def expression(self, tighter: int = 0) -> ast.Expression:
        """An expression with the operators that bind more tightly than `tighter`."""
        left = self._first()
        while (strength := self._strength()) > tighter:
            left = self._continue(left, strength)
        return left

    def _strength(self) -> int:
        if self.kind == "properly" and self.peek() == "between":
            return _BETWEEN
        return _STRENGTH.get(self.kind, -1)

    def _continue(self, left: ast.Expression, strength: int) -> ast.Expression:
        """`left` and the operator at hand with what follows it."""
        if self.kind in _BINARY:
            op = cast(ast.BinaryWord, self.kind)
            self.advance()
            right = self.expression(strength)
            return ast.Binary(left.start, self.end, op, left, right)
        if strength == _TIMING:
            phrase = self.phrase()
            right = self.expression(_TIMING)
            return ast.Timing(left.start, self.end, left, phrase, right)
        if strength == _MEMBERSHIP:
            return self._membership(left)
        return self._between(left) if strength == _BETWEEN else self._type_operator(left)

    def _membership(self, left: ast.Expression) -> ast.Membership:
        contains = self.kind == "contains"
        self.advance()
        precision = self.precision_of()
        right = self.expression(_MEMBERSHIP)
        return ast.Membership(left.start, self.end, "contains" if contains else "in", left, right, precision)

    def _between(self, left: ast.Expression) -> ast.Between:
        properly = self.take("properly")
        self.expect("between")
        low, high = self._bounds()
        return ast.Between(left.start, self.end, left, low, high, properly)

    def _bounds(self) -> tuple[ast.Expression, ast.Expression]:
        low = self.term()
        self.expect("and", "between the two bounds")
        return low, self.term()

    def _type_operator(self, left: ast.Expression) -> ast.Expression:
        word = self.kind
        self.advance()
        if word == "is" and (self.kind in ("not", "null", "true", "false")):
            return self._is_value(left)
        type_ = self.type_specifier()
        return (ast.Is if word == "is" else ast.As)(left.start, self.end, left, type_)

    def _is_value(self, left: ast.Expression) -> ast.IsValue:
        negated = self.take("not")
        value = self.take_any("null", "true", "false")
        if value is None:
            hint = "write not (... is ...)" if self.kind in TYPE_NAMES else ""
            self.fail("expected null, true or false after is not", hint)
        return ast.IsValue(left.start, self.end, left, value, negated)  # type: ignore[arg-type]  # one of the three

    # What an expression begins with

    def _first(self) -> ast.Expression:
        kind = self.kind
        if kind in ("not", "exists"):
            return self._before(kind)
        if kind == "cast":
            return self._cast()
        if kind == "from":
            return self.query_from()
        if self._is_span_between():
            return self._span_between()
        found = self.retrieve() if kind == "[" else self.term()
        return self.query_of(found) if self.alias_ahead(found) else found

    def _before(self, word: str) -> ast.Unary:
        start = self.start
        self.advance()
        operand = self.expression(_BETWEEN)
        return ast.Unary(start, self.end, cast(ast.UnaryWord, word), operand)

    def _cast(self) -> ast.Cast:
        """`cast x as T`: what reads as `x as T` in itself is the whole of it."""
        start = self.start
        self.advance()
        read = self.expression()
        if self.take("as"):
            type_ = self.type_specifier()
            return ast.Cast(start, self.end, read, type_)
        if not isinstance(read, ast.As):
            self.fail("expected as and a type after cast")
        return ast.Cast(start, self.end, read.operand, read.type)

    def _is_span_between(self) -> bool:
        if self.kind in PLURALS:
            return self.peek() == "between"
        return self.kind in ("duration", "difference") and self.peek() == "in" and self.peek(3) == "between"

    def _span_between(self) -> ast.SpanBetween:
        start = self.start
        measured = self.take_any("duration", "difference")
        if measured:
            precision = self.in_precision()
        else:
            precision = cast(ast.Precision, PLURALS[self.kind])
            self.advance()
        self.expect("between")
        low, high = self._bounds()
        return ast.SpanBetween(start, self.end, cast(ast.Measured, measured or "duration"), precision, low, high)
