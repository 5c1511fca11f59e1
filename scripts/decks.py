"""Runs the public test decks in one process and says which cases are exact, and every difference of those that are not.

    scripts/decks.py [NAME ...] [--engine duckdb|oracle] [--json OUT] [--apart] [--case ID]

A case is exact when the determinations say just what its MeasureReport expects: every population of every group, every
observation, no row too many (salus.measure.testing). Cases of a deck that cannot stand in one population
are loaded apart; each deck is evaluated over the period its reports have. Needs ../shared/data (or $SALUS_SHARED/data).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bench import ROOT, SHARED
from salus.cli.evaluate import ENGINES, tools
from salus.errors import SalusError
from salus.measure.content import Content
from salus.measure.definition import MeasureDefinition
from salus.measure.run import Job, evaluate
from salus.measure.testing.expected import Difference, differences
from salus.measure.testing.reports import ReportCase, batches
from salus.store import load

sys.path.insert(0, str(ROOT / "tests/measure"))

from deck_expectations import measure_of, read_deck, strata_differences

CONTENT = SHARED / "ecqm/content"


@dataclass
class Verdict:
    """What became of a case: its differences (none: exact), or why it did not run."""

    case: ReportCase
    differences: list[Difference] = field(default_factory=list)
    strata: list[Difference] = field(default_factory=list)
    problem: str = ""

    @property
    def exact(self) -> bool:
        return not (self.differences or self.problem)

    def told(self) -> dict[str, Any]:
        case = self.case
        return {
            "deck": case.deck,
            "line": case.line,
            "case": case.id,
            "patient": case.patient,
            "about": case.about,
            "exact": self.exact,
            "problem": self.problem,
            "differences": [asdict(each) for each in self.differences],
            "strata": [asdict(each) for each in self.strata],
        }


@dataclass(frozen=True)
class Run:
    """What all decks share."""

    content: Content
    measures: Sequence[MeasureDefinition]
    engine: str
    apart: bool
    paths: tuple[Path, ...] = (CONTENT,)

    def deck(self, cases: Sequence[ReportCase]) -> Iterator[Verdict]:
        """A verdict for every case of a deck that has a measure."""
        measure = measure_of(cases[0], self.measures)
        if measure is None:
            return
        for batch in [[case] for case in cases] if self.apart else batches(cases):
            yield from self.batch(batch, measure)

    def batch(self, cases: Sequence[ReportCase], measure: MeasureDefinition) -> Iterator[Verdict]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                rows = self.rows(cases, measure, Path(folder))
            except SalusError as error:
                yield from (Verdict(case, problem=str(error)) for case in cases)
                return
        for case in cases:
            yield Verdict(case, differences(case, measure, rows), strata_differences(case, measure, rows))

    def rows(self, cases: Sequence[ReportCase], measure: MeasureDefinition, folder: Path) -> list[dict[str, Any]]:
        """Load the cases as one population and evaluate: the determinations as dicts."""
        (folder / "deck.ndjson").write_text("\n".join(json.dumps(case.bundle) for case in cases), encoding="utf-8")
        load([folder / "deck.ndjson"], folder / "population.duckdb")
        out = folder / "results"
        job = Job(folder / "population.duckdb", self.paths, cases[0].period, out, (measure.name,), self.engine)
        evaluate(job, tools(self.engine), self.content)
        return pq.read_table(out / "determinations.parquet").to_pylist(maps_as_pydicts="strict")


def show(deck: str, verdicts: Sequence[Verdict], seconds: float) -> None:
    exact = sum(verdict.exact for verdict in verdicts)
    print(f"{deck}: {exact} of {len(verdicts)} exact, {len(verdicts) - exact} missed, {seconds:.1f} s", flush=True)
    problems = list(dict.fromkeys(verdict.problem for verdict in verdicts if verdict.problem))
    for problem in problems:
        print(f"    did not run: {problem}")
    for verdict in verdicts:
        for difference in verdict.differences:
            print(f"    {verdict.case.patient or verdict.case.id}: {difference}   ({verdict.case.about[:90]})")
        for difference in verdict.strata:
            print(f"    stratum, {verdict.case.patient}: {difference}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("decks", nargs="*", help="beginnings of deck names; default: every deck there is")
    parser.add_argument("--engine", choices=ENGINES, default="duckdb")
    parser.add_argument("--json", type=Path, help="write every verdict into this file")
    parser.add_argument("--apart", action="store_true", help="load every case by itself")
    parser.add_argument("--case", help="only cases whose patient, report or line is this")
    return parser.parse_args()


def chosen_decks(starts: Sequence[str]) -> list[Path]:
    """The deck files whose names begin so; all when nothing is asked for."""
    paths = sorted((SHARED / "ecqm/decks").glob("*.ndjson"))
    return [path for path in paths if not starts or path.stem.startswith(tuple(starts))]


def cases_of(path: Path, wanted: str | None = None) -> list[ReportCase]:
    """The cases of a deck, or those whose patient, report or line is `wanted`."""
    return [case for case in read_deck(path) if wanted in (None, case.patient, case.id, str(case.line))]


def main() -> int:
    chosen, clock = arguments(), time.perf_counter()
    paths = chosen_decks(chosen.decks)
    if not paths:
        sys.exit(f"no such deck in {SHARED / 'ecqm/decks'}")
    content = Content.load([CONTENT], allow_missing_valuesets=True)
    run = Run(content, content.measures(), chosen.engine, chosen.apart)
    verdicts: list[Verdict] = []
    for path in paths:
        start = time.perf_counter()
        cases = cases_of(path, chosen.case)
        made = list(run.deck(cases)) if cases else []
        if made:
            show(path.stem, made, time.perf_counter() - start)
        elif cases:
            print(f"{path.stem}: {len(cases)} cases cannot run, the content has no such measure")
        verdicts += made
    exact = sum(verdict.exact for verdict in verdicts)
    share = f"{exact / len(verdicts):.2%}" if verdicts else "-"
    print(f"{exact:,} of {len(verdicts):,} exact ({share}) on {chosen.engine}, {time.perf_counter() - clock:.0f} s")
    if chosen.json:
        chosen.json.write_text(json.dumps([verdict.told() for verdict in verdicts], indent=1), encoding="utf-8")
    return 0 if exact == len(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
