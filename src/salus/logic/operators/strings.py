"""String operators (CQL Reference, Appendix B, section 7)."""

from __future__ import annotations

from salus.elm.nodes import Operator
from salus.logic.context import Context
from salus.logic.expr import NULL, Const, E, op
from salus.logic.operators.registry import operator
from salus.logic.values import BOOLEAN, INTEGER, NOTHING, STRING, Nothing, Point, Texts, Value


def text(cx: Context, node: Operator, value: Value) -> E:
    """The string column of a value."""
    if isinstance(value, Nothing):
        return NULL
    if not isinstance(value, Point):
        cx.fail(node, f"{node.op} needs strings")
    return value.low


@operator("Split")
def split(cx: Context, node: Operator, value: Value, separator: Value) -> Value:
    """B.7 Split."""
    if isinstance(value, Nothing):
        return NOTHING
    return Texts(text(cx, node, value), text(cx, node, separator))


@operator("Concatenate")
def concatenate(cx: Context, node: Operator, *values: Value) -> Value:
    """B.7 Concatenate: null when any is null."""
    parts = [text(cx, node, v) for v in values]
    if all(isinstance(p, Const) and isinstance(p.value, str) for p in parts):
        return Point(STRING, Const("".join(str(p.value) for p in parts if isinstance(p, Const))))
    return Point(STRING, op("concat", *parts))


_BOOLEAN = {"StartsWith": "starts_with", "EndsWith": "ends_with", "Matches": "matches"}


@operator(*_BOOLEAN)
def text_test(cx: Context, node: Operator, value: Value, part: Value) -> Value:
    """B.7 StartsWith, EndsWith, Matches."""
    return Point(BOOLEAN, op(_BOOLEAN[node.op], text(cx, node, value), text(cx, node, part)))


@operator("Upper", "Lower")
def change_case(cx: Context, node: Operator, value: Value) -> Value:
    """B.7 Upper, Lower."""
    return Point(STRING, op(node.op.lower(), text(cx, node, value)))


@operator("Length")
def length(cx: Context, node: Operator, value: Value) -> Value:
    """B.7 Length of a string."""
    return Point(INTEGER, op("length", text(cx, node, value)))


@operator("Substring")
def substring(cx: Context, node: Operator, value: Value, start: Value, size: Value) -> Value:
    """B.7 Substring: the start counts from 0."""
    parts = [text(cx, node, value), text(cx, node, start)]
    if not isinstance(size, Nothing):
        parts.append(text(cx, node, size))
    return Point(STRING, op("substring", *parts))


@operator("PositionOf")
def position_of(cx: Context, node: Operator, pattern: Value, value: Value) -> Value:
    """B.7 PositionOf: from 0, -1 when it is not there."""
    return Point(INTEGER, op("position", text(cx, node, value), text(cx, node, pattern)))
