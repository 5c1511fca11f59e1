"""ELM JSON -> nodes.

One function per structural element; everything else is an `Operator` whose operands come from `operand`, `source` or
the element's own named fields (`_FIELDS`, the order of the schema). An element of a kind that the specification does
not name is an error that says library and line. Source: ELM r1 schema, expression.xsd and clinicalexpression.xsd.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from salus.elm import nodes as n
from salus.elm.searches import meant
from salus.elm.types import Named, parse_named, parse_type, qualified
from salus.errors import SalusError

Json = Mapping[str, Any]

_FIELDS: dict[str, tuple[str, ...]] = {
    "Split": ("stringToSplit", "separator"),
    "SplitOnMatches": ("stringToSplit", "separatorPattern"),
    "Combine": ("source", "separator"),
    "Substring": ("stringToSub", "startIndex", "length"),
    "PositionOf": ("pattern", "string"),
    "LastPositionOf": ("pattern", "string"),
    "IndexOf": ("source", "element"),
    "Slice": ("source", "startIndex", "endIndex"),
    "Message": ("source", "condition", "code", "severity", "message"),
    "Round": ("operand", "precision"),
    "InValueSet": ("code", "valueset", "valuesetExpression"),
    "AnyInValueSet": ("codes", "valueset", "valuesetExpression"),
    "InCodeSystem": ("code", "codesystem", "codesystemExpression"),
    "AnyInCodeSystem": ("codes", "codesystem", "codesystemExpression"),
    "DateTime": ("year", "month", "day", "hour", "minute", "second", "millisecond", "timezoneOffset"),
    "Date": ("year", "month", "day"),
    "Time": ("hour", "minute", "second", "millisecond"),
    "Now": (),
    "Today": (),
    "TimeOfDay": (),
}
_REFS = {
    "ExpressionRef", "ParameterRef", "OperandRef", "AliasRef", "QueryLetRef", "IdentifierRef", "CodeRef", "ConceptRef",
    "CodeSystemRef", "ValueSetRef",
}  # fmt: skip
_TYPED = {
    "As": ("asType", "asTypeSpecifier"),
    "Is": ("isType", "isTypeSpecifier"),
    "Convert": ("toType", "toTypeSpecifier"),
    "CanConvert": ("toType", "toTypeSpecifier"),
    "MinValue": ("valueType", "valueTypeSpecifier"),
    "MaxValue": ("valueType", "valueTypeSpecifier"),
}


def parse_expression(node: Json) -> n.Node:
    """An ELM expression element as a node; unknown structure raises SalusError with its locator."""
    kind = node.get("type")
    if not isinstance(kind, str):
        raise SalusError(f"ELM element without a type at {node.get('locator', '?')}")
    if kind in _REFS:
        return n.Ref(kind, node["name"], node.get("libraryName"), **_where(node))
    if kind in _TYPED:
        return _typed(node, kind)
    special = _SPECIAL.get(kind)
    return special(node) if special else _operator(node, kind)


def _where(node: Json) -> dict[str, str]:
    return {"locator": node.get("locator", ""), "local_id": str(node.get("localId", ""))}


def _optional(node: Json | None) -> n.Node | None:
    return None if node is None else parse_expression(node)


def _operator(node: Json, kind: str) -> n.Operator:
    if kind in _FIELDS:
        values = [node.get(field) for field in _FIELDS[kind]]
    elif "operand" in node:
        operand = node["operand"]
        values = list(operand) if isinstance(operand, list) else [operand]
    elif "source" in node:
        values = [node["source"]]
    else:
        values = []
    operands = tuple(_operand(value) for value in values)
    precision = node.get("precision")
    return n.Operator(kind, operands, precision if isinstance(precision, str) else None, **_where(node))


def _operand(value: Json | None) -> n.Node | None:
    if value is None:
        return None
    if "type" not in value and "name" in value:  # valueset and codesystem references carry no type of their own
        return n.Ref("ValueSetRef", value["name"], value.get("libraryName"), **_where(value))
    return parse_expression(value)


def _typed(node: Json, kind: str) -> n.TypeOperator:
    type_ = parse_named(node, *_TYPED[kind]) or Named("System.Any")
    strict = bool(node.get("strict"))
    return n.TypeOperator(kind, _optional(node.get("operand")), type_, strict, "strict" in node, **_where(node))


_LARGEST = {
    "System.Integer": Decimal(2**31 - 1),
    "System.Long": Decimal(2**63 - 1),
    "System.Decimal": Decimal(10**20) - Decimal("1e-8"),
}


def _literal(node: Json) -> n.Literal:
    return _checked(n.Literal(qualified(node["valueType"]), str(node.get("value", "")), **_where(node)))


def _checked(literal: n.Literal) -> n.Literal:
    """A number that is one of its type (CQL 1.5, Appendix B, "Types"): in its range, with at most 8 decimal places."""
    most = _LARGEST.get(literal.type)
    if most is None:
        return literal
    value = Decimal(literal.value.removesuffix("L"))
    least = -most if literal.type == "System.Decimal" else -most - 1
    exponent = value.as_tuple().exponent
    if not least <= value <= most or (isinstance(exponent, int) and exponent < -8):
        place = f"line {literal.locator.partition(':')[0]}: " if literal.locator else ""
        raise SalusError(f"{place}{literal.value} is no {literal.type.removeprefix('System.')}")
    return literal


def _negate(node: Json) -> n.Node:
    """A negated literal is read as one number: the least Integer is written as the negation of what is none."""
    operand = node["operand"]
    if operand.get("type") == "Literal" and not str(operand.get("value", "-")).startswith("-"):
        return _literal({**operand, "value": f"-{operand['value']}"})
    return _operator(node, "Negate")


def _quantity(node: Json) -> n.QuantityLiteral:
    return n.QuantityLiteral(str(node["value"]), node.get("unit", "1"), **_where(node))


def _ratio(node: Json) -> n.RatioLiteral:
    return n.RatioLiteral(_quantity(node["numerator"]), _quantity(node["denominator"]), **_where(node))


def _property(node: Json) -> n.Property:
    return n.Property(node["path"], _optional(node.get("source")), node.get("scope"), **_where(node))


def _function_ref(node: Json) -> n.FunctionRef:
    operands = tuple(parse_expression(o) for o in node.get("operand", ()))
    signature = tuple(parse_type(s) for s in node.get("signature", ()))
    return n.FunctionRef(node["name"], node.get("libraryName"), operands, signature, **_where(node))


def _if(node: Json) -> n.If:
    condition, then, otherwise = (parse_expression(node[part]) for part in ("condition", "then", "else"))
    return n.If(condition, then, otherwise, **_where(node))


def _case(node: Json) -> n.Case:
    items = tuple((parse_expression(i["when"]), parse_expression(i["then"])) for i in node.get("caseItem", ()))
    return n.Case(_optional(node.get("comparand")), items, parse_expression(node["else"]), **_where(node))


def _interval(node: Json) -> n.IntervalSelector:
    def closed(side: str) -> n.Node | bool:
        expression = node.get(f"{side}Expression")
        return parse_expression(expression) if expression else bool(node.get(side, True))

    low, high = _optional(node.get("low")), _optional(node.get("high"))
    return n.IntervalSelector(low, high, closed("lowClosed"), closed("highClosed"), **_where(node))


def _list(node: Json) -> n.ListSelector:
    spec = node.get("typeSpecifier")
    element_type = parse_type(spec) if spec else None
    elements = tuple(parse_expression(e) for e in node.get("element", ()))
    return n.ListSelector(elements, element_type, **_where(node))


def _elements(node: Json) -> tuple[tuple[str, n.Node], ...]:
    return tuple((e["name"], parse_expression(e["value"])) for e in node.get("element", ()))


def _tuple(node: Json) -> n.TupleSelector:
    return n.TupleSelector(_elements(node), **_where(node))


def _instance(node: Json) -> n.Instance:
    return n.Instance(qualified(node["classType"]), _elements(node), **_where(node))


def _code(node: Json) -> n.CodeSelector:
    system = n.Ref("CodeSystemRef", node["system"]["name"], node["system"].get("libraryName"))
    return n.CodeSelector(system, node["code"], node.get("display"), **_where(node))


def _concept(node: Json) -> n.ConceptSelector:
    codes = tuple(_code(code) for code in node.get("code", ()))
    return n.ConceptSelector(codes, node.get("display"), **_where(node))


def _retrieve(node: Json) -> n.Node:
    codes, dates, context = (_optional(node.get(key)) for key in ("codes", "dateRange", "context"))
    return meant(n.Retrieve(
        qualified(node["dataType"]), node.get("templateId"), node.get("codeProperty"), node.get("codeComparator"),
        codes, node.get("dateProperty"), dates, context, **_where(node),
    ))  # fmt: skip


def _query(node: Json) -> n.Query:
    returns, aggregate = node.get("return"), node.get("aggregate")
    return n.Query(
        tuple(n.Source(s["alias"], parse_expression(s["expression"]), **_where(s)) for s in node["source"]),
        tuple((let["identifier"], parse_expression(let["expression"])) for let in node.get("let", ())),
        tuple(_relationship(r) for r in node.get("relationship", ())),
        _optional(node.get("where")),
        n.Return(parse_expression(returns["expression"]), returns.get("distinct", True)) if returns else None,
        _aggregate(aggregate) if aggregate else None,
        _sort_keys(node.get("sort")),
        **_where(node),
    )


def _relationship(node: Json) -> n.Relationship:
    such_that = parse_expression(node["suchThat"])
    source = parse_expression(node["expression"])
    return n.Relationship(node["type"] == "Without", node["alias"], source, such_that, **_where(node))


def _aggregate(node: Json) -> n.Aggregate:
    starting = node.get("starting")
    start = parse_expression(starting) if starting else n.Null()
    body = parse_expression(node["expression"])
    return n.Aggregate(node["identifier"], body, start, bool(node.get("distinct")), **_where(node))


def _sort_keys(sort: Json | None) -> tuple[n.SortKey, ...]:
    return tuple(_sort_key(item) for item in sort.get("by", ())) if sort else ()


def _sort_key(item: Json) -> n.SortKey:
    descending = str(item.get("direction", "asc")).startswith("desc")
    return n.SortKey(descending, item.get("path"), _optional(item.get("expression")), **_where(item))


def _sort(node: Json) -> n.Sort:
    keys = _sort_keys({"by": node.get("by", ())})
    return n.Sort(parse_expression(node["source"]), keys, **_where(node))


def _scoped(node: Json) -> n.ScopedOperator:
    body = node["condition"] if node["type"] == "Filter" else node["element"]
    source = parse_expression(node["source"])
    return n.ScopedOperator(node["type"], source, parse_expression(body), node.get("scope", "$this"), **_where(node))


_SPECIAL: dict[str, Callable[[Json], n.Node]] = {
    "Literal": _literal,
    "Negate": _negate,
    "Null": lambda node: n.Null(**_where(node)),
    "Quantity": _quantity,
    "Ratio": _ratio,
    "Property": _property,
    "FunctionRef": _function_ref,
    "If": _if,
    "Case": _case,
    "Interval": _interval,
    "List": _list,
    "Tuple": _tuple,
    "Instance": _instance,
    "Code": _code,
    "Concept": _concept,
    "Retrieve": _retrieve,
    "Query": _query,
    "Sort": _sort,
    "Filter": _scoped,
    "ForEach": _scoped,
    "Repeat": _scoped,
}


def parse_definition(node: Json) -> n.ExpressionDef | n.FunctionDef:
    """A statement of a library: an expression or a function definition."""
    context = node.get("context", "Patient")
    if node.get("type") != "FunctionDef":
        return n.ExpressionDef(node["name"], context, parse_expression(node["expression"]), **_where(node))
    operands = tuple(
        (o["name"], parse_named(o, "operandType", "operandTypeSpecifier")) for o in node.get("operand", ())
    )
    body, external = _optional(node.get("expression")), bool(node.get("external"))
    return n.FunctionDef(node["name"], context, operands, body, external, **_where(node))


def parse_parameter(node: Json) -> n.ParameterDef:
    """A parameter declaration with its type and default, if any."""
    type_ = parse_named(node, "parameterType", "parameterTypeSpecifier")
    return n.ParameterDef(node["name"], type_, _optional(node.get("default")), **_where(node))
