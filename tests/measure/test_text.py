"""Values as readable text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from salus.measure.text import joined, readable

CODE = pa.struct([("code", pa.string()), ("system", pa.string()), ("display", pa.string())])
CONCEPT = pa.struct([("codes", pa.list_(CODE)), ("display", pa.string())])


def code(value: str, display: str | None = None) -> dict[str, Any]:
    return {"code": value, "system": "s", "display": display}


@pytest.mark.parametrize(
    ("type_", "values", "expected"),
    [
        (pa.null(), [None, None], [None, None]),
        (pa.bool_(), [True, None, False], ["true", None, "false"]),
        (pa.string(), ["x", "", None], ["x", None, None]),
        (pa.int32(), [1, None], ["1", None]),
        (pa.decimal128(28, 1), [Decimal("1.5")], ["1.5"]),
        (
            pa.decimal128(28, 8),
            [Decimal(each) for each in ("30", "-47.5", "0", "100.00000001", "0.1")],
            ["30", "-47.5", "0", "100.00000001", "0.1"],
        ),
        (CODE, [code("a", "A"), code("b"), None], ["A", "b", None]),
        (
            CONCEPT,
            [{"codes": [code("a", "A"), code("b")], "display": None}, {"codes": [], "display": "X"}, None],
            ["A; b", "X", None],
        ),
        (
            CONCEPT,
            [{"codes": None, "display": None}, {"codes": [code("c")], "display": ""}, {"codes": [], "display": None}],
            [None, "c", None],
        ),
        (CONCEPT, [{"codes": [code("a")], "display": "X"}, None, {"codes": [], "display": "Y"}], ["X", None, "Y"]),
        (
            pa.list_(CODE),
            [[code("b"), code("a", "A"), code("b"), None], [], None, [code("c")]],
            ["b; A", None, None, "c"],
        ),
        (
            pa.struct([("value", pa.float64()), ("unit", pa.string())]),
            [{"value": 1.5, "unit": "kg"}, {"value": 2.0, "unit": None}],
            ["1.5 kg", "2"],
        ),
        (
            pa.struct([("low", pa.int32()), ("high", pa.int32())]),
            [{"low": 1, "high": 2}, {"low": None, "high": None}],
            ["1 to 2", None],
        ),
        (
            pa.struct([("payer", CODE), ("days", pa.int32())]),
            [{"payer": code("m", "Medicare"), "days": 3}],
            ["Medicare 3"],
        ),
        (pa.struct([]), [{}, None], [None, None]),
        (pa.list_(CODE), [], []),
    ],
)
def test_readable(type_: pa.DataType, values: list[Any], expected: list[str | None]) -> None:
    assert readable(pa.array(values, type_)).to_pylist() == expected


def test_slices_are_read_from_their_start() -> None:
    lists = pa.array([[code("a")], [code("b")], [code("c")]], pa.list_(CODE))
    assert readable(lists.slice(1)).to_pylist() == ["b", "c"]
    structs = pa.array([code("a"), code("b")], CODE)
    assert readable(structs.slice(1)).to_pylist() == ["b"]


def test_joined_keeps_a_place_for_every_row() -> None:
    left, right = pa.array(["a", None, None]), pa.array(["x", "y", None])
    assert joined([left, right], "-").to_pylist() == ["a-x", "y", None]
