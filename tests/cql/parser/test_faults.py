"""What is wrong is said at its place, all of it at once, and with what was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.cql import ast
from salus.cql.diagnostics import CqlError
from salus.cql.parser import parse_expression, parse_library
from salus.cql.source import Source
from salus.cql.tokens import KEYWORDS, PHRASES

SOUND = """library Test version '1'
using FHIR version '4.0.1'
valueset "Visit": 'urn:visit'
parameter "Period" Interval<DateTime>
context Patient
define "Visits":
  [Encounter: "Visit"] Visit
    where Visit.period during "Period"
define "Named": "Visits" V return V.id
define function double(x Integer): x * 2
define "Last": double(21)
"""

# A change to the text above; the line it must be said at; words the message has.
BROKEN = [
    ("[Encounter", "(Encounter", 7, ["expected ) to close the ( of line 7, column 3"]),
    ('"Visit"] Visit', '"Visit" Visit', 8, ["]", "line 7, column 3"]),
    ("where Visit", "wher Visit", 8, ["did you mean where"]),
    ('define "Named"', 'defin "Named"', 9, ["did you mean define"]),
    ('"Named":', '"Named"', 9, ["expected :"]),
    ('"Named":', "'Named':", 9, ["names are written in double quotes"]),
    ('define "Visits"', "define date", 6, ['write "date" in double quotes']),
    ("'urn:visit'", '"urn:visit"', 3, ["strings are written in single quotes"]),
    ("'urn:visit'", "'urn:visit", 3, ["string", "not closed"]),
    ('"Visit"] Visit', '"Visit] Visit', 7, ["quoted name", "not closed"]),
    ("return V.id", "return V.id)", 9, ["found )"]),
    ("return V.id", "return", 9, ["expected a value"]),
    ("return V.id", "return V.", 9, ["after the dot"]),
    ("x * 2", "x * ", 10, ["expected a value"]),
    ("x * 2", "x * (2", 10, ["expected ) to close the ( of line 10, column 40"]),
    ("x Integer", "x", 10, ["the name of a type"]),
    ("(x Integer)", "(x Integer", 10, ["expected )"]),
    ("double(21)", "double(21", 11, ["expected )"]),
    ("double(21)", "double(21,)", 11, ["expected a value"]),
    ("double(21)", "@2024-02-30", 11, ["day 30 is not within 1 and 29"]),
    ("double(21)", "@2024-1-05", 11, ["two digits"]),
    ("double(21)", "@T25:00", 11, ["hour 25"]),
    ("double(21)", "2147483648", 11, ["greatest Integer"]),
    ("double(21)", "if true then 1", 11, ["expected else"]),
    ("double(21)", "case when true then 1 else 2", 11, ["expected end"]),
    ("double(21)", "“x”", 11, ["the plain ones"]),
    ("double(21)", "1 /* rest", 11, ["comment", "not closed"]),
    ("double(21)", "[Encounter].id + 1", 11, ["expected"]),
    ("double(21)", "1 + [Encounter]", 11, ["parentheses"]),
    ("during", "durng", 8, ["did you mean during"]),
    ("context Patient", "contxt Patient", 5, ["did you mean context"]),
    ("using FHIR version '4.0.1'", "using FHIR version 4", 2, ["the version as a string"]),
    ("Interval<DateTime>", "Interval<DateTime", 4, ["expected > to close the <"]),
    ("context Patient\n", "context Patient\nvalueset V: 'v'\n", 6, ["move it before"]),
]


@pytest.mark.parametrize(("old", "new", "line", "words"), BROKEN)
def test_fault_is_said_at_its_line(old: str, new: str, line: int, words: list[str]) -> None:
    assert old in SOUND
    _, report = parse_library(Source(SOUND.replace(old, new, 1), "Test"))
    first = report.errors[0]
    assert first.line == line, str(first)
    assert all(each in first.headline for each in words), first.headline
    assert len(report.errors) == 1, [each.headline for each in report.errors]


def test_sound_text_has_no_fault() -> None:
    _, report = parse_library(Source(SOUND, "Test"))
    assert report.diagnostics == ()


def test_all_faults_are_told_and_the_rest_is_read() -> None:
    text = "define A: 1 +\ndefine B: 2\ndefine C: (3\ndefine D: [4\ndefine E: A"
    library, report = parse_library(Source(text, "Test"))
    assert [each.line for each in report.errors] == [1, 3, 4]
    assert [each.name.text for each in library.definitions] == list("ABCDE")  # type: ignore[union-attr]
    bodies = [type(each.body) for each in library.definitions]  # type: ignore[union-attr]
    assert bodies == [ast.Malformed, ast.IntegerLiteral, ast.Malformed, ast.Malformed, ast.Identifier]


@pytest.mark.parametrize("line", ['defne "B c": 1', 'define "B c: 1', 'define"B c:'])
def test_the_name_of_a_definition_that_is_passed_over_is_kept(line: str) -> None:
    library, report = parse_library(Source(f'define A: "B c"\n{line}\ndefine D: 2', "Test"))
    assert len(report.errors) == 1
    assert report.errors[0].line == 2
    assert {"A", "D"} < {each.name.text for each in library.definitions}  # type: ignore[union-attr]
    assert any(each.name.text.startswith("B c") for each in library.definitions)  # type: ignore[union-attr]


def test_a_parenthesis_that_closes_nothing_is_said_so() -> None:
    _, report = parse_library(Source("define A: 1)", "Test"))
    assert "there is no ( that it closes" in report.errors[0].headline


def test_a_misspelt_phrase_is_recognised() -> None:
    _, report = parse_library(Source("define A: B b\n with C c\n suh that d", "Test"))
    assert report.errors[0].line == 3
    assert "did you mean such that instead of suh that?" in report.errors[0].headline


def test_message_shows_the_line_with_a_mark() -> None:
    _, report = parse_library(Source("define A:\n\tB + then", "Test"))
    assert str(report.errors[0]) == (
        "Test:2:6: error: expected a value, found the keyword then\n    \tB + then\n    \t    ^^^^"
    )


def test_quotes_over_lines_stay_sound_where_another_fault_is() -> None:
    text = "define A: 'first\nsecond'\ndefine B: 1 +\ndefine C: 3"
    _, report = parse_library(Source(text, "Test"))
    assert [each.line for each in report.errors] == [3]


@pytest.mark.parametrize("opening", ["(", "{", "f(", "not ", "- ", "Interval[", "if true then "])
def test_deep_nesting_is_a_fault_with_a_place(opening: str) -> None:
    _, report = parse_library(Source(f"define A: 1\ndefine B: {opening * 20_000}", "Test"))
    assert [(each.line, "nested too deeply" in each.message) for each in report.errors] == [(2, True)]
    with pytest.raises(CqlError, match="nested too deeply"):
        parse_expression(Source(opening * 20_000, "Test"))


def test_deep_types_are_a_fault_with_a_place() -> None:
    _, report = parse_library(Source(f"define A: 1\nparameter P {'List<' * 20_000}", "Test"))
    assert any("nested too deeply" in each.message and each.line == 2 for each in report.errors)


WORDS = st.sampled_from(
    sorted({*KEYWORDS, *PHRASES, *"()[]{}<>:,.=", "A", '"b c"', "'s'", "1", "1.5", "@2024", "\n", "'", "/*"})
)


@given(st.lists(WORDS, max_size=40))
def test_no_text_raises(words: list[str]) -> None:
    parse_library(Source(" ".join(words), "Test"))


@given(st.text(max_size=200))
def test_no_characters_raise(text: str) -> None:
    parse_library(Source(text, "Test"))
