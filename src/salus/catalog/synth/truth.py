"""The truth about a synthetic community, written beside its records and read back as `Truth`.

`truth.json` holds each planted effect with the gap it makes in the measure's rate: expected of these people (the mean
of their true chances), drawn, and as the record lets it be seen; `truth.parquet` one row per unit of each measure's
initial population; `people.parquet` who everyone is. Format: docs/synth.md. Leaves to others: what is true
(`ledger`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from salus.catalog.synth import groups
from salus.catalog.synth.calendar import month_of
from salus.catalog.synth.dice import Flags, Texts
from salus.catalog.synth.ledger import Entry
from salus.catalog.synth.people import People
from salus.catalog.synth.scenario import Effect, Scenario
from salus.catalog.synth.steps import MEASURES
from salus.errors import SalusError

FORMAT = "salus-truth-1"
SUMMARY, UNITS, PEOPLE = "truth.json", "truth.parquet", "people.parquet"
SIDES = ("group", "reference", "group_on_record", "reference_on_record")


@dataclass
class Count:
    """Units that count (not excluded), those of them that meet the measure, and the sum of their chances to."""

    denominator: int = 0
    numerator: int = 0
    expected: float = 0.0

    def add(self, entry: Entry, among: Flags) -> None:
        counts = among & ~entry.excluded
        self.denominator += int(counts.sum())
        self.numerator += int((entry.met & counts).sum())
        self.expected += float(entry.chance[counts].sum())

    def join(self, other: Count) -> None:
        self.denominator += other.denominator
        self.numerator += other.numerator
        self.expected += other.expected

    @property
    def rate(self) -> float | None:
        """What was drawn, as a share."""
        return self.numerator / self.denominator if self.denominator else None

    @property
    def chance(self) -> float | None:
        """The mean of the units' true chances: the rate to be expected."""
        return self.expected / self.denominator if self.denominator else None


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


@dataclass
class Planted:
    """An effect, and the gap it makes in its measure: those named against the others, in truth and as recorded.

    `expected` is of the drawn people's chances, `drawn` what came of them, `seen` the same among those whose group
    the record says. All are differences of shares; None where there is nobody to compare.
    """

    effect: Effect
    group: Count = field(default_factory=Count)
    reference: Count = field(default_factory=Count)
    group_on_record: Count = field(default_factory=Count)
    reference_on_record: Count = field(default_factory=Count)

    @property
    def measure(self) -> str:
        """The measure's name in the catalog."""
        return MEASURES[self.effect.measure].name

    @property
    def group_id(self) -> str:
        """The group of the measure in the catalog."""
        return MEASURES[self.effect.measure].group

    @property
    def expected(self) -> float | None:
        return _less(self.group.chance, self.reference.chance)

    @property
    def drawn(self) -> float | None:
        return _less(self.group.rate, self.reference.rate)

    @property
    def seen(self) -> float | None:
        return _less(self.group_on_record.rate, self.reference_on_record.rate)

    @property
    def worse(self) -> bool:
        """Whether those named fare worse by the effect."""
        more = MEASURES[self.effect.measure].more_is_better
        expected = self.expected or 0.0
        return expected < 0 if more else expected > 0

    def in_words(self) -> str:
        """As "SalusStatinTherapy, prescribed: Black or African American × Female -24.0 points against White × Male"."""
        effect = self.effect
        named = " × ".join(effect.who.values())
        than = (
            f"before month {effect.start}" if effect.start else " × ".join(effect.against.values()) or "everyone else"
        )
        gap = "nobody to compare" if self.expected is None else f"{self.expected * 100:+.1f} points"
        drawn = "" if self.drawn is None else f" (chance made it {self.drawn * 100:+.1f})"
        attribute = " × ".join(effect.who)
        return f"{self.measure}, {effect.step}: {attribute} {named} {gap} against {than}{drawn}"

    def add(self, entry: Entry, people: People) -> None:
        named, against = self._sides(entry, people)
        known = people.on_record({**self.effect.who, **self.effect.against})[entry.who]
        self.group.add(entry, named)
        self.reference.add(entry, against)
        self.group_on_record.add(entry, named & known)
        self.reference_on_record.add(entry, against & known)

    def _sides(self, entry: Entry, people: People) -> tuple[Flags, Flags]:
        """Those named and those they are compared with; of an intervention, the same people after and before."""
        named = people.among(self.effect.who)[entry.who]
        if self.effect.start is not None:
            after = month_of(entry.day) >= self.effect.start
            return named & after, named & ~after
        against = people.among(self.effect.against)[entry.who] if self.effect.against else ~named
        return named, against & ~named

    def as_json(self) -> dict[str, Any]:
        gaps = {"expected": self.expected, "drawn": self.drawn, "seen": self.seen}
        return {
            "measure": self.measure,
            "group_id": self.group_id,
            "effect": asdict(self.effect),
            "gap": gaps,
            "worse": self.worse,
            **{side: asdict(getattr(self, side)) for side in SIDES},
        }


