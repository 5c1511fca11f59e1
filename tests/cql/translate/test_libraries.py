"""Libraries: what their names stand for, inside and from outside, and the shape of their ELM."""

from __future__ import annotations

import pytest
from elm_dump import dump, elm_of, errors, statement, translated, type_text

from salus.elm.library import Library

COMMON = """library Common version '1.2'
codesystem "S": 'http://s'
valueset "V": 'http://v'
code "C": 'c' from "S"
parameter "P" Integer default 3
define "D": 2
define function double(x Integer): x * 2
define function double(x Decimal): x * 2.0
define fluent function twice(x Integer): x * 2
define fluent function twice(x String): x + x
"""


@pytest.mark.parametrize(
    ("text", "elm"),
    [
        ("define Y: 1\ndefine X: Y", "Y"),
        ("define X: Y\ndefine Y: 1", "Y"),
        ('include Common called C\ndefine X: C."D" + C."P"', "Add(C.D, C.P)"),
        ("include Common\ndefine X: Common.C in Common.V", "InValueSet(code: Common.C, valueset: Common.V)"),
        ("include Common called C\ndefine X: C.double(1)", "C.double<Integer>(1)"),
        ("include Common called C\ndefine X: C.double(1.0)", "C.double<Decimal>(1.0)"),
        ("include Common called C\ndefine X: (1).twice()", "C.twice<Integer>(1)"),
        ("define fluent function own(x Integer): x\ndefine X: (1).own()", "own(1)"),
        ("define function f(x Integer): x + 1\ndefine X: f(2)", "f(2)"),
        ("define X: f(2)\ndefine function f(x Integer): if x = 0 then 0 else x", "f(2)"),
        ("define function f(x Integer) returns Decimal: 1\ndefine X: f(2) / 2", "Divide(f(2), ToDecimal(2))"),
        ("define X: ({ 1 }) A return (({ 2 }) B return A + B)", "(from {1} A return (from {2} B return Add(A, B)))"),
        ("define A: 1\ndefine X: ({ 'a' }) A return A", "(from {'a'} A return A)"),
        ("define X: Tuple { a: Tuple { b: 1 } }.a.b", "Tuple{a: Tuple{b: 1}}.a.b"),
    ],
)
def test_names_stand_for_the_nearest(text: str, elm: str) -> None:
    assert elm_of(text, COMMON) == elm


def test_the_nearest_overload_wins() -> None:
    text = """define function f(x Integer): 'integer'
define function f(x Decimal): 'decimal'
define function f(x Choice<Integer, String>): 'choice'
define X: { f(1), f(1.5), f('a'), f(1L) }
"""
    choice = "f<Choice<Integer, String>>(('a' as Choice<Integer, String>))"
    assert elm_of(text) == f"{{f<Integer>(1), f<Decimal>(1.5), {choice}, f<Decimal>(ToDecimal(1))}}"


def test_a_parameter_has_its_default_and_type() -> None:
    made = translated("parameter A Interval<DateTime>\nparameter B default 5\nparameter C Decimal default 5")
    a, b, c = made.elm["parameters"]["def"]
    assert type_text(a["parameterTypeSpecifier"]) == "Interval<DateTime>"
    assert (dump(b["default"]), dump(c["default"])) == ("5", "ToDecimal(5)")


def test_the_context_makes_a_define_of_its_resource() -> None:
    made = translated("context Patient\ndefine X: Patient.active", model="FHIR")
    assert dump(statement(made, "Patient")["expression"]) == "SingletonFrom([Patient Patient])"
    assert [statement(made, name)["context"] for name in ("Patient", "X")] == ["Patient", "Patient"]
    assert [each["name"] for each in made.elm["contexts"]["def"]] == ["Patient"]


def test_seen_from_all_patients_a_define_is_a_list_of_their_values() -> None:
    text = "context Patient\ndefine A: 1\ncontext Unfiltered\ndefine X: Sum(A)"
    assert elm_of(text, model="FHIR") == "Sum(source: A)"
    assert elm_of(text.replace("A: 1", "A: {1, 2}"), model="FHIR") == "Sum(source: A)"


def test_external_functions_say_what_they_return() -> None:
    made = translated("define function f(x Integer) returns List<String>: external\ndefine X: f(1)")
    function = statement(made, "f")
    assert (function["external"], type_text(function["resultTypeSpecifier"])) == (True, "List<String>")


def test_the_elm_is_read_like_any_other() -> None:
    text = """include Common version '1.2' called C
codesystem "S": 'http://s' version '3'
valueset "V": 'http://v' version '2' codesystems { "S" }
code "A": 'a' from "S" display 'An a'
concept "K": { "A" } display 'A k'
define private "X": C."D" + 1
define fluent function f(x Integer): x
"""
    made = translated(text, COMMON)
    library = Library(made.elm)
    assert library.includes == {"C": ("Common", "1.2")}
    assert library.value_sets["V"]["codeSystem"][0]["name"] == "S"
    assert library.codes["A"]["display"] == "An a"
    assert library.concepts["K"]["code"][0]["name"] == "A"
    assert library.expression("X").expression.locator == "7:21-7:29"
    assert statement(made, "X")["accessLevel"] == "Private"
    assert library.functions("f")[0].operands[0][0] == "x"
    assert library.errors == []


def test_every_node_that_is_written_has_its_place() -> None:
    made = translated("define X: (1 + 2)\n  * 3")
    product = statement(made, "X")["expression"]
    total, three = product["operand"]
    assert [product["locator"], total["locator"], three["locator"]] == ["2:11-3:5", "2:11-2:17", "3:5"]
    assert [each["locator"] for each in total["operand"]] == ["2:12", "2:16"]
    assert len({product["localId"], total["localId"], three["localId"]}) == 3


def test_what_is_not_written_has_no_place() -> None:
    made = translated("define X: 1 + 2.0")
    converted = statement(made, "X")["expression"]["operand"][0]
    assert "locator" not in converted
    assert converted["operand"]["locator"] == "2:11"


def test_only_what_is_asked_for_of_an_included_library_is_looked_at() -> None:
    broken = "library Other \ndefine fine: 1\ndefine broken: nosuch"
    assert errors("include Other\ndefine X: Other.fine", broken) == []
