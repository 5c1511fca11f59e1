"""Queries: sources, relationships, where, return, sort (CQL 1.5 Author's Guide, "Queries"; ELM Query).

A query over a list works on the rows of its source; a query over a single value is evaluated where it stands. With and
without become membership by key; a return becomes the element of the same rows; a sort waits until First or Last asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from salus.elm import nodes as n
from salus.logic import frame as frames
from salus.logic.context import Context
from salus.logic.expr import FALSE, NULL, TRUE, Const, E, and_, case, eq, not_, truth
from salus.logic.folding import fold
from salus.logic.frame import Rows
from salus.logic.literals import literal_list
from salus.logic.operators.sorting import order_key
from salus.logic.properties import get_path
from salus.logic.values import (
    EMPTY,
    NOTHING,
    Empty,
    ListLiteral,
    Nothing,
    Point,
    Resource,
    Tuple,
    Value,
    combine,
    leaves_of,
    present,
    type_of,
)  # fmt: skip


def query(cx: Context, node: n.Query) -> Value:
    """The value of a query: rows for a list source, one value otherwise."""
    if node.aggregate is not None and all(_written_out(source.expression) for source in node.sources):
        return _unrolled(cx, node, node.aggregate)
    first, *others = node.sources
    alias, value = first.alias, cx.value(first.expression)
    while not _is_list(value) and others:  # single values beside a list: names that hold for each of its rows
        cx = cx.within(cx.frame, **{alias: value})
        guard = present(value)
        first, *others = others
        alias, value = first.alias, cx.value(first.expression)
        value = only_if(cx, node, guard, value)
    if isinstance(value, ListLiteral):
        value = _literal_source(cx, value)
    if isinstance(value, Rows):
        return _over_rows(cx, node, alias, value, others)
    if node.aggregate is not None:
        return _aggregate_of_none(cx, node, node.aggregate, value)
    return value if isinstance(value, Empty) else _over_value(cx, node, alias, value)


def _aggregate_of_none(cx: Context, node: n.Query, clause: n.Aggregate, value: Value) -> Value:
    if not isinstance(value, Nothing):
        cx.fail(node, "the aggregate clause over a single value is not supported")
    return cx.value(clause.starting)


def _written_out(node: n.Node) -> bool:
    """Whether a source is a list of literals, whose elements are known one by one."""
    return isinstance(node, n.ListSelector) and all(
        isinstance(e, (n.Literal, n.QuantityLiteral)) for e in node.elements
    )


def _unrolled(cx: Context, node: n.Query, clause: n.Aggregate) -> Value:
    """The aggregate clause over lists that are written out: the expression unrolled, element after element."""
    rows = [cx]
    for source in node.sources:
        rows = [row.within(row.frame, **{source.alias: item}) for row in rows for item in _items(row, source)]
    if clause.distinct:
        rows = _different(cx, node, rows)
    result = cx.value(clause.starting)
    for row in rows:
        inner = _with_lets(row, node)
        kept = [_related(inner, relationship) for relationship in node.relationships]
        kept += [] if node.where is None else [_condition(inner, node.where)]
        made = inner.within(inner.frame, **{clause.identifier: result}).value(clause.expression)
        held = truth(and_(*kept)) if kept else TRUE
        result = made if held == TRUE else combine([made, result], lambda p, held=held: case([(held, p[0])], p[1]))  # type: ignore[misc]
    return result


def _items(cx: Context, source: n.Source) -> tuple[Value, ...]:
    value = cx.value(source.expression)
    return value.items if isinstance(value, ListLiteral) else ()


def _different(cx: Context, node: n.Query, rows: list[Context]) -> list[Context]:
    """One of each, where that is known already."""
    kept: dict[tuple[E, ...], Context] = {}
    for row in rows:
        leaves = tuple(e for s in node.sources for e in leaves_of(_alias(row, s.alias)))
        if not all(isinstance(e, Const) for e in leaves):
            cx.fail(node, "aggregate distinct over values that are no constants is not supported")
        kept.setdefault(leaves, row)
    return list(kept.values())


def _is_list(value: Value) -> bool:
    return isinstance(value, (Rows, ListLiteral, Empty))


def _literal_source(cx: Context, value: ListLiteral) -> Value:
    return literal_list(cx, value) if value.items else EMPTY


def _with_lets(cx: Context, node: n.Query) -> Context:
    """Lets are values by name, computed when first used."""
    for name, expression in node.lets:
        cx = bind_let(cx, name, expression)
    return cx


def bind_let(cx: Context, name: str, expression: n.Node) -> Context:
    """One more name, whose value is computed when first used."""
    made: list[Value] = []

    def force() -> Value:
        if not made:
            made.append(cx.value(expression))
        return made[0]

    return cx.within(cx.frame, **{name: force})


def _over_value(cx: Context, node: n.Query, alias: str, value: Value) -> Value:
    inner = _with_lets(cx.within(cx.frame, **{alias: value}), node)
    kept: list[E] = [present(value)]
    kept += [_related(inner, relationship) for relationship in node.relationships]
    if node.where is not None:
        kept.append(_condition(inner, node.where))
    result = inner.value(node.returns.expression) if node.returns else value
    return only_if(cx, node, and_(*kept), result)


REFUSED = frozenset({"Repeat"})
"""Scoped operators that have no set form: each step needs what the one before it found."""


def scoped(cx: Context, node: n.ScopedOperator) -> Value:
    """ELM §20 Filter, ForEach: queries with a where, or with a return of all."""
    if node.op in REFUSED:
        cx.fail(node, f"{node.op} is not supported")
    made = None if node.op == "Filter" else n.Return(node.element, distinct=False)
    where = node.element if node.op == "Filter" else None
    source = n.Source(node.scope, node.source)
    return query(cx, n.Query((source,), (), (), where, made, None, (), locator=node.locator, local_id=node.local_id))


def only_if(cx: Context, node: n.Node, condition: E, value: Value) -> Value:
    """`value` where the condition is true, else null."""
    if condition == TRUE or isinstance(value, Nothing):
        return value
    if condition == FALSE:
        return EMPTY if isinstance(value, Rows) else NOTHING
    if isinstance(value, Rows):
        rows = frames.instance(value, cx.frame)
        rows.frame.filter(condition)
        return rows
    return combine([value], lambda parts: case([(condition, parts[0])]))


def _condition(cx: Context, node: n.Node) -> E:
    value = cx.value(node)
    if isinstance(value, Nothing):
        return NULL
    if not isinstance(value, Point):
        cx.fail(node, f"a condition must be Boolean, not {type_of(value)}")
    return value.low


def _over_rows(cx: Context, node: n.Query, alias: str, rows: Rows, others: Sequence[n.Source]) -> Value:
    if node.aggregate is not None and node.aggregate.distinct:
        if others:
            cx.fail(node, "the aggregate clause over distinct rows of several sources is not supported")
        rows = replace(rows, distinct=True)
    rows = frames.settle(rows, cx.frame)
    frame = rows.frame
    inner = cx.within(frame, **{alias: rows.element})
    for source in others:
        inner = _join_source(inner, source)
    inner = _with_lets(inner, node)
    for relationship in node.relationships:
        frame.filter(_related(inner, relationship))
    if node.where is not None:
        frame.filter(_condition(inner, node.where))
    if node.aggregate is not None:
        return fold(cx, inner, node, node.aggregate, Rows(frame, rows.element, False, rows.order))
    element = _returned(inner, node, rows.element)
    made = Rows(frame, element, rows.distinct, rows.order)
    if node.returns is not None:
        made.distinct = node.returns.distinct and not _keeps_rows(rows, element) and not isinstance(element, Rows)
    if node.sort:
        made.order = _order(inner, node, made)
    return made


def _returned(cx: Context, node: n.Query, element: Value) -> Value:
    if node.returns is None:
        if len(node.sources) == 1:
            return element
        aliases: Mapping[str, Value] = {s.alias: _alias(cx, s.alias) for s in node.sources}
        return Tuple(aliases, TRUE)
    return cx.value(node.returns.expression)


def _alias(cx: Context, name: str) -> Value:
    value = cx.aliases[name]
    return value() if callable(value) else value


def _keeps_rows(rows: Rows, element: Value) -> bool:
    """Whether a return hands on the source's own resource, so that distinct has nothing to drop."""
    return (
        isinstance(element, Resource)
        and isinstance(rows.element, Resource)
        and element.rid == rows.element.rid
        and rows.frame.key == element.rid
    )


