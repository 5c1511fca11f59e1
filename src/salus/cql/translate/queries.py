"""Queries: sources and their aliases, let, with and without, where, aggregate, return, sort.

Source: CQL 1.5, Author's Guide, Queries; Developer's Guide, Query Semantics; ELM r1, Query.
"""

from __future__ import annotations

from salus.cql import ast
from salus.cql import types as t
from salus.cql.conversions import Json
from salus.cql.translate.core import UNKNOWN, Fault, Nothing, Scope, Translator, Typed, element_of, handles
from salus.elm.types import ANY, ListOf, TupleOf, Type


@handles(ast.Query)
def query(tr: Translator, node: ast.Query) -> Typed:
    with tr.scope(Scope()) as scope:
        sources = [_source(tr, scope, each) for each in node.sources]
        elm: Json = {"type": "Query", "source": [source.elm for source in sources]}
        many = any(isinstance(source.type, ListOf) for source in sources)
        elm["let"] = [_let(tr, scope, each) for each in node.lets]
        elm["relationship"] = [_relationship(tr, each) for each in node.relations]
        if node.where:
            condition = tr.boolean(node.where.condition, "where")
            elm["where"] = tr.placed(condition, node.where.start, node.where.end)
        element = _result(tr, node, elm, sources)
        if any(kind == UNKNOWN for _, kind in scope.names.values()):
            raise Nothing
        if node.aggregate:
            return _aggregate(tr, scope, node.aggregate, elm)
    if node.sort and not many:
        raise Fault(node.sort, "one value cannot be sorted; what is sorted is a list")
    if node.sort:
        elm["sort"] = _sort(tr, node.sort, element)
    return Typed(elm, ListOf(element) if many else element)


def _source(tr: Translator, scope: Scope, node: ast.AliasedSource) -> Typed:
    """A source; its alias stands for one element of it from here on."""
    name = node.alias.text
    if name in scope.names:
        raise Fault(node.alias, f"{name} is already the alias of another source")
    found = tr.expr(node.source)
    scope.names[name] = ("AliasRef", element_of(found.type))
    return Typed(tr.place({"alias": name, "expression": found.elm}, node), found.type)


def _let(tr: Translator, scope: Scope, node: ast.LetItem) -> Json:
    value = tr.expr(node.value)
    scope.names[node.name.text] = ("QueryLetRef", value.type)
    return tr.place({"identifier": node.name.text, "expression": value.elm}, node)


def _relationship(tr: Translator, node: ast.With) -> Json:
    with tr.scope(Scope()) as scope:
        source = _source(tr, scope, node.source)
        condition = tr.boolean(node.condition, "such that")
    if source.unknown:
        raise Nothing
    kind = "Without" if node.negated else "With"
    elm: Json = {"type": kind, "alias": node.source.alias.text, "expression": source.elm["expression"]}
    return tr.place({**elm, "suchThat": condition}, node)


def _result(tr: Translator, node: ast.Query, elm: Json, sources: list[Typed]) -> Type:
    """What the query gives for each combination; several sources without a return give tuples of them."""
    if node.returns:
        value = tr.known(node.returns.value)
        elm["return"] = tr.place({"expression": value.elm}, node.returns)
        if node.returns.modifier:
            elm["return"]["distinct"] = node.returns.modifier == "distinct"
        return value.type
    if len(sources) == 1 or node.aggregate:
        return element_of(sources[0].type)
    names = [source.elm["alias"] for source in sources]
    elements = [{"name": name, "value": {"type": "AliasRef", "name": name}} for name in names]
    elm["return"] = {"distinct": True, "expression": {"type": "Tuple", "element": elements}}
    types = (element_of(source.type) for source in sources)
    return TupleOf(tuple(zip(names, types, strict=True)))


def _aggregate(tr: Translator, scope: Scope, node: ast.Aggregate, elm: Json) -> Typed:
    """The accumulator has the type of its start; without one, that of the expression when null is put in."""
    start = Typed({"type": "Null"}, ANY)
    if node.starting:
        start = tr.known(node.starting.value)
        tr.placed(start.elm, node.starting.start, node.starting.end)
    scope.names[node.name.text] = ("QueryLetRef", start.type)
    value = tr.known(node.value)
    aggregate: Json = {"identifier": node.name.text, "expression": value.elm, "starting": start.elm}
    if start.type not in (ANY, value.type):
        aggregate["starting"] = tr.convert(start, value.type, node, "what aggregate starts with").elm
    if node.modifier:
        aggregate["distinct"] = node.modifier == "distinct"
    elm["aggregate"] = tr.place(aggregate, node)
    return Typed(elm, value.type)


def _sort(tr: Translator, node: ast.Sort, element: Type) -> Json:
    if not node.items:
        return tr.place({"by": [{"type": "ByDirection", "direction": node.direction or "asc"}]}, node)
    with tr.scope(Scope(sorted=element)):
        return tr.place({"by": [_sort_item(tr, each, element) for each in node.items]}, node)


def _sort_item(tr: Translator, item: ast.SortItem, element: Type) -> Json:
    """By a column when the item is the name of an element that needs no conversion, else by an expression."""
    by: Json = {"direction": item.direction or "asc"}
    value = item.value
    if isinstance(value, ast.Identifier) and _plain(element, value.text):
        return tr.place({"type": "ByColumn", **by, "path": value.text}, item)
    if isinstance(value, ast.Variable) and value.name == "$this":
        return tr.place({"type": "ByColumn", **by, "path": "$this"}, item)
    return tr.place({"type": "ByExpression", **by, "expression": tr.expr(value).elm}, item)


def _plain(element: Type, name: str) -> bool:
    found = t.element(element, name)
    return found is not None and not found.target
