"""The scorecard: every clause of the mission with what is known of it, and nothing left out.

    folders --> sources --> readings --> by measure: the latest, and its trend --> by clause

Leaves to others: what each folder tells (`sources`, `readings`), what periods say together (`trend`), writing
(`page`, `files`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from salus.catalog.mission import Clause, Mission
from salus.equity.compare import Settings
from salus.equity.tally import CROSS, OVERALL
from salus.errors import UsageError
from salus.mission.checks import Check, Facts, check
from salus.mission.readings import Gap, Reading, readings
from salus.mission.sources import Source, open_source
from salus.mission.trend import Trend, trend

State = Literal["measured", "checked", "not measured yet"]
Key = tuple[str, str]


@dataclass(frozen=True)
class Order:
    """What is asked for: by which attributes, compared how, and which way is better where a measure has it wrong."""

    by: tuple[str, ...] = ()
    settings: Settings = field(default_factory=Settings)
    improvement: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Followed:
    """A measure group: its latest reading, and its trend where there are several periods."""

    reading: Reading
    trend: Trend | None


@dataclass(frozen=True)
class Breadth:
    """For a clause about every measure: by what people are compared, and how many of them are not known (0 to 1, None
    where hidden); and what of it is not recorded."""

    compared: tuple[tuple[str, float | None], ...]
    absent: tuple[str, ...]


@dataclass(frozen=True)
class Kept:
    """A clause and what is known of it. `lacking` are its measures that these folders do not have."""

    clause: Clause
    measures: tuple[Followed, ...]
    gaps: tuple[Gap, ...]
    checks: tuple[Check, ...]
    lacking: tuple[str, ...]
    breadth: Breadth | None = None

    @property
    def state(self) -> State:
        """Whether there is a figure, or at least a check that could be carried out."""
        if any(each.reading.estimate is not None for each in self.measures):
            return "measured"
        return "checked" if any(each.state != "not there" for each in self.checks) else "not measured yet"

    @property
    def certain(self) -> tuple[Gap, ...]:
        """Its gaps that stand at the false discovery rate."""
        return tuple(gap for gap in self.gaps if gap.claimed)

    @property
    def worst(self) -> Gap | None:
        """The gap that is about the most people at the least, of those that stand and of groups that are known."""
        return next((gap for gap in self.certain if gap.known), None)


@dataclass(frozen=True)
class Scorecard:
    """All clauses in the order of the mission; `unmapped` are measures of the results that no clause names."""

    mission: Mission
    sources: tuple[Source, ...]
    clauses: tuple[Kept, ...]
    gaps: tuple[Gap, ...]
    measures: tuple[Followed, ...]
    unmapped: tuple[Followed, ...]
    order: Order

    @property
    def inside(self) -> bool:
        """Whether it is for inside the house only: it is unless it was made of releases alone."""
        return any(source.inside for source in self.sources)

    def count(self, state: State) -> int:
        """How many clauses are in a state."""
        return sum(each.state == state for each in self.clauses)


def scorecard(folders: Sequence[Path], mission: Mission, known: Iterable[str], order: Order | None = None) -> Scorecard:
    """Make the scorecard of results folders or releases, of one or of several periods.

    `known` are the names of measures that exist beside those of the folders (the catalog's). UsageError: a clause
    names another measure, or two folders tell of the same measure and period. SalusError: a folder that is neither.
    """
    order = order or Order()
    sources = [open_source(folder, order.by, order.settings, order.improvement) for folder in folders]
    mission.check({*known, *(name for source in sources for name in source.measures)})
    measures = list(_followed(sources))
    gaps = _ranked(gap for each in measures for gap in each.reading.gaps)
    facts = Facts(sources, [each.trend for each in measures])
    clauses = tuple(_kept(clause, measures, gaps, facts) for clause in mission.clauses)
    named = {name for clause in mission.clauses for name in clause.measures}
    unmapped = tuple(each for each in measures if each.reading.measure.name not in named)
    return Scorecard(mission, tuple(sources), clauses, gaps, tuple(measures), unmapped, order)


def _followed(sources: Sequence[Source]) -> Iterator[Followed]:
    """Every measure group of the folders, in the order they come up, at its latest period."""
    found: dict[Key, list[Reading]] = {}
    for source in sources:
        for reading in readings(source):
            others = found.setdefault(reading.key, [])
            _check_once(reading, others)
            others.append(reading)
    for several in found.values():
        latest = max(several, key=lambda reading: reading.source.period[::-1])
        yield Followed(latest, trend(several))


def _check_once(reading: Reading, others: Sequence[Reading]) -> None:
    for other in others:
        if other.source.period == reading.source.period:
            places = f"{other.source.folder} and {reading.source.folder}"
            raise UsageError(f"{reading.measure.name} of {' to '.join(reading.source.period)} is in both {places}")


def _ranked(gaps: Iterable[Gap]) -> tuple[Gap, ...]:
    """The sure ones first, by the people they are about at the least; then the others, by the people they may be."""
    return tuple(sorted(gaps, key=lambda gap: (not gap.claimed, -_weight(gap))))


def _weight(gap: Gap) -> float:
    return (gap.least if gap.claimed else gap.people) or 0.0


def _kept(clause: Clause, measures: Sequence[Followed], gaps: Sequence[Gap], facts: Facts) -> Kept:
    mine = [each for each in measures if clause.every or each.reading.measure.name in clause.measures]
    there = {each.reading.measure.name for each in mine}
    lacking = tuple(name for name in clause.measures if name not in there)
    chosen = tuple(
        g for g in gaps if g.measure in there and (not clause.by or set(g.attribute.split(CROSS)) & {*clause.by})
    )
    checks = tuple(check(name, facts) for name in clause.checks)
    order = {name: place for place, name in enumerate(clause.measures)}
    mine.sort(key=lambda each: order.get(each.reading.measure.name, 0))
    if clause.every:
        return Kept(clause, tuple(mine), chosen, checks, lacking, _breadth(clause, facts.sources))
    own = tuple(replace(f, reading=replace(f.reading, gaps=_of(f, chosen))) for f in mine)
    return Kept(clause, own, chosen, checks, lacking)


def _of(followed: Followed, gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    return tuple(gap for gap in gaps if (gap.measure, gap.group_id) == followed.reading.key)


def _breadth(clause: Clause, sources: Sequence[Source]) -> Breadth:
    """The attributes of all folders, with the largest share of people for whom each is not known in any measure."""
    shares: dict[str, list[float | None]] = {}
    for source in sources:
        for line in source.lines:
            if line.attribute != OVERALL and CROSS not in line.attribute:
                shares.setdefault(line.attribute, []).append(line.figures["missing_share"])
    told = [(name, max((s for s in found if s is not None), default=None)) for name, found in shares.items()]
    wanted = clause.by or tuple(shares)
    return Breadth(tuple(t for t in told if t[0] in wanted), tuple(name for name in wanted if name not in shares))
