"""Judges four measures by other authors, on plain FHIR 4.0.1, with their patients: EXM 104, 105, 125 and 506 of 2019.

    scripts/exm.py [NAME ...] [--engine duckdb|oracle]

Content is a Bundle per measure, ELM inside; each patient is a transaction Bundle, expected is the individual
MeasureReport of the same file name. Judged as `decks.py` judges the decks.
Needs ../shared/data (or $SALUS_SHARED/data).
"""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import SHARED
from decks import ReportCase, Run, Verdict, show
from salus.cli.evaluate import ENGINES
from salus.measure.content import Content

BUNDLES, PATIENTS = SHARED / "fhir/exm-bundles", SHARED / "fhir/tacoma-exm.tar.xz"
_REPORTS, _REPORT = "measure-reports", "-MeasureReport"


def contents() -> dict[str, Path]:
    """The content Bundle of each measure, by the name of its folder of patients (`EXM_104-8.2.000`)."""
    return {path.name.partition("-bundle")[0].replace("EXM", "EXM_"): path for path in sorted(BUNDLES.glob("*.xz"))}


def cases(folder: str, measure: str) -> list[ReportCase]:
    """The patients of a folder that have an expected report, in order of file name."""
    bundles, reports = dict[str, Any](), dict[str, Any]()
    for name, resource in _resources(folder):
        if Path(name).parent.name == _REPORTS:
            reports[Path(name).stem.removesuffix(_REPORT)] = resource
        elif resource["resourceType"] == "Bundle":
            bundles[Path(name).stem] = resource
    there = enumerate(sorted(bundles.keys() & reports.keys()), 1)
    return [_case(measure, line, name, bundles[name], reports[name]) for line, name in there]


def _resources(folder: str) -> Iterator[tuple[str, Any]]:
    with tarfile.open(PATIENTS) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.startswith(f"{folder}/") else None
            if file is not None and member.name.endswith(".json"):
                yield member.name, json.load(file)


def _case(measure: str, line: int, name: str, bundle: Any, report: Any) -> ReportCase:
    (patient,) = (e["resource"]["id"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient")
    return ReportCase(measure, line, patient, bundle, {**report, "id": name})


def judged(folder: str, path: Path, engine: str) -> list[Verdict]:
    """A verdict for every patient of a measure, loaded together and evaluated once."""
    content = Content.load([path])
    (measure,) = content.measures()
    run = Run(content, (measure,), engine, apart=False, paths=(path,))
    return list(run.batch(cases(folder, measure.name), measure))


def verdicts(engine: str = "duckdb") -> list[Verdict]:
    """A verdict for every patient of every measure; none where the data are absent."""
    return [verdict for folder, path in contents().items() for verdict in judged(folder, path, engine)]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="beginnings of measure names such as EXM104; default: all four")
    parser.add_argument("--engine", choices=ENGINES, default="duckdb")
    chosen = parser.parse_args()
    starts = tuple(name.replace("EXM", "EXM_") for name in chosen.names) or ("",)
    made: list[Verdict] = []
    for folder, path in contents().items():
        if folder.startswith(starts):
            start = time.perf_counter()
            made += (now := judged(folder, path, chosen.engine))
            show(folder, now, time.perf_counter() - start)
    exact = sum(verdict.exact for verdict in made)
    print(f"{exact:,} of {len(made):,} exact on {chosen.engine}")
    return 0 if made and exact == len(made) else 1


if __name__ == "__main__":
    sys.exit(main())
