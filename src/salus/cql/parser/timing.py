"""Timing phrases: `starts 3 days or less on or before day of`, and their kin.

Source: CQL 1.5 grammar, intervalOperatorPhrase, quantityOffset, temporalRelationship; Author's Guide, Timing Phrases.
"""

from __future__ import annotations

from typing import cast

from salus.cql import ast
from salus.cql.parser.literals import NUMBERS
from salus.cql.parser.terms import Terms
from salus.cql.tokens import PRECISIONS

_OFFSETS = NUMBERS | {"less than", "more than"}
_ORDERS = frozenset({"before", "after", "on or"})
PHRASE_STARTS = (
    _OFFSETS
    | _ORDERS
    | {
        "starts",
        "ends",
        "occurs",
        "same",
        "properly",
        "includes",
        "during",
        "included in",
        "within",
        "meets",
        "overlaps",
    }
)


class Timing(Terms):
    def phrase(self) -> ast.Phrase:
        start = self.start
        left = cast("ast.LeftBoundary | None", self.take_any("starts", "ends", "occurs"))
        properly = self.take("properly")
        if self.kind in ("during", "included in"):
            return self._during(start, left, properly)
        if self.kind == "within":
            return self._within(start, left, properly)
        if self.kind == "includes" and left is None:
            return self._includes(start, properly)
        if properly:
            self.fail("expected includes, during, included in, within or between after properly")
        if self.kind == "same":
            return self._same(start, left)
        if self.kind in _OFFSETS or self.kind in _ORDERS:
            return self._before_or_after(start, left)
        return self._plain(start, left)

    def _plain(self, start: int, left: ast.LeftBoundary | None) -> ast.Phrase:
        """`starts`, `ends`, `meets`, `overlaps`."""
        if left in ("starts", "ends"):
            make = ast.Starts if left == "starts" else ast.Ends
            precision = self.precision_of()
            return make(start, self.end, precision)
        kind = self.take_any("meets", "overlaps")
        if left or kind is None:
            self.fail("expected a relationship in time, such as before or during")
        order = cast("ast.Order | None", self.take_any("before", "after"))
        precision = self.precision_of()
        return (ast.Meets if kind == "meets" else ast.Overlaps)(start, self.end, order, precision)

    def _same(self, start: int, left: ast.LeftBoundary | None) -> ast.Same:
        self.advance()
        precision = self._precision()
        relation = self.take_any("as", "or before", "or after")
        if relation is None:
            self.fail("expected as, or before, or after")
        right = self._right_boundary()
        return ast.Same(start, self.end, left, precision, relation, right)  # type: ignore[arg-type]  # one of the three

    def _includes(self, start: int, properly: bool) -> ast.Includes:
        self.advance()
        precision, right = self.precision_of(), self._right_boundary()
        return ast.Includes(start, self.end, properly, precision, right)

    def _during(self, start: int, left: ast.LeftBoundary | None, properly: bool) -> ast.During:
        self.advance()
        precision = self.precision_of()
        return ast.During(start, self.end, left, properly, precision)

    def _within(self, start: int, left: ast.LeftBoundary | None, properly: bool) -> ast.Within:
        self.advance()
        quantity = self.quantity()
        self.expect("of", "after the quantity")
        right = self._right_boundary()
        return ast.Within(start, self.end, left, properly, quantity, right)

    def _before_or_after(self, start: int, left: ast.LeftBoundary | None) -> ast.BeforeOrAfter:
        offset = self._offset() if self.kind in _OFFSETS else None
        inclusive = self.take("on or")
        order = cast("ast.Order | None", self.take_any("before", "after"))
        if order is None:
            self.fail("expected before or after")
        inclusive = inclusive or self.take("or on")
        precision, right = self.precision_of(), self._right_boundary()
        return ast.BeforeOrAfter(start, self.end, left, offset, order, inclusive, precision, right)

    def _offset(self) -> ast.Offset:
        start = self.start
        bound = self.take_any("less than", "more than")
        quantity = self.quantity()
        qualifier = bound or self.take_any("or more", "or less")
        return ast.Offset(start, self.end, quantity, cast("ast.OffsetQualifier | None", qualifier))

    # Words that several phrases share

    def precision_of(self) -> ast.Precision | None:
        """`day of`, where it is written."""
        if self.kind not in PRECISIONS or self.peek() != "of":
            return None
        precision = self._precision()
        self.advance()
        return precision

    def _precision(self) -> ast.Precision | None:
        return cast("ast.Precision | None", self.take_any(*PRECISIONS))

    def _right_boundary(self) -> ast.RightBoundary | None:
        """`start` or `end` before what it is the boundary of; not `start of x`, and not a thing named `start`."""
        if self.kind not in ("start", "end") or self.peek() == "of" or not self.term_ahead(1):
            return None
        return cast("ast.RightBoundary | None", self.take_any("start", "end"))
