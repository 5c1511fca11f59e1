"""Retrieves and queries.

A query is known by the alias after its source; `from` may stand before. Sources after the first need an alias too,
which tells the comma between sources from one between arguments.
Source: CQL 1.5 grammar, retrieve, query, sourceClause to sortClause; Author's Guide, Queries.
"""

from __future__ import annotations

from typing import Literal, cast

from salus.cql import ast
from salus.cql.parser.literals import LITERALS, NUMBERS
from salus.cql.parser.names import REFERENTIAL
from salus.cql.parser.terms import name_parts
from salus.cql.parser.timing import Timing
from salus.cql.tokens import NAMES

_DIRECTIONS = ("asc", "ascending", "desc", "descending")
_COMPARATORS = ("in", "=", "~")


class Queries(Timing):
    # Retrieves

    def retrieve(self) -> ast.Retrieve:
        start, opened = self.start, self.at
        self.advance()
        context = self._retrieve_context()
        type_ = self.named_type()
        path, comparator, terminology = None, None, None
        if self.take(":"):
            path, comparator = self._code_path()
            terminology = self.expression()
        self.close("]", opened)
        return ast.Retrieve(start, self.end, context, type_, path, comparator, terminology)

    def _retrieve_context(self) -> ast.Expression | None:
        """`name.name ->`, where it is written."""
        here = self.at
        if self._after_names(here) is None or self.kinds[self._after_names(here) or here] != "->":
            return None
        context = self.referred_name()
        self.advance()
        return context

    def _code_path(self) -> tuple[ast.Expression | None, Literal["in", "=", "~"] | None]:
        """`path in`, `path ~`: a path is names, dots and indexers, with a comparator behind it."""
        after = self._after_path(self.at)
        if after is None or self.kinds[after] not in _COMPARATORS:
            return None, None
        path = self.referred_name(indexers=True)
        return path, cast('Literal["in", "=", "~"]', self.take_any(*_COMPARATORS))

    def _after_path(self, index: int) -> int | None:
        after = self._after_names(index)
        while after is not None and self.kinds[after] == "[":
            after = self.after_group(after)
            if self.kinds[after] == ".":
                after = self._after_names(after + 1)
        return after

    def _after_names(self, index: int) -> int | None:
        """The index past `a.b.c`, or None where no name stands."""
        while self.kinds[index] in REFERENTIAL:
            if self.kinds[index + 1] != ".":
                return index + 1
            index += 2
        return None

    def referred_name(self, indexers: bool = False) -> ast.Expression:
        """`a.b.c`, and with indexers `a[0].b`."""
        name: ast.Expression = self.referential("a name")
        while True:
            if self.take("."):
                part = self.referential("a name after the dot")
                name = ast.Member(name.start, self.end, name, part)
            elif indexers and self.kind == "[":
                name = self._simple_indexer(name)
            else:
                return name

    def _simple_indexer(self, name: ast.Expression) -> ast.Indexer:
        opened = self.at
        self.advance()
        if self.kind not in LITERALS:
            self.fail("expected a string or a number")
        index = self.literal()
        self.close("]", opened)
        return ast.Indexer(name.start, self.end, name, index)

    # Sources

    def alias_ahead(self, source: ast.Expression) -> bool:
        """Whether what was read is the source of a query: its alias follows."""
        if self.kind not in NAMES:
            return False
        return isinstance(source, ast.Retrieve | ast.Parenthesized) or name_parts(source) is not None

    def _source(self) -> ast.AliasedSource:
        start = self.start
        source = self._query_source()
        alias = self.identifier("an alias for the source")
        return ast.AliasedSource(start, self.end, source, alias)

    def _query_source(self) -> ast.Expression:
        if self.kind == "[":
            return self.retrieve()
        if self.kind == "(":
            return self.parenthesized()
        if self.kind not in REFERENTIAL:
            self.fail("expected a retrieve, a name or an expression in parentheses as the source")
        return self.referred_name()

    def _more_sources_ahead(self) -> bool:
        """After a comma: whether a source with its alias follows."""
        if self.kind != ",":
            return False
        index = self.at + 1
        bracket = self.kinds[index] in ("[", "(")
        after = self.after_group(index) if bracket else self._after_names(index)
        return after is not None and self.kinds[after] in NAMES

    # Queries

    def query_from(self) -> ast.Query:
        """`from source alias, ...`: every comma goes before another source."""
        start = self.start
        self.advance()
        return self._clauses(start, self.several(self._source))

    def query_of(self, first: ast.Expression) -> ast.Query:
        """A query whose first source has been read."""
        alias = self.identifier("an alias")
        sources = [ast.AliasedSource(first.start, self.end, first, alias)]
        while self._more_sources_ahead():
            self.advance()
            sources.append(self._source())
        return self._clauses(first.start, tuple(sources))

    def _clauses(self, start: int, sources: tuple[ast.AliasedSource, ...]) -> ast.Query:
        lets = self._lets()
        relations = []
        while self.kind in ("with", "without"):
            relations.append(self._with())
        where = self._where() if self.kind == "where" else None
        aggregate = self._aggregate() if self.kind == "aggregate" else None
        returns = self._return() if self.kind == "return" and aggregate is None else None
        sort = self._sort() if self.kind == "sort" else None
        return ast.Query(start, self.end, sources, lets, tuple(relations), where, aggregate, returns, sort)

    def _lets(self) -> tuple[ast.LetItem, ...]:
        return self.several(self._let) if self.take("let") else ()

    def _let(self) -> ast.LetItem:
        start = self.start
        name = self.identifier("a name to give to a value")
        self.expect(":", f"after let {name.text}")
        value = self.expression()
        return ast.LetItem(start, self.end, name, value)

    def _with(self) -> ast.With:
        start, negated = self.start, self.kind == "without"
        self.advance()
        source = self._source()
        self.expect("such that", f"after the source {source.alias.text}")
        condition = self.expression()
        return ast.With(start, self.end, source, condition, negated)

    def _where(self) -> ast.Where:
        start = self.start
        self.advance()
        condition = self.expression()
        return ast.Where(start, self.end, condition)

    def _aggregate(self) -> ast.Aggregate:
        start = self.start
        self.advance()
        modifier = self._modifier()
        name = self.identifier("a name for the result so far")
        starting = self._starting() if self.kind == "starting" else None
        self.expect(":", "before the expression of an aggregate")
        value = self.expression()
        return ast.Aggregate(start, self.end, modifier, name, starting, value)

    def _starting(self) -> ast.Starting:
        start = self.start
        self.advance()
        value = self._starting_value()
        return ast.Starting(start, self.end, value)

    def _starting_value(self) -> ast.Expression:
        if self.kind == "(":
            return self.parenthesized()
        if self.kind == "STRING":
            return self.string("a value")
        if self.kind not in NUMBERS:
            self.fail("expected a string, a number or an expression in parentheses after starting")
        # The colon after the number belongs to the aggregate: this is no ratio.
        return self.number_or_quantity()

    def _modifier(self) -> Literal["all", "distinct"] | None:
        return cast('Literal["all", "distinct"] | None', self.take_any("all", "distinct"))

    def _return(self) -> ast.Return:
        start = self.start
        self.advance()
        modifier = self._modifier()
        value = self.expression()
        return ast.Return(start, self.end, modifier, value)

    # Sorting

    def _sort(self) -> ast.Sort:
        start = self.start
        self.advance()
        if self.take("by"):
            items = self.several(self._sort_item)
            return ast.Sort(start, self.end, None, items)
        direction = self._direction()
        if direction is None:
            self.fail("expected by, asc or desc after sort")
        return ast.Sort(start, self.end, direction, ())

    def _sort_item(self) -> ast.SortItem:
        start = self.start
        value = self.term()
        direction = self._direction()
        return ast.SortItem(start, self.end, value, direction)

    def _direction(self) -> ast.Direction | None:
        return cast("ast.Direction | None", self.take_any(*_DIRECTIONS))
