"""Values written out, and what type they and their parts have."""

from __future__ import annotations

import pytest
from elm_dump import errors, statement, translated


def test_a_ratio_has_two_quantities_with_places() -> None:
    made = statement(translated("define X: 1 'mg' : 2 'mL'"), "X")["expression"]
    assert made["numerator"] | {"localId": ""} == {"value": 1, "unit": "mg", "locator": "2:11-2:16", "localId": ""}
    assert made["denominator"]["unit"] == "mL"


def test_a_code_names_its_system() -> None:
    text = "codesystem S: 'http://s'\ndefine X: Code 'a' from S display 'A'"
    made = statement(translated(text), "X")["expression"]
    assert (made["type"], made["code"], made["system"]["name"], made["display"]) == ("Code", "a", "S", "A")


def test_a_number_that_json_would_round_stays_text() -> None:
    made = statement(translated("define X: 0.1234567890123456789012 'mg'"), "X")["expression"]
    assert made["value"] == "0.1234567890123456789012"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("define X: Interval[1, 'a']", "the ends of an interval are of one type, not Integer and String"),
        ("define X: Quantity { value: 'x' }", "element value should be Decimal and is String"),
        ("define X: Quantity { valeu: 1 }", "Quantity has no element valeu (did you mean value?)"),
        ("define X: List<Integer> { 'a' }", "an element of the list should be Integer and is String"),
        ("define X: Code 'a' from Nowhere", "no code system is called Nowhere"),
    ],
)
def test_a_part_of_the_wrong_type_is_a_fault(text: str, said: str) -> None:
    (found,) = errors(text)
    assert said in found
