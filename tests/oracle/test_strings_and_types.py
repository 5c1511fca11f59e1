"""String and type operators (ELM §17, §22); many cases follow the official conformance suite."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import elm_text as elm
import pytest

from oracle.evaluating import d, dt, lit, named, of, op, q, t, value, warned

D = Decimal
STRINGS = [
    (op("Concatenate", "a", None), None),
    ({**of("Combine", ["a", None, "b"]), "separator": lit("-")}, "a-b"),
    ({"type": "Split", "stringToSplit": lit("a,b"), "separator": lit(",")}, ["a", "b"]),
    ({"type": "Split", "stringToSplit": lit("a,b"), "separator": elm.NULL}, ["a,b"]),
    (op("Upper", "aB"), "AB"),
    (op("Length", "abc"), 3),
    ({"type": "PositionOf", "pattern": lit("c"), "string": lit("abc")}, 2),
    ({"type": "LastPositionOf", "pattern": lit("a"), "string": lit("aba")}, 2),
    ({"type": "Substring", "stringToSub": lit("abc"), "startIndex": lit(1), "length": lit(1)}, "b"),
    ({"type": "Substring", "stringToSub": lit("abc"), "startIndex": lit(3)}, None),
    (op("StartsWith", "gathering", "gat"), True),
    (op("Matches", "1,2three", r"\d,\d\w+"), True),
    (op("Matches", "x1", r"\d"), False),
    (op("ReplaceMatches", "All that glitters", r"\s", r"\$"), "All$that$glitters"),
    (op("ReplaceMatches", "ab", "(a)(b)", "$2$1"), "ba"),
]


@pytest.mark.parametrize(("node", "expected"), STRINGS)
def test_strings(node: dict[str, Any], expected: Any) -> None:
    assert value(node) == expected


CONVERSIONS = [
    ("ToBoolean", "NO", False),
    ("ToBoolean", "x", None),
    ("ToInteger", "-25", -25),
    ("ToInteger", "2147483648", None),
    ("ToDecimal", "+25.5", D("25.5")),
    ("ToDecimal", 5, D(5)),
    ("ToString", D("18.55"), "18.55"),
    ("ToString", q("5.5", "cm"), "5.5 'cm'"),
    ("ToString", dt(2000, 1, 1), "2000-01-01"),
    ("ToString", dt(2000, 1, 1, 15, 25, 25, 300), "2000-01-01T15:25:25.300"),
    ("ToString", dt(2000, 1, 1, 15, offset=-90), "2000-01-01T15-01:30"),
    ("ToQuantity", "5.5 'cm'", q("5.5", "cm")),
    ("ToQuantity", "5 days", q(5, "days")),
    ("ToQuantity", "5 pounds", None),
    ("ToDateTime", "2014-01-01T12:05:05.955+01:30", dt(2014, 1, 1, 12, 5, 5, 955, offset=90)),
    ("ToDateTime", "2014/01/01", None),
    ("ToDateTime", d(2014, 1, 1), dt(2014, 1, 1)),
    ("ToDate", dt(2014, 1, 1, 12), d(2014, 1, 1)),
    ("ToTime", "T14:30:00.0", t(14, 30, 0, 0)),
    ("ToTime", "T14-30-00.0", None),
]


@pytest.mark.parametrize(("kind", "given", "expected"), CONVERSIONS)
def test_conversions(kind: str, given: Any, expected: Any) -> None:
    assert value(op(kind, given)) == expected
    assert value(op(f"Converts{kind}", given)) is (expected is not None)


def test_quantities_convert_between_units_of_one_dimension() -> None:
    assert value(op("ConvertQuantity", q(5, "mg"), "g")) == q("0.005", "g")
    assert value(op("ConvertQuantity", q(5, "mg"), "m")) is None
    assert value(op("CanConvertQuantity", q(5, "mg"), "m")) is False


def typed(kind: str, operand: Any, name: str, **more: Any) -> dict[str, Any]:
    field = {"Is": "is", "As": "as", "Convert": "to"}[kind]
    return {"type": kind, "operand": lit(operand), f"{field}TypeSpecifier": named(f"{elm.SYSTEM}{name}"), **more}


def test_is_as_and_convert() -> None:
    assert value(typed("Is", 5, "Integer")) is True
    assert value(typed("Is", "5", "Integer")) is False
    assert value(typed("Is", None, "Integer")) is False
    assert value(typed("As", 5, "Integer")) == 5
    assert value(typed("As", 5, "String")) is None
    assert value(typed("Convert", 5, "Decimal")) == D(5)
    assert "was cast to" in warned(typed("As", 5, "String", strict=True))[0]


def test_lists_and_intervals_have_the_type_of_their_elements() -> None:
    of_integers = {"type": "ListTypeSpecifier", "elementType": named(f"{elm.SYSTEM}Integer")}
    assert value({"type": "Is", "operand": lit([1, None]), "isTypeSpecifier": of_integers}) is True
    assert value({"type": "Is", "operand": lit(["a"]), "isTypeSpecifier": of_integers}) is False
