"""Logical operators: three-valued truth (ELM §13; CQL 1.5, Appendix B "Logical Operators")."""

from __future__ import annotations

from salus.engine.oracle.registry import Call, lazy, operator, strict
from salus.engine.oracle.values import Value


@lazy("And")
def and_(call: Call) -> Value:
    """§13 And: false when either is false; else null when either is null."""
    left = call.operand(0)
    if left is False:
        return False
    right = call.operand(1)
    if right is False:
        return False
    return None if left is None or right is None else True


@lazy("Or")
def or_(call: Call) -> Value:
    """§13 Or: true when either is true; else null when either is null."""
    left = call.operand(0)
    if left is True:
        return True
    right = call.operand(1)
    if right is True:
        return True
    return None if left is None or right is None else False


@lazy("Implies")
def implies(call: Call) -> Value:
    """§13 Implies: (not left) or right."""
    left = call.operand(0)
    if left is False:
        return True
    right = call.operand(1)
    if right is True:
        return True
    return None if left is None or right is None else False


@operator("Xor")
@strict
def xor(call: Call, left: bool, right: bool) -> Value:
    """§13 Xor."""
    return left is not right


@operator("Not")
@strict
def not_(call: Call, value: bool) -> Value:
    """§13 Not."""
    return not value
