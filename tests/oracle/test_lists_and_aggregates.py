"""List operators and aggregate functions (ELM §20, §21); many cases follow the official conformance suite."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import elm_text as elm
import pytest

from oracle.evaluating import dt, lit, of, op, q, value, warned

D = Decimal
OPERATORS = [
    (op("Contains", ["a", "b", None], None), True),
    (op("Contains", [None, "b"], "a"), False),
    (op("In", None, []), False),
    (op("In", 1, None), False),
    (op("Includes", [1, 2, 3], []), True),
    (op("Includes", [1, 2, 3], [4]), False),
    (op("Includes", [1], None), None),
    (op("ProperIncludes", [1, 2], [1, 2]), False),
    (op("ProperContains", ["s", None], None), True),
    (op("ProperIncludes", ["s", None], None), None),
    (op("ProperContains", ["a", "b"], "a"), True),
    (op("ProperContains", ["a", "a"], "a"), False),
    (op("ProperContains", ["a", None], "a"), None),
    (op("ProperIn", None, ["s", None]), True),
    (op("Union", [1, 2], [2, 3]), [1, 2, 3]),
    (op("Union", [None], [None]), [None]),
    (op("Union", [1], None), [1]),
    (op("Intersect", [1, 2, 2, None], [2, None]), [2, None]),
    (op("Except", [1, 2, 3, 3], [2]), [1, 3]),
    (op("Except", [1, 4], None), [1, 4]),
    (op("Exists", [None]), False),
    (op("Exists", None), False),
    (op("Exists", [1]), True),
    (op("Distinct", ["a", None, "a", None]), ["a", None]),
    (op("Flatten", [[1, 2], None, [3]]), [1, 2, 3]),
    (of("First", [None, 1]), None),
    (of("Last", [1, 2]), 2),
    (of("Last", []), None),
    (op("SingletonFrom", [1]), 1),
    (op("SingletonFrom", [1, 2]), None),
    (op("Indexer", [1, 2], 1), 2),
    (op("Indexer", [1, 2], -1), None),
    ({"type": "IndexOf", "source": lit([1, 2]), "element": lit(3)}, -1),
    ({"type": "Slice", "source": lit([1, 2, 3]), "startIndex": lit(1), "endIndex": elm.NULL}, [2, 3]),
    (op("ToList", None), []),
]


@pytest.mark.parametrize(("node", "expected"), OPERATORS)
def test_lists(node: dict[str, Any], expected: Any) -> None:
    assert value(node) == expected


def test_a_singleton_of_several_is_null_with_a_warning() -> None:
    node = elm.op("SingletonFrom", lit([1, 2]), locator="4:2-4:9")
    assert warned(node) == ["L 1, line 4: singleton from found more than one element"]


AGGREGATES = [
    ("Count", [15, None, 1], 2),
    ("Count", [], 0),
    ("Sum", [None, 1, None], 1),
    ("Sum", [], None),
    ("Sum", [2**31 - 1, 1], None),
    ("Sum", [q(1, "cm"), q(1, "m")], q(101, "cm")),
    ("Min", [q(1, "m"), q(5, "cm")], q(5, "cm")),
    ("Max", [dt(2012, 10, 5), dt(2012, 9, 5)], dt(2012, 10, 5)),
    ("Avg", [1, 2], D("1.5")),
    ("Median", [D(6), D(5), D(4), D(3), D(2), D(1)], D("3.5")),
    ("Mode", [1, 2, 2], 2),
    ("Product", [2, 3], 6),
    ("GeometricMean", [D(2), D(8)], D(4)),
    ("Variance", [D(1), D(2), D(3), D(4), D(5)], D("2.5")),
    ("PopulationVariance", [D(1), D(2), D(3), D(4), D(5)], D(2)),
    ("StdDev", [D(1), D(2), D(3), D(4), D(5)], D("1.58113883")),
    ("PopulationStdDev", [D(1), D(2), D(3), D(4), D(5)], D("1.41421356")),
    ("Variance", [D(1)], None),
    ("AllTrue", [True, None], True),
    ("AllTrue", [], True),
    ("AnyTrue", [False, None], False),
]


@pytest.mark.parametrize(("kind", "values", "expected"), AGGREGATES)
def test_aggregates_pass_over_null(kind: str, values: Any, expected: Any) -> None:
    assert value(of(kind, values)) == expected
