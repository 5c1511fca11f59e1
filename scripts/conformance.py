"""Runs the public test decks through the `salus` command and writes docs/conformance.md.

A case is exact when every population of every group has the count its MeasureReport expects. Decks of
measures that are not supported yet are listed with the reason. Needs ../shared/data (or
$SALUS_SHARED/data). Cases believed wrong are argued in docs/ADJUDICATIONS.md and still count as misses
here.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from bench import ROOT, SHARED, Failed, evaluation, salus

Json = dict[str, Any]
Counts = Counter[tuple[int, str]]  # (position of the group, population code) -> how many
POPULATIONS = (
    *("initial_population", "denominator", "denominator_exclusion", "denominator_exception"),
    *("numerator", "numerator_exclusion", "measure_population", "measure_population_exclusion"),
)


@dataclass(frozen=True)
class Case:
    """One Bundle of a deck: whose it is, the records, what is expected, and what it calls itself."""

    patient: str
    records: tuple[Json, ...]
    expected: Counts
    about: str


@dataclass(frozen=True)
class Outcome:
    """What became of a deck: misses as (case, differences), or why it could not run."""

    name: str
    cases: int
    misses: tuple[tuple[Case, str], ...] = ()
    problem: str = ""


def read_case(bundle: Json) -> Case:
    resources = [entry["resource"] for entry in bundle["entry"]]
    (report,) = [each for each in resources if each["resourceType"] == "MeasureReport"]
    records = tuple(each for each in resources if each is not report)
    patient = next(each.get("id", "") for each in records if each["resourceType"] == "Patient")
    expected: Counts = Counter()
    for position, group in enumerate(report["group"]):
        for population in group["population"]:
            expected[position, population["code"]["coding"][0]["code"]] += population.get("count", 0)
    return Case(patient, records, expected, description(report))


def description(report: Json) -> str:
    told = [each.get("valueMarkdown", "") for each in report.get("extension", [])]
    return next((text for text in told if text), "").strip()


def run_deck(path: Path) -> Outcome:
    bundles = [json.loads(line) for line in path.read_bytes().splitlines()]
    cases = [read_case(bundle) for bundle in bundles]
    period = bundles[0]["entry"][-1]["resource"]["period"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        lines = (json.dumps(bundle_of(case)) for case in cases)
        (work / "deck.ndjson").write_text("\n".join(lines), encoding="utf-8")
        try:
            salus("load", work / "deck.ndjson", "--into", work / "p.duckdb")
            given = (period["start"][:10], period["end"][:10])
            command = evaluation(work / "p.duckdb", [measure_name(path.stem, bundles[0])], given, work / "results")
            salus(*command, "--allow-missing-valuesets")
        except Failed as failed:
            return Outcome(path.stem, len(cases), problem=str(failed).rpartition("salus: ")[2])
        found = determined(work / "results")
    return Outcome(path.stem, len(cases), tuple(misses(cases, found)))


def measure_name(deck: str, bundle: Json) -> str:
    """The measure of a deck: the one of its name, else the one its reports are about."""
    lines = (SHARED / "ecqm/content/Measure.ndjson").read_bytes().splitlines()
    reported = str(bundle["entry"][-1]["resource"]["measure"]).partition("|")[0].rpartition("/")[2]
    return deck if deck in {json.loads(line)["name"] for line in lines} else reported


def bundle_of(case: Case) -> Json:
    entries = [{"resource": each} for each in case.records]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def determined(results: Path) -> dict[str, Counts]:
    """Patient id -> counts, from determinations.parquet; groups by their position in the measure."""
    measure = json.loads((results / "run.json").read_text())["measures"][0]
    order = {group["id"]: position for position, group in enumerate(measure["groups"])}
    sums = ", ".join(f"count(*) FILTER ({name})" for name in POPULATIONS)
    query = f"SELECT subject_id, group_id, {sums} FROM read_parquet(?) GROUP BY ALL"
    found: dict[str, Counts] = {}
    for subject, group, *counts in duckdb.execute(query, [str(results / "determinations.parquet")]).fetchall():
        told = found.setdefault(subject, Counter())
        for name, count in zip(POPULATIONS, counts, strict=True):
            told[order[group], name.replace("_", "-")] += count
    return found


def misses(cases: list[Case], found: dict[str, Counts]) -> Iterator[tuple[Case, str]]:
    for case in cases:
        told = found.get(case.patient, Counter())
        wrong = [key for key in case.expected if case.expected[key] != told[key]]
        if wrong:
            said = (f"{code} {case.expected[group, code]}, found {told[group, code]}" for group, code in wrong)
            yield case, "; ".join(said)


def page(outcomes: list[Outcome]) -> Iterator[str]:
    ran = [each for each in outcomes if not each.problem]
    cases, wrong = sum(each.cases for each in ran), sum(len(each.misses) for each in ran)
    yield from ("# Conformance", "", "Written by `make conformance` (`scripts/conformance.py`); never by hand.", "")
    yield f"{cases - wrong:,} of {cases:,} cases of {len(ran)} decks are exact in every population of every group;"
    rest = [each for each in outcomes if each.problem]
    yield f"{len(rest)} decks with {sum(each.cases for each in rest):,} cases are not evaluated yet."
    yield from ("", "| deck | cases | exact |", "|---|---|---|")
    for each in ran:
        yield f"| {each.name} | {each.cases} | {each.cases - len(each.misses)} |"
    yield from missed(ran)
    yield from not_run(rest)


def missed(ran: list[Outcome]) -> Iterator[str]:
    rows = [(each.name, case, said) for each in ran for case, said in each.misses]
    if rows:
        yield from ("", "## Misses", "", "| deck | case | expected and found |", "|---|---|---|")
    for name, case, said in rows:
        yield f"| {name} | {case.patient}: {case.about} | {said} |"


def not_run(outcomes: list[Outcome]) -> Iterator[str]:
    if outcomes:
        yield from ("", "## Not evaluated yet", "", "| deck | cases | why |", "|---|---|---|")
    for each in outcomes:
        yield f"| {each.name} | {each.cases} | {each.problem} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("decks", nargs="*", help="beginnings of deck names; default: every deck there is")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/conformance.md")
    chosen = parser.parse_args()
    paths = sorted((SHARED / "ecqm/decks").glob("*.ndjson"))
    if not paths:
        sys.exit(f"the decks are not here: {SHARED / 'ecqm/decks'}")
    wanted = [path for path in paths if path.stem.startswith(tuple(chosen.decks) or "")]
    outcomes = []
    for path in wanted:
        outcomes.append(run_deck(path))
        print(path.stem, outcomes[-1].problem or f"{len(outcomes[-1].misses)} misses", flush=True)
    chosen.out.write_text("\n".join(page(outcomes)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
