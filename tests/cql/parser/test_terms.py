"""Operators on terms, their strength and side."""

import pytest
from tree_dump import dump

from salus.cql.parser import parse_expression
from salus.cql.source import Source

FORMS = [
    ("-a.b", "(Unary - (Member a b))"),
    ("-2 ^ 3", "(Binary ^ (Unary - 2) 3)"),
    ("a ^ b ^ c", "(Binary ^ (Binary ^ a b) c)"),
    ("a * b + c / d mod e div f", "(Binary + (Binary * a b) (Binary div (Binary mod (Binary / c d) e) f))"),
    ("a + b - c & d", "(Binary & (Binary - (Binary + a b) c) d)"),
    ("a - (b - c)", "(Binary - a (Parenthesized (Binary - b c)))"),
    ("start of a + 1 day", "(Binary + (Unary start of a) 1 day)"),
    ("end of start of a.period", "(Unary end of (Unary start of (Member a period)))"),
    ("width of a", "(Unary width of a)"),
    ("successor of predecessor of 1", "(Unary successor of (Unary predecessor of 1))"),
    ("singleton from (a)", "(Unary singleton from (Parenthesized a))"),
    ("point from a", "(Unary point from a)"),
    ("year from a.birthDate", "(ComponentFrom year (Member a birthDate))"),
    ("date from now", "(ComponentFrom date now)"),
    ("time from t", "(ComponentFrom time t)"),
    ("timezoneoffset from a", "(ComponentFrom timezoneoffset a)"),
    ("duration in days of a", "(SpanOf duration day a)"),
    ("difference in months of a.b", "(SpanOf difference month (Member a b))"),
    ("minimum Integer", "(TypeExtent minimum Integer)"),
    ("maximum System.DateTime", "(TypeExtent maximum System.DateTime)"),
    ("convert a to String", "(Convert a String)"),
    ("convert 5 'mg' to 'g'", "(Convert 5 'mg' 'g')"),
    ("convert a to days", "(Convert a days)"),
    ("convert a to List<Integer>", "(Convert a (ListType Integer))"),
    ("distinct a union b", "(Unary distinct (Binary union a b))"),
    ("flatten {a}", "(Unary flatten (ListSelector [a]))"),
    ("exists a union b", "(Binary union (Unary exists a) b)"),
    ("expand a per day", "(IntervalSet expand a day)"),
    ("expand a per 2 days", "(IntervalSet expand a 2 days)"),
    ("collapse a", "(IntervalSet collapse a)"),
    ("collapse a per b", "(IntervalSet collapse a b)"),
    ("if a then b else c + 1", "(If a b (Binary + c 1))"),
    ("case when a then b when c then d else e end", "(Case [(CaseItem a b) (CaseItem c d)] e)"),
    ("case a when 1 then b else c end.x", "(Member (Case a [(CaseItem 1 b)] c) x)"),
]


@pytest.mark.parametrize(("text", "tree"), FORMS)
def test_form_has_its_tree(text: str, tree: str) -> None:
    assert dump(parse_expression(Source(text, "Test"))) == tree
