"""Chance that falls the same on every machine, for a block of people at a time.

Every question has its own stream, named by its words: what is asked of one thing never shifts the answers to another,
so a scenario changes only what it says. People come in blocks of `BLOCK`, and a block is always drawn whole: person
17 is the same person in a run of 20 and of 1,000,000. Only the bits of PCG64 are used, which NumPy promises to keep,
made into numbers here.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BLOCK = 1000
"""People in a block: enough for arrays to pay, few enough for a small run."""

Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]
Reals = NDArray[np.float64]
Texts = NDArray[np.object_]


class Dice:
    """One block's source of chance."""

    def __init__(self, seed: int, block: int, size: int = BLOCK) -> None:
        self.seed, self.block, self.size = seed, block, size

    def __call__(self, question: str) -> Reals:
        """A number in [0, 1) for each person of the block."""
        return self.each(question, self.size)

    def rows(self, question: str, columns: int) -> Reals:
        """`columns` numbers in [0, 1) for each person: shape (size, columns)."""
        return self.each(question, self.size * columns).reshape(self.size, columns)

    def on(self, question: str, who: Whole, days: Whole) -> Reals:
        """A number in [0, 1) for each of these people's days, the same in every scenario as long as the day is."""
        return self.rows(question, 64)[who, days % 64]

    def each(self, question: str, count: int) -> Reals:
        """`count` numbers in [0, 1); the first 53 bits of each raw draw."""
        bits = np.random.PCG64(np.random.SeedSequence((self.seed, self.block, zlib.crc32(question.encode()))))
        return np.asarray((bits.random_raw(count) >> np.uint64(11)) * 2.0**-53, dtype=np.float64)

    def chance(self, question: str, probability: float | Reals) -> Flags:
        """True with the given probability, of each person."""
        return self(question) < probability

    def between(self, question: str, low: int | Whole, high: int | Whole) -> Whole:
        """A whole number from `low` to `high`, both included, each as likely."""
        return spread(self(question), low, high)

    def choose(self, question: str, weights: Sequence[float]) -> Whole:
        """Positions in `weights`, as likely as the weight, which need not sum to one."""
        return pick(self(question), weights)


def spread(rolls: Reals, low: int | Whole, high: int | Whole) -> Whole:
    """Numbers in [0, 1) as whole numbers from `low` to `high`, both included."""
    return np.asarray(low + np.floor(rolls * (np.asarray(high) - low + 1)), dtype=np.int64)


def pick(rolls: Reals, weights: Sequence[float]) -> Whole:
    """Numbers in [0, 1) as positions in `weights`."""
    steps = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.minimum(np.searchsorted(steps / steps[-1], rolls, side="right"), len(weights) - 1).astype(np.int64)
