"""Queries: sources, let, with and without, where, return, aggregate, sort (ELM §10; CQL 1.5, Author's Guide "Queries").

A row of a query is a scope in which the aliases are bound, one row for each combination of the sources' elements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from functools import partial
from typing import Protocol

from salus.elm import nodes as n
from salus.elm.narrative import children
from salus.engine.oracle import properties
from salus.engine.oracle.comparison import distinct, sort_key
from salus.engine.oracle.scope import Later, Scope
from salus.engine.oracle.values import Tuple, Value


class Evaluator(Protocol):
    def evaluate(self, node: n.Node, scope: Scope) -> Value: ...


def query(it: Evaluator, node: n.Query, scope: Scope) -> Value:
    """§10 Query: a list when a source is one, else one value, null when it does not pass."""
    sources = [_Source(it, source, node.sources[:place], scope) for place, source in enumerate(node.sources)]
    rows = [row for row in _rows(it, node, sources, scope) if _passes(it, node, row)]
    plural = any(source.plural for source in sources)
    if node.aggregate is not None:
        return _aggregated(it, node, node.aggregate, rows, scope)
    made = [_returned(it, node, row) for row in rows]
    if not plural:
        return made[0] if made else None
    if node.returns is not None and node.returns.distinct:
        made = distinct(made)
    return ordered(it, made, node.sort, scope) if node.sort else made


class _Source:
    """A source: the same list for every row, unless it names a source before it. `plural` is whether it is a list."""

    def __init__(self, it: Evaluator, source: n.Source, before: Sequence[n.Source], scope: Scope) -> None:
        self.alias = source.alias
        self.plural = False
        self._of = partial(it.evaluate, source.expression)
        self._fixed = None if _names(source.expression, {each.alias for each in before}) else self._elements(scope)

    def elements(self, row: Scope) -> list[Value]:
        return self._elements(row) if self._fixed is None else self._fixed

    def _elements(self, row: Scope) -> list[Value]:
        value = self._of(row)
        self.plural |= isinstance(value, list)
        return _elements(value)


def _names(node: n.Node, aliases: Set[str]) -> bool:
    """Whether an expression names one of the aliases."""
    mine = getattr(node, "scope", None) if isinstance(node, n.Property) else getattr(node, "name", None)
    return mine in aliases or any(_names(part, aliases) for part in children(node) if aliases)


def _rows(it: Evaluator, node: n.Query, sources: Sequence[_Source], scope: Scope) -> Iterator[Scope]:
    """Every combination of the sources' elements, with the lets bound."""
    if not sources:
        for name, expression in node.lets:
            scope = scope.bind(name, _later(it, expression, scope))
        yield scope
        return
    source, *others = sources
    for item in source.elements(scope):
        yield from _rows(it, node, others, scope.bind(source.alias, item))


def _elements(value: Value) -> list[Value]:
    """The elements of a source: one that is no list is its own only element, null none."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _later(it: Evaluator, expression: n.Node, scope: Scope) -> Later:
    return Later(lambda: it.evaluate(expression, scope))


def _passes(it: Evaluator, node: n.Query, row: Scope) -> bool:
    """Whether a row meets every with, without and where."""
    if not all(_related(it, relationship, row) for relationship in node.relationships):
        return False
    return node.where is None or it.evaluate(node.where, row) is True


def _related(it: Evaluator, node: n.Relationship, row: Scope) -> bool:
    """§10 With, Without: some element of the related source satisfies the condition, or none does."""
    items = _elements(it.evaluate(node.expression, row))
    found = any(it.evaluate(node.such_that, row.bind(node.alias, item)) is True for item in items)
    return found is not node.negated


def _returned(it: Evaluator, node: n.Query, row: Scope) -> Value:
    """§10 Return; without one the element itself, or a tuple of the sources by alias."""
    if node.returns is not None:
        return it.evaluate(node.returns.expression, row)
    if len(node.sources) == 1:
        return row.get(node.sources[0].alias)
    return Tuple({source.alias: row.get(source.alias) for source in node.sources})


def _aggregated(it: Evaluator, node: n.Query, clause: n.Aggregate, rows: Sequence[Scope], scope: Scope) -> Value:
    """§10 Aggregate: the expression over each row in turn, with the result so far; distinct rows when asked."""
    if clause.distinct:
        rows = _distinct_rows(node, rows)
    result = it.evaluate(clause.starting, scope)
    for row in rows:
        result = it.evaluate(clause.expression, row.bind(clause.identifier, result))
    return result


def _distinct_rows(node: n.Query, rows: Sequence[Scope]) -> list[Scope]:
    tuples = [Tuple({s.alias: row.get(s.alias) for s in node.sources}) for row in rows]
    kept = {id(each) for each in distinct(tuples)}
    return [row for row, made in zip(rows, tuples, strict=True) if id(made) in kept]


def ordered(it: Evaluator, items: Sequence[Value], keys: Sequence[n.SortKey], scope: Scope) -> list[Value]:
    """§10 Sort: by the keys in turn, nulls lowest; what is equal stays in the order it was in."""
    made = list(items)
    for key in reversed(keys):
        made.sort(key=lambda item, key=key: sort_key(_key(it, key, item, scope)), reverse=key.descending)  # type: ignore[misc]
    return made


def _key(it: Evaluator, key: n.SortKey, item: Value, scope: Scope) -> Value:
    if key.expression is not None:
        return it.evaluate(key.expression, scope.bind("$this", item))
    return properties.get_path(item, key.path) if key.path else item


def scoped(it: Evaluator, node: n.ScopedOperator, scope: Scope) -> Value:
    """§20 Filter: elements for which the condition is true; ForEach: the expression of each; Repeat: again and again
    until nothing new comes."""
    source = it.evaluate(node.source, scope)
    if source is None:
        return None
    if node.op == "Repeat":
        return _repeated(it, node, source, scope)
    made = [it.evaluate(node.element, scope.bind(node.scope, item)) for item in source]
    if node.op == "ForEach":
        return made
    return [item for item, held in zip(source, made, strict=True) if held is True]


def _repeated(it: Evaluator, node: n.ScopedOperator, source: Sequence[Value], scope: Scope) -> list[Value]:
    found: list[Value] = []
    fresh = list(source)
    while fresh:
        made = [it.evaluate(node.element, scope.bind(node.scope, item)) for item in fresh]
        known = len(found)
        found = distinct([*found, *(x for each in made for x in _elements(each))])
        fresh = found[known:]
    return found
