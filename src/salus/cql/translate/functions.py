"""Functions of the System library that are more than an operator on its operands: ages, Coalesce, parts of lists.

Source: CQL 1.5, Appendix B: Clinical Operators, Nullological Operators, List Operators.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from salus.cql import ast
from salus.cql import types as t
from salus.cql.conversions import Json
from salus.cql.signatures import Signature, table
from salus.cql.translate.core import Fault, Translator, Typed, literal
from salus.cql.translate.operators import in_vocabulary, sets
from salus.cql.translate.properties import find
from salus.elm.types import ANY, ListOf, Named

SystemFunction = Callable[[Translator, ast.Call, Sequence[Typed]], Typed]
_AGE = re.compile(r"(Calculate)?AgeIn(Year|Month|Week|Day|Hour|Minute|Second)s(At)?$")
_NOT_CALLED = frozenset({"CalculateAge", "CalculateAgeAt", "DurationBetween", "DifferenceBetween"})


def system_function(tr: Translator, node: ast.Call, operands: Sequence[Typed]) -> Typed | None:
    """The call as a function of System; None when System has none of that name."""
    name = node.name.text
    if special := SPECIAL.get(name):
        return special(tr, node, operands)
    if match := _AGE.match(name):
        return _age(tr, node, operands, match)
    if name not in table() or name in _NOT_CALLED:
        return None
    return tr.operator(name, node, *operands)


def _age(tr: Translator, node: ast.Call, operands: Sequence[Typed], match: re.Match[str]) -> Typed:
    """`AgeInYearsAt(x)` is of the patient; `CalculateAgeInYearsAt(b, x)` of who was born at b."""
    given, precision, at = match.groups()
    _arity(node, operands, (1 if given else 0) + (1 if at else 0))
    born = [] if given else [_birth_date(tr, node)]
    values = [*born, *operands]
    if precision in ("Hour", "Minute", "Second"):
        values = [tr.convert(value, t.DATETIME, node, "the moment of an age") for value in values]
    return tr.operator("CalculateAgeAt" if at else "CalculateAge", node, *values, precision=precision)


def _birth_date(tr: Translator, node: ast.Call) -> Typed:
    """The date of birth of the context's patient, as the model says where it is."""
    patient, owner = tr.library.context_value(), tr.library.declared.patient_model()
    if patient is None or owner is None or tr.context != "Patient":
        raise Fault(node, f"{node.name.text} needs a patient, and this is not in the context of one", "context Patient")
    name, _, inner = owner.birth_date.partition(".")
    found = find(tr, patient, name)
    if found is None:
        raise Fault(node, f"{t.shown(patient.type)} has no {name}")
    if not inner:
        return found
    return Typed({"type": "Property", "path": owner.birth_date, "source": patient.elm}, t.DATE)


def _coalesce(tr: Translator, node: ast.Call, operands: Sequence[Typed]) -> Typed:
    if len(operands) == 1 and isinstance(operands[0].type, ListOf):
        return Typed({"type": "Coalesce", "operand": [operands[0].elm]}, operands[0].type.element)
    if len(operands) < 2:
        raise Fault(node, "Coalesce takes a list, or two or more operands")
    any_of_one = Signature("Coalesce", (Named("T"),) * len(operands), Named("T"), generic=True)
    found = tr.resolve([any_of_one], operands)
    if found is None:
        type_, elms = tr.unify(operands, node.arguments)
        return Typed({"type": "Coalesce", "operand": elms}, type_)
    return Typed({"type": "Coalesce", "operand": tr.converted(found, operands)}, found.signature.result)


def _slice(node: ast.Call, operands: Sequence[Typed], start: Json, end: Json) -> Typed:
    source = operands[0]
    if source.type != ANY and not isinstance(source.type, ListOf):
        raise Fault(node, f"{node.name.text} takes a list, not {t.shown(source.type)}")
    return Typed({"type": "Slice", "source": source.elm, "startIndex": start, "endIndex": end}, source.type)


def _arity(node: ast.Call, operands: Sequence[Typed], wanted: int) -> None:
    if len(operands) != wanted:
        raise Fault(node, f"{node.name.text} takes {wanted} operands, not {len(operands)}")


def _skip(tr: Translator, node: ast.Call, operands: Sequence[Typed]) -> Typed:
    _arity(node, operands, 2)
    start = tr.convert(operands[1], t.INTEGER, node, "the number to skip").elm
    return _slice(node, operands, start, {"type": "Null"})


def _tail(tr: Translator, node: ast.Call, operands: Sequence[Typed]) -> Typed:
    _arity(node, operands, 1)
    return _slice(node, operands, literal(t.INTEGER, 1), {"type": "Null"})


def _take(tr: Translator, node: ast.Call, operands: Sequence[Typed]) -> Typed:
    """Taking null elements takes none."""
    _arity(node, operands, 2)
    count = tr.convert(operands[1], t.INTEGER, node, "the number to take").elm
    end = {"type": "Coalesce", "operand": [count, literal(t.INTEGER, 0)]}
    return _slice(node, operands, literal(t.INTEGER, 0), end)


def _part(tr: Translator, node: ast.Call, operands: Sequence[Typed]) -> Typed:
    """`Slice(list, start, end)`: without an end to the last, without a start from the first."""
    if not 1 <= len(operands) <= 3:
        raise Fault(node, f"Slice takes a list, a start and an end, not {len(operands)} operands")
    ends = [tr.convert(each, t.INTEGER, node, "a place in the list").elm for each in operands[1:]]
    null: Json = {"type": "Null"}
    start, end = (*ends, null, null)[:2]
    return _slice(node, operands, start, end)


def _vocabulary(tr: Translator, node: ast.Call, operands: Sequence[Typed]) -> Typed:
    _arity(node, operands, 2)
    return in_vocabulary(tr, node, operands[0], operands[1])


def _sets(tr: Translator, node: ast.Call, operands: Sequence[Typed]) -> Typed:
    _arity(node, operands, 2)
    return sets(tr, node, node.name.text, operands[0], operands[1])


def _no_unit(tr: Translator, node: ast.Call, operands: Sequence[Typed]) -> Typed:
    """Collapse and Expand may be called without a size."""
    missing = [] if len(operands) > 1 else [Typed({"type": "Null"}, t.QUANTITY)]
    return tr.operator(node.name.text, node, *operands, *missing)


SPECIAL: dict[str, SystemFunction] = {
    "Coalesce": _coalesce,
    "Skip": _skip,
    "Tail": _tail,
    "Take": _take,
    "Slice": _part,
    **dict.fromkeys(("InValueSet", "AnyInValueSet", "InCodeSystem", "AnyInCodeSystem"), _vocabulary),
    **dict.fromkeys(("Union", "Intersect", "Except"), _sets),
    **dict.fromkeys(("Collapse", "Expand"), _no_unit),
}
"""The functions that have a rule of their own."""