@dataclass
class Truth:
    """What was planted in a community of `people` people and what came of it; `measures` by short name (`steps`)."""

    scenario: str
    title: str
    seed: int
    people: int
    period: tuple[date, date]
    planted: list[Planted] = field(default_factory=list)
    measures: dict[str, Count] = field(default_factory=dict)
    excluded: dict[str, int] = field(default_factory=dict)
    folder: Path | None = None

    @classmethod
    def of(cls, scenario: Scenario, seed: int, people: int) -> Truth:
        """Nothing counted yet."""
        planted = [Planted(effect) for effect in scenario.effects]
        return cls(scenario.name, scenario.title, seed, people, scenario.period, planted)

    def add(self, entry: Entry, people: People) -> None:
        name = entry.measure
        self.measures.setdefault(name, Count()).add(entry, np.ones(len(entry.who), dtype=bool))
        self.excluded[name] = self.excluded.get(name, 0) + int(entry.excluded.sum())
        for planted in self.planted:
            if planted.effect.measure == entry.measure:
                planted.add(entry, people)

    def join(self, other: Truth) -> None:
        """Count in what was counted of other people of the same run."""
        for mine, theirs in zip(self.planted, other.planted, strict=True):
            for side in SIDES:
                getattr(mine, side).join(getattr(theirs, side))
        for name, count in other.measures.items():
            self.measures.setdefault(name, Count()).join(count)
            self.excluded[name] = self.excluded.get(name, 0) + other.excluded[name]

    def as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "scenario": self.scenario,
            "title": self.title,
            "seed": self.seed,
            "people": self.people,
            "period": [each.isoformat() for each in self.period],
            "planted": [each.as_json() for each in self.planted],
            "measures": {
                name: {**_named(name), **asdict(count), "excluded": self.excluded[name]}
                for name, count in sorted(self.measures.items())
            },
        }

    @classmethod
    def read(cls, folder: Path) -> Truth:
        """The truth beside records that `salus synth` wrote; SalusError when there is none, or another format."""
        path = folder / SUMMARY
        try:
            told = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            raise SalusError(f"{folder}: there is no {SUMMARY}; `salus synth` writes it beside the records") from None
        except OSError as problem:
            raise SalusError(f"{path}: cannot be read ({problem.strerror})") from None
        except orjson.JSONDecodeError as problem:
            raise SalusError(f"{path}: not JSON ({problem})") from None
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise SalusError(f"{path}: not a truth in the format {FORMAT}")
        try:
            return cls._told(told, folder)
        except (LookupError, TypeError, ValueError, AttributeError) as problem:
            raise SalusError(f"{path}: not whole, or changed since it was written ({problem})") from None

    @classmethod
    def _told(cls, told: Mapping[str, Any], folder: Path) -> Truth:
        counts = {name: _count(each) for name, each in told["measures"].items()}
        excluded = {name: each["excluded"] for name, each in told["measures"].items()}
        first, last = (date.fromisoformat(each) for each in told["period"])
        return cls(
            told["scenario"], told["title"], told["seed"], told["people"], (first, last),
            [_planted(each) for each in told["planted"]],
            counts, excluded, folder,
        )  # fmt: skip

    def units(self) -> pa.Table:
        """`truth.parquet`: measure, group_id, subject_id, unit_id, excluded, numerator, chance, day."""
        return self._table(UNITS)

    def who(self) -> pa.Table:
        """Of a truth that was read, `people.parquet`: subject_id, family, every attribute, `..._on_record` of some."""
        return self._table(PEOPLE)

    def _table(self, name: str) -> pa.Table:
        if self.folder is None:
            raise SalusError(f"{name} is only there of a truth that was read from a folder")
        try:
            return pq.read_table(self.folder / name)
        except (OSError, pa.ArrowInvalid) as problem:
            raise SalusError(f"{self.folder / name}: cannot be read ({problem})") from None


def _named(measure: str) -> dict[str, str]:
    return {"measure": MEASURES[measure].name, "group_id": MEASURES[measure].group}


def _count(told: Mapping[str, Any]) -> Count:
    return Count(told["denominator"], told["numerator"], told["expected"])


def _planted(told: Mapping[str, Any]) -> Planted:
    return Planted(Effect(**told["effect"]), **{side: Count(**told[side]) for side in SIDES})


# --- tables ---


def units_table(entry: Entry, people: People) -> pa.Table:
    return pa.table(
        {
            "measure": pa.array([MEASURES[entry.measure].name] * len(entry.who), pa.string()),
            "group_id": pa.array([MEASURES[entry.measure].group] * len(entry.who), pa.string()),
            "subject_id": pa.array(people.keys[entry.who].tolist(), pa.string()),
            "unit_id": pa.array(entry.unit.tolist(), pa.string()),
            "excluded": pa.array(entry.excluded, pa.bool_()),
            "numerator": pa.array(entry.met, pa.bool_()),
            "chance": pa.array(entry.chance, pa.float64()),
            "day": pa.array(entry.day.astype("datetime64[D]"), pa.date32()),
        }
    )


def people_table(people: People, count: int) -> pa.Table:
    """The first `count` people: who they are, and what of it the record says (`unknown` or `declined` otherwise)."""
    columns: dict[str, pa.Array] = {
        "subject_id": pa.array(people.keys[:count].tolist(), pa.string()),
        "family": pa.array(people.keys[people.family[:count]].tolist(), pa.string()),
        "months_uninsured": pa.array(people.months_uninsured[:count], pa.int64()),
    }
    for attribute, names in groups.GROUPS.items():
        told: Texts = np.array(names, dtype=object)[people.is_in[attribute][:count]]
        columns[attribute] = pa.array(told.tolist(), pa.string())
        if attribute in people.recorded:
            silent = np.where(people.declined_race[:count] & (attribute == "race"), "declined", "unknown")
            seen = np.where(people.recorded[attribute][:count], told, silent)
            columns[f"{attribute}_on_record"] = pa.array(seen.tolist(), pa.string())
    return pa.table(columns)
