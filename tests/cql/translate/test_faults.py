"""Every fault once, at its place, with what would have been right; what depends on it says nothing more."""

from __future__ import annotations

import pytest
from elm_dump import dump, errors, statement, translated, warnings

COMMON = """library Common version '1'
valueset "V": 'v'
define private hidden: 1
define shown: 2
define broken: 1 + 'a' * 2
define function double(x Integer): x * 2
define fluent function twice(x Integer): x * 2
"""

FAULTS = [
    ("define X: nosuch + 1", "1:11 there is nothing called nosuch here"),
    ("parameter Total Integer\ndefine X: totl", "2:11 there is nothing called totl here (did you mean Total?)"),
    ("define X: $this", "1:11 $this has no meaning here"),
    ("define X: 1\ndefine X: 2", "2:8 there is already something called X in this library"),
    ("define X: Lenght('a')", "1:11 there is no function Lenght (did you mean Length?)"),
    ("define X: Length(1)", "1:11 Length cannot be applied to (Integer) (it takes (String) or (List<T>))"),
    ("define X: true + 1", "1:11 + cannot be applied to (Boolean, Integer) (it takes (Integer, Integer) or "
     "(Long, Long) or (Decimal, Decimal) or (Quantity, Quantity))"),
    ("define X: exists 1", "1:11 exists cannot be applied to (Integer) (it takes (List<T>))"),
    ("define X: if 1 then 2 else 3", "1:14 the condition of if should be Boolean and is Integer"),
    ("define X: ({1}) A where A", "1:25 where should be Boolean and is Integer"),
    ("define X: ({1}) A return A.v", "1:28 Integer has no element v"),
    ("define X: from ({1}) A, ({2}) A return A", "1:31 A is already the alias of another source"),
    ("define X: (1) A sort desc", "1:17 one value cannot be sorted; what is sorted is a list"),
    ("define X: ({1}).combine(2)", "1:11 combine takes lists, not List<Integer> and Integer"),
    ("define X: 1 as String", "1:11 Integer can never be String"),
    ("define X: convert 1 to Date", "1:11 Integer cannot be converted to Date"),
    ("define X: minimum String",
     "1:11 there is no minimum String (Date, DateTime, Decimal, Integer, Long, Quantity, Time)"),
    ("define X: AgeInYears()",
     "1:11 AgeInYears needs a patient, and this is not in the context of one (context Patient)"),
    ("define function f(x Integer): 1\ndefine X: f('a')", "2:11 f cannot be called with (String) (it takes (Integer))"),
    ("define function f(x Integer): 1\ndefine X: f()", "2:11 f cannot be called with () (it takes (Integer))"),
    ("define function f(x Intger): x\ndefine X: f(1)", "1:21 there is no type Intger (did you mean Integer?)"),
    ("define function f(x Integer): f(x)\ndefine X: f(1)",
     "1:31 f calls itself and does not say what it returns (add: returns TYPE)"),
    ("define function f(x Integer): 1\ndefine function f(y Integer): 2",
     "2:17 there is already a function f that takes the same"),
    ("parameter A\ndefine X: A", "1:1 parameter A has neither a type nor a default"),
    ("parameter A Integer default 'x'\ndefine X: A", "1:29 the default should be Integer and is String"),
    ("using FIHR\ndefine X: 1", "1:7 there is no model FIHR (did you mean FHIR?)"),
    ("include Comon\ndefine X: 1", "1:9 there is no library Comon (did you mean Common?)"),
    ("include Common called C\ndefine X: C.hidden", "2:13 hidden is private to Common"),
    ("include Common called C\ndefine X: C.shwon",
     "2:13 Common defines nothing called shwon (did you mean shown?)"),
    ("include Common called C\ndefine X: C.broken", "2:13 broken of Common could not be translated"),
    ("include Common called C\ndefine X: C.doubl(1)", "2:13 there is no function doubl (did you mean double?)"),
    ("include Common called C\ndefine X: (1).twise()", "2:15 there is no function twise (did you mean twice?)"),
    ("code C: 'a' from S\ndefine X: C", "1:18 no code system is called S"),
]  # fmt: skip
FHIR_FAULTS = [
    ("context Patien\ndefine X: 1", "1:1 there is no context Patien (did you mean Patient?)"),
    ("context Patient\ndefine X: [Observaton]",
     "2:12 there is no data type Observaton (did you mean Observation or ObservationStatus?)"),
    ("context Patient\ndefine X: [HumanName]",
     "2:12 HumanName cannot be retrieved; it is part of other records"),
    ("context Patient\ndefine X: [Encounter] E return E.perod",
     "2:34 FHIR.Encounter has no element perod (did you mean period?)"),
    ("valueset V: 'v'\ncontext Patient\ndefine X: [Encounter: clas in V]",
     "3:23 Encounter has no element clas (did you mean class?)"),
    ("valueset Diabetes: 'v'\ncontext Patient\ndefine X: [Condition: Diabtes]",
     "3:23 there is nothing called Diabtes here (did you mean Diabetes?)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), FAULTS, ids=[said for _, said in FAULTS])
def test_a_fault_is_said_at_its_place(text: str, said: str) -> None:
    assert errors(text, COMMON) == [said]


@pytest.mark.parametrize(("text", "said"), FHIR_FAULTS, ids=[said for _, said in FHIR_FAULTS])
def test_a_fault_about_the_model_says_what_there_is(text: str, said: str) -> None:
    assert errors(text, model="FHIR") == [said]


def test_definitions_that_need_each_other_are_told_once() -> None:
    (said,) = errors("define X: A\ndefine A: B\ndefine B: A")
    assert said == "3:11 A is defined by itself (by way of X, A, B)"


def test_one_fault_does_not_become_many_and_others_are_still_told() -> None:
    text = """define A: nosuch
define B: A + 1
define C: B * 2 > 3 and exists ({ B }) Y where Y = A
define D: Length(1)
define E: nosuch X where X.a > 1 and missing return { X, absent }
define F: if exists gone then lost else 1
"""
    places = ["1:11", "4:11", "5:11", "5:38", "5:58", "6:21", "6:31"]
    assert [each.split(" ")[0] for each in errors(text)] == places


def test_a_define_with_a_fault_is_null_where_the_fault_is() -> None:
    made = translated("define A: { 1 } union nosuch\ndefine B: 2")
    assert dump(statement(made, "A")["expression"]) == "null"
    assert dump(statement(made, "B")["expression"]) == "2"
    (error,) = [each for each in made.elm["annotation"] if each.get("errorSeverity") == "error"]
    assert (error["startLine"], error["startChar"]) == (2, 23)


def test_libraries_that_include_each_other() -> None:
    one, two = "library One \ninclude Two\ndefine A: 1", "library Two \ninclude One\ndefine B: 1"
    said = ["1:1 libraries include each other: One includes Two includes One"]
    assert errors("include One\ndefine X: 1", one, two) == said
    assert errors("include Other\ndefine X: 1", "library Other \ninclude T\n", "library T \ninclude Other\n") == [
        "1:1 libraries include each other: T includes Other includes T"
    ]


def test_an_include_that_is_not_there_says_nothing_more_where_it_is_used() -> None:
    text = "include Nowhere called N\ndefine X: N.a + N.f(1)\ndefine Y: X"
    assert errors(text) == ["1:9 there is no library Nowhere"]


def test_versions_that_are_not_there() -> None:
    found = warnings("using QICore version '4.1.1'\ninclude Common version '9'\ndefine X: Common.shown", COMMON)
    assert found == [
        "QICore 4.1.1 is read as QICore 6.0.0, the nearest version known here",
        "Common 9 is not there; Common 1 is used for it",
    ]


def test_a_class_that_the_known_version_has_only_profiles_of() -> None:
    text = """using QICore version '{}'
include FHIRHelpers version '4.0.1'
valueset "V": 'v'
context Patient
define X: [Condition: "V"] C where C.onset is not null and C.clinicalStatus in "V"
"""
    assert errors(text.format("4.1.1")) == []
    (said,) = errors(text.format("6.0.0"))
    assert said.startswith("5:12 there is no data type Condition")


LAB = """using QICore version '6.0.0'
include FHIRHelpers version '4.0.1'
include Results version '{}'
context Patient
define X: [LaboratoryResultObservation] L where Results.plain(L) and L.fluent()
"""
RESULTS = """library Results version '2'
using QICore version '6.0.0'
define function plain(x ObservationClinicalResult): x.issued is not null
define fluent function fluent(x ObservationClinicalResult): x.issued is not null
"""


def test_a_function_of_another_version_may_be_given_another_profile_of_its_class() -> None:
    assert errors(LAB.format("1"), RESULTS) == []
    assert [each.split(" takes")[0] for each in warnings(LAB.format("1"), RESULTS)] == [
        "Results 1 is not there; Results 2 is used for it",
        "plain of another version",
        "fluent of another version",
    ]
    strict = errors(LAB.format("2"), RESULTS)
    assert [each[:5] for each in strict] == ["5:57 ", "5:72 "]
    assert "plain cannot be called with (QICore.LaboratoryResultObservation)" in strict[0]


def test_fhir_values_without_the_helpers() -> None:
    text = "using QICore version '6.0.0'\ncontext Patient\ndefine X: [Encounter] E return E.period"
    (said,) = errors(text)
    assert said == "1:1 T reads FHIR values and does not include FHIRHelpers (add: include FHIRHelpers)"


def test_nesting_without_end_is_a_fault_and_not_a_crash() -> None:
    (said,) = errors("define X: " + " + ".join(["1"] * 900))
    assert "nested more than 200 deep" in said


def test_many_definitions_that_need_each_other_are_no_trouble() -> None:
    chain = [f"define D{n}: (D{n + 1} + 1) * 2" for n in range(500)]
    assert errors("\n".join([*chain, "define D500: 1"])) == []
