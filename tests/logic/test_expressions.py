"""Simplification keeps meaning: what constructors build answers as the plain three-valued reading does.

Random conditions are built twice, once through the simplifying constructors and once naively, and evaluated for every
assignment of true, false and null to their columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from salus.logic.expr import (
    FALSE,
    NULL,
    TRUE,
    Col,
    Const,
    E,
    Op,
    Tri,
    and_,
    case,
    coalesce,
    eq,
    falsity,
    forget,
    is_null,
    is_true,
    not_,
    not_null,
    or_,
    truth,
)  # fmt: skip

Truth = bool | None
Row = Mapping[str, Truth]
COLUMNS = ("a", "b", "c")


@dataclass(frozen=True)
class Pair:
    """An expression as the constructors make it, and what it means."""

    made: E
    meaning: Callable[[Row], Truth]


def both(x: Truth, y: Truth) -> Truth:
    return False if x is False or y is False else None if x is None or y is None else True


def neither(x: Truth) -> Truth:
    return None if x is None else not x


def either(x: Truth, y: Truth) -> Truth:
    return neither(both(neither(x), neither(y)))


def column(name: str) -> Pair:
    return Pair(Col(1, name), lambda row: row[name])


def constant(value: Truth) -> Pair:
    return Pair(Const(value), lambda row: value)


def two_branches(parts: tuple[Pair, Pair, Pair, Pair, Pair]) -> Pair:
    a, x, b, y, otherwise = parts

    def meaning(row: Row) -> Truth:
        chosen = x if a.meaning(row) is True else y if b.meaning(row) is True else otherwise
        return chosen.meaning(row)

    return Pair(case([(a.made, x.made), (b.made, y.made)], otherwise.made), meaning)


def extend(parts: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    one, two, three = parts, st.tuples(parts, parts), st.tuples(parts, parts, parts)
    return st.one_of(
        two.map(lambda p: Pair(and_(p[0].made, p[1].made), lambda r: both(p[0].meaning(r), p[1].meaning(r)))),
        two.map(lambda p: Pair(or_(p[0].made, p[1].made), lambda r: either(p[0].meaning(r), p[1].meaning(r)))),
        one.map(lambda p: Pair(not_(p.made), lambda r: neither(p.meaning(r)))),
        one.map(lambda p: Pair(is_true(p.made), lambda r: p.meaning(r) is True)),
        one.map(lambda p: Pair(is_null(p.made), lambda r: p.meaning(r) is None)),
        one.map(lambda p: Pair(not_null(p.made), lambda r: p.meaning(r) is not None)),
        two.map(lambda p: Pair(coalesce(p[0].made, p[1].made), lambda r: _first(p[0].meaning(r), p[1].meaning(r)))),
        two.map(lambda p: Pair(eq(p[0].made, p[1].made), lambda r: _equal(p[0].meaning(r), p[1].meaning(r)))),
        three.map(
            lambda p: Pair(
                case([(p[0].made, p[1].made)], p[2].made),
                lambda r: p[1].meaning(r) if p[0].meaning(r) is True else p[2].meaning(r),
            )
        ),
        st.tuples(parts, parts, parts, parts, parts).map(two_branches),
    )  # fmt: skip


def _first(x: Truth, y: Truth) -> Truth:
    return y if x is None else x


def _equal(x: Truth, y: Truth) -> Truth:
    return None if x is None or y is None else x == y


pairs = st.recursive(
    st.one_of(st.sampled_from(COLUMNS).map(column), st.sampled_from([True, False, None]).map(constant)),
    extend,
    max_leaves=12,
)


def evaluate(e: E, row: Row) -> Truth:
    """The plain reading of a built expression."""
    match e:
        case Col(name=name):
            return row[name]
        case Const(value=value):
            return value  # type: ignore[return-value]
        case Tri(yes=yes, no=no):
            return True if evaluate(yes, row) is True else False if evaluate(no, row) is True else None
        case Op(op=name, args=args):
            return _OPERATORS[name](*[evaluate(a, row) for a in args])
    raise AssertionError(e)


def _case(*parts: Truth) -> Truth:
    for condition, value in zip(parts[:-1:2], parts[1:-1:2], strict=True):
        if condition is True:
            return value
    return parts[-1]


def _folded(step: Callable[[Truth, Truth], Truth], start: Truth) -> Callable[..., Truth]:
    def run(*parts: Truth) -> Truth:
        result = start
        for part in parts:
            result = step(result, part)
        return result

    return run


_OPERATORS: Mapping[str, Callable[..., Truth]] = {
    "and": _folded(both, True),
    "or": _folded(either, False),
    "not": neither,
    "is_null": lambda x: x is None,
    "not_null": lambda x: x is not None,
    "is_true": lambda x: x is True,
    "not_true": lambda x: x is not True,
    "coalesce": _folded(_first, None),
    "eq": _equal,
    "case": _case,
}
ROWS = [dict(zip(COLUMNS, values, strict=True)) for values in product([True, False, None], repeat=len(COLUMNS))]


@settings(max_examples=400, deadline=None)
@given(pairs)
def test_a_value_means_what_was_said(pair: Pair) -> None:
    for row in ROWS:
        assert evaluate(pair.made, row) is pair.meaning(row)


@settings(max_examples=400, deadline=None)
@given(pairs)
def test_a_filter_keeps_exactly_what_is_true(pair: Pair) -> None:
    kept = truth(pair.made)
    for row in ROWS:
        assert (evaluate(kept, row) is True) == (pair.meaning(row) is True)


@settings(max_examples=400, deadline=None)
@given(pairs)
def test_a_negated_filter_keeps_exactly_what_is_false(pair: Pair) -> None:
    kept = falsity(pair.made)
    for row in ROWS:
        assert (evaluate(kept, row) is True) == (pair.meaning(row) is False)


def test_constants_of_different_types_are_not_one() -> None:
    assert Const(True) != Const(1)
    assert Op("x", (Const(True),)) is not Op("x", (Const(1),))


def test_equal_expressions_are_one_object() -> None:
    assert Op("x", (Col(1, "a"), Const(2))) is Op("x", (Col(1, "a"), Const(2)))


def test_each_arm_of_a_comparison_is_kept_for_its_filter() -> None:
    yes, no = Col(1, "a"), Col(1, "b")
    assert truth(Tri(yes, no)) == yes
    assert falsity(Tri(yes, no)) == no
    assert truth(not_(Tri(yes, no))) == no


def test_a_case_on_presence_is_the_value_itself() -> None:
    column = Col(1, "a")
    assert case([(not_null(column), column)]) == column
    assert case([(not_null(column), TRUE)], FALSE) == not_null(column)
    assert case([(FALSE, column)], NULL) == NULL


def test_a_test_that_stands_by_itself_is_not_asked_again() -> None:
    a, b, c = is_true(Col(1, "a")), is_true(Col(1, "b")), is_true(Col(1, "c"))
    off = Op("not_true", (Col(1, "a"),))
    assert and_(a, or_(off, b)) == and_(a, b)
    assert and_(a, or_(b, and_(a, c))) == and_(a, or_(b, c))
    assert and_(off, or_(and_(a, b), and_(a, c))) == FALSE
    assert or_(a, and_(off, b)) == or_(a, b)
    assert or_(off, and_(or_(a, b), or_(a, c))) == TRUE


def test_what_may_be_null_says_nothing_of_the_rest() -> None:
    a, b = Col(1, "a"), Col(1, "b")
    said = and_(a, or_(not_(a), b))
    assert evaluate(said, {"a": None, "b": False, "c": None}) is None


def test_a_choice_is_decided_once() -> None:
    branches = [(Op("gt", (Col(1, "a"), Const(1))), Col(1, "b"))]
    first = case(branches, Col(1, "c"))
    assert case(branches, Col(1, "c")) is first
    forget()
    assert case(branches, Col(1, "c")) is first
