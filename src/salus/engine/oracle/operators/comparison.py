"""Comparison operators (ELM §12; CQL 1.5, Appendix B "Comparison Operators")."""

from __future__ import annotations

from salus.engine.oracle import comparison
from salus.engine.oracle.registry import Call, operator
from salus.engine.oracle.values import Value


@operator("Equal")
def equal(call: Call, a: Value, b: Value) -> Value:
    """§12 Equal."""
    return comparison.equal(a, b)


@operator("NotEqual")
def not_equal(call: Call, a: Value, b: Value) -> Value:
    """§12 NotEqual: not equal."""
    return comparison.negated(comparison.equal(a, b))


@operator("Equivalent")
def equivalent(call: Call, a: Value, b: Value) -> Value:
    """§12 Equivalent: never null."""
    return comparison.equivalent(a, b)


@operator("Less", "Greater", "LessOrEqual", "GreaterOrEqual")
def ordered(call: Call, a: Value, b: Value) -> Value:
    """§12 Less, Greater, LessOrEqual, GreaterOrEqual: null when either is null or it cannot be told."""
    test = comparison.at_or_before if call.node.op.endswith("OrEqual") else comparison.before
    return test(b, a) if call.node.op.startswith("Greater") else test(a, b)
