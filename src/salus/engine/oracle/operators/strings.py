"""String operators (ELM §17; CQL 1.5, Appendix B "String Operators"). Positions count from 0."""

from __future__ import annotations

import re
from typing import Any

from salus.elm.nodes import TypeOperator
from salus.elm.types import ListOf
from salus.engine.oracle.registry import Call, operator, strict
from salus.engine.oracle.values import Value


@operator("Concatenate")
@strict
def concatenate(call: Call, *texts: str) -> Value:
    """§17 Concatenate: null when either is null."""
    return "".join(texts)


@operator("Combine")
def combine(call: Call, texts: Value, separator: Value) -> Value:
    """§17 Combine: nulls in the list are passed over; null when there is nothing but null."""
    there = [text for text in texts or () if text is not None]
    return (separator or "").join(there) if there else None


@operator("Split")
def split(call: Call, text: Value, separator: Value) -> Value:
    """§17 Split: the whole text when there is no separator."""
    if text is None:
        return None
    return text.split(separator) if separator else [text]


@operator("SplitOnMatches")
def split_on_matches(call: Call, text: Value, pattern: Value) -> Value:
    """§17 SplitOnMatches."""
    if text is None:
        return None
    return re.split(pattern, text) if pattern else [text]


@operator("Upper")
@strict
def upper(call: Call, text: str) -> Value:
    """§17 Upper."""
    return text.upper()


@operator("Lower")
@strict
def lower(call: Call, text: str) -> Value:
    """§17 Lower."""
    return text.lower()


@operator("PositionOf")
@strict
def position_of(call: Call, pattern: str, text: str) -> Value:
    """§17 PositionOf: -1 when it is not there."""
    return text.find(pattern)


@operator("LastPositionOf")
@strict
def last_position_of(call: Call, pattern: str, text: str) -> Value:
    """§17 LastPositionOf."""
    return text.rfind(pattern)


@operator("Substring")
def substring(call: Call, text: Value, start: Value, length: Value) -> Value:
    """§17 Substring: null when the start is outside the text; all that is left without a length."""
    if text is None or start is None or not 0 <= start < max(len(text), 1):
        return None
    return text[start:] if length is None else text[start : start + max(length, 0)]


@operator("StartsWith")
@strict
def starts_with(call: Call, text: str, prefix: str) -> Value:
    """§17 StartsWith."""
    return text.startswith(prefix)


@operator("EndsWith")
@strict
def ends_with(call: Call, text: str, suffix: str) -> Value:
    """§17 EndsWith."""
    return text.endswith(suffix)


@operator("Matches")
@strict
def matches(call: Call, text: str, pattern: str) -> Value:
    """§17 Matches: the pattern describes the whole text."""
    return _pattern(call, pattern).fullmatch(text) is not None


@operator("ReplaceMatches")
@strict
def replace_matches(call: Call, text: str, pattern: str, substitution: str) -> Value:
    r"""§17 ReplaceMatches: `$1` is a group and `\$` a dollar."""
    template = re.sub(r"\\\$|\$(\d+)|\\", _template_part, substitution)
    return _pattern(call, pattern).sub(template, text)


def _template_part(found: re.Match[str]) -> str:
    if found[0] == r"\$":
        return "$"
    return rf"\g<{found[1]}>" if found[1] else r"\\"


def _pattern(call: Call, pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        call.fail(f"{pattern!r} is not a regular expression: {error}")


@operator("Length")
def length(call: Call, value: Any) -> Value:
    """§17 Length of a text: null of null; §20 Length of a list: 0 of a null list, where the type is stated."""
    if value is not None:
        return len(value)
    [operand] = call.node.operands
    return 0 if isinstance(operand, TypeOperator) and isinstance(operand.type, ListOf) else None


@operator("Indexer")
@strict
def indexer(call: Call, value: Any, place: int) -> Value:
    """§17, §20 Indexer: null outside."""
    return value[place] if 0 <= place < len(value) else None
