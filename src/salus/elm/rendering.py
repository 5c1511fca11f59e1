"""A node in words close to CQL, for libraries that carry neither their text nor annotations.

It names what matters (definitions, value sets, elements, literals) and leaves out conversions; it is meant to be read,
not compiled. Leaves to others: the text as it was written (`narrative`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from salus.elm import nodes as n

INFIX = {
    "And": "and", "Or": "or", "Xor": "xor", "Implies": "implies", "Equal": "=", "NotEqual": "!=", "Equivalent": "~",
    "Greater": ">", "GreaterOrEqual": ">=", "Less": "<", "LessOrEqual": "<=", "Add": "+", "Subtract": "-",
    "Multiply": "*", "Divide": "/", "Union": "union", "Intersect": "intersect", "Except": "except", "In": "in",
    "Contains": "contains", "IncludedIn": "included in", "Includes": "includes", "Overlaps": "overlaps",
    "Before": "before", "After": "after", "SameOrBefore": "on or before", "SameOrAfter": "on or after",
    "SameAs": "same as", "Starts": "starts", "Ends": "ends", "Meets": "meets", "InValueSet": "in",
    "AnyInValueSet": "in", "OverlapsBefore": "overlaps before", "OverlapsAfter": "overlaps after",
    "ProperIncludedIn": "properly included in", "ProperIn": "properly during",
}  # fmt: skip
"""Operators between two operands, as CQL writes them."""

_PREFIX = {"Not": "not", "Exists": "exists", "Start": "start of", "End": "end of", "DateFrom": "date from"}
_SUFFIX = {"IsNull": "is null", "IsTrue": "is true", "IsFalse": "is false"}
_SILENT = {"ToList", "ToDateTime", "ToDecimal", "ToConcept", "ToQuantity", "ToString"}
_NAMED = {"ExpressionRef", "ParameterRef", "ValueSetRef", "CodeRef", "ConceptRef", "CodeSystemRef"}


def rendered(node: n.Node) -> str:
    """The node in one line."""
    render = _RENDERERS.get(type(node))
    return render(node) if render else type(node).__name__


def _ref(node: n.Ref) -> str:
    name = f'"{node.name}"' if node.kind in _NAMED else node.name
    return f"{node.library}.{name}" if node.library else name


def _operator(node: n.Operator) -> str:
    parts = [rendered(operand) for operand in node.operands if operand is not None]
    unit = f" {node.precision.lower()} of" if node.precision else ""
    if node.op in INFIX and len(parts) == 2:
        return f"{parts[0]} {INFIX[node.op]}{unit} {parts[1]}"
    if node.op in _PREFIX and len(parts) == 1:
        return f"{_PREFIX[node.op]} {parts[0]}"
    if node.op in _SUFFIX and len(parts) == 1:
        return f"{parts[0]} {_SUFFIX[node.op]}"
    if node.op in _SILENT and len(parts) == 1:
        return parts[0]
    return f"{node.op}({', '.join(parts)})"


def _function(node: n.FunctionRef) -> str:
    parts = [rendered(operand) for operand in node.operands]
    if node.library == "FHIRHelpers" and len(parts) == 1:
        return parts[0]
    return f'"{node.name}"({", ".join(parts)})'


def _property(node: n.Property) -> str:
    source = node.scope or (rendered(node.source) if node.source else "$this")
    return f"{source}.{node.path}"


def _retrieve(node: n.Retrieve) -> str:
    name = node.data_type.rpartition(".")[2]
    return f"[{name}: {rendered(node.codes)}]" if node.codes else f"[{name}]"


def _query(node: n.Query) -> str:
    parts = [", ".join(f"({rendered(source.expression)}) {source.alias}" for source in node.sources)]
    for each in node.relationships:
        word = "without" if each.negated else "with"
        parts.append(f"{word} {rendered(each.expression)} {each.alias} such that {rendered(each.such_that)}")
    if node.where is not None:
        parts.append(f"where {rendered(node.where)}")
    if node.returns is not None:
        parts.append(f"return {rendered(node.returns.expression)}")
    return " ".join(parts)


def _literal(node: n.Literal) -> str:
    return f"'{node.value}'" if node.type == "System.String" else node.value


def _interval(node: n.IntervalSelector) -> str:
    low, high = (rendered(bound) if bound else "null" for bound in (node.low, node.high))
    return f"Interval[{low}, {high}]"


def _case(node: n.Case) -> str:
    items = " ".join(f"when {rendered(when)} then {rendered(then)}" for when, then in node.items)
    return f"case {items} else {rendered(node.otherwise)} end"


_RENDERERS: dict[type[n.Node], Callable[[Any], str]] = {
    n.Ref: _ref,
    n.Operator: _operator,
    n.FunctionRef: _function,
    n.Property: _property,
    n.Retrieve: _retrieve,
    n.Query: _query,
    n.Literal: _literal,
    n.Null: lambda node: "null",
    n.QuantityLiteral: lambda node: f"{node.value} '{node.unit}'",
    n.IntervalSelector: _interval,
    n.ListSelector: lambda node: f"{{ {', '.join(map(rendered, node.elements))} }}",
    n.If: lambda node: f"if {rendered(node.condition)} then {rendered(node.then)} else {rendered(node.otherwise)}",
    n.Case: _case,
    n.TypeOperator: lambda node: rendered(node.operand) if node.operand else node.op,
}
