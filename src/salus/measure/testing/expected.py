"""What a MeasureReport expects of one person, and how determinations differ from it.

Nothing is lenient: populations on either side alone count, and so does a row that should not be there.

How reports put it (read off published test cases, see docs/SPEC_CLARIFICATIONS.md): groups go by their order (some
carry the id of an earlier draft), a population by its code; each observation of each unit is a population of its own,
whose count is the observed number and whose id is that of the measure's observation and a running number. Strata are
not looked at. Leaves to others: whose records they are (`testing.reports`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from salus.errors import SalusError
from salus.measure.definition import Group, MeasureDefinition
from salus.measure.flow import OBSERVED, POPULATIONS, column_of, columns_of
from salus.measure.observations import observations
from salus.measure.testing.reports import ReportCase

Json = dict[str, Any]
Row = Mapping[str, Any]
"""A determination as a dict."""


@dataclass
class Picture:
    """One group for one subject: how many units in each population (by column), and the numbers of each observation."""

    counts: Counter[str] = field(default_factory=Counter)
    numbers: dict[str, list[float | None]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """What no determination, or no report, should look like."""


@dataclass(frozen=True)
class Difference:
    """Where determinations are not what a report expects; `population` is a column, an observation or "rows"."""

    group: int
    population: str
    expected: Any
    found: Any

    def __str__(self) -> str:
        return f"group {self.group} {self._text}"

    def said(self, measure: MeasureDefinition) -> str:
        """In words: of a measure with several groups by the group's id."""
        return f"group {measure.groups[self.group].id}: {self._text}" if len(measure.groups) > 1 else self._text

    @property
    def _text(self) -> str:
        return f"{self.population}: expected {self.expected}, found {self.found}"


def differences(case: ReportCase, measure: MeasureDefinition, rows: Sequence[Row]) -> list[Difference]:
    """Everything in which the determinations differ from what a case expects; none when it is exact.

    Raises SalusError for a report that is not about such a measure.
    """
    pairs = zip(expected(case, measure), found(rows, measure, case.patient), strict=True)
    return [difference for place, pair in enumerate(pairs) for difference in _compare(place, *pair)]


def expected(case: ReportCase, measure: MeasureDefinition) -> list[Picture]:
    """What a report expects of each group, in the order of the measure. Raises SalusError."""
    pictures = [Picture(numbers={each.id: [] for each in observations(group)}) for group in measure.groups]
    told = case.report.get("group", [])
    if len(told) != len(pictures):
        raise SalusError(f"{case.where}: the report has {len(told)} groups, {measure.name} has {len(pictures)}")
    try:
        for picture, group in zip(pictures, told, strict=True):
            for population in group["population"]:
                _expect(picture, population)
    except (KeyError, IndexError, TypeError, AttributeError):
        raise SalusError(f"{case.where}: a population of the report has no code, or a count that is none") from None
    return pictures


def found(rows: Sequence[Row], measure: MeasureDefinition, subject: str) -> list[Picture]:
    """What the determinations of a measure (rows of any subjects) say of one subject, group by group."""
    mine = [row for row in rows if row["subject_id"] == subject and row["measure"] == measure.name]
    return [_picture([row for row in mine if row["group_id"] == group.id], group, subject) for group in measure.groups]


def _expect(picture: Picture, population: Json) -> None:
    code, count = population["code"]["coding"][0]["code"], population.get("count", 0)
    if not code.endswith("-observation"):
        picture.counts[column_of(code)] += count
        return
    own = [each for each in picture.numbers if f"{population['id']}_".startswith(f"{each}_")]
    name = max(own, key=len) if own else population["id"]
    picture.numbers.setdefault(name, []).append(float(count))


def _picture(rows: Sequence[Row], group: Group, subject: str) -> Picture:
    picture = Picture(Counter(dict.fromkeys(columns_of(group), 0)), {each.id: [] for each in observations(group)})
    for row in rows:
        picture.counts.update({name: int(row[name]) for name in POPULATIONS if row[name] is not None})
        _observe(picture, group, row)
    picture.wrong = list(_misshapen(rows, group, subject))
    return picture


def _observe(picture: Picture, group: Group, row: Row) -> None:
    """Hand the numbers of a row, in their order, to the observations that observe it."""
    numbers = list(row["observations"])
    observing = [each for each in observations(group) if row[each.column] and not row[OBSERVED[each.column]]]
    for each, number in zip(observing, numbers, strict=False):
        picture.numbers[each.id].append(number)
    if len(numbers) != len(observing):
        picture.numbers[f"unit {row['unit_id']}, {len(observing)} observed"] = numbers


def _misshapen(rows: Sequence[Row], group: Group, subject: str) -> Iterator[str]:
    """What the contract of determinations forbids."""
    there = columns_of(group)
    if not rows:
        yield "no row"
    if len({row["unit_id"] for row in rows}) < len(rows):
        yield "a unit has two rows"
    outside = [row for row in rows if not row["initial_population"]]
    if outside and len(rows) > 1:
        yield "a row outside the initial population beside others"
    if any(row["unit_id"] != subject or any(row[name] for name in POPULATIONS) for row in outside):
        yield "a row outside the initial population that is not all false"
    if any((row[name] is None) == (name in there) for row in rows for name in POPULATIONS):
        yield "null where there is a population, or a value where there is none"


def _compare(place: int, wanted: Picture, got: Picture) -> Iterator[Difference]:
    for name in sorted(wanted.counts.keys() | got.counts.keys()):
        if wanted.counts[name] != got.counts[name]:
            yield Difference(place, name, wanted.counts[name], got.counts[name])
    for name in sorted(wanted.numbers.keys() | got.numbers.keys()):
        ours, theirs = got.numbers.get(name, []), wanted.numbers.get(name, [])
        if not _same(theirs, ours):
            yield Difference(place, name, _sorted(theirs), _sorted(ours))
    for problem in got.wrong:
        yield Difference(place, "rows", "the contract", problem)


def _same(one: Sequence[float | None], other: Sequence[float | None]) -> bool:
    """The same numbers in any order; null is no number and equals none."""
    if len(one) != len(other) or None in one or None in other:
        return False
    return all(abs(a - b) < 1e-6 for a, b in zip(_sorted(one), _sorted(other), strict=True))


def _sorted(numbers: Sequence[float | None]) -> list[Any]:
    return sorted(numbers, key=lambda number: (number is None, number or 0))
