"""Which of several signatures a call means.

Every signature of the right number of operands is tried: generic ones are made concrete by the operands, each operand
is converted where it must be, and the signature that needs least wins. Of equals the first in the table wins.
Leaves to others: where signatures come from (`cql.signatures`, the libraries), what ELM a call is.
Source: CQL 1.5, Developer's Guide, Generic and Overloaded operators, Conversion Precedence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from salus.cql import types as t
from salus.cql.conversions import Conversion, Conversions
from salus.cql.signatures import Signature
from salus.elm.types import ANY, ChoiceOf, IntervalOf, ListOf, Named, TupleOf, Type

Bindings = dict[Type, Type]


@dataclass(frozen=True, slots=True)
class Resolution:
    """The signature that was chosen, concrete, and the conversion of each operand."""

    signature: Signature
    conversions: tuple[Conversion, ...]

    @property
    def score(self) -> int:
        return sum(conversion.score for conversion in self.conversions)


class Overloads:
    """Chooses signatures with the conversions a library has."""

    def __init__(self, conversions: Conversions) -> None:
        self._conversions = conversions

    def resolve(self, signatures: Iterable[Signature], operands: Sequence[Type]) -> Resolution | None:
        """The best signature for operands of these types; None when none fits."""
        best: Resolution | None = None
        for signature in signatures:
            if len(signature.operands) != len(operands):
                continue
            found = self._try(signature, operands)
            if found and (best is None or found.score < best.score):
                best = found
                if best.score == 0:
                    break
        return best

    def _try(self, signature: Signature, operands: Sequence[Type]) -> Resolution | None:
        concrete = self._instantiate(signature, operands) if signature.generic else signature
        if concrete is None:
            return None
        found: list[Conversion] = []
        for operand, formal in zip(operands, concrete.operands, strict=True):
            conversion = self._conversions.find(operand, formal)
            if conversion is None:
                return None
            found.append(conversion)
        return Resolution(concrete, tuple(found))

    def _instantiate(self, signature: Signature, operands: Sequence[Type]) -> Signature | None:
        bound: Bindings = {}
        for formal, actual in zip(signature.operands, operands, strict=True):
            if not self._bind(formal, actual, bound):
                return None
        made = tuple(_substitute(formal, bound) for formal in signature.operands)
        return replace(signature, operands=made, result=_substitute(signature.result, bound))

    def _bind(self, formal: Type, actual: Type, bound: Bindings) -> bool:
        if t.is_variable(formal):
            return self._bind_variable(formal, actual, bound)
        if actual == ANY or isinstance(formal, Named):
            return True
        match formal, actual:
            case (ListOf(inner), ListOf(given)) | (IntervalOf(inner), IntervalOf(given)):
                return self._bind(inner, given, bound)
            case _, ChoiceOf(types):
                return self._bind_any(formal, types, bound)
            case _, Named():
                return self._bind_any(formal, self._conversions.targets(actual), bound)
        return False

    def _bind_any(self, formal: Type, types: Iterable[Type], bound: Bindings) -> bool:
        """Bind by the first of several types that has the structure asked for."""
        return any(type(each) is type(formal) and self._bind(formal, each, bound) for each in types)

    def _bind_variable(self, variable: Type, actual: Type, bound: Bindings) -> bool:
        current = bound.get(variable, ANY)
        if actual == ANY:
            bound.setdefault(variable, ANY)
        elif current == ANY or t.is_subtype(current, actual):
            bound[variable] = actual
        elif not t.is_subtype(actual, current):
            return self._widen(variable, current, actual, bound)
        return True

    def _widen(self, variable: Type, current: Type, actual: Type, bound: Bindings) -> bool:
        """Of two types of which neither is a kind of the other, the one the other converts to more easily: of a choice
        and one of its types that type, of a profile's own type (a kind of Concept) and a Code what it is a kind of.
        """
        if isinstance(current, ChoiceOf) != isinstance(actual, ChoiceOf):
            single, choice = (actual, current) if isinstance(current, ChoiceOf) else (current, actual)
            if meeting := self._meeting(choice, single):
                bound[variable] = meeting
                return True
        up, down = self._conversions.find(actual, current), self._conversions.find(current, actual)
        if up is None and down is None:
            return self._generalise(variable, current, actual, bound)
        if up is None or (down is not None and down.score < up.score):
            bound[variable] = actual
        return True

    def _meeting(self, choice: Type, single: Type) -> Type | None:
        """The type itself when the choice can be it, else the alternative it converts to most easily."""
        if self._conversions.find(choice, single):
            return single
        found = [(each, up) for each in t.alternatives(choice) if (up := self._conversions.find(single, each))]
        return min(found, key=lambda pair: pair[1].score)[0] if found else None

    def _generalise(self, variable: Type, current: Type, actual: Type, bound: Bindings) -> bool:
        for one, other in ((current, actual), (actual, current)):
            for wider in (*t.bases(one)[1:], *self._conversions.targets(one)):
                if self._conversions.find(other, wider):
                    bound[variable] = wider
                    return True
        return False


def _substitute(type_: Type, bound: Bindings) -> Type:
    match type_:
        case ListOf(inner):
            return ListOf(_substitute(inner, bound))
        case IntervalOf(inner):
            return IntervalOf(_substitute(inner, bound))
        case Named():
            return bound.get(type_, ANY) if t.is_variable(type_) else type_
        case ChoiceOf() | TupleOf():
            return type_
