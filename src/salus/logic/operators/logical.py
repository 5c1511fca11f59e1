"""Logical operators (CQL Reference, Appendix B, section 1): three-valued and, or, not, implies, xor."""

from __future__ import annotations

from salus.elm.nodes import Operator
from salus.logic.context import Context
from salus.logic.expr import NULL, E, and_, is_true, not_, or_
from salus.logic.operators.registry import operator
from salus.logic.values import BOOLEAN, Choice, Nothing, Point, Value, boolean, narrow


def truth_value(cx: Context, node: Operator, value: Value) -> E:
    """The Boolean column of a value; null for the null literal."""
    if isinstance(value, Choice):
        value = narrow(value, BOOLEAN)
    if isinstance(value, Nothing):
        return NULL
    if not isinstance(value, Point):
        cx.fail(node, f"{node.op} needs a Boolean")
    return value.low


@operator("And")
def and_operator(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.1 And."""
    return boolean(and_(truth_value(cx, node, a), truth_value(cx, node, b)))


@operator("Or")
def or_operator(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.1 Or."""
    return boolean(or_(truth_value(cx, node, a), truth_value(cx, node, b)))


@operator("Not")
def not_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.1 Not."""
    return boolean(not_(truth_value(cx, node, a)))


@operator("Implies")
def implies(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.1 Implies: not a or b."""
    return boolean(or_(not_(truth_value(cx, node, a)), truth_value(cx, node, b)))


@operator("Xor")
def xor(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.1 Xor: null when either is null."""
    x, y = truth_value(cx, node, a), truth_value(cx, node, b)
    return boolean(or_(and_(x, not_(y)), and_(not_(x), y)))


@operator("IsTrue")
def is_true_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.2 IsTrue: never null."""
    return boolean(is_true(truth_value(cx, node, a)))


@operator("IsFalse")
def is_false_operator(cx: Context, node: Operator, a: Value) -> Value:
    """B.2 IsFalse: never null."""
    return boolean(is_true(not_(truth_value(cx, node, a))))
