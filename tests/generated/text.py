"""ELM as text a person reads: CQL where its form is short, `Operator(operand, ...)` for all else. Not for parsing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

_INFIX = {
    "Equal": "=", "NotEqual": "!=", "Equivalent": "~", "Less": "<", "LessOrEqual": "<=", "Greater": ">",
    "GreaterOrEqual": ">=", "And": "and", "Or": "or", "Xor": "xor", "Implies": "implies", "Add": "+", "Subtract": "-",
    "Multiply": "*", "Divide": "/", "TruncatedDivide": "div", "Modulo": "mod", "Power": "^", "Concatenate": "&",
}  # fmt: skip
_PARTS = ("year", "month", "day", "hour", "minute", "second", "millisecond")


def text(node: Any) -> str:
    """The text of an ELM element."""
    if not isinstance(node, dict):
        return str(node)
    kind = node.get("type", "")
    if kind in _SPECIAL:
        return _SPECIAL[kind](node)
    operands = _operands(node)
    unit = f" {node['precision'].lower()} of" if isinstance(node.get("precision"), str) else ""
    if kind in _INFIX and len(operands) == 2:
        return f"({text(operands[0])} {_INFIX[kind]} {text(operands[1])})"
    return f"{kind}({', '.join(map(text, operands))}{unit})"


def _operands(node: Json) -> list[Any]:
    if "operand" in node:
        return node["operand"] if isinstance(node["operand"], list) else [node["operand"]]
    skipped = ("type", "precision", "locator", "signature", "resultTypeName")
    return [value for name, value in node.items() if name not in skipped and isinstance(value, dict)]


def _type(node: Json, *names: str) -> str:
    for name in names:
        if name in node:
            return str(node[name]).rpartition("}")[2]
        if f"{name}Specifier" in node:
            return specifier(node[f"{name}Specifier"])
    return "?"


def specifier(spec: Json) -> str:
    """The text of a type specifier."""
    match spec.get("type"):
        case "ListTypeSpecifier":
            return f"List<{specifier(spec['elementType'])}>"
        case "IntervalTypeSpecifier":
            return f"Interval<{specifier(spec['pointType'])}>"
    return str(spec.get("name", spec)).rpartition("}")[2]


def _literal(node: Json) -> str:
    name = node["valueType"].rpartition("}")[2]
    if name == "String":
        return f"'{node['value']}'"
    return f"{node['value']}L" if name == "Long" else str(node["value"])


def _moment(node: Json) -> str:
    given = [text(node[part]) for part in (*_PARTS, "timezoneOffset") if part in node]
    return f"{node['type']}({', '.join(given)})"


def _interval(node: Json) -> str:
    opened, closed = "[" if node.get("lowClosed", True) else "(", "]" if node.get("highClosed", True) else ")"
    return f"Interval{opened}{text(node.get('low', 'null'))}, {text(node.get('high', 'null'))}{closed}"


def _property(node: Json) -> str:
    return f"{node['scope'] if 'scope' in node else text(node['source'])}.{node['path']}"


def _retrieve(node: Json) -> str:
    codes = f": {text(node['codes'])}" if "codes" in node else ""
    return f"[{node['dataType'].rpartition('}')[2]}{codes}]"


def _query(node: Json) -> str:
    parts = ["from " + ", ".join(f"{text(s['expression'])} {s['alias']}" for s in node["source"])]
    parts += [f"let {x['identifier']}: {text(x['expression'])}" for x in node.get("let", ())]
    for each in node.get("relationship", ()):
        such = text(each["suchThat"])
        parts.append(f"{each['type'].lower()} {text(each['expression'])} {each['alias']} such that {such}")
    if "where" in node:
        parts.append(f"where {text(node['where'])}")
    if "return" in node:
        every = "" if node["return"].get("distinct", True) else "all "
        parts.append(f"return {every}{text(node['return']['expression'])}")
    if "aggregate" in node:
        clause = node["aggregate"]
        every = "distinct " if clause.get("distinct") else ""
        start = text(clause.get("starting", "null"))
        parts.append(f"aggregate {every}{clause['identifier']} starting {start}: {text(clause['expression'])}")
    if "sort" in node:
        parts.append("sort " + _keys(node["sort"]["by"]))
    return f"({' '.join(parts)})"


def _keys(keys: list[Json]) -> str:
    def key(each: Json) -> str:
        by = each.get("path") or (text(each["expression"]) if "expression" in each else "$this")
        return f"by {by} {each.get('direction', 'asc')}"

    return ", ".join(map(key, keys))


def _case(node: Json) -> str:
    comparand = f" {text(node['comparand'])}" if "comparand" in node else ""
    items = " ".join(f"when {text(i['when'])} then {text(i['then'])}" for i in node["caseItem"])
    return f"(case{comparand} {items} else {text(node['else'])} end)"


def _named(node: Json) -> str:
    return f"{node['type']}({', '.join(text(v) for v in node.get('operand', ()))})"


def _fields(node: Json) -> str:
    return ", ".join(f"{e['name']}: {text(e['value'])}" for e in node.get("element", ()))


_SPECIAL: dict[str, Callable[[Json], str]] = {
    "Literal": _literal,
    "Null": lambda node: "null",
    "Date": _moment,
    "DateTime": _moment,
    "Time": _moment,
    "Interval": _interval,
    "Property": _property,
    "Retrieve": _retrieve,
    "Query": _query,
    "Case": _case,
    "Quantity": lambda node: f"{node['value']} '{node['unit']}'",
    "Code": lambda node: f"Code '{node['code']}'",
    "Concept": lambda node: f"Concept {{{', '.join(map(text, node['code']))}}}",
    "List": lambda node: f"{{{', '.join(map(text, node.get('element', ())))}}}",
    "Tuple": lambda node: f"Tuple {{{_fields(node)}}}",
    "Instance": lambda node: f"{node['classType'].rpartition('}')[2]} {{{_fields(node)}}}",
    "If": lambda node: f"(if {text(node['condition'])} then {text(node['then'])} else {text(node['else'])})",
    "As": lambda node: f"({text(node['operand'])} as {_type(node, 'asType')})",
    "Is": lambda node: f"({text(node['operand'])} is {_type(node, 'isType')})",
    "Convert": lambda node: f"convert({text(node['operand'])} to {_type(node, 'toType')})",
    "FunctionRef": lambda node: f"{node['name']}({', '.join(map(text, node.get('operand', ())))})",
    "Sort": lambda node: f"({text(node['source'])} sort {_keys(node['by'])})",
    **{
        kind: lambda node: f'"{node["name"]}"'
        for kind in ("ExpressionRef", "CodeRef", "ConceptRef", "ValueSetRef", "CodeSystemRef", "ParameterRef")
    },
    **{kind: lambda node: str(node["name"]) for kind in ("AliasRef", "QueryLetRef", "OperandRef", "IdentifierRef")},
}  # fmt: skip
