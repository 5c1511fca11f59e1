"""What a house lets out: which counts are small, and to what the others are rounded.

Profiles carry the published rules of those who made them. Leaves to others: which further cells must be hidden for the
small ones to stay hidden (`suppress`), whether they did (`attack`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from salus.errors import UsageError

_MILLION = 1_000_000


@dataclass(frozen=True)
class Policy:
    """Counts from `least` to `threshold` - 1 are small and never shown.

    `rounding` holds (from, base) in ascending order: a count from `from` on is shown as the nearest multiple of `base`,
    a tie as the even one. Without any, counts are shown as they are. `digits` (0: all) is how many significant digits
    are left of a count from a million on.
    """

    name: str
    threshold: int
    least: int = 1
    rounding: tuple[tuple[int, int], ...] = ()
    digits: int = 0
    source: str = ""

    @property
    def hides(self) -> bool:
        """Whether any count is small."""
        return self.threshold > self.least

    def small(self, count: int) -> bool:
        """Whether a count must not be shown."""
        return self.least <= count < self.threshold

    def shown(self, count: int) -> int:
        """A count that is not small as it is put out."""
        base = self.base(count)
        return base * round(count / base)

    def base(self, count: int) -> int:
        """What a count is shown as a multiple of."""
        if self.digits and count >= _MILLION:
            return int(10 ** (len(str(count)) - self.digits))
        return max((base for start, base in self.rounding if count >= start), default=1)

    def behind(self, count: int) -> tuple[int, int]:
        """The least and the most count that is put out as this one is, small ones left out."""
        if not self.rounding:
            return count, count
        shown = self.shown(count)
        reach = max(self.base(count), self.base(shown))  # 95 and 110 are both shown as 100, from two sides
        floor = self.threshold if self.least == 0 and self.hides else 0
        low = next(c for c in range(max(shown - reach, floor), count + 1) if self.shown(c) == shown)
        high = next(c for c in range(shown + reach, count - 1, -1) if self.shown(c) == shown)
        return low, high


PROFILES = {
    policy.name: policy
    for policy in (
        Policy("cms11", 11, source="CMS cell size suppression policy: no count of 1 to 10"),
        Policy("opensafely", 8, 0, ((0, 5),), source="OpenSAFELY: counts up to 7 redacted, the rest to the nearest 5"),
        Policy(
            "census",
            15,
            0,
            ((15, 10), (100, 50), (1_000, 100), (10_000, 500), (100_000, 1_000)),
            4,
            "US Census Bureau Disclosure Review Board: fewer than 15, then rounded by size, at most four digits",
        ),
        Policy("none", 1, source="nothing is hidden: for use inside the house only"),
    )
}


def profile(name: str) -> Policy:
    """The policy of that name; UsageError lists those there are."""
    if name not in PROFILES:
        raise UsageError(f"there is no profile {name!r}; choose {', '.join(PROFILES)}")
    return PROFILES[name]


def at(threshold: int) -> Policy:
    """Counts of 1 to threshold - 1 are small, and nothing is rounded."""
    return Policy(f"below {threshold}", threshold)


def listed(policy: Policy) -> dict[str, str | int | Sequence[Sequence[int]]]:
    """The policy for a release to carry, so that a reader can check it."""
    return {
        "name": policy.name, "threshold": policy.threshold, "least": policy.least,
        "rounding": [list(step) for step in policy.rounding], "digits": policy.digits, "source": policy.source,
    }  # fmt: skip
