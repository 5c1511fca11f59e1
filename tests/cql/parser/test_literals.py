"""Literals of every type, with their escapes, parts and units."""

import pytest
from tree_dump import dump

from salus.cql.parser import parse_expression
from salus.cql.source import Source

FORMS = [
    ("null", "null"),
    ("true", "true"),
    ("'it\\'s \\u00e9'", "'it's é'"),
    ("5", "5"),
    ("5L", "5L"),
    ("1.50", "1.50"),
    ("@2012", "(DateLiteral [2012])"),
    ("@2012-02-29", "(DateLiteral [2012 2 29])"),
    ("@2012T", "(DateTimeLiteral [2012])"),
    ("@2012-02-29T10", "(DateTimeLiteral [2012 2 29 10])"),
    ("@2012-02-29T10:15:30.5Z", "(DateTimeLiteral [2012 2 29 10 15 30 500] 0)"),
    ("@2012-02-29T10:15-05:30", "(DateTimeLiteral [2012 2 29 10 15] -330)"),
    ("@T10:15", "(TimeLiteral [10 15])"),
    ("4 'mg/dL'", "4 'mg/dL'"),
    ("3 days", "3 days"),
    ("1.5 year", "1.5 year"),
    ("1 'mg' : 2 'mL'", "(RatioLiteral 1 'mg' 2 'mL')"),
    ("1:128", "(RatioLiteral 1 128)"),
]


@pytest.mark.parametrize(("text", "tree"), FORMS)
def test_form_has_its_tree(text: str, tree: str) -> None:
    assert dump(parse_expression(Source(text, "Test"))) == tree
