"""One figure with all that is needed to trust it or not: `Estimate`.

Rates, event rates, means, times, differences and ratios have constructors here; `index` takes what an inequality
measure found. Leaves to others: the arithmetic (`intervals`, `counts`, `inequality`), many figures at once (`compare`),
hiding figures (`salus.publish`), which sets `disclosure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from salus.equity import counts, intervals

Kind = Literal["rate", "event rate", "mean", "time", "difference", "ratio", "index"]
Reliability = Literal["reliable", "too few", "empty"]
Disclosure = Literal["open", "small", "complementary"]

MINIMUM = 11
"""Default smallest denominator that says something: below it a figure is marked "too few"."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its interval at `level`, and how far to trust it.

    `numerator` and `denominator` are those of the group the figure is about (for a difference or ratio: of
    the compared group): of an event rate the events and the exposure, of a mean the sum and the number of values, of a
    time the events seen and the number of values. `value`, `low` and `high` are None when nothing can be computed: an
    empty group has
    no rate, and it is not 0. A ratio's `high` may be infinite. `missing` is the share of the units whose
    attribute is not known.
    """

    kind: Kind
    numerator: float
    denominator: float
    value: float | None
    low: float | None
    high: float | None
    method: str
    level: float
    reliability: Reliability = "reliable"
    missing: float | None = None
    disclosure: Disclosure = "open"

    def __post_init__(self) -> None:
        """Reject what cannot be: a numerator outside its denominator, an interval that misses its value."""
        if self.denominator < 0 or (self.kind == "rate" and not 0 <= self.numerator <= self.denominator):
            raise ValueError(f"{self.numerator} of {self.denominator} is no rate")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("an interval's lower end lies above its upper end")

    @property
    def reliable(self) -> bool:
        """Whether there is enough data to say something."""
        return self.reliability == "reliable"


@dataclass(frozen=True, slots=True)
class Count:
    """x of n."""

    x: int
    n: int

    def __post_init__(self) -> None:
        """ValueError: more than all, or fewer than none."""
        if not 0 <= self.x <= self.n:
            raise ValueError(f"{self.x} of {self.n} is no rate")


def reliability(n: float, minimum: int = MINIMUM) -> Reliability:
    """What a denominator of `n` allows: nothing ("empty"), a figure not to lean on, or a reliable one."""
    if n == 0:
        return "empty"
    return "too few" if n < minimum else "reliable"


def rate(count: Count, level: float = 0.95, minimum: int = MINIMUM, missing: float | None = None) -> Estimate:
    """The proportion x / n with its Wilson interval."""
    low, high = intervals.wilson(count.x, count.n, level)
    value = intervals.rate(count.x, count.n)
    state = reliability(count.n, minimum)
    return Estimate("rate", count.x, count.n, *_given(value, low, high), "wilson", level, state, missing)


def difference(group: Count, reference: Count, level: float = 0.95, minimum: int = MINIMUM) -> Estimate:
    """The rate of `group` less that of `reference`, with Newcombe's hybrid score interval (method 10)."""
    counts = group.x, group.n, reference.x, reference.n
    value = intervals.rate(group.x, group.n) - intervals.rate(reference.x, reference.n)
    ends = intervals.difference(*counts, level)
    return Estimate(
        "difference",
        group.x,
        group.n,
        *_given(value, *ends),
        "newcombe-10",
        level,
        _both(group, reference, minimum),
    )


def ratio(group: Count, reference: Count, level: float = 0.95, minimum: int = MINIMUM) -> Estimate:
    """The rate of `group` over that of `reference`, with Koopman's interval; no value over a zero rate."""
    top, bottom = intervals.rate(group.x, group.n), intervals.rate(reference.x, reference.n)
    value = intervals.quotient(top, bottom)
    ends = intervals.ratio(group.x, group.n, reference.x, reference.n, level)
    return Estimate(
        "ratio", group.x, group.n, *_given(value, *ends), "koopman", level, _both(group, reference, minimum)
    )


def event_rate(events: int, exposure: float, level: float = 0.95, minimum: int = MINIMUM) -> Estimate:
    """Events per unit of exposure; exact interval below ten events, Byar's from ten on.

    What makes it reliable is the number of events: its relative error is one over their square root.
    """
    value = intervals.rate(events, exposure)
    ends = counts.event_rate(events, exposure, level)
    state: Reliability = "empty" if exposure == 0 else "too few" if events < minimum else "reliable"
    return Estimate("event rate", events, exposure, *_given(value, *ends), "exact or byar", level, state)


def mean(values: Sequence[float], level: float = 0.95, minimum: int = MINIMUM) -> Estimate:
    """The mean of values with Student's interval; one value has no interval."""
    given = np.asarray(values, dtype=np.float64)
    total = float(given.sum())
    squares = float(((given - total / max(given.size, 1)) ** 2).sum())
    _, low, high = counts.mean(total, squares, given.size, level)
    value = intervals.rate(total, given.size)
    return Estimate(
        "mean", total, given.size, *_given(value, low, high), "student", level, reliability(given.size, minimum)
    )


def time(values: Sequence[float], level: float = 0.95, minimum: int = MINIMUM) -> Estimate:
    """The median of waiting times, none of them cut short, with its interval by order statistics."""
    middle, low, high = (np.float64(v) for v in counts.median(values, level))
    n = len(values)
    ends = _given(np.asarray(middle), np.asarray(low), np.asarray(high))
    return Estimate("time", n, n, *ends, "order statistics", level, reliability(n, minimum))


def _both(group: Count, reference: Count, minimum: int) -> Reliability:
    return reliability(min(group.n, reference.n), minimum)


def _given(
    value: intervals.Floats, low: intervals.Floats, high: intervals.Floats
) -> tuple[float | None, float | None, float | None]:
    return _or_none(value), _or_none(low), _or_none(high)


def _or_none(value: intervals.Floats) -> float | None:
    return None if np.isnan(value) else float(value)
