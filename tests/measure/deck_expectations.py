"""What a published test deck expects, and how determinations differ from it.

A deck is NDJSON: a collection Bundle per line with the records of one patient and, last, the individual MeasureReport
that is expected. `read_deck` turns lines into cases, `expected` a report into counts and observed numbers per group,
`found` the determinations of one subject into the same, `differences` says where they differ and nothing is lenient:
populations on either side alone count, and so does a row that should not be there.

How reports put it (read off the decks, see docs/SPEC_CLARIFICATIONS.md): groups go by their order (some carry the id of
an earlier draft), a population by its code; each observation of each unit is a population of its own, whose count is
the observed number and whose id is that of the measure's observation and a running number.
Leaves to others: loading and evaluating (scripts/decks.py, tests).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from salus.measure.definition import Group, MeasureDefinition
from salus.measure.flow import OBSERVED, POPULATIONS, columns_of
from salus.measure.observations import observations

Json = dict[str, Any]
Row = Mapping[str, Any]
"""A determination as a dict."""

_OWNERS: Final = ("subject", "patient", "beneficiary")
_SHARED: Final = ("Medication", "Location", "Organization", "Practitioner", "PractitionerRole", "Substance")
"""Types whose resources belong to no patient: cases that say different things under one id must not stand together."""


@dataclass(frozen=True)
class Case:
    """A case: whose it is, the records (a Bundle, without the expectation), what is expected, what it calls itself."""

    deck: str
    line: int
    patient: str
    bundle: Json = field(repr=False)
    report: Json = field(repr=False)

    @property
    def id(self) -> str:
        """The id of the expected report."""
        return str(self.report["id"])

    @property
    def period(self) -> tuple[date, date]:
        """First and last day of the measurement period, as the report has it."""
        period = self.report["period"]
        return date.fromisoformat(period["start"][:10]), date.fromisoformat(period["end"][:10])

    @property
    def about(self) -> str:
        """What the author says the case is for."""
        told = (each.get("valueMarkdown", "") for each in self.report.get("extension", ()))
        return " ".join(next(filter(None, told), "").split())

    @property
    def records(self) -> list[Json]:
        """The resources of the Bundle."""
        return [entry["resource"] for entry in self.bundle["entry"]]


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
        return f"group {self.group} {self.population}: expected {self.expected}, found {self.found}"


def read_deck(path: Path) -> list[Case]:
    """The cases of a deck, in its order."""
    return [_case(path.stem, n, json.loads(line)) for n, line in enumerate(path.read_bytes().splitlines(), 1)]


def measure_of(case: Case, measures: Sequence[MeasureDefinition]) -> MeasureDefinition | None:
    """The measure a case is for: that of the deck's name, else the one its report names; None where there is none."""
    named = {measure.name: measure for measure in measures}
    reported = str(case.report["measure"]).partition("|")[0].rpartition("/")[2]
    return named.get(case.deck) or named.get(reported)


def batches(cases: Sequence[Case]) -> list[list[Case]]:
    """Cases that can be loaded and evaluated together: of one period, none speaking of another's patient, and none
    giving another meaning to the id of a resource that belongs to no patient.
    """
    made: list[list[Case]] = []
    for case in cases:
        fitting = (batch for batch in made if all(_fit(case, other) for other in batch))
        batch = next(fitting, None)
        if batch is None:
            made.append([case])
        else:
            batch.append(case)
    return made


def expected(report: Json, measure: MeasureDefinition) -> list[Picture]:
    """What a report expects of each group, in the order of the measure."""
    pictures = [Picture(numbers={each.id: [] for each in observations(group)}) for group in measure.groups]
    if len(report["group"]) != len(pictures):
        raise ValueError(f"{report['id']} has {len(report['group'])} groups, {measure.name} has {len(pictures)}")
    for picture, group, told in zip(pictures, measure.groups, report["group"], strict=True):
        for population in told["population"]:
            _expect(picture, group, population)
    return pictures


def found(rows: Sequence[Row], measure: MeasureDefinition, subject: str) -> list[Picture]:
    """What the determinations of a measure (rows of any subjects) say of one subject, group by group."""
    mine = [row for row in rows if row["subject_id"] == subject and row["measure"] == measure.name]
    return [_picture([row for row in mine if row["group_id"] == group.id], group, subject) for group in measure.groups]


