"""Retrieves and queries."""

import pytest
from tree_dump import dump

from salus.cql.parser import parse_expression
from salus.cql.source import Source

FORMS = [
    ("[Encounter]", "(Retrieve Encounter)"),
    ('[Encounter: "Inpatient"]', '(Retrieve Encounter "Inpatient")'),
    ('[Encounter: type in "Inpatient"]', '(Retrieve Encounter type in "Inpatient")'),
    ("[Encounter: type ~ code]", "(Retrieve Encounter type ~ code)"),
    ("[Encounter: a.b = 'x']", "(Retrieve Encounter (Member a b) = 'x')"),
    (
        "[Encounter: code.coding[0].code ~ c]",
        "(Retrieve Encounter (Member (Indexer (Member code coding) 0) code) ~ c)",
    ),
    ('[Encounter: lib."V"]', '(Retrieve Encounter (Member lib "V"))'),
    ("[Encounter: Code 'a' from b]", "(Retrieve Encounter (CodeSelector 'a' b))"),
    ("[Encounter: f(x)]", "(Retrieve Encounter (Call f [x]))"),
    ('["Lab Test, Performed": "A"]', '(Retrieve "Lab Test, Performed" "A")'),
    ("[QICore.Encounter]", "(Retrieve QICore.Encounter)"),
    ('[p -> Encounter: type in "V"]', '(Retrieve p Encounter type in "V")'),
    ("[lib.p -> Encounter]", "(Retrieve (Member lib p) Encounter)"),
    ("[A] a", "(Query [(AliasedSource (Retrieve A) a)])"),
    ("[A] a where a.b", "(Query [(AliasedSource (Retrieve A) a)] (Where (Member a b)))"),
    ("A a return a.b", "(Query [(AliasedSource A a)] (Return (Member a b)))"),
    ('lib."A" a return all a.b', '(Query [(AliasedSource (Member lib "A") a)] (Return all (Member a b)))'),
    ("(A) a return distinct a", "(Query [(AliasedSource (Parenthesized A) a)] (Return distinct a))"),
    ("A a sort asc", "(Query [(AliasedSource A a)] (Sort asc))"),
    ("A a sort by b desc, c.d", "(Query [(AliasedSource A a)] (Sort [(SortItem b desc) (SortItem (Member c d))]))"),
    (
        "A a return a sort by start of p ascending",
        "(Query [(AliasedSource A a)] (Return a) (Sort [(SortItem (Unary start of p) ascending)]))",
    ),
    (
        "from A a, [B] b where a = b",
        "(Query [(AliasedSource A a) (AliasedSource (Retrieve B) b)] (Where (Binary = a b)))",
    ),
    ("from A a return a", "(Query [(AliasedSource A a)] (Return a))"),
    ("f(A a, b)", "(Call f [(Query [(AliasedSource A a)]) b])"),
    ("f(A a, B b)", "(Call f [(Query [(AliasedSource A a) (AliasedSource B b)])])"),
    ("A a let x: 1, y: x where y", "(Query [(AliasedSource A a)] [(LetItem x 1) (LetItem y x)] (Where y))"),
    (
        "A a with [B] b such that c without C c such that d",
        "(Query [(AliasedSource A a)] [(With (AliasedSource (Retrieve B) b) c) (With (AliasedSource C c) d negated)])",
    ),
    ("A a aggregate r starting 1: r + a", "(Query [(AliasedSource A a)] (Aggregate r (Starting 1) (Binary + r a)))"),
    (
        "A a aggregate distinct r starting 1 day: r",
        "(Query [(AliasedSource A a)] (Aggregate distinct r (Starting 1 day) r))",
    ),
    (
        "A a aggregate all r starting (b): r",
        "(Query [(AliasedSource A a)] (Aggregate all r (Starting (Parenthesized b)) r))",
    ),
    ("A a aggregate r: r", "(Query [(AliasedSource A a)] (Aggregate r r))"),
    (
        "exists [A] a where a.b union c",
        "(Unary exists (Query [(AliasedSource (Retrieve A) a)] (Where (Binary union (Member a b) c))))",
    ),
    (
        "x in (A a return a.id)",
        "(Membership in x (Parenthesized (Query [(AliasedSource A a)] (Return (Member a id)))))",
    ),
    (
        "[A] a union [B] b",
        "(Binary union (Query [(AliasedSource (Retrieve A) a)]) (Query [(AliasedSource (Retrieve B) b)]))",
    ),
    ("a and A b where c and d", "(Binary and a (Query [(AliasedSource A b)] (Where (Binary and c d))))"),
]


@pytest.mark.parametrize(("text", "tree"), FORMS)
def test_form_has_its_tree(text: str, tree: str) -> None:
    assert dump(parse_expression(Source(text, "Test"))) == tree
