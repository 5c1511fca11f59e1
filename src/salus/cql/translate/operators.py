"""Operators that are written as symbols and words: arithmetic, logic, comparison, sets, membership, intervals, dates.

Source: CQL 1.5, Appendix B, CQL Reference; ELM r1, expression.xsd.
"""

from __future__ import annotations

from salus.cql import ast
from salus.cql import types as t
from salus.cql.conversions import as_type
from salus.cql.translate.core import (
    Fault,
    Nothing,
    Translator,
    Typed,
    element_of,
    handles,
    literal,
    operation,
    precise,
)
from salus.cql.translate.literals import number
from salus.elm.types import ANY, ChoiceOf, IntervalOf, ListOf, Named, Type

_UNARY = {
    "-": "Negate",
    "not": "Not",
    "exists": "Exists",
    "distinct": "Distinct",
    "flatten": "Flatten",
    "start of": "Start",
    "end of": "End",
    "width of": "Width",
    "successor of": "Successor",
    "predecessor of": "Predecessor",
    "singleton from": "SingletonFrom",
    "point from": "PointFrom",
}
_BINARY = {
    "+": "Add",
    "-": "Subtract",
    "*": "Multiply",
    "/": "Divide",
    "div": "TruncatedDivide",
    "mod": "Modulo",
    "^": "Power",
    "<": "Less",
    "<=": "LessOrEqual",
    ">": "Greater",
    ">=": "GreaterOrEqual",
    "=": "Equal",
    "~": "Equivalent",
    "and": "And",
    "or": "Or",
    "xor": "Xor",
    "implies": "Implies",
}
_NEGATED = {"!=": "=", "!~": "~"}
_SETS = {"|": "Union", "union": "Union", "intersect": "Intersect", "except": "Except"}


@handles(ast.Parenthesized)
def parenthesized(tr: Translator, node: ast.Parenthesized) -> Typed:
    found = tr.known(node.body)
    found.elm["locator"] = tr.source.locator(node.start, node.end)
    return found


@handles(ast.Malformed)
def malformed(_: Translator, __: ast.Malformed) -> Typed:
    raise Nothing


@handles(ast.Unary)
def unary(tr: Translator, node: ast.Unary) -> Typed:
    operand = tr.known(node.operand)
    if node.op == "+":
        return Typed(tr.placed(operand.elm, node.start, node.end), operand.type)
    if node.op == "-" and (operand.type, operand.elm.get("value")) in _LEAST:
        assert isinstance(operand.type, Named)
        return Typed(literal(operand.type, f"-{operand.elm['value']}"), operand.type)
    return tr.operator(_UNARY[node.op], node, operand)


_LEAST = {(t.INTEGER, str(2**31)), (t.LONG, str(2**63))}
"""What has no positive counterpart, so that it is a literal only with its sign."""


@handles(ast.Binary)
def binary(tr: Translator, node: ast.Binary) -> Typed:
    left, right = tr.all_known(node.left, node.right)
    if node.op in _SETS:
        return sets(tr, node, _SETS[node.op], left, right)
    if node.op == "&":
        return _joined(tr, node, left, right)
    if node.op == "+" and t.STRING in (left.type, right.type):
        return tr.operator("Concatenate", node, left, right)
    if node.op in _NEGATED:
        same = tr.operator(_BINARY[_NEGATED[node.op]], node, left, right)
        return tr.operator("Not", node, Typed(tr.place(same.elm, node), same.type))
    return tr.operator(_BINARY[node.op], node, left, right)


def _joined(tr: Translator, node: ast.Binary, left: Typed, right: Typed) -> Typed:
    """`&` takes null for the empty string."""
    empty = literal(t.STRING, "")
    sides = [tr.convert(value, t.STRING, at) for value, at in ((left, node.left), (right, node.right))]
    filled = [{"type": "Coalesce", "operand": [side.elm, empty]} for side in sides]
    return Typed(operation("Concatenate", filled), t.STRING)


def sets(tr: Translator, node: ast.Node, operator: str, left: Typed, right: Typed) -> Typed:
    """Union, intersect and except. Lists of different types are lists of the choice of both."""
    if not isinstance(left.type, ListOf) or not isinstance(right.type, ListOf):
        return tr.operator(operator, node, left, right)
    if operator == "Except":
        return Typed(operation(operator, [left.elm, right.elm]), left.type)
    whole = ListOf(t.common([left.type.element, right.type.element]))
    mixed = left.type != right.type and isinstance(whole.element, ChoiceOf)
    operands = [as_type(value.elm, whole) if mixed else _as_list(value, whole) for value in (left, right)]
    if operator == "Union":
        return Typed(_balanced(operands), whole)
    return Typed(operation(operator, operands), whole)


