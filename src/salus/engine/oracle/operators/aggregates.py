"""Aggregate functions (ELM §21; CQL 1.5, Appendix B "Aggregate Functions"). Nulls are passed over; of nothing, null."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from salus.engine.oracle.comparison import in_unit, same
from salus.engine.oracle.kinds import is_nothing
from salus.engine.oracle.operators.arithmetic import combined, least, total
from salus.engine.oracle.registry import Call, operator
from salus.engine.oracle.values import EXACT, Quantity, Uncertain, Value, decimal


def _there(items: Value) -> list[Any]:
    return [item for item in items or () if not is_nothing(item)]


@operator("Count")
def count(call: Call, items: Value) -> Value:
    """§21 Count: of nothing, 0."""
    return len(_there(items))


@operator("AllTrue")
def all_true(call: Call, items: Value) -> Value:
    """§21 AllTrue: of nothing, true."""
    return all(_there(items))


@operator("AnyTrue")
def any_true(call: Call, items: Value) -> Value:
    """§21 AnyTrue: of nothing, false."""
    return any(_there(items))


@operator("Min", "Max")
def extreme(call: Call, items: Value) -> Value:
    """§21 Min, Max."""
    there = _there(items)
    return least(there, -1 if call.node.op == "Min" else 1) if there else None


@operator("Sum")
def sum_(call: Call, items: Value) -> Value:
    """§21 Sum."""
    there = _there(items)
    return total(call, there) if there else None


@operator("Product")
def product(call: Call, items: Value) -> Value:
    """§21 Product."""
    there = _there(items)
    result = there[0] if there else None
    for item in there[1:]:
        result = None if result is None else combined(call, "Multiply", result, item)
    return result


@operator("Mode")
def mode(call: Call, items: Value) -> Value:
    """§21 Mode: the value that is there most often, the first of them."""
    there = _there(items)
    return max(there, key=lambda item: sum(same(item, other) for other in there), default=None)


def _average(numbers: Sequence[Decimal]) -> Decimal:
    return EXACT.divide(sum(numbers, Decimal(0)), Decimal(len(numbers)))


def _median(numbers: Sequence[Decimal]) -> Decimal:
    ordered, middle = sorted(numbers), len(numbers) // 2
    return ordered[middle] if len(ordered) % 2 else _average(ordered[middle - 1 : middle + 1])


def _squares(numbers: Sequence[Decimal]) -> Decimal:
    mean = _average(numbers)
    return sum(((x - mean) ** 2 for x in numbers), Decimal(0))


def _variance(numbers: Sequence[Decimal]) -> Decimal | None:
    """Of a sample: null for a single value."""
    return EXACT.divide(_squares(numbers), Decimal(len(numbers) - 1)) if len(numbers) > 1 else None


def _population_variance(numbers: Sequence[Decimal]) -> Decimal:
    return EXACT.divide(_squares(numbers), Decimal(len(numbers)))


def _root(value: Decimal | None) -> Decimal | None:
    return None if value is None else EXACT.sqrt(value)


def _geometric_mean(numbers: Sequence[Decimal]) -> Decimal | None:
    if min(numbers) <= 0:
        return None
    return EXACT.exp(_average([EXACT.ln(x) for x in numbers]))


_STATISTICS: dict[str, Callable[[Sequence[Decimal]], Decimal | None]] = {
    "Avg": _average,
    "Median": _median,
    "Variance": _variance,
    "PopulationVariance": _population_variance,
    "StdDev": lambda numbers: _root(_variance(numbers)),
    "PopulationStdDev": lambda numbers: _root(_population_variance(numbers)),
    "GeometricMean": _geometric_mean,
}


_RISING = ("Avg", "Median", "GeometricMean")
"""No less where a value is no less: of uncertain values, from that of the least to that of the greatest they can be."""


def _uncertain(call: Call, items: Sequence[Any]) -> Value:
    """A statistic of values of which some are uncertain; where it cannot be told from their ends, it is not known."""
    if call.node.op not in _RISING:
        return None
    lows = [item.low if isinstance(item, Uncertain) else item for item in items]
    highs = [item.high if isinstance(item, Uncertain) else item for item in items]
    low, high = statistic(call, lows), statistic(call, highs)
    return None if low is None or high is None else Uncertain(low, high)


@operator(*_STATISTICS)
def statistic(call: Call, items: Value) -> Value:
    """§21 Avg, Median, Variance, PopulationVariance, StdDev, PopulationStdDev, GeometricMean."""
    there = _there(items)
    if not there:
        return None
    if any(isinstance(item, Uncertain) for item in there):
        return _uncertain(call, there)
    unit = there[0].unit if isinstance(there[0], Quantity) else None
    numbers = [Decimal(x) if unit is None else in_unit(x, unit) for x in there]
    if None in numbers:
        return None
    made = _STATISTICS[call.node.op](numbers)  # type: ignore[arg-type]
    fitting = None if made is None else decimal(made)
    return fitting if unit is None or fitting is None else Quantity(fitting, unit)
