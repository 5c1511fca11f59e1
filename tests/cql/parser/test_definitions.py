"""Libraries and their definitions."""

import pytest
from tree_dump import dump

from salus.cql import ast
from salus.cql.parser import parse_library
from salus.cql.source import Source


def read(text: str) -> ast.Library:
    library, report = parse_library(Source(text, "Test"))
    assert not report.diagnostics, [str(each) for each in report.diagnostics]
    return library


FORMS = [
    ("using FHIR version '4.0.1'", "(Using FHIR '4.0.1')"),
    ("using FHIR", "(Using FHIR)"),
    ("include Common", "(Include Common)"),
    ("include org.hl7.Common version '1' called C", "(Include org.hl7.Common '1' C)"),
    ("codesystem \"LOINC\": 'http://loinc.org'", "(CodeSystemDef \"LOINC\" 'http://loinc.org')"),
    ("private codesystem S: 'urn:s' version '2'", "(CodeSystemDef private S 'urn:s' '2')"),
    ("valueset V: 'urn:v'", "(ValueSetDef V 'urn:v')"),
    (
        "public valueset V: 'urn:v' version '1' codesystems { S, C.\"T\" }",
        "(ValueSetDef public V 'urn:v' '1' [S C.\"T\"])",
    ),
    ("code K: 'a' from S", "(CodeDef K 'a' S)"),
    ("code K: 'a' from C.S display 'A'", "(CodeDef K 'a' C.S 'A')"),
    ("concept K: { a, C.b } display 'Both'", "(ConceptDef K [a C.b] 'Both')"),
    ("parameter P Integer", "(ParameterDef P Integer)"),
    ("parameter P default 5 + 1", "(ParameterDef P (Binary + 5 1))"),
    (
        "private parameter P Interval<DateTime> default null",
        "(ParameterDef private P (IntervalType DateTime) null)",
    ),
    ("context Patient", "(ContextDef Patient)"),
    ("context FHIR.Patient", "(ContextDef FHIR Patient)"),
    ('define "A b": 1', '(ExpressionDef "A b" 1)'),
    ("define private A: b", "(ExpressionDef private A b)"),
    ("define function f(): 1", "(FunctionDef f 1)"),
    (
        "define function f(a Integer, value List<FHIR.Quantity>): a",
        "(FunctionDef f [(Operand a Integer) (Operand value (ListType FHIR.Quantity))] a)",
    ),
    (
        "define public fluent function f(a Integer) returns String: external",
        "(FunctionDef public fluent f [(Operand a Integer)] String)",
    ),
    ("define function contains(date DateTime): date", "(FunctionDef contains [(Operand date DateTime)] date)"),
]


@pytest.mark.parametrize(("text", "tree"), FORMS)
def test_definition_has_its_tree(text: str, tree: str) -> None:
    (definition,) = read(text).definitions
    assert dump(definition) == tree


def test_library_with_its_name_and_version() -> None:
    library = read("library org.Test version '1.0' using FHIR define A: 1")
    assert dump(library) == "(Library org.Test '1.0' [(Using FHIR) (ExpressionDef A 1)])"


def test_empty_text_is_a_library_without_anything() -> None:
    assert read("  // nothing\n").definitions == ()


def test_words_that_begin_definitions_may_be_names_elsewhere() -> None:
    library = read("define A:\n  code C where C.valueset = version\ndefine B: define.parameter")
    assert [type(each).__name__ for each in library.definitions] == ["ExpressionDef", "ExpressionDef"]
    assert dump(library.definitions[1]) == "(ExpressionDef B (Member define parameter))"


def test_comments_before_a_definition_stay_with_it() -> None:
    text = "define A: 1 // of A\n\n/* @description: what B is */\n// more\ndefine B: 2\ndefine function f(): 3"
    comments = [each.comment for each in read(text).definitions]  # type: ignore[union-attr]
    assert comments == ["", "/* @description: what B is */\n// more", ""]


def test_comments_may_stand_anywhere() -> None:
    assert read("define /* a */ A // b\n: /* c\n d */ 1") == read("define A: 1")


def test_places_are_exact_to_the_character() -> None:
    text = 'define A:\n  from [B: "v"] b\n    where b.c starts 3 days\n      before c'
    source = Source(text, "Test")
    library, _ = parse_library(source)
    (definition,) = library.definitions
    assert isinstance(definition, ast.ExpressionDef)
    query = definition.body
    assert isinstance(query, ast.Query)
    assert query.where
    assert isinstance(query.where.condition, ast.Timing)
    places = [definition, query, query.sources[0], query.sources[0].source, query.where, query.where.condition.phrase]
    assert [source.locator(each.start, each.end) for each in places] == [
        "1:1-4:14",
        "2:3-4:14",
        "2:8-2:17",
        "2:8-2:15",
        "3:5-4:14",
        "3:15-4:12",
    ]
    assert source.locator(query.sources[0].alias.start, query.sources[0].alias.end) == "2:17"
