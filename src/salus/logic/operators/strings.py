"""String operators (CQL Reference, Appendix B, section 7)."""

from __future__ import annotations

import re

from salus.elm.nodes import Operator
from salus.logic.context import Context
from salus.logic.expr import NULL, Const, E, case, is_null, op
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


@operator("SplitOnMatches")
def split_on_matches(cx: Context, node: Operator, value: Value, pattern: Value) -> Value:
    """B.7 SplitOnMatches."""
    if isinstance(value, Nothing):
        return NOTHING
    return Texts(text(cx, node, value), text(cx, node, pattern), "split_on_matches")


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


@operator("Substring")
def substring(cx: Context, node: Operator, value: Value, start: Value, size: Value) -> Value:
    """B.7 Substring: the start counts from 0; null outside the string; a size that is not there takes the rest."""
    parts = [text(cx, node, value), text(cx, node, start)]
    if isinstance(size, Nothing):
        return Point(STRING, op("substring", *parts))
    sized = op("substring_of", *parts, text(cx, node, size))
    return Point(STRING, case([(is_null(text(cx, node, size)), op("substring", *parts))], sized))


def character(value: Point, place: E) -> Point:
    """B.7 Indexer of a string: the character at a place, from 0; null outside."""
    return Point(STRING, op("substring_of", value.low, place, Const(1)))


@operator("PositionOf", "LastPositionOf")
def position_of(cx: Context, node: Operator, pattern: Value, value: Value) -> Value:
    """B.7 PositionOf, LastPositionOf: from 0, -1 when it is not there."""
    name = "position" if node.op == "PositionOf" else "last_position"
    return Point(INTEGER, op(name, text(cx, node, value), text(cx, node, pattern)))


@operator("ReplaceMatches")
def replace_matches(cx: Context, node: Operator, value: Value, pattern: Value, substitution: Value) -> Value:
    r"""B.7 ReplaceMatches: in the substitution `$1` is a group and `\$` a dollar."""
    template = text(cx, node, substitution)
    if not isinstance(template, Const):
        cx.fail(node, "ReplaceMatches by a substitution that is not constant is not supported")
    if template.value is None:
        return NOTHING
    spelled = re.sub(r"\\\$|\$(\d)|\\", _template_part, str(template.value))
    return Point(STRING, op("replace_matches", text(cx, node, value), text(cx, node, pattern), Const(spelled)))


def _template_part(found: re.Match[str]) -> str:
    """A part of a substitution as the engine's regular expressions write it."""
    if found[0] == r"\$":
        return "$"
    return rf"\{found[1]}" if found[1] else r"\\"
