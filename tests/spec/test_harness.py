"""The examples can fail: what a cell says is read strictly, and every difference from it is told."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import cells
import pytest
from answers import Answered, differences, same
from pages import Case, page

ANSWERS = [
    ("1", 1, Decimal("1")),
    ("1.50", Decimal("1.5"), 1),
    ("null", None, False),
    ("true", True, 1),
    ("'a'", "a", "A"),
    ("@2026-03", datetime(2026, 3, 1), datetime(2026, 3, 2)),
    ("@T10:30", "10:30", "10:30:00"),
    ("5 'mg'", {"value": Decimal("5.0"), "unit": "mg"}, {"value": Decimal(5), "unit": "g"}),
    ("{1, null}", [1, None], [1]),
    ("Tuple {a: 1}", {"a": 1}, {"a": 1, "b": None}),
    ("act#AMB", {"code": "AMB", "system": "urn:salus:act"}, {"code": "AMB", "system": "urn:other"}),
    ("Encounter/e1", "Encounter/e1", "Encounter/e2"),
    (
        "Interval[1, 3)",
        {"low": 1, "high": 3, "lowClosed": True, "highClosed": False},
        {"low": 1, "high": 3, "lowClosed": True, "highClosed": True},
    ),
]


@pytest.mark.parametrize(("cell", "right", "wrong"), ANSWERS)
def test_a_cell_is_one_value_and_no_other(cell: str, right: Any, wrong: Any) -> None:
    expected = cells.read(cell)
    assert same(right, expected)
    assert not same(wrong, expected)


@pytest.mark.parametrize("cell", ["maybe", "1 2", "{1", "Interval[1 3]", "@@"])
def test_a_cell_that_cannot_be_read_is_said_so(cell: str) -> None:
    with pytest.raises(ValueError, match="the cell"):
        cells.read(cell)


@pytest.mark.parametrize(
    ("case", "got"),
    [
        (Case("a", {"p": "1"}, {}, 1), Answered({"p": 2})),
        (Case("a", {"p": "1"}, {}, 1), Answered({}, error="Spec 1, line 3: Frobnicate is not supported")),
        (Case("a", {}, {"error": "Frobnicate"}, 1), Answered({"p": 1})),
        (Case("a", {}, {"refused by duckdb": "Frobnicate"}, 1), Answered({}, error="Frobnicate, but of no line")),
        (Case("a", {"p": "1"}, {"warning": "odd"}, 1), Answered({"p": 1}, ["even"])),
    ],
)
def test_every_difference_is_told(case: Case, got: Answered) -> None:
    assert list(differences(case, got, "duckdb"))


def test_a_page_out_of_shape_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "01_odd.md"
    path.write_text("# Odd\n\n| expression | p |\n|---|---|\n| `a` | 1 | 2 |\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"01_odd.md:3"):
        page(path)
