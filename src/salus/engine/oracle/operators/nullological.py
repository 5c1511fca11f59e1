"""Nullological operators (ELM §14; CQL 1.5, Appendix B "Nullological Operators")."""

from __future__ import annotations

from salus.engine.oracle.kinds import is_nothing
from salus.engine.oracle.registry import Call, lazy, operator
from salus.engine.oracle.values import Value


@operator("IsNull")
def is_null(call: Call, value: Value) -> Value:
    """§14 IsNull."""
    return is_nothing(value)


@operator("IsTrue")
def is_true(call: Call, value: Value) -> Value:
    """§14 IsTrue: null is not true."""
    return value is True


@operator("IsFalse")
def is_false(call: Call, value: Value) -> Value:
    """§14 IsFalse: null is not false."""
    return value is False


@lazy("Coalesce")
def coalesce(call: Call) -> Value:
    """§14 Coalesce: the first that is not null; of one operand, the first of its list."""
    places = range(len(call.node.operands))
    if len(places) == 1:
        return next((item for item in call.operand(0) or () if not is_nothing(item)), None)
    return next((value for value in map(call.operand, places) if not is_nothing(value)), None)