def _as_list(value: Typed, whole: Type) -> dict[str, object]:
    same = t.is_subtype(value.type, whole) and not (isinstance(value.type, ListOf) and value.type.element == ANY)
    return value.elm if same else as_type(value.elm, whole)


def _balanced(operands: list[dict[str, object]]) -> dict[str, object]:
    """A union of many is written one by one from the left; paired up, it is half as deep."""
    left, right = operands
    inner = left.get("operand")
    if left.get("type") == "Union" and isinstance(inner, list):
        first, second = inner
        if first.get("type") == "Union" and second.get("type") != "Union":
            return operation("Union", [first, operation("Union", [second, right])])
    return operation("Union", operands)


@handles(ast.Between)
def between(tr: Translator, node: ast.Between) -> Typed:
    value, low, high = tr.all_known(node.operand, node.low, node.high)
    if isinstance(value.type, IntervalOf):
        raise Fault(node, "between takes a point; an interval is compared by `included in`")
    over, under = ("Greater", "Less") if node.properly else ("GreaterOrEqual", "LessOrEqual")
    return tr.operator("And", node, tr.operator(over, node, value, low), tr.operator(under, node, value, high))


@handles(ast.Membership)
def membership(tr: Translator, node: ast.Membership) -> Typed:
    left, right = tr.all_known(node.left, node.right)
    if node.op == "contains" and t.is_subtype(left.type, t.VOCABULARY):
        return in_vocabulary(tr, node, right, left)
    if node.op == "contains":
        return tr.operator("Contains", node, left, right, **precise(node.precision))
    if t.is_subtype(right.type, t.VOCABULARY):
        return in_vocabulary(tr, node, left, right)
    return tr.operator("In", node, left, right, **precise(node.precision))


def in_vocabulary(tr: Translator, node: ast.Node, left: Typed, right: Typed) -> Typed:
    """Whether a code, or any of a list of codes, is in a value set or code system."""
    kind = "ValueSet" if right.type == t.VALUE_SET else "CodeSystem"
    many = isinstance(left.type, ListOf) and element_of(left.type) != ANY
    found = tr.operator(f"AnyIn{kind}" if many else f"In{kind}", node, left, right)
    reference = found.elm.pop(kind.lower())
    if reference.get("type") == f"{kind}Ref":
        found.elm[kind.lower()] = {key: value for key, value in reference.items() if key != "type"}
    else:
        found.elm[f"{kind.lower()}Expression"] = reference
    return found


def contained(
    tr: Translator, node: ast.Node, left: Typed, right: Typed, properly: bool, precision: ast.Precision | None
) -> Typed:
    """`during`, `included in`: of a point or element it is `in`, of an interval or list `included in`."""
    if t.is_subtype(right.type, t.VOCABULARY):
        return in_vocabulary(tr, node, left, right)
    whole = "ProperIncludedIn" if properly else "IncludedIn"
    point = "ProperIn" if properly else "In"
    return _part(tr, node, (whole, point), (left, right), left, precision)


def containing(
    tr: Translator, node: ast.Node, left: Typed, right: Typed, properly: bool, precision: ast.Precision | None
) -> Typed:
    """`includes`: the same the other way round."""
    whole = "ProperIncludes" if properly else "Includes"
    point = "ProperContains" if properly else "Contains"
    return _part(tr, node, (whole, point), (left, right), right, precision)


def _part(
    tr: Translator,
    node: ast.Node,
    operators: tuple[str, str],
    operands: tuple[Typed, Typed],
    part: Typed,
    precision: ast.Precision | None,
) -> Typed:
    """The first operator when `part` is an interval or a list, else the second. A choice is taken for its point, as
    translators do. A plain null is a list that is not known, but as a proper part an element (S-19).
    """
    null = part.type == ANY and not operators[0].startswith("Proper")
    whole = null or _collective(tr, part.type)
    return tr.operator(operators[0 if whole else 1], node, *operands, **precise(precision))


