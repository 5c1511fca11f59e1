"""The aggregate clause of a query: a value carried along the rows of a list, first to last (CQL 1.5, Author's Guide
"Aggregate Queries"; ELM AggregateClause).

What the expression reads of each row is collected in the rows' order; the engine folds that list, a value at a time.
Leaves to others: which rows there are (`queries`).
"""

from __future__ import annotations

from collections.abc import Callable

from salus.elm import nodes as n
from salus.elm.types import Named
from salus.logic import frame as frames
from salus.logic.context import Context
from salus.logic.expr import NULL, Col, Const, E, Op, case, columns_of, map_columns, not_null
from salus.logic.frame import Rows
from salus.logic.values import BOOLEAN, DATE, DATETIME, DECIMAL, INTEGER, LONG, STRING, Nothing, Point, Value, type_of

_SQL_TYPES: dict[Named, str] = {
    BOOLEAN: "boolean",
    INTEGER: "int",
    LONG: "bigint",
    DECIMAL: "decimal(28,8)",
    STRING: "text",
    DATE: "timestamp",
    DATETIME: "timestamp",
}


def fold(cx: Context, inner: Context, node: n.Query, clause: n.Aggregate, rows: Rows) -> Value:
    """The clause's value for each row of `cx`; `inner` is the scope of a row of the list."""
    start = _start(cx, clause.starting)
    if not isinstance(start, Point) or start.high is not None or start.type not in _SQL_TYPES:
        cx.fail(node, f"the aggregate clause that starts with a value of type {type_of(start)} is not supported")
    so_far = Point(start.type, Op("so_far", (Const("value"),)))
    result = inner.within(inner.frame, **{clause.identifier: so_far}).value(clause.expression)
    if isinstance(result, Nothing):
        result = Point(start.type, NULL)
    if not isinstance(result, Point) or result.high is not None or result.type not in (start.type, DECIMAL):
        cx.fail(node, f"the aggregate clause that makes a value of type {type_of(result)} is not supported")
    return Point(result.type, _folded(cx, rows, start.low, result.low, _SQL_TYPES[result.type]))


def _start(cx: Context, starting: n.Node) -> Value:
    """What the clause starts with; `null as DateTime` is a DateTime that is not there."""
    value = cx.value(starting)
    if isinstance(value, Nothing) and isinstance(starting, n.TypeOperator) and isinstance(starting.type, Named):
        return Point(starting.type, NULL)
    return value


def _folded(cx: Context, rows: Rows, start: E, result: E, sql_type: str) -> E:
    def typed(e: E) -> E:
        return Op("as_type", (e, Const(sql_type)))

    names = {col: f"c{place}" for place, col in enumerate(columns_of(result))}
    body = map_columns(result, lambda col: Op("of_item", (Const(names[col]),)))
    step = _state(typed(body), names, lambda name: Op("of_item", (Const(name),)))
    items = _state(typed(NULL), names, {name: col for col, name in names.items()}.__getitem__)
    for col in names:
        rows.frame.reach(col)
    _, aggregate = frames.grouped(rows, cx.frame)
    collected = aggregate(Op("collect", (items, *frames.in_order(rows))))
    initial = _state(typed(start), names, lambda name: NULL)
    return case([(not_null(collected), Op("fold", (collected, step, initial)))], start)


def _state(value: E, names: dict[Col, str], item: Callable[[str], E]) -> E:
    """What is carried: the value so far and what was read of the item."""
    parts = [Const("value"), value]
    for name in names.values():
        parts += [Const(name), item(name)]
    return Op("struct", tuple(parts))
