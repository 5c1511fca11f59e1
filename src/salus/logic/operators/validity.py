"""Intervals that end before they start: an error of one record, which is null for it (ELM §2, Interval).

Leaves to others: what the bounds of an interval are (`bounds`).
"""

from __future__ import annotations

from msgspec.structs import replace

from salus.logic.expr import TRUE, E, and_, is_true, not_, truth
from salus.logic.operators import points
from salus.logic.operators.bounds import end, start
from salus.logic.operators.units import compare_quantities
from salus.logic.values import Interval, Point, Quantity, Value


def forward(value: Value) -> Value:
    """The interval where it does not certainly end before it starts, else null."""
    if not isinstance(value, Interval):
        return value
    there = and_(value.present, not_(is_true(truth(_ends_first(value)))))
    return replace(value, present=there)


def backwards(value: Value) -> bool:
    """Whether an interval is known already, while it is compiled, to end before it starts."""
    return isinstance(value, Interval) and truth(_ends_first(value)) == TRUE


def _ends_first(value: Interval) -> E:
    match end(value), start(value):
        case Point() as last, Point() as first:
            return points.less(last, first)
        case Quantity() as last, Quantity() as first:
            return compare_quantities("lt", last, first)
    raise AssertionError(f"an interval of {value.type.point} has no ends to compare")