def _collective(tr: Translator, type_: Type) -> bool:
    return isinstance(type_, ListOf) or is_interval(tr, type_)


def is_interval(tr: Translator, type_: Type) -> bool:
    """Whether the type is an interval or converts to one."""
    return isinstance(type_, IntervalOf) or any(isinstance(each, IntervalOf) for each in tr.conversions.targets(type_))


@handles(ast.ComponentFrom)
def component(tr: Translator, node: ast.ComponentFrom) -> Typed:
    operand = tr.known(node.operand)
    whole = {"date": "DateFrom", "time": "TimeFrom", "timezoneoffset": "TimezoneOffsetFrom"}
    if node.component in whole:
        return tr.operator(whole[node.component], node, operand)
    if node.component == "week":
        raise Fault(node, "a date has no week to take from it", "year, month, day, hour, minute, second, millisecond")
    return tr.operator("DateTimeComponentFrom", node, operand, precision=node.component.capitalize())


@handles(ast.SpanBetween)
def span_between(tr: Translator, node: ast.SpanBetween) -> Typed:
    low, high = tr.all_known(node.low, node.high)
    return tr.operator(_SPANS[node.measured], node, low, high, **precise(node.precision))


@handles(ast.SpanOf)
def span_of(tr: Translator, node: ast.SpanOf) -> Typed:
    interval = tr.known(node.operand)
    sides = tr.operator("Start", node, interval), tr.operator("End", node, interval)
    return tr.operator(_SPANS[node.measured], node, *sides, **precise(node.precision))


_SPANS = {"duration": "DurationBetween", "difference": "DifferenceBetween"}


@handles(ast.IntervalSet)
def interval_set(tr: Translator, node: ast.IntervalSet) -> Typed:
    operand = tr.known(node.operand)
    return tr.operator("Expand" if node.op == "expand" else "Collapse", node, operand, _per(tr, node))


def _per(tr: Translator, node: ast.IntervalSet) -> Typed:
    if node.per is None:
        return Typed({"type": "Null"}, t.QUANTITY)
    if isinstance(node.per, str):
        return Typed({"type": "Quantity", "value": 1.0, "unit": node.per}, t.QUANTITY)
    per = tr.known(node.per)
    if per.type in (t.INTEGER, t.DECIMAL) and per.elm["type"] == "Literal":
        return Typed({"type": "Quantity", "value": number(per.elm["value"]), "unit": "1"}, t.QUANTITY)
    return tr.convert(per, t.QUANTITY, node.per, "what follows per")


@handles(ast.If)
def if_(tr: Translator, node: ast.If) -> Typed:
    condition = tr.boolean(node.condition, "the condition of if")
    values = tr.all_known(node.then, node.otherwise)
    type_, (then, otherwise) = tr.unify(values, [node.then, node.otherwise])
    return Typed({"type": "If", "condition": condition, "then": then, "else": otherwise}, type_)


@handles(ast.Case)
def case(tr: Translator, node: ast.Case) -> Typed:
    head_node = [node.comparand] if node.comparand else []
    when_nodes = [item.when for item in node.items]
    then_nodes = [*(item.then for item in node.items), node.otherwise]
    values = tr.all_known(*head_node, *when_nodes, *then_nodes)
    comparand = values.pop(0) if node.comparand else None
    whens = values[: len(when_nodes)]
    type_, thens = tr.unify(values[len(when_nodes) :], then_nodes)
    head, conditions = _conditions(tr, node, comparand, whens)
    triples = zip(node.items, conditions, thens[:-1], strict=True)
    items = [tr.place({"when": when, "then": then}, item) for item, when, then in triples]
    return Typed({"type": "Case", **head, "caseItem": items, "else": thens[-1]}, type_)


def _conditions(
    tr: Translator, node: ast.Case, comparand: Typed | None, whens: list[Typed]
) -> tuple[dict[str, object], list[dict[str, object]]]:
    """What is compared and with what, of one type; without a comparand the whens are conditions."""
    nodes = [item.when for item in node.items]
    if comparand is None or node.comparand is None:
        pairs = zip(whens, nodes, strict=True)
        return {}, [tr.convert(value, t.BOOLEAN, at, "the condition of when").elm for value, at in pairs]
    _, elms = tr.unify([comparand, *whens], [node.comparand, *nodes])
    return {"comparand": elms[0]}, elms[1:]
