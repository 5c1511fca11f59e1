"""The truth about synthetic people: what was planted, and what of it came true among those drawn.

`Truth` counts as the people pass by; nobody is kept. The counts use what is *true* of a person, and beside
it what is on record, because a statistic can only see the latter.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from salus.catalog.synth.people import Person, Story, age_on
from salus.catalog.synth.scenario import Scenario

MEASURE = "SalusBloodPressureControl"


@dataclass
class Count:
    """People in the initial population, and of them the excluded, the eligible and the controlled."""

    initial_population: int = 0
    denominator_exclusion: int = 0
    denominator: int = 0  # without the excluded
    numerator: int = 0

    def add(self, story: Story) -> None:
        if story.denominator:
            self.initial_population += 1
            self.denominator_exclusion += story.excluded
            self.denominator += not story.excluded
            self.numerator += story.controlled and not story.excluded

    @property
    def rate(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "rate": self.rate}


@dataclass
class Truth:
    """Counts overall and by each thing that people differ in."""

    scenario: Scenario
    seed: int
    people: int = 0
    overall: Count = field(default_factory=Count)
    groups: defaultdict[str, defaultdict[str, Count]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Count))
    )

    def add(self, person: Person, story: Story) -> None:
        self.people += 1
        self.overall.add(story)
        for attribute, group in facts(person, self.scenario).items():
            self.groups[attribute][group].add(story)

    def gap(self, attribute: str) -> float | None:
        """Rate of the uninsured minus rate of the insured, as a share; None when one of them is empty."""
        worse, better = (self.groups[attribute][key].rate for key in ("uninsured", "insured"))
        return None if worse is None or better is None else worse - better

    def as_json(self) -> dict[str, Any]:
        groups = {
            attribute: {group: count.as_json() for group, count in sorted(counts.items())}
            for attribute, counts in self.groups.items()
        }
        return {
            "measure": MEASURE,
            "seed": self.seed,
            "people": self.people,
            "period": [day.isoformat() for day in self.scenario.period],
            "planted": {
                "what": self.scenario.name,
                "insured": self.scenario.control_insured,
                "uninsured": self.scenario.control_uninsured,
                "gap": round(self.scenario.control_uninsured - self.scenario.control_insured, 6),
            },
            "realised": {"gap": self.gap("insured"), "gap_on_record": self.gap("insured_on_record")},
            "overall": self.overall.as_json(),
            "groups": groups,
            "scenario": self.scenario.as_json(),
        }


def facts(person: Person, scenario: Scenario) -> dict[str, str]:
    """What people differ in; `_on_record` where the record does not say it of everyone."""
    insured = "uninsured" if person.uninsured else "insured"
    ethnicity = {True: "hispanic", False: "not hispanic", None: "unknown"}[person.hispanic]
    return {
        "insured": insured,
        "insured_on_record": insured if person.insurance_recorded else "unknown",
        "insurance": person.insurance,
        "race_on_record": person.race or "unknown",
        "ethnicity_on_record": ethnicity,
        "language_on_record": person.language or "unknown",
        "sex": person.sex,
        "zip": person.zip_code,
        "decade": f"{age_on(person.birth, scenario.period[1]) // 10 * 10}s",
    }
