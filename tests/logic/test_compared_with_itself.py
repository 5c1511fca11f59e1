"""A value compared with itself: decided where it is there, null where it is not."""

from __future__ import annotations

import pytest

from salus.logic.expr import FALSE, NULL, Const, E, Op, case, compare, falsity, is_true, not_null, truth
from salus.logic.relation import Table


@pytest.mark.parametrize(("name", "value"), [("lt", False), ("gt", False), ("ne", False), ("le", True), ("ge", True)])
def test_it_is_decided_where_the_value_is_there(name: str, value: bool) -> None:
    a = Table("things").col("a")
    found, there = compare(name, a, a), not_null(a)
    wanted: tuple[E, E] = (there, FALSE) if value else (FALSE, there)
    assert found == case([(there, Const(value))], NULL)
    assert (is_true(found), truth(found)) == (wanted[0], wanted[0])
    assert falsity(found) == wanted[1]


def test_equality_stays_as_joins_want_it() -> None:
    a = Table("things").col("a")
    assert compare("eq", a, a) == Op("eq", (a, a))
