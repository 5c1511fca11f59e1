"""What is planted: who the people are, and how much worse the uninsured are treated.

Everything a statistic could find in the data starts from a number here. Insurance is the only thing that
changes how likely blood pressure is controlled; it is itself less likely for some people (by ethnicity,
language, age and neighbourhood), so that they show a gap too, by confounding alone. How records are made of
it is left to `records`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

Weights = Mapping[str, float]


def weights(**shares: float) -> Weights:
    return shares


@dataclass(frozen=True)
class Scenario:
    """The planted probabilities. Shares need not sum to one; probabilities are per person."""

    name: str = "the uninsured are treated worse for blood pressure"
    year: int = 2026
    # Blood pressure is controlled with this probability: the planted gap.
    control_insured: float = 0.66
    control_uninsured: float = 0.46
    # Without control, no reading is on record at all (which counts as not controlled).
    no_reading: float = 0.12
    # Insurance before 65: the odds of going without, and what multiplies them.
    uninsured_odds: float = 0.16
    uninsured_odds_hispanic: float = 2.4
    uninsured_odds_other_language: float = 2.2
    uninsured_odds_young_adult: float = 1.5
    uninsured_odds_by_zip: Weights = field(
        default_factory=lambda: {"00010": 0.5, "00011": 0.7, "00012": 1.0, "00013": 1.4, "00014": 2.2}
    )
    uninsured_from_65: float = 0.01
    insurance_before_65: Weights = field(default_factory=lambda: weights(commercial=0.68, medicaid=0.32))
    # Who lives here.
    race: Weights = field(
        default_factory=lambda: weights(
            white=0.60, black=0.18, asian=0.10, native=0.02, islander=0.01, several=0.04, declined=0.05
        )
    )
    hispanic: float = 0.22
    hispanic_by_zip: Weights = field(
        default_factory=lambda: {"00010": 0.6, "00011": 0.8, "00012": 1.0, "00013": 1.3, "00014": 1.8}
    )
    # What the record does not say.
    missing_race: float = 0.08
    missing_ethnicity: float = 0.06
    missing_language: float = 0.05
    unknown_payer: float = 0.04

    @property
    def period(self) -> tuple[date, date]:
        return date(self.year, 1, 1), date(self.year, 12, 31)

    def control(self, uninsured: bool) -> float:
        return self.control_uninsured if uninsured else self.control_insured

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
