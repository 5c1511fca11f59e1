"""Chance that falls the same on every machine: what a person's draws are made of.

Only `random.Random.random()` is used, whose sequence Python promises to keep. Each person rolls dice of
their own, seeded by the run's seed and the person's number, so person 17 is the same person in a run of 20
and of 20,000.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """One person's source of chance."""

    def __init__(self, seed: int, person: int) -> None:
        self._random = random.Random(f"salus {seed} {person}").random

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self._random() < probability

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included, each as likely."""
        return low + int(self._random() * (high - low + 1))

    def of(self, choices: Sequence[T]) -> T:
        """One of the choices, each as likely."""
        return choices[self.between(0, len(choices) - 1)]

    def weighed(self, weights: Mapping[T, float]) -> T:
        """One of the keys, as likely as its weight; the weights need not sum to one."""
        point = self._random() * sum(weights.values())
        for choice, weight in weights.items():
            if (point := point - weight) < 0:
                return choice
        return choice

    def day(self, first: date, last: date) -> date:
        """A day from `first` to `last`, both included."""
        return first + timedelta(days=self.between(0, (last - first).days))

    def days(self, first: date, last: date, count: int, apart: int = 1) -> list[date]:
        """`count` days from `first` to `last`, in order, at least `apart` days from one to the next."""
        steps = (last - first).days // apart
        chosen: set[int] = set()
        while len(chosen) < count:
            chosen.add(self.between(0, steps))
        return [first + timedelta(days=apart * step) for step in sorted(chosen)]
