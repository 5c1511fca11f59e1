"""Names, invocations and selectors; keywords that may be names."""

import pytest
from tree_dump import dump

from salus.cql.parser import parse_expression
from salus.cql.source import Source

FORMS = [
    ("%x", "(ExternalConstant x)"),
    ("%'ucum url'", "(ExternalConstant ucum url)"),
    ("$this.value", "(Member $this value)"),
    ('a."b c".`d`', '(Member (Member a "b c") "d")'),
    ('"a \\"b\\""', '"a "b""'),
    ("code.date.version", "(Member (Member code date) version)"),
    ("f()", "(Call f)"),
    ("f(a, 1)", "(Call f [a 1])"),
    ("lib.f(a).g(b)", "(Call (Call lib f [a]) g [b])"),
    ("a.contains(b)", "(Call a contains [b])"),
    ("a.where($this > 1)", "(Call a where [(Binary > $this 1)])"),
    ("a[0].b[i + 1]", "(Indexer (Member (Indexer a 0) b) (Binary + i 1))"),
    ("{}", "(ListSelector)"),
    ("{1, 2}", "(ListSelector [1 2])"),
    ("List{1}", "(ListSelector [1])"),
    ("List<Integer>{}", "(ListSelector Integer)"),
    ('{a: 1, "b": {c: 2}}', '(TupleSelector [(Element a 1) (Element "b" (TupleSelector [(Element c 2)]))])'),
    ("{:}", "(TupleSelector)"),
    ("Tuple{a: 1}", "(TupleSelector [(Element a 1)])"),
    ("Tuple{:}", "(TupleSelector)"),
    ("{a, b}", "(ListSelector [a b])"),
    ("Interval[1, 2)", "(IntervalSelector 1 2 low_closed)"),
    ("Interval(a, b]", "(IntervalSelector a b high_closed)"),
    ("Quantity{value: 1.0, unit: 'mg'}", "(InstanceSelector Quantity [(Element value 1.0) (Element unit 'mg')])"),
    ("FHIR.Quantity{value: 1}", "(InstanceSelector FHIR.Quantity [(Element value 1)])"),
    ("System.Code{code: 'x'}", "(InstanceSelector System.Code [(Element code 'x')])"),
    ("Code{code: 'x'}", "(InstanceSelector Code [(Element code 'x')])"),
    ("Concept{codes: c}", "(InstanceSelector Concept [(Element codes c)])"),
    ("Code 'a' from \"S\" display 'A'", "(CodeSelector 'a' \"S\" 'A')"),
    ("Code 'a' from lib.\"S\"", "(CodeSelector 'a' lib.\"S\")"),
    (
        "Concept{Code 'a' from s, Code 'b' from s} display 'both'",
        "(ConceptSelector [(CodeSelector 'a' s) (CodeSelector 'b' s)] 'both')",
    ),
    ("date", "date"),
    ("time = date", "(Binary = time date)"),
    ("start", "start"),
    ("end.value", "(Member end value)"),
    ("$index + $total", "(Binary + $index $total)"),
    ("{ 1 : 2, 3 }", "(ListSelector [(RatioLiteral 1 2) 3])"),
    ('"if"', '"if"'),
]


@pytest.mark.parametrize(("text", "tree"), FORMS)
def test_form_has_its_tree(text: str, tree: str) -> None:
    assert dump(parse_expression(Source(text, "Test"))) == tree
