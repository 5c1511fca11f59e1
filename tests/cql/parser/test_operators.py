"""Operators on expressions, their strength and side."""

import pytest
from tree_dump import dump

from salus.cql.parser import parse_expression
from salus.cql.source import Source

FORMS = [
    ("not a = b", "(Binary = (Unary not a) b)"),
    ("not a is null", "(Unary not (IsValue a null))"),
    ("exists a and b", "(Binary and (Unary exists a) b)"),
    ("a and not b or c", "(Binary or (Binary and a (Unary not b)) c)"),
    ("a or b xor c and d", "(Binary xor (Binary or a b) (Binary and c d))"),
    ("a implies b implies c", "(Binary implies (Binary implies a b) c)"),
    ("a = b and c ~ d", "(Binary and (Binary = a b) (Binary ~ c d))"),
    ("a != b = c", "(Binary = (Binary != a b) c)"),
    ("a < b = (c >= d)", "(Binary = (Binary < a b) (Parenthesized (Binary >= c d)))"),
    ("a in b and c contains d", "(Binary and (Membership in a b) (Membership contains c d))"),
    ("a in day of b", "(Membership in a b day)"),
    ("a contains month of b", "(Membership contains a b month)"),
    ("a union b intersect c except d | e", "(Binary | (Binary except (Binary intersect (Binary union a b) c) d) e)"),
    ("a or b union c", "(Binary union (Binary or a b) c)"),
    ("a is null", "(IsValue a null)"),
    ("a is not true", "(IsValue a true negated)"),
    ("a is false", "(IsValue a false)"),
    ("a is Integer", "(Is a Integer)"),
    ("a as List<Choice<Integer, FHIR.Quantity>>", "(As a (ListType (ChoiceType [Integer FHIR.Quantity])))"),
    (
        "(a as Tuple{x A, y Interval<B>}).x",
        "(Member (Parenthesized (As a (TupleType [(TupleTypeElement x A) (TupleTypeElement y (IntervalType B))]))) x)",
    ),
    ("cast a as Integer", "(Cast a Integer)"),
    ("cast f(a) as String", "(Cast (Call f [a]) String)"),
    ("a between b and c", "(Between a b c)"),
    ("a properly between b + 1 and c", "(Between a (Binary + b 1) c properly)"),
    ("a between b and c and d", "(Binary and (Between a b c) d)"),
    ("days between a and b", "(SpanBetween duration day a b)"),
    ("duration in hours between a and b + c", "(SpanBetween duration hour a (Binary + b c))"),
    ("difference in years between a and b", "(SpanBetween difference year a b)"),
    ("years between a and b >= 18 and c", "(Binary and (Binary >= (SpanBetween duration year a b) 18) c)"),
]


@pytest.mark.parametrize(("text", "tree"), FORMS)
def test_form_has_its_tree(text: str, tree: str) -> None:
    assert dump(parse_expression(Source(text, "Test"))) == tree
