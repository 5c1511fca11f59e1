"""Nullological operators (CQL Reference, Appendix B, section 3): is null, coalesce."""

from __future__ import annotations

from salus.elm.nodes import Operator
from salus.logic import frame as frames
from salus.logic.context import Context
from salus.logic.expr import not_
from salus.logic.frame import Rows
from salus.logic.operators.lists import pick
from salus.logic.operators.registry import operator
from salus.logic.values import ListLiteral, Value, boolean, first_present, present


@operator("IsNull")
def is_null_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.3 IsNull: never null itself."""
    return boolean(not_(present(a)))


@operator("Coalesce")
def coalesce_operator(cx: Context, node: Operator, *values: Value) -> Value:
    """B.3 Coalesce: the first that is not null, of arguments or of one list."""
    if len(values) == 1 and isinstance(values[0], ListLiteral):
        values = values[0].items
    if len(values) == 1 and isinstance(values[0], Rows):
        rows = frames.instance(values[0], cx.frame)
        rows.frame.filter(present(rows.element))
        return pick(cx, node, rows, latest=False)
    return first_present(values)
