"""Sorting: the columns that order values, and the key that picks the first or last row (CQL 1.5, "Sorting").

Nulls sort lowest; uncertain values by their earliest, then their latest meaning; ties by position, in every engine.
"""

from __future__ import annotations

from collections.abc import Sequence

from salus.elm.nodes import Node
from salus.logic.context import Context
from salus.logic.expr import E, Op, not_null
from salus.logic.operators.bounds import end, start
from salus.logic.operators.units import sort_keys
from salus.logic.values import Choice, Coded, Interval, Nothing, Point, Quantity, Value, type_of


def order_key(cx: Context, node: Node, value: Value) -> tuple[E, ...]:
    """Columns that sort as the value does; uncertain values by their earliest, then latest meaning."""
    match value:
        case Point(low=low, high=None):
            return (low,)
        case Point(low=low, high=high):
            assert high is not None
            return (low, high)
        case Quantity():
            return sort_keys(value)
        case Interval():
            return (*order_key(cx, node, start(value)), *order_key(cx, node, end(value)))
        case Coded(id=id_):
            return (id_,)
        case Nothing():
            return ()
        case Choice(options=options):
            return tuple(key for option in options for key in order_key(cx, node, option))
    cx.fail(node, f"a list cannot be sorted by {type_of(value)}")


def pick_key(keys: Sequence[E], position: Sequence[E], *, descending: bool, latest: bool) -> tuple[str, Op]:
    """How to pick the first or last row: the aggregate and its comparable key (nulls lowest, ties by position)."""
    parts: list[E] = []
    for key in keys:
        parts += [not_null(key), key]
    upward = descending == latest
    ties = position if upward == (not latest) else [Op("negate", (p,)) for p in position]
    return ("arg_min" if upward else "arg_max"), Op("row", (*parts, *ties))
