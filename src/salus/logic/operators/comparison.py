"""Comparison operators (CQL Reference, Appendix B, section 4): equal, equivalent, less, greater."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from salus.elm.nodes import Operator
from salus.logic.context import Context
from salus.logic.expr import (
    FALSE,
    NULL,
    TRUE,
    Const,
    E,
    Op,
    and_,
    case,
    eq,
    is_null,
    is_true,
    not_,
    op,
    or_,
)
from salus.logic.operators import points
from salus.logic.operators.arithmetic import computed
from salus.logic.operators.bounds import end, start
from salus.logic.operators.codes import any_code, equivalent_codes
from salus.logic.operators.registry import operator
from salus.logic.operators.units import compare_quantities, equivalent_quantities, in_unit, units_of
from salus.logic.properties import spelled_out
from salus.logic.values import (
    CONCEPT,
    DECIMAL,
    NOTHING,
    RATIO,
    STRING,
    Choice,
    Coded,
    CodeFields,
    CodeLiterals,
    Interval,
    Nothing,
    Point,
    Quantity,
    Resource,
    Tuple,
    Value,
    boolean,
    present,
)  # fmt: skip

CODES = (Coded, CodeFields, CodeLiterals)


def pairwise(
    cx: Context, node: Operator, a: Value, b: Value, compare: Callable[[Value, Value], E | None], apart: E = NULL
) -> E:
    """A comparison over choices: of the alternatives that can be compared, the one that is there decides; `apart` is
    the answer for two values that cannot be compared."""
    lefts = a.options if isinstance(a, Choice) else (a,)
    rights = b.options if isinstance(b, Choice) else (b,)
    found = [(x, y, e) for x in lefts for y in rights if (e := compare(x, y)) is not None]
    if not found and not (isinstance(a, Choice) or isinstance(b, Choice)):
        cx.fail(node, f"{node.op} cannot compare these types")
    if len(found) == 1 and not (isinstance(a, Choice) or isinstance(b, Choice)):
        return found[0][2]
    decided = [(and_(present(x), present(y)), e) for x, y, e in found]
    return case([*decided, (and_(present(a), present(b)), apart)])


def same_of_any(cx: Context, node: Operator, a: Value, b: Value) -> E:
    """a = b where either may be of several types: values of different types are not equal."""
    return pairwise(cx, node, a, b, equal, FALSE)


def equal(a: Value, b: Value) -> E | None:
    """a = b; None when values of these kinds cannot be compared."""
    match a, b:
        case (Nothing(), _) | (_, Nothing()):
            return NULL
        case Point(), Point():
            return points.equal(a, b) if _comparable(a, b) else FALSE
        case Quantity(), Quantity():
            return compare_quantities("eq", a, b)
        case Resource(), Resource():
            return eq(a.rid, b.rid)
        case Coded(), Coded():
            return eq(a.id, b.id)
        case CodeFields(), CodeFields():
            return _first_unequal([_equal_or_absent(x, y) for x, y in zip(_parts(a), _parts(b), strict=True)])
        case Tuple(), Tuple():
            return _equal_fields(a, b)
        case Interval(), Interval():
            return _equal_intervals(a, b)
    return None


def _parts(code: CodeFields) -> tuple[E, ...]:
    return code.code, code.system, code.version, code.display


def _equal_or_absent(x: E, y: E) -> E:
    return or_(and_(is_null(x), is_null(y)), eq(x, y))


_KINDS = ({"System.Integer", "System.Long", "System.Decimal"}, {"System.Date", "System.DateTime"})


def _comparable(a: Point, b: Point) -> bool:
    """Whether two points are of one kind: numbers, dates with or without a time, or of the same type."""
    names = {a.type.name, b.type.name}
    of_system = all(name.startswith("System.") for name in names)
    return len(names) == 1 or not of_system or any(names <= kind for kind in _KINDS)


def _equal_fields(a: Tuple, b: Tuple) -> E | None:
    parts = []
    for name in dict.fromkeys((*a.fields, *b.fields)):
        x, y = a.fields.get(name), b.fields.get(name)
        part = None if x is None or y is None else equal(x, y)
        if part is None:
            return None
        assert x is not None
        assert y is not None
        parts.append(or_(and_(not_(present(x)), not_(present(y))), part))
    return _first_unequal(parts)


def _first_unequal(parts: Sequence[E]) -> E:
    """Part by part: the first that is not true decides."""
    result: E = TRUE
    for part in reversed(parts):
        result = case([(is_true(part), result)], part)
    return result


def _equal_intervals(a: Interval, b: Interval) -> E | None:
    parts = [equal(start(a), start(b)), equal(end(a), end(b))]
    return None if None in parts else and_(*(p for p in parts if p is not None))


def equivalent(cx: Context, a: Value, b: Value) -> E | None:
    """a ~ b: never null; None when values of these kinds cannot be compared."""
    if isinstance(a, Nothing) or isinstance(b, Nothing):
        return not_(or_(present(a), present(b)))
    if isinstance(a, CODES) and isinstance(b, CODES):
        return equivalent_codes(cx, a, b)
    if _is_made(a) or _is_made(b):
        made, other = (a, b) if _is_made(a) else (b, a)
        codes = made.fields.get("codes", NOTHING) if isinstance(made, Tuple) else NOTHING
        return any_code(cx, codes, lambda code: equivalent(cx, code, other) or FALSE)
    same = _equivalent_values(cx, a, b)
    if same is None:
        return None
    return or_(is_true(same), and_(not_(present(a)), not_(present(b))))


def _is_made(value: Value) -> bool:
    """Whether a value is a concept that logic puts together: its codes are a list, its own code is none."""
    return isinstance(value, Tuple) and value.type == CONCEPT


def _equivalent_values(cx: Context, a: Value, b: Value) -> E | None:
    """Whether values are equivalent where both are there: strings, decimals and what is made of them have rules."""
    match a, b:
        case Point(type=type_), Point() if type_ == STRING:
            return equal(_normalised(a), _normalised(b)) if _comparable(a, b) else FALSE
        case Point(type=type_, low=x, high=None), Point(low=y, high=None) if DECIMAL in (type_, b.type):
            return _alike(x, y)
        case Quantity(), Quantity():
            return equivalent_quantities(a, b, _alike)
        case Tuple(type=type_), Tuple() if type_ == RATIO == b.type:
            return _equivalent_ratios(a, b)
        case Tuple(), Tuple():
            pairs = [(a.fields.get(name), b.fields.get(name)) for name in dict.fromkeys((*a.fields, *b.fields))]
            parts = [None if x is None or y is None else equivalent(cx, x, y) for x, y in pairs]
            return None if None in parts else and_(*(part for part in parts if part is not None))
    return equal(a, b)


def _alike(a: E, b: E) -> E:
    """Decimals that are the same to the fewer digits."""
    return op("equivalent", a, b)


def _equivalent_ratios(a: Tuple, b: Tuple) -> E:
    """The same proportion, 1:100 ~ 10:1000 (B.4 Equivalent): a's numerator times b's denominator, counted in the unit
    of a's, is b's numerator times a's denominator."""
    above, below = ((ratio.fields["numerator"], ratio.fields["denominator"]) for ratio in (a, b))
    parts = [part for part in (*above, *below) if isinstance(part, Quantity)]
    if len(parts) < 4:
        return FALSE
    upper, per, other, other_per = parts
    branches = []
    for unit in sorted(units_of(per)):
        left = _times(upper, in_unit(other_per, unit))
        branches.append((eq(per.unit, Const(unit)), equivalent_quantities(left, _times(other, per.value), _alike)))
    return case(branches)


