"""Planted against found: each planted gap beside what the equity table says of the same groups.

For communities that were loaded and evaluated. Leaves to others: the table (`equity.compare`), the truth (`truth`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from salus.catalog.synth.truth import Planted, Truth
from salus.equity.compare import Settings, equity_table
from salus.equity.results import Results
from salus.equity.tally import CROSS

CLAIMED = ("worse", "better", "higher", "lower")


@dataclass(frozen=True)
class Found:
    """What the report says of a planted gap: shares, and the verdict of the equity table.

    `gap` with its interval is None where there is too little to say.
    """

    planted: Planted
    rate: float | None
    reference: float | None
    gap: float | None
    low: float | None
    high: float | None
    verdict: str
    people: int  # of the group, in the denominator

    @property
    def sure(self) -> bool:
        """Whether the report claims a gap, and of the planted sign."""
        expected = self.planted.expected or 0.0
        return self.verdict in CLAIMED and self.gap is not None and self.gap * expected > 0

    @property
    def covered(self) -> bool:
        """Whether the interval holds the expected gap."""
        expected = self.planted.expected
        if self.low is None or self.high is None or expected is None:
            return False
        return self.low <= expected <= self.high


def find(truth: Truth, results: Results) -> Iterator[Found]:
    """Each planted gap between groups of the same attributes, of measures that the results hold; nothing that begins
    with a month.
    """
    for planted in truth.planted:
        alike = planted.effect.who.keys() == planted.effect.against.keys()
        if planted.effect.start is None and alike and planted.measure in results.measures:
            yield _found(planted, results)


def _found(planted: Planted, results: Results) -> Found:
    """The row of the group, against the reference that was planted."""
    who, against = planted.effect.who, planted.effect.against
    attribute, value, reference = (CROSS.join(each) for each in (who, who.values(), (against[name] for name in who)))
    alone = len(who) == 1
    settings = Settings(references={attribute: reference})
    table = equity_table(results, [attribute] if alone else list(who), settings, [] if alone else [tuple(who)])
    rows = {
        row["value"]: row
        for row in table.to_pylist()
        if (row["measure"], row["group_id"], row["attribute"]) == (planted.measure, planted.group_id, attribute)
    }
    row: dict[str, Any] = rows.get(value, {})
    gap, low, high = (row.get(key) for key in ("difference", "difference_low", "difference_high"))
    verdict, people = row.get("verdict", "no one"), row.get("denominator", 0)
    return Found(planted, row.get("rate"), rows[reference]["rate"], gap, low, high, verdict, people)
