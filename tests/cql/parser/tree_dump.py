"""A syntax tree as one short line, for expectations that read well.

`(Kind field field ...)`: what is absent or false is left out, what is true is its field's name, tuples are in brackets,
names and literals stand as in CQL.
"""

from __future__ import annotations

from dataclasses import fields

from salus.cql import ast


def dump(node: ast.Node) -> str:
    leaf = _leaf(node)
    if leaf is not None:
        return leaf
    parts = [type(node).__name__]
    for each in fields(node):
        value = getattr(node, each.name)
        if each.name in ("start", "end", "comment") or value is None or value is False or value == ():
            continue
        parts.append(each.name if value is True else _value(value))
    return f"({' '.join(parts)})"


def _value(value: object) -> str:
    if isinstance(value, ast.Node):
        return dump(value)
    if isinstance(value, tuple):
        return f"[{' '.join(_value(each) for each in value)}]"
    return str(value)


def _leaf(node: ast.Node) -> str | None:
    match node:
        case ast.Identifier(text=text, quoted=quoted):
            return f'"{text}"' if quoted else text
        case ast.QualifiedName(parts=parts):
            return ".".join(dump(part) for part in parts)
        case ast.NamedType(name=name):
            return dump(name)
        case ast.StringLiteral(value=value):
            return f"'{value}'"
        case ast.IntegerLiteral(text=text) | ast.DecimalLiteral(text=text):
            return text
        case ast.LongLiteral(text=text):
            return f"{text}L"
        case ast.BooleanLiteral(value=value):
            return "true" if value else "false"
        case ast.NullLiteral():
            return "null"
        case ast.Unit(text=text, calendar=calendar):
            return text if calendar else f"'{text}'"
        case ast.QuantityLiteral(value=value, unit=unit):
            return f"{value} {dump(unit)}" if unit else value
        case ast.Variable(name=name):
            return name
    return None
