"""Clinical operators (CQL Reference, Appendix B, section 12): membership in value sets."""

from __future__ import annotations

from salus.elm.nodes import Operator
from salus.logic.context import Context
from salus.logic.expr import FALSE, Const, E, in_list, is_true, or_
from salus.logic.operators.codes import any_code, has_code
from salus.logic.operators.registry import operator
from salus.logic.values import (
    CONCEPT,
    NOTHING,
    Choice,
    Coded,
    CodeFields,
    CodeLiterals,
    Nothing,
    Point,
    Tuple,
    Value,
    ValueSetValue,
    boolean,
    type_of,
)  # fmt: skip


def in_value_set(cx: Context, node: Operator, code: Value, value_set: ValueSetValue) -> E:
    """Whether a code, or any code of a concept, is in the value set; false for null (B.12 In (Valueset))."""
    codes = cx.compiler.value_set(value_set)
    match code:
        case Coded() | CodeFields() | CodeLiterals():
            return is_true(has_code(cx, code, codes))
        case Point(low=low):
            return is_true(in_list(low, [Const(c) for c in sorted({c for _, c in codes})]))
        case Choice(options=options):
            coded = [o for o in options if isinstance(o, (Coded, CodeFields, CodeLiterals))]
            return or_(*(in_value_set(cx, node, o, value_set) for o in coded))
        case Nothing():
            return FALSE
        case Tuple(type=type_, fields=fields) if type_ == CONCEPT:
            return any_code(cx, fields.get("codes", NOTHING), lambda each: in_value_set(cx, node, each, value_set))
    cx.fail(node, f"{node.op} of {type_of(code)} is not supported")


@operator("InValueSet")
def in_value_set_operator(cx: Context, node: Operator, code: Value, named: Value, computed: Value) -> Value:
    """B.12 In (Valueset)."""
    value_set = named if isinstance(named, ValueSetValue) else computed
    if not isinstance(value_set, ValueSetValue):
        cx.fail(node, "InValueSet needs a value set by name")
    return boolean(in_value_set(cx, node, code, value_set))


@operator("AnyInValueSet")
def any_in_value_set(cx: Context, node: Operator, codes: Value, named: Value, computed: Value) -> Value:
    """B.12 In (Valueset) of a list: whether any of the codes is."""
    value_set = named if isinstance(named, ValueSetValue) else computed
    if not isinstance(value_set, ValueSetValue):
        cx.fail(node, "AnyInValueSet needs a value set by name")
    return boolean(any_code(cx, codes, lambda code: in_value_set(cx, node, code, value_set)))
