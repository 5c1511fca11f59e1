"""All public decks as one population, all their measures in one run: the same answers as deck by deck?

    scripts/together.py [--engine duckdb|oracle] [--keep FOLDER]

The decks reuse ids; here every resource gets an id of its own (deck, line, its id), and references follow. The records
are one file, loaded once; measures of one period are evaluated at once by `salus evaluate`. Cases are judged as
`decks.py` judges them. Needs ../shared/data (or $SALUS_SHARED/data).
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bench import Ran, memory, salus
from decks import CONTENT, ReportCase, Verdict, cases_of, chosen_decks, differences, measure_of, show
from salus.cli.evaluate import ENGINES
from salus.measure.content import Content
from salus.measure.definition import MeasureDefinition

Period = tuple[date, date]
Cases = Sequence[tuple[ReportCase, MeasureDefinition]]
"""Cases that have a measure, with it."""


def judged() -> list[tuple[ReportCase, MeasureDefinition]]:
    """Every case of every deck that has a measure, under ids that no other case has; none without the decks."""
    return list(_judged()) if CONTENT.exists() else []


def _judged() -> Iterator[tuple[ReportCase, MeasureDefinition]]:
    measures = Content.load([CONTENT], allow_missing_valuesets=True).measures()
    for number, path in enumerate(chosen_decks(())):
        for case in cases_of(path):
            measure = measure_of(case, measures)
            if measure is not None:
                yield renamed(case, f"{number}-{case.line}-"), measure


def renamed(case: ReportCase, prefix: str) -> ReportCase:
    """The case with `prefix` before every id, and before those in references to its own resources and patient."""
    own = {f"{each['resourceType']}/{each.get('id')}" for each in case.records} | {f"Patient/{case.patient}"}

    def moved(value: Any) -> Any:
        if isinstance(value, list):
            return [moved(each) for each in value]
        if not isinstance(value, dict):
            return value
        made = {key: moved(each) for key, each in value.items()}
        kind, _, id_ = str(value.get("reference", "")).rpartition("/")
        return made | {"reference": f"{kind}/{prefix}{id_}"} if value.get("reference") in own else made

    entries = [{"resource": moved(each) | {"id": prefix + each.get("id", case.patient)}} for each in case.records]
    return replace(case, patient=prefix + case.patient, bundle={**case.bundle, "entry": entries})


def write(cases: Sequence[ReportCase], path: Path) -> None:
    """The records, a Bundle per line."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(case.bundle) + "\n" for case in cases)


def periods(cases: Cases) -> Mapping[Period, list[str]]:
    """The measures to evaluate over each period."""
    found: dict[Period, dict[str, None]] = {}
    for case, measure in cases:
        found.setdefault(case.period, {})[measure.name] = None
    return {period: list(names) for period, names in found.items()}


def run(cases: Cases, engine: str, work: Path) -> Iterator[tuple[str, Ran, Path | None]]:
    """Load, then evaluate each period with all its measures: what was done, its cost, and the results folder."""
    write([case for case, _ in cases], work / "records.ndjson")
    population = work / "population.duckdb"
    said = f"{len(cases):,} cases of {len({case.deck for case, _ in cases})} decks"
    yield f"`load` {said}", salus("load", work / "records.ndjson", "--into", population), None
    for (first, last), names in periods(cases).items():
        out = work / f"results-{first}-{last}"
        chosen = [part for name in names for part in ("--measure", name)]
        command = ["evaluate", population, "--content", CONTENT, *chosen, "--period", str(first), str(last)]
        ran = salus(*command, "--out", out, "--engine", engine, "--allow-missing-valuesets")
        yield f"`evaluate` {len(names)} measures, {first} to {last}", ran, out


def verdicts(cases: Cases, results: Sequence[Path]) -> list[Verdict]:
    """What became of every case."""
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for folder in results:
        for row in pq.read_table(folder / "determinations.parquet").to_pylist(maps_as_pydicts="strict"):
            rows.setdefault((row["measure"], row["subject_id"]), []).append(row)
    return [
        Verdict(case, differences(case, measure, rows.get((measure.name, case.patient), []))) for case, measure in cases
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", choices=ENGINES, default="duckdb")
    parser.add_argument("--keep", type=Path, help="a folder to leave the population and the results in")
    chosen = parser.parse_args()
    cases = judged()
    with tempfile.TemporaryDirectory() as folder:
        work = chosen.keep or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        results = []
        for step, ran, out in run(cases, chosen.engine, work):
            print(f"{step}: {ran.seconds:.1f} s, {memory(ran)}", flush=True)
            results += [out] if out else []
        made = verdicts(cases, results)
    missed = [verdict for verdict in made if not verdict.exact]
    show("together", missed, 0)
    print(f"{len(made) - len(missed):,} of {len(made):,} exact on {chosen.engine}")
    return 0 if made and not missed else 1


if __name__ == "__main__":
    sys.exit(main())
