"""Test cases as authoring tools write them -> cases: the records of one person, and the MeasureReport that is expected.

The report is an individual one. It stands in a Bundle with the person's records (MADiE, NDJSON decks of such Bundles);
or by itself, with the Bundle of the person it names (`subject`), or the person's records as files below its folder or
the one above (content repositories). Leaves to others: what a report expects (`testing.expected`), evaluating
(`testing.running`).

Sources: FHIR R4 MeasureReport; the Quality Measure IG, test cases (profile test-case-cqfm, whose Parameters name the
subject, and whose description is an extension).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any, Final

import orjson

from salus.cql.diagnostics import did_you_mean
from salus.errors import SalusError
from salus.fhir.reading import Raw, scan
from salus.fhir.sources import Walk
from salus.measure.definition import MeasureDefinition
from salus.terminology.versions import version_key

Json = dict[str, Any]

_OWNERS: Final = ("subject", "patient", "beneficiary")
_SHARED: Final = ("Medication", "Location", "Organization", "Practitioner", "PractitionerRole", "Substance")
"""Types whose resources belong to no patient: cases that say different things under one id must not stand together."""
_SUFFIXES: Final = (".json", ".ndjson", ".jsonl")


@dataclass(frozen=True)
class ReportCase:
    """A case: where it stands, whose it is, the records (a Bundle, without the expectation), what is expected."""

    file: str
    line: int
    patient: str
    bundle: Json = field(repr=False)
    report: Json = field(repr=False)

    @property
    def where(self) -> str:
        """File and line, as a person finds it."""
        return f"{self.file}:{self.line}" if self.line > 1 else self.file

    @property
    def name(self) -> str:
        """Who it is about, and the file."""
        return f"{self.patient} ({PurePosixPath(self.where).name})"

    @property
    def deck(self) -> str:
        """What the file is called, without its ending."""
        called = PurePosixPath(self.file).name
        return called.removesuffix(next((each for each in _SUFFIXES if called.endswith(each)), ""))

    @property
    def id(self) -> str:
        """The id of the expected report."""
        return str(self.report.get("id", ""))

    @property
    def measure(self) -> str:
        """The canonical of the measure, as the report has it."""
        return str(self.report.get("measure", ""))

    @property
    def period(self) -> tuple[date, date]:
        """First and last day of the measurement period, as the report has it. Raises SalusError."""
        try:
            period = self.report["period"]
            return date.fromisoformat(period["start"][:10]), date.fromisoformat(period["end"][:10])
        except (TypeError, KeyError, ValueError):
            raise SalusError(f"{self.where}: the MeasureReport does not say for which period it is") from None

    @property
    def about(self) -> str:
        """What the author says the case is for."""
        told = (str(each.get("valueMarkdown", "")) for each in self.report.get("extension", ()))
        return " ".join(next(filter(None, told), "").split())

    @property
    def records(self) -> list[Json]:
        """The resources of the Bundle."""
        return [entry["resource"] for entry in self.bundle["entry"]]


def report_cases(paths: Sequence[Path]) -> list[ReportCase]:
    """The cases in files, folders and archives, in order. Raises SalusError naming file and line of what cannot be read
    and of a report whose person is not there."""
    bundles: dict[int, list[Raw]] = {}
    loose: list[Raw] = []
    for raw in scan(Walk(paths, copies=True)):  # two cases may hold the same record, each in a file of its own
        if raw.bundle is None:
            loose.append(raw)
        else:
            bundles.setdefault(raw.bundle, []).append(raw)
    reports = [(raw, report) for raw in loose if (report := _expectation(raw)) is not None]
    within = [case for raws in bundles.values() for case in _within(raws)]
    return within + [_alone(raw, report, bundles.values(), loose) for raw, report in reports]


def meant(case: ReportCase, measures: Sequence[MeasureDefinition]) -> MeasureDefinition:
    """The measure a case is for: the one its report names, by address or by name; else the one its file is called
    after; else the only one there is. Raises SalusError."""
    address = case.measure.partition("|")[0]
    called = address.rpartition("/")[2]
    for fits in (
        lambda one: one.canonical == case.measure,
        lambda one: one.url == address,
        lambda one: called in (one.name, one.id),
        lambda one: one.name == case.deck,
        lambda one: len(measures) == 1,
    ):
        found = [one for one in measures if fits(one)]
        if found:
            return max(found, key=lambda one: version_key(one.version))
    hint = did_you_mean(called, [one.name for one in measures])
    raise SalusError(f"{case.where}: there is no measure {case.measure or '(none is named)'}; {hint}".rstrip("; "))


def batches(cases: Sequence[ReportCase]) -> list[list[ReportCase]]:
    """Cases that can be loaded and evaluated together: of one period, none speaking of another's patient, and none
    giving another meaning to the id of a resource that belongs to no patient.
    """
    made: list[list[ReportCase]] = []
    for case in cases:
        fitting = (batch for batch in made if all(_fit(case, other) for other in batch))
        batch = next(fitting, None)
        if batch is None:
            made.append([case])
        else:
            batch.append(case)
    return made


def collection(records: Iterable[Json]) -> Json:
    """Records as a Bundle."""
    return _bundle({"resource": each} for each in records)


# --- reading ---


def _expectation(raw: Raw) -> Json | None:
    """A MeasureReport about one person; None of anything else."""
    if raw.type != "MeasureReport":
        return None
    report = _parsed(raw)
    return report if report.get("type") == "individual" else None


def _parsed(raw: Raw) -> Json:
    resource: Json = orjson.loads(raw.data)
    return resource


def _within(raws: Sequence[Raw]) -> Iterator[ReportCase]:
    """The cases of a Bundle: one for each report in it."""
    for raw in raws:
        report = _expectation(raw)
        if report is not None:
            yield _case(raw, report, raws)


def _alone(raw: Raw, report: Json, bundles: Iterable[Sequence[Raw]], loose: Sequence[Raw]) -> ReportCase:
    """The case of a report that stands by itself."""
    named = _named(report)
    for raws in bundles:
        if named and any(each.type == "Patient" and each.id == named for each in raws):
            return _case(raw, report, raws)
    for folder in list(PurePosixPath(raw.file).parents)[:2]:
        below = [each for each in loose if folder in PurePosixPath(each.file).parents]
        if any(each.type == "Patient" for each in below):
            return _case(raw, report, below)
    raise SalusError(f"{_place(raw)}: the records of the person this MeasureReport is about are not here")


def _case(raw: Raw, report: Json, raws: Sequence[Raw]) -> ReportCase:
    """A case of these records, whatever is expected of others left out."""
    broken = next((each for each in raws if each.error), None)
    if broken:
        raise SalusError(f"{_place(broken)} {broken.error}")
    entries = [_entry(each) for each in raws if each.type != "MeasureReport"]
    patient = _patient(report, [entry["resource"] for entry in entries])
    if patient is None:
        raise SalusError(f"{_place(raw)}: it cannot be told which Patient this MeasureReport is about")
    return ReportCase(raw.file, raw.line, patient, _bundle(entries), report)


def _entry(raw: Raw) -> Json:
    entry: Json = {"resource": _parsed(raw)}
    return entry | {"fullUrl": raw.full_url} if raw.full_url else entry


def _bundle(entries: Iterable[Json]) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}


def _place(raw: Raw) -> str:
    return f"{raw.file}:{raw.line}"


def _named(report: Json) -> str:
    """The id of the person a report names."""
    said = report.get("subject", {}).get("reference") or next(_parameters(report), "")
    return str(said).rpartition("/")[2]


def _parameters(report: Json) -> Iterator[str]:
    for contained in report.get("contained", ()):
        for each in contained.get("parameter", ()):
            if each.get("name") == "subject" and each.get("valueString"):
                yield each["valueString"]


def _patient(report: Json, records: Sequence[Json]) -> str | None:
    """The id of the one patient, or of the one named; a Patient without an id is whom the records refer to."""
    ids = [record.get("id") for record in records if record["resourceType"] == "Patient"]
    if len(ids) == 1 and not ids[0]:
        referred = {owner for record in records for owner in _owners(record)}
        ids = list(referred) if len(referred) == 1 else []
    if len(ids) == 1:
        return str(ids[0])
    return _named(report) if _named(report) in ids else None


# --- what can stand together ---


def _owners(record: Json) -> Iterator[str]:
    """Ids of the patients that a resource says it belongs to."""
    for name in _OWNERS:
        said = record.get(name)
        reference = str(said.get("reference", "")) if isinstance(said, dict) else ""
        if "Patient/" in reference:
            yield reference.rpartition("/")[2]


def _fit(one: ReportCase, other: ReportCase) -> bool:
    if one.patient == other.patient or one.period != other.period:
        return False
    for case, stranger in ((one, other), (other, one)):
        if any(stranger.patient in _owners(record) for record in case.records):
            return False
    mine, theirs = _unowned(one), _unowned(other)
    return all(mine[key] == theirs[key] for key in mine.keys() & theirs.keys())


def _unowned(case: ReportCase) -> dict[tuple[str, str], Json]:
    return {(r["resourceType"], r.get("id", "")): r for r in case.records if r["resourceType"] in _SHARED}
