"""Logical, nullological and conditional operators; messages (ELM §13-§15, §24)."""

from __future__ import annotations

from typing import Any

import elm_text as elm
import pytest

from oracle.evaluating import lit, op, value, warned

AND = {(True, True): True, (True, False): False, (True, None): None, (False, None): False, (None, None): None}
OR = {(True, False): True, (False, False): False, (True, None): True, (False, None): None, (None, None): None}
IMPLIES = {(True, True): True, (True, False): False, (True, None): None, (False, None): True, (None, True): True}
IMPLIES |= {(None, False): None, (None, None): None, (False, False): True}


@pytest.mark.parametrize(("operands", "expected"), AND.items())
def test_and_is_false_when_either_is(operands: tuple[Any, Any], expected: Any) -> None:
    assert value(op("And", *operands)) is expected
    assert value(op("And", *reversed(operands))) is expected


@pytest.mark.parametrize(("operands", "expected"), OR.items())
def test_or_is_true_when_either_is(operands: tuple[Any, Any], expected: Any) -> None:
    assert value(op("Or", *operands)) is expected
    assert value(op("Or", *reversed(operands))) is expected


@pytest.mark.parametrize(("operands", "expected"), IMPLIES.items())
def test_implies(operands: tuple[Any, Any], expected: Any) -> None:
    assert value(op("Implies", *operands)) is expected


@pytest.mark.parametrize(("a", "b", "expected"), [(True, False, True), (True, True, False), (None, True, None)])
def test_xor(a: Any, b: Any, expected: Any) -> None:
    assert value(op("Xor", a, b)) is expected


@pytest.mark.parametrize(("kind", "truths"), [("Not", (False, True, None)), ("IsTrue", (True, False, False))])
def test_truth_tests(kind: str, truths: tuple[Any, ...]) -> None:
    assert tuple(value(op(kind, x)) for x in (True, False, None)) == truths


def test_null_tests() -> None:
    assert value(op("IsNull", None)) is True
    assert value(op("IsNull", 1)) is False
    assert value(op("IsFalse", None)) is False


def test_coalesce_of_operands_and_of_a_list() -> None:
    assert value(op("Coalesce", None, 2, 3)) == 2
    assert value(op("Coalesce", [None, 4])) == 4
    assert value(op("Coalesce", None, None)) is None


def test_if_and_case_take_null_for_untrue() -> None:
    assert value({"type": "If", "condition": elm.NULL, "then": lit(1), "else": lit(2)}) == 2
    item = {"when": elm.NULL, "then": lit(1)}
    assert value({"type": "Case", "caseItem": [item, {"when": lit(True), "then": lit(2)}], "else": lit(3)}) == 2


def test_case_with_a_comparand() -> None:
    items = [{"when": lit(5), "then": lit("five")}, {"when": lit(6), "then": lit("six")}]
    assert value({"type": "Case", "comparand": lit(6), "caseItem": items, "else": lit("other")}) == "six"
    assert value({"type": "Case", "comparand": elm.NULL, "caseItem": items, "else": lit("other")}) == "other"


def message(severity: str, condition: bool | None = True) -> dict[str, Any]:
    parts = {"source": 1, "condition": condition, "code": "c", "severity": severity, "message": "text"}
    return {"type": "Message", "locator": "7:1-7:9", **{n: lit(v) for n, v in parts.items()}}


def test_a_message_is_its_source_but_for_an_error() -> None:
    assert value(message("Warning")) == 1
    assert value(message("Error")) is None
    assert value(message("Error", None)) == 1
    assert warned(message("Error")) == ["L 1, line 7: Error: text"]
    assert warned(message("Trace")) == []
