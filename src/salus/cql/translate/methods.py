"""Functions in the manner of FHIRPath: `list.where($this > 3).exists()`, which CQL 1.5 reads as its own operators.

Source: CQL 1.5, Appendix I, FHIRPath Function Translation (https://cql.hl7.org/16-i-fhirpathtranslation.html).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from salus.cql import ast
from salus.cql import types as t
from salus.cql.conversions import Json, as_type, is_type
from salus.cql.translate.core import Fault, Scope, Translator, Typed, element_of, handles, literal
from salus.cql.translate.functions import system_function
from salus.cql.translate.operators import sets
from salus.elm.types import ListOf, Type

Method = Callable[[Translator, ast.Call, Typed], Typed]


def _criteria(tr: Translator, node: ast.Call, source: Typed) -> Typed:
    """The one argument, an expression over `$this`."""
    with tr.scope(Scope({"$this": ("AliasRef", element_of(source.type))})):
        return _argument(tr, node)


def _query(source: Typed, **clauses: object) -> Json:
    elm = {"type": "Query", "source": [{"alias": "$this", "expression": source.elm}], "let": [], "relationship": []}
    return {**elm, **clauses}


def _where(tr: Translator, node: ast.Call, source: Typed) -> Typed:
    condition = tr.convert(_criteria(tr, node, source), t.BOOLEAN, node, "the criteria")
    return Typed(_query(source, where=condition.elm), source.type)


def _select(tr: Translator, node: ast.Call, source: Typed) -> Typed:
    """What the expression gives for each element, without the nulls; lists are made one."""
    value = _criteria(tr, node, source)
    known = {"type": "Not", "operand": {"type": "IsNull", "operand": value.elm}}
    elm = _query(source, where=known, **{"return": {"distinct": False, "expression": value.elm}})
    if not isinstance(source.type, ListOf):
        return Typed(elm, value.type)
    found = Typed(elm, ListOf(value.type))
    return tr.operator("Flatten", node, found) if isinstance(value.type, ListOf) else found


def _exists(tr: Translator, node: ast.Call, source: Typed) -> Typed:
    listed = _where(tr, node, source) if node.arguments else source
    return tr.operator("Exists", node, listed)


def _all(tr: Translator, node: ast.Call, source: Typed) -> Typed:
    """No element fails the criteria."""
    condition = tr.convert(_criteria(tr, node, source), t.BOOLEAN, node, "the criteria")
    failing = {"type": "Not", "operand": condition.elm}
    found = tr.operator("Exists", node, Typed(_query(source, where=failing), source.type))
    return tr.operator("Not", node, found)


def _empty(tr: Translator, node: ast.Call, source: Typed) -> Typed:
    return tr.operator("Not", node, tr.operator("Exists", node, source))


def _type_argument(tr: Translator, node: ast.Call) -> Type:
    if len(node.arguments) != 1:
        raise Fault(node, f"{node.name.text} takes the name of a type")
    at, parts = node.arguments[0], []
    while isinstance(at, ast.Member):
        parts.append(at.name)
        at = at.source
    if not isinstance(at, ast.Identifier):
        raise Fault(at, f"{node.name.text} takes the name of a type")
    name = ast.QualifiedName(at.start, node.arguments[0].end, (at, *reversed(parts)))
    return tr.library.named_type(ast.NamedType(name.start, name.end, name))


def _is(tr: Translator, node: ast.Call, source: Typed) -> Typed:
    return Typed(is_type(source.elm, _type_argument(tr, node)), t.BOOLEAN)


def _as(tr: Translator, node: ast.Call, source: Typed) -> Typed:
    type_ = _type_argument(tr, node)
    return Typed(as_type(source.elm, type_, strict=False), type_)


def _of_type(tr: Translator, node: ast.Call, source: Typed) -> Typed:
    type_, this = _type_argument(tr, node), {"type": "AliasRef", "name": "$this"}
    returned = {"distinct": False, "expression": as_type(this, type_, strict=False)}
    elm = _query(source, where=is_type(this, type_), **{"return": returned})
    return Typed(elm, ListOf(type_) if isinstance(source.type, ListOf) else type_)


def _set(operator: str) -> Method:
    def method(tr: Translator, node: ast.Call, source: Typed) -> Typed:
        return sets(tr, node, operator, source, _argument(tr, node))

    return method


def _combine(tr: Translator, node: ast.Call, source: Typed) -> Typed:
    """Of strings, joined by a separator; of lists, one after the other."""
    arguments = tr.all_known(*node.arguments)
    if element_of(source.type) == t.STRING and not any(isinstance(each.type, ListOf) for each in arguments):
        return tr.operator("Combine", node, source, *arguments)
    other = _the_one(node, arguments)
    if not isinstance(source.type, ListOf) or not isinstance(other.type, ListOf):
        raise Fault(node, f"combine takes lists, not {t.shown(source.type)} and {t.shown(other.type)}")
    type_, elms = tr.unify([source, other], [node, node])
    return tr.operator("Flatten", node, Typed({"type": "List", "element": elms}, ListOf(type_)))


def _argument(tr: Translator, node: ast.Call) -> Typed:
    return _the_one(node, tr.all_known(*node.arguments))


def _the_one(node: ast.Call, arguments: Sequence[Typed]) -> Typed:
    if len(arguments) != 1:
        raise Fault(node, f"{node.name.text} takes one operand, not {len(arguments)}")
    return arguments[0]


def _by_operator(operator: str) -> Method:
    """The value and the arguments are the operands of an operator."""

    def method(tr: Translator, node: ast.Call, source: Typed) -> Typed:
        operands = [source, *map(tr.known, node.arguments)]
        name = ast.Identifier(node.name.start, node.name.end, operator)
        found = system_function(tr, ast.Call(node.start, node.end, None, name, (node, *node.arguments)), operands)
        assert found is not None
        return found

    return method


def _turned(operator: str) -> Method:
    """The operand comes before the value."""

    def method(tr: Translator, node: ast.Call, source: Typed) -> Typed:
        return tr.operator(operator, node, _argument(tr, node), source)

    return method


def _single(tr: Translator, node: ast.Call, source: Typed) -> Typed:
    return tr.operator("SingletonFrom", node, source)


def _not(tr: Translator, node: ast.Call, source: Typed) -> Typed:
    return tr.operator("Not", node, source)


def _contains(tr: Translator, node: ast.Call, source: Typed) -> Typed:
    """Of a string: whether the other is somewhere in it."""
    if source.type != t.STRING:
        return tr.operator("Contains", node, source, _argument(tr, node))
    place = tr.operator("PositionOf", node, _argument(tr, node), source)
    return tr.operator("GreaterOrEqual", node, place, Typed(literal(t.INTEGER, 0), t.INTEGER))


_OPERATORS = """
First Last Tail Skip Take Count Distinct AllTrue AnyTrue Abs Ceiling Floor Exp Ln Log Power Round
Truncate Length Upper Lower StartsWith EndsWith Matches ReplaceMatches Substring Split ToChars
Children ToBoolean ToInteger ToDecimal ToString ToDate ToDateTime ToTime ToQuantity
ConvertsToBoolean ConvertsToInteger ConvertsToDecimal ConvertsToString ConvertsToDate
ConvertsToDateTime ConvertsToTime ConvertsToQuantity
"""

METHODS: dict[str, Method] = {
    "where": _where,
    "select": _select,
    "exists": _exists,
    "all": _all,
    "empty": _empty,
    "is": _is,
    "as": _as,
    "ofType": _of_type,
    "union": _set("Union"),
    "intersect": _set("Intersect"),
    "exclude": _set("Except"),
    "combine": _combine,
    "single": _single,
    "not": _not,
    "contains": _contains,
    "indexOf": _turned("PositionOf"),
    **{name[:1].lower() + name[1:]: _by_operator(name) for name in _OPERATORS.split()},
    **dict.fromkeys(("descendants", "descendents"), _by_operator("Descendents")),
}
"""What a value's own functions are called, where no fluent function of the name is in sight."""


@handles(ast.Indexer)
def indexer(tr: Translator, node: ast.Indexer) -> Typed:
    return tr.operator("Indexer", node, *tr.all_known(node.source, node.index))