def differences(case: Case, measure: MeasureDefinition, rows: Sequence[Row]) -> list[Difference]:
    """Everything in which the determinations differ from what a case expects; none when it is exact."""
    pairs = zip(expected(case.report, measure), found(rows, measure, case.patient), strict=True)
    return [difference for place, pair in enumerate(pairs) for difference in _compare(place, *pair)]


def strata_differences(case: Case, measure: MeasureDefinition, rows: Sequence[Row]) -> list[Difference]:
    """Where strata differ, for the stratifiers whose expectation can be true (`strata_are_possible`).

    Not part of what makes a case exact: authors are not asked to fill strata in, and in three decks they contradict
    themselves.
    """
    mine = [row for row in rows if row["subject_id"] == case.patient and row["measure"] == measure.name]
    return [
        difference
        for place, (group, told) in enumerate(zip(measure.groups, case.report["group"], strict=True))
        for stratifier in told.get("stratifier", ())
        if strata_are_possible(told, stratifier)
        for difference in _strata(place, stratifier, [row for row in mine if row["group_id"] == group.id])
    ]


def strata_are_possible(group: Json, stratifier: Json) -> bool:
    """Whether the expected strata add up to no more than the populations they are strata of."""
    whole = _codes(group["population"])
    parts: Counter[str] = Counter()
    for stratum in stratifier.get("stratum", ()):
        parts.update(_codes(stratum["population"]))
    return all(parts[code] <= whole[code] for code in parts)


def _case(deck: str, line: int, bundle: Json) -> Case:
    *records, report = (entry["resource"] for entry in bundle["entry"])
    if report["resourceType"] != "MeasureReport":
        raise ValueError(f"{deck}, line {line} ends in a {report['resourceType']}")
    (patient,) = (record for record in records if record["resourceType"] == "Patient")
    return Case(deck, line, patient.get("id") or _referred(records), collection(records), report)


def collection(records: Sequence[Json]) -> Json:
    """Records as a Bundle."""
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in records]}


def _referred(records: Sequence[Json]) -> str:
    """The one patient that records refer to: one deck has a Patient without an id."""
    (patient,) = {owner for record in records for owner in _owners(record)}
    return patient


def _owners(record: Json) -> Iterator[str]:
    """Ids of the patients that a resource says it belongs to."""
    for name in _OWNERS:
        reference = record.get(name, {}).get("reference", "") if isinstance(record.get(name), dict) else ""
        if "Patient/" in reference:
            yield reference.rpartition("/")[2]


def _fit(one: Case, other: Case) -> bool:
    if one.patient == other.patient or one.period != other.period:
        return False
    for case, stranger in ((one, other), (other, one)):
        if any(stranger.patient in _owners(record) for record in case.records):
            return False
    mine, theirs = _unowned(one), _unowned(other)
    return all(mine[key] == theirs[key] for key in mine.keys() & theirs.keys())


def _unowned(case: Case) -> dict[tuple[str, str], Json]:
    return {(r["resourceType"], r.get("id", "")): r for r in case.records if r["resourceType"] in _SHARED}


def _codes(populations: Sequence[Json]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for each in populations:
        counted[each["code"]["coding"][0]["code"]] += each.get("count", 0)
    return counted


def _expect(picture: Picture, group: Group, population: Json) -> None:
    code, count = population["code"]["coding"][0]["code"], population.get("count", 0)
    if not code.endswith("-observation"):
        picture.counts[code.replace("-", "_")] += count
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
    for problem in (*wanted.wrong, *got.wrong):
        yield Difference(place, "rows", "the contract", problem)


def _same(one: Sequence[float | None], other: Sequence[float | None]) -> bool:
    """The same numbers in any order; null is no number and equals none."""
    if len(one) != len(other) or None in one or None in other:
        return False
    return all(abs(a - b) < 1e-6 for a, b in zip(_sorted(one), _sorted(other), strict=True))


def _sorted(numbers: Sequence[float | None]) -> list[Any]:
    return sorted(numbers, key=lambda number: (number is None, number or 0))


def _strata(place: int, stratifier: Json, rows: Sequence[Row]) -> Iterator[Difference]:
    for stratum in stratifier.get("stratum", ()):
        value = stratum["value"]["text"]
        wanted = "false" if value == "false" else "true"
        inside = [row for row in rows if dict(row["strata"]).get(stratifier["id"]) == wanted]
        for code, count in _codes(stratum["population"]).items():
            got = sum(bool(row[code.replace("-", "_")]) for row in inside)
            if got != count:
                yield Difference(place, f"{stratifier['id']} {value} {code}", count, got)
