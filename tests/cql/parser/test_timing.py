"""Timing phrases: every form, with its boundaries, precision and offset."""

import pytest
from tree_dump import dump

from salus.cql.parser import parse_expression
from salus.cql.source import Source

FORMS = [
    ("a same day as b", "(Timing a (Same day as) b)"),
    ("a same as b", "(Timing a (Same as) b)"),
    ("a starts same day or before end b", "(Timing a (Same starts day or before end) b)"),
    ("a ends same hour or after start of b", "(Timing a (Same ends hour or after) (Unary start of b))"),
    ("a occurs same as b", "(Timing a (Same occurs as) b)"),
    ("a includes b", "(Timing a (Includes) b)"),
    ("a properly includes day of start b", "(Timing a (Includes properly day start) b)"),
    ("a during b", "(Timing a (During) b)"),
    ("a starts during day of b", "(Timing a (During starts day) b)"),
    ("a included in b", "(Timing a (During) b)"),
    ("a ends properly included in b", "(Timing a (During ends properly) b)"),
    ("a before b", "(Timing a (BeforeOrAfter before) b)"),
    ("a after day of b", "(Timing a (BeforeOrAfter after day) b)"),
    ("a starts before start b", "(Timing a (BeforeOrAfter starts before start) b)"),
    ("a starts 3 days before b", "(Timing a (BeforeOrAfter starts (Offset 3 days) before) b)"),
    (
        "a starts 3 days or more before start of b",
        "(Timing a (BeforeOrAfter starts (Offset 3 days or more) before) (Unary start of b))",
    ),
    (
        "a 1 month or less on or after day of b",
        "(Timing a (BeforeOrAfter (Offset 1 month or less) after inclusive day) b)",
    ),
    (
        "a starts less than 5 'h' after end b",
        "(Timing a (BeforeOrAfter starts (Offset 5 'h' less than) after end) b)",
    ),
    (
        "a ends more than 3 weeks before or on b",
        "(Timing a (BeforeOrAfter ends (Offset 3 weeks more than) before inclusive) b)",
    ),
    ("a starts on or before b", "(Timing a (BeforeOrAfter starts before inclusive) b)"),
    ("a before or on month of b", "(Timing a (BeforeOrAfter before inclusive month) b)"),
    ("a occurs before b", "(Timing a (BeforeOrAfter occurs before) b)"),
    ("a within 3 days of b", "(Timing a (Within 3 days) b)"),
    ("a starts properly within 2 hours of start b", "(Timing a (Within starts properly 2 hours start) b)"),
    ("a meets b", "(Timing a (Meets) b)"),
    ("a meets before day of b", "(Timing a (Meets before day) b)"),
    ("a overlaps after b", "(Timing a (Overlaps after) b)"),
    ("a overlaps day of b", "(Timing a (Overlaps day) b)"),
    ("a starts b", "(Timing a (Starts) b)"),
    ("a ends day of b", "(Timing a (Ends day) b)"),
    ("a before start", "(Timing a (BeforeOrAfter before) start)"),
    ("a before b before c", "(Timing (Timing a (BeforeOrAfter before) b) (BeforeOrAfter before) c)"),
    ("a < b before c", "(Timing (Binary < a b) (BeforeOrAfter before) c)"),
]


@pytest.mark.parametrize(("text", "tree"), FORMS)
def test_form_has_its_tree(text: str, tree: str) -> None:
    assert dump(parse_expression(Source(text, "Test"))) == tree
