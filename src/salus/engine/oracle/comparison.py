"""Equal, equivalent, before and after: what it means for two values to be the same or in order.

True, false, or None for "cannot be told". These are functions of values; the operators of ELM §12 stand on them.
Source: CQL 1.5, Appendix B "Comparison Operators"; Author's Guide "Uncertainty", "Quantities".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from salus.engine.oracle import moments
from salus.engine.oracle.bounds import end, lower, start, upper
from salus.engine.oracle.elements import Element, primitive_value, same_json
from salus.engine.oracle.kinds import type_name
from salus.engine.oracle.moments import Date, DateTime, Time
from salus.engine.oracle.values import (
    EXACT,
    Code,
    Concept,
    Interval,
    Quantity,
    Ratio,
    Tuple,
    Uncertain,
    Value,
    is_number,
)
from salus.terminology import ucum

MOMENTS = (Date, DateTime, Time)
Truth = bool | None


def all_of(truths: Iterable[Truth]) -> Truth:
    """And (ELM §13): false when one is false, else unknown when one is unknown, else true."""
    found = list(truths)
    if any(truth is False for truth in found):
        return False
    return None if None in found else True


def any_of(truths: Iterable[Truth]) -> Truth:
    """Or (ELM §13)."""
    return negated(all_of(negated(truth) for truth in truths))


def negated(truth: Truth) -> Truth:
    return None if truth is None else not truth


# --- order ---------------------------------------------------------------------------------------------------------


class NoOrder(TypeError):
    """Two values of which none can come first; `mixed` where they are of two types, as records may have it where logic
    expects one."""

    def __init__(self, a: Value, b: Value) -> None:
        super().__init__(f"{type_name(a)} and {type_name(b)} have no order")
        self.mixed = type(a) is not type(b)


def order(a: Value, b: Value, unit: str | None = None) -> int | None:
    """-1, 0 or 1 for certain values of an ordered type; None when it cannot be told. NoOrder for other types."""
    if isinstance(a, MOMENTS) and isinstance(b, MOMENTS):
        return moments.compare(a, b, unit)
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        return _order_quantities(a, b)
    if (is_number(a) and is_number(b)) or (isinstance(a, str) and isinstance(b, str)):
        return int(a > b) - int(a < b)
    raise NoOrder(a, b)


def _order_quantities(a: Quantity, b: Quantity) -> int | None:
    """In one unit; None when they do not measure the same thing."""
    pair = commensurable(a, b)
    return None if pair is None else int(pair[0] > pair[1]) - int(pair[0] < pair[1])


def commensurable(a: Quantity, b: Quantity) -> tuple[Fraction, Fraction] | None:
    """Both values in units of their kind, or None. Calendar years and months are no UCUM units (CQL 1.5)."""
    if a.unit == b.unit:
        return Fraction(a.value), Fraction(b.value)
    try:
        left, right = ucum.canonical_cql(a.unit), ucum.canonical_cql(b.unit)
    except ucum.InvalidUnit:
        return None
    if left.kind != right.kind:
        return None
    return left.within_kind(Fraction(a.value)), right.within_kind(Fraction(b.value))


def ends(value: Value) -> tuple[Value, Value]:
    """The least and the greatest a value can be."""
    return (value.low, value.high) if isinstance(value, Uncertain) else (value, value)


def before(a: Value, b: Value, unit: str | None = None) -> Truth:
    """a < b, at a precision when given."""
    if a is None or b is None:
        return None
    if isinstance(a, Uncertain) or isinstance(b, Uncertain):
        (a_low, a_high), (b_low, b_high) = ends(a), ends(b)
        if before(a_high, b_low, unit):
            return True
        return False if before(a_low, b_high, unit) is False else None
    found = order(a, b, unit)
    return None if found is None else found < 0


def at_or_before(a: Value, b: Value, unit: str | None = None) -> Truth:
    """a <= b: b is not before a."""
    return negated(before(b, a, unit))


def same_point(a: Value, b: Value, unit: str | None = None) -> Truth:
    """a = b for points of an ordered type, at a precision when given."""
    if a is None or b is None:
        return None
    if isinstance(a, Uncertain) or isinstance(b, Uncertain):
        if before(a, b, unit) or before(b, a, unit):
            return False
        one = {repr(end) for end in (*ends(a), *ends(b))}
        return True if len(one) == 1 else None
    found = order(a, b, unit)
    return None if found is None else found == 0


def is_backwards(interval: Interval) -> bool:
    """Whether an interval ends before it starts."""
    if interval.low is None or interval.high is None:
        return False
    return before(upper(interval), lower(interval)) is True


def sort_key(value: Value) -> tuple[Any, ...]:
    """Where a value stands in a sort: null first; dates by their earliest, then their latest meaning; quantities by
    what they measure, then how much (CQL 1.5, Author's Guide "Sorting")."""
    if value is None:
        return (0,)
    if isinstance(value, Element):
        return sort_key(primitive_value(value))
    if isinstance(value, Uncertain):
        return sort_key(value.low)
    if isinstance(value, MOMENTS):
        return (1, moments.earliest(value), moments.latest(value))
    if isinstance(value, Quantity):
        return (1, *_measure(value))
    return (1, value)


def _measure(quantity: Quantity) -> tuple[str, Fraction]:
    try:
        unit = ucum.canonical_cql(quantity.unit)
    except ucum.InvalidUnit:
        return f"unit {quantity.unit}", Fraction(quantity.value)
    return unit.kind, unit.within_kind(Fraction(quantity.value))


# --- equal ---------------------------------------------------------------------------------------------------------


def equal(a: Value, b: Value) -> Truth:
    """`=` (ELM §12, Equal): null when either is null or it cannot be told."""
    if a is None or b is None:
        return None
    if isinstance(a, Element) and isinstance(b, Element):
        return same_json(a, b)
    if isinstance(a, Uncertain) or isinstance(b, Uncertain):
        return same_point(a, b)
    if _ordered(a) and _ordered(b):
        return same_point(a, b) if _same_family(a, b) else False
    parts = _EQUAL_PARTS.get(type(a))
    if type(a) is not type(b):
        return False
    return _all_equal(*parts(a, b)) if parts else a == b


def _ordered(value: Value) -> bool:
    return is_number(value) or isinstance(value, (str, Quantity, *MOMENTS))


def _same_family(a: Value, b: Value) -> bool:
    if isinstance(a, (Date, DateTime)):
        return isinstance(b, (Date, DateTime))
    return is_number(a) == is_number(b) and (is_number(a) or type(a) is type(b))


def _all_equal(left: Sequence[Value] | None, right: Sequence[Value] | None) -> Truth:
    """Part by part, the first that is not equal decides; parts that are both null are equal (CQL 1.5, Equal of lists
    and tuples)."""
    if left is None or right is None or len(left) != len(right):
        return False
    found = (True if x is y else equal(x, y) for x, y in zip(left, right, strict=True))
    return next((truth for truth in found if truth is not True), True)


Parts = tuple[Sequence[Value] | None, Sequence[Value] | None]


def _tuple_parts(a: Tuple, b: Tuple) -> Parts:
    if set(a.fields) != set(b.fields):
        return None, None
    return list(a.fields.values()), [b.fields[name] for name in a.fields]


def _interval_ends(interval: Interval) -> list[Value]:
    return [start(interval), end(interval)]


def _interval_equal(a: Interval, b: Interval) -> Truth:
    return all_of(same_point(x, y) for x, y in zip(_interval_ends(a), _interval_ends(b), strict=True))


def _fields(value: Code) -> list[Value]:
    return [value.code, value.system, value.version, value.display]


_EQUAL_PARTS: dict[type, Callable[[Any, Any], Parts]] = {
    list: lambda a, b: (a, b),
    Tuple: _tuple_parts,
    Code: lambda a, b: (_fields(a), _fields(b)),
    Concept: lambda a, b: ([list(a.codes), a.display], [list(b.codes), b.display]),
    Ratio: lambda a, b: ([a.numerator, a.denominator], [b.numerator, b.denominator]),
    Interval: lambda a, b: ([_interval_equal(a, b)], [True]),
}


def same(a: Value, b: Value) -> bool:
    """Whether two members of a list are one for distinct, union and the like: equal, both null, or intervals that say
    the same word for word, an unknown end included."""
    return (a is None and b is None) or equal(a, b) is True or (isinstance(a, Interval) and a == b)


def distinct(items: Iterable[Value]) -> list[Value]:
    """The first of each (ELM §20, Distinct)."""
    kept: list[Value] = []
    for item in items:
        if not any(same(item, other) for other in kept):
            kept.append(item)
    return kept


# --- equivalent ----------------------------------------------------------------------------------------------------


def equivalent(a: Value, b: Value) -> bool:
    """`~` (ELM §12, Equivalent): never null; two nulls are equivalent."""
    if a is None or b is None:
        return a is None and b is None
    for kinds, test in _EQUIVALENT:
        if isinstance(a, kinds) and isinstance(b, kinds):
            return test(a, b)
    if is_number(a) and is_number(b):
        return _equivalent_numbers(a, b)
    return equal(a, b) is True


def _equivalent_texts(a: str, b: str) -> bool:
    """Ignoring case; all white space characters are the same."""
    return _plain(a) == _plain(b)


def _plain(text: str) -> str:
    return "".join(" " if char.isspace() else char for char in text).casefold()


def _equivalent_numbers(a: Value, b: Value) -> bool:
    """Rounded to the fewer of their decimal places, trailing zeros aside."""
    left, right = Decimal(a), Decimal(b)
    step = Decimal(1).scaleb(-min(_places(left), _places(right)))
    return left.quantize(step, ROUND_HALF_UP) == right.quantize(step, ROUND_HALF_UP)


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _equivalent_quantities(a: Quantity, b: Quantity) -> bool:
    """In b's unit, where calendar years and months are UCUM's (CQL 1.5, Equivalent of quantities)."""
    try:
        units = [ucum.equivalent_unit(each.unit) for each in (a, b)]
        value = ucum.convert(a.value, *units) if ucum.kind(units[0]) == ucum.kind(units[1]) else None
    except ucum.InvalidUnit:
        return a.unit == b.unit and _equivalent_numbers(a.value, b.value)
    return value is not None and _equivalent_numbers(value, b.value)


def _equivalent_codes(a: Code | Concept, b: Code | Concept) -> bool:
    """Some code of one is a code of the other, by system and code alone."""
    return any((x.system, x.code) == (y.system, y.code) for x in codes_of(a) for y in codes_of(b))


def codes_of(value: Code | Concept) -> tuple[Code, ...]:
    return value.codes if isinstance(value, Concept) else (value,)


def _equivalent_lists(a: Sequence[Value], b: Sequence[Value]) -> bool:
    return len(a) == len(b) and all(equivalent(x, y) for x, y in zip(a, b, strict=True))


def _equivalent_tuples(a: Tuple, b: Tuple) -> bool:
    same_names = set(a.fields) == set(b.fields)
    return same_names and all(equivalent(value, b.fields[name]) for name, value in a.fields.items())


def in_unit(quantity: Quantity, unit: str) -> Decimal | None:
    """The value in another unit, to be put together with those of that unit; None when they do not measure the same
    thing."""
    return as_unit(quantity, unit) if ucum.kind(quantity.unit) == ucum.kind(unit) else None


def as_unit(quantity: Quantity, unit: str) -> Decimal | None:
    """The value in another unit, on whatever scale; None when they do not measure the same thing."""
    if quantity.unit == unit:
        return quantity.value
    ratio = ucum.ratio(quantity.unit, unit)
    if ratio is not None:
        return EXACT.multiply(quantity.value, ratio)
    try:
        return ucum.convert(quantity.value, quantity.unit, unit)
    except ucum.InvalidUnit:
        return None


def _equivalent_ratios(a: Ratio, b: Ratio) -> bool:
    """The same proportion: a's numerator times b's denominator, counted in the unit of a's, is b's numerator times
    a's denominator."""
    if a.numerator is None or a.denominator is None or b.numerator is None or b.denominator is None:
        return False
    times = in_unit(b.denominator, a.denominator.unit)
    if times is None:
        return False
    left = Quantity(a.numerator.value * times, a.numerator.unit)
    right = Quantity(b.numerator.value * a.denominator.value, b.numerator.unit)
    return _equivalent_quantities(left, right)


_EQUIVALENT: list[tuple[Any, Callable[[Any, Any], bool]]] = [
    (str, _equivalent_texts),
    (Quantity, _equivalent_quantities),
    ((Code, Concept), _equivalent_codes),
    (list, _equivalent_lists),
    (Tuple, _equivalent_tuples),
    (Ratio, _equivalent_ratios),
    (Interval, lambda a, b: all(equivalent(x, y) for x, y in zip(_interval_ends(a), _interval_ends(b), strict=True))),
]