def _times(quantity: Quantity, number: E) -> Quantity:
    return replace(quantity, value=computed("mul", quantity.value, number, DECIMAL.name))


def _normalised(point: Point) -> Point:
    """Strings are equivalent when equal but for case and kind of white space (B.4 Equivalent)."""
    if isinstance(point.low, Const):
        value = point.low.value
        return Point(STRING, Const(re.sub(r"\s", " ", value.lower())) if isinstance(value, str) else NULL)
    return Point(STRING, Op("normalise", (point.low,)))


def compared(cx: Context, node: Operator, a: Value, b: Value) -> E:
    """B.4 Equal, Not Equal, and Equivalent, which is never null: values of different types are not equivalent."""
    if node.op != "Equivalent" and isinstance(a, Coded) is not isinstance(b, Coded):
        a, b = (spelled_out(cx, value) if isinstance(value, Coded) else value for value in (a, b))
    if node.op == "Equal":
        return same_of_any(cx, node, a, b)
    if node.op == "NotEqual":
        return not_(same_of_any(cx, node, a, b))
    if isinstance(a, Choice) or isinstance(b, Choice):
        found = pairwise(cx, node, a, b, lambda x, y: equivalent(cx, x, y))
        return or_(is_true(found), and_(not_(present(a)), not_(present(b))))
    return equivalent(cx, a, b) or FALSE


def _ordering(name: str) -> Callable[[Value, Value], E | None]:
    def compare(a: Value, b: Value) -> E | None:
        match a, b:
            case (Nothing(), _) | (_, Nothing()):
                return NULL
            case Point(), Point():
                return _ordered_points(name, a, b)
            case Quantity(), Quantity():
                return compare_quantities(name, a, b)
        return None

    return compare


def _ordered_points(name: str, a: Point, b: Point) -> E:
    match name:
        case "lt":
            return points.less(a, b)
        case "le":
            return points.less_or_equal(a, b)
        case "gt":
            return points.less(b, a)
    return points.less_or_equal(b, a)


def order(name: str, a: Value, b: Value) -> E | None:
    """lt, le, gt or ge of two values; None when they have no order."""
    return _ordering(name)(a, b)


_NAMES = {"Less": "lt", "LessOrEqual": "le", "Greater": "gt", "GreaterOrEqual": "ge"}


@operator(*_NAMES)
def ordering_operator(cx: Context, node: Operator, a: Value, b: Value) -> Value:
    """B.4 Less, Less or Equal, Greater, Greater or Equal."""
    return boolean(pairwise(cx, node, a, b, _ordering(_NAMES[node.op])))
