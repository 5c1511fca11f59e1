"""What the oracle reads of a primitive that a record misstates: nothing, as the database does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from salus.engine.oracle.elements import Element, primitive_value


@pytest.mark.parametrize(
    ("kind", "json", "expected"),
    [
        ("integer", 2, 2),
        ("integer", Decimal("2.0"), 2),
        ("integer", Decimal("2.5"), None),
        ("integer", "two", None),
        ("positiveInt", 2**31, None),
        ("integer", Decimal("1e999999"), None),
        ("integer", -(2**31), -(2**31)),
        ("integer", True, None),
        ("decimal", Decimal("7.40"), Decimal("7.40")),
        ("decimal", "7.4", Decimal("7.4")),
        ("decimal", "twelve", None),
        ("decimal", "NaN", None),
    ],
)
def test_a_number_that_is_none_is_nothing(kind: str, json: Any, expected: Any) -> None:
    assert primitive_value(Element(kind, json, None)) == expected