def _join_source(cx: Context, source: n.Source) -> Context:
    """One more source: its rows beside each row so far."""
    value = cx.value(source.expression)
    if isinstance(value, ListLiteral) and value.items:  # once more, for it reads the rows that it is joined to
        value = frames.instance(literal_list(cx, value), cx.frame)
    if not isinstance(value, Rows):
        cx.frame.filter(FALSE if isinstance(value, (Empty, ListLiteral)) else present(value))
        return cx.within(cx.frame, **{source.alias: value})
    rows = frames.settle(value, cx.frame)
    other, frame = rows.frame, cx.frame
    on = eq(rows.link.inner, rows.link.outer if rows.link.outer is not None else frame.pid)
    frame.select.join("inner", other.select, on)
    frame.position = (*frame.position, *other.position)
    frame.multiplied()
    return cx.within(frame, **{source.alias: rows.element})


def _related(cx: Context, node: n.Relationship) -> E:
    """With: some row of the related source satisfies the condition; without: none does."""
    value = cx.value(node.expression)
    if isinstance(value, ListLiteral):
        value = _literal_source(cx, value)
    if isinstance(value, Nothing):
        return TRUE if node.negated else FALSE
    if not isinstance(value, Rows):
        inner = cx.within(cx.frame, **{node.alias: value})
        held = and_(present(value), truth(_condition(inner, node.such_that)))
        return not_(held) if node.negated else held
    inner = cx.within(value.frame, **{node.alias: value.element})
    value.frame.filter(_condition(inner, node.such_that))
    there = frames.member(value, cx.frame)
    return not_(there) if node.negated else there


def _order(cx: Context, node: n.Query, rows: Rows) -> tuple[tuple[bool, tuple[E, ...]], ...]:
    inner = cx.within(rows.frame, **{"$this": rows.element})
    return tuple((key.descending, order_key(inner, key, _sorted_by(inner, key, rows.element))) for key in node.sort)


def _sorted_by(cx: Context, key: n.SortKey, element: Value) -> Value:
    if key.path is not None:
        return get_path(cx, key, element, key.path)
    return element if key.expression is None else cx.value(key.expression)
