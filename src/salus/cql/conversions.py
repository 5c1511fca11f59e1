"""Implicit conversions: what a value of one type becomes where another is asked for, and at what price.

A conversion has a score, by which overloads are chosen, and wraps the ELM of the value. A choice becomes one of its
types by a test of what is there. Lists and intervals are converted element by element. Demotion and promotion of lists
and intervals are off, as translators have them by default.
Leaves to others: choosing (`cql.overloads`), conversions that are asked for (`convert`, `cast`).
Source: CQL 1.5, Developer's Guide, Conversion Precedence and Implicit Conversions (https://cql.hl7.org/03-developersguide.html).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from salus.cql import types as t
from salus.cql.models import model
from salus.elm.types import ANY, ChoiceOf, IntervalOf, ListOf, Named, TupleOf, Type

Json = dict[str, Any]
Wrap = Callable[[Json], Json]

EXACT, SUBTYPE, COMPATIBLE, CAST, TO_SIMPLE, TO_CLASS, TO_KIN = range(7)


@dataclass(frozen=True, slots=True)
class Conversion:
    """`wrap` makes ELM of the target type from ELM of the source type; `score` is lower for closer types."""

    score: int
    wrap: Wrap


def _same(elm: Json) -> Json:
    return elm


_IDENTITY, _KIND = Conversion(EXACT, _same), Conversion(SUBTYPE, _same)
_WIDER = Conversion(COMPATIBLE, _same)
_SYSTEM: Mapping[tuple[Type, Type], str] = {
    (t.INTEGER, t.LONG): "ToLong",
    (t.INTEGER, t.DECIMAL): "ToDecimal",
    (t.LONG, t.DECIMAL): "ToDecimal",
    (t.INTEGER, t.QUANTITY): "ToQuantity",
    (t.DECIMAL, t.QUANTITY): "ToQuantity",
    (t.DATE, t.DATETIME): "ToDateTime",
    (t.CODE, t.CONCEPT): "ToConcept",
    (t.VALUE_SET, ListOf(t.CODE)): "ExpandValueSet",
}


def as_type(elm: Json, type_: Type, **attributes: object) -> Json:
    """`elm as type`."""
    named: Json = {"asType": t.qname(type_)} if isinstance(type_, Named) else {"asTypeSpecifier": t.specifier(type_)}
    return {"type": "As", "operand": elm, **named, **attributes}


def is_type(elm: Json, type_: Type) -> Json:
    """`elm is type`."""
    named: Json = {"isType": t.qname(type_)} if isinstance(type_, Named) else {"isTypeSpecifier": t.specifier(type_)}
    return {"type": "Is", "operand": elm, **named}


class Conversions:
    """The conversions a library can use. `call` makes ELM of a call of a model's conversion function; `models` names
    the models whose conversions are in force. `kin`: a profile is taken for another one of the same class.
    """

    def __init__(
        self, call: Callable[[str, Json, Type], Json], models: Callable[[], list[str]], *, kin: bool = False
    ) -> None:
        self._call, self._models, self._kin = call, models, kin
        self._known: dict[tuple[Type, Type], Conversion | None] = {}

    def find(self, source: Type, target: Type) -> Conversion | None:
        """How a value of `source` becomes one of `target`; None when it does not."""
        key = (source, target)
        if key not in self._known:
            self._known[key] = None  # a type that holds itself does not convert by way of itself
            self._known[key] = self._find(source, target)
        return self._known[key]

    def _find(self, source: Type, target: Type) -> Conversion | None:
        if source == target:
            return _IDENTITY
        if source == ANY:
            return Conversion(COMPATIBLE, lambda elm: as_type(elm, target))
        if isinstance(source, ChoiceOf):
            return self._from_choice(source, target)
        if isinstance(target, ChoiceOf):
            return self._to_choice(source, target)
        if t.is_subtype(source, target):
            return _KIND
        if self._kin and isinstance(source, Named) and isinstance(target, Named) and t.qname(source) == t.qname(target):
            return Conversion(TO_KIN, _same)
        return self._structured(source, target) or self._by_function(source, target)

    def _by_function(self, source: Type, target: Type) -> Conversion | None:
        score = TO_SIMPLE if target in t.SIMPLE else TO_CLASS
        if operator := _SYSTEM.get((source, target)):
            signature = [t.specifier(source)] if operator != "ExpandValueSet" else []
            return Conversion(score, lambda elm: {"type": operator, "signature": signature, "operand": elm})
        for base in t.bases(source):
            if function := self.function(base, target):
                return Conversion(score, self._helper(function, base))
        return None

    def _helper(self, function: str, operand: Type) -> Wrap:
        return lambda elm: self._call(function, elm, operand)

    def function(self, source: Type, target: Type) -> str | None:
        """The function of the models in use that converts implicitly."""
        if not isinstance(source, Named):
            return None
        for name in self._models():
            found = model(name)
            if found and (function := found.conversions.get((source.name, target))):
                return function
        return None

    def targets(self, source: Type) -> list[Type]:
        """What a value of a named type converts to, by System and by the functions of the models in use."""
        of_system = [target for known, target in _SYSTEM if known == source]
        names = {base.name for base in t.bases(source) if isinstance(base, Named)}
        tables = (found.conversions for name in self._models() if (found := model(name)))
        return of_system + [target for table in tables for name, target in table if name in names]

    def _structured(self, source: Type, target: Type) -> Conversion | None:
        match source, target:
            case ListOf(a), ListOf(b):
                return self._list(a, b)
            case IntervalOf(a), IntervalOf(b):
                inner = self.find(a, b)
                return Conversion(inner.score, lambda elm: _interval(elm, inner.wrap)) if inner else None
            case TupleOf(), TupleOf():
                return self._tuple(source, target)
        return None

    def _list(self, source: Type, target: Type) -> Conversion | None:
        inner = self.find(source, target)
        if inner is None:
            return None
        if inner.score <= CAST and (isinstance(target, ChoiceOf) or source == ANY):
            whole = ListOf(target)
            return Conversion(inner.score, lambda elm: as_type(elm, whole))
        return Conversion(inner.score, lambda elm: _each(elm, inner.wrap)) if inner.wrap is not _same else inner

    def _tuple(self, source: TupleOf, target: TupleOf) -> Conversion | None:
        """Tuples of the same elements whose types are compatible (null among them)."""
        mine, asked = dict(source.elements), dict(target.elements)
        if mine.keys() != asked.keys():
            return None
        inner = [self.find(mine[name], asked[name]) for name in asked]
        if any(each is None or each.score > COMPATIBLE for each in inner):
            return None
        return Conversion(COMPATIBLE, lambda elm: as_type(elm, target))

    def _to_choice(self, source: Type, target: ChoiceOf) -> Conversion | None:
        if any(t.is_subtype(source, each) for each in target.types):
            return Conversion(COMPATIBLE, lambda elm: as_type(elm, target))
        found = [each for each in (self.find(source, of) for of in target.types) if each]
        if not found:
            return None
        return min(found, key=lambda each: each.score)

    def _from_choice(self, source: ChoiceOf, target: Type) -> Conversion | None:
        wanted = t.alternatives(target)
        if all(any(t.is_subtype(each, of) for of in wanted) for each in source.types):
            return _WIDER
        held = [each for each in source.types if any(t.is_subtype(each, of) or t.is_subtype(of, each) for of in wanted)]
        if len(held) == len(wanted):
            return Conversion(CAST, lambda elm: _as_one(elm, target))
        converted = [] if isinstance(target, ChoiceOf) and held else self._converted(source, target, held)
        cases = [(each, self._narrow(target)) for each in held] + converted
        return Conversion(CAST, lambda elm: _case(elm, cases)) if cases else None

    def _converted(self, source: ChoiceOf, target: Type, held: list[Type]) -> list[tuple[Type, Wrap]]:
        """The alternatives that become a value of the target by a conversion."""
        found = ((each, self.find(each, target)) for each in source.types if each not in held)
        return [(each, conversion.wrap) for each, conversion in found if conversion]

    def _narrow(self, target: Type) -> Wrap:
        return (lambda elm: as_type(elm, target)) if isinstance(target, ChoiceOf) else _same


def _each(elm: Json, wrap: Wrap) -> Json:
    """A list with every element converted."""
    source = {"alias": "X", "expression": elm}
    value = {"distinct": False, "expression": wrap({"type": "AliasRef", "name": "X"})}
    return {"type": "Query", "source": [source], "let": [], "relationship": [], "return": value}


def _interval(elm: Json, wrap: Wrap) -> Json:
    """An interval with both bounds converted, where it is written out in place; null stays null."""
    if elm["type"] == "Interval":
        return {**elm, "low": wrap(elm["low"]), "high": wrap(elm["high"])}

    def part(path: str) -> Json:
        return {"type": "Property", "path": path, "source": elm}

    return {
        "type": "Interval",
        "lowClosedExpression": part("lowClosed"),
        "highClosedExpression": part("highClosed"),
        "low": wrap(part("low")),
        "high": wrap(part("high")),
    }


def _as_one(elm: Json, target: Type) -> Json:
    """The value as the target; of a case that tells types apart, the value that is of that type."""
    if elm["type"] == "Case":
        for item in elm["caseItem"]:
            when, then = item["when"], item["then"]
            if when["type"] == "Is" and when["operand"] == then and when == is_type(then, target):
                of_type: Json = then
                return of_type
    return as_type(elm, target)


def _case(elm: Json, cases: list[tuple[Type, Wrap]]) -> Json:
    """What the value is as whichever of the types it has; nothing else is there to tell apart when there is one."""
    if len(cases) == 1:
        ((only, wrap),) = cases
        return wrap(as_type(elm, only))
    items = [{"when": is_type(elm, each), "then": wrap(as_type(elm, each))} for each, wrap in cases]
    return {"type": "Case", "caseItem": items, "else": {"type": "Null"}}
