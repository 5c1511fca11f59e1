"""Both engines over the same records: is every determination the same, row by row?

    scripts/engines.py SOURCE... --period FIRST LAST [--measure NAME]... [--content FOLDER]

Loads the sources (whatever `salus load` takes), evaluates the measures on each engine, and prints the rows that differ
with what each engine says. Exit code 1 when there are any. Content: ../shared/data's measures unless told otherwise.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bench import memory, salus
from decks import CONTENT
from salus.cli.evaluate import ENGINES

Key = tuple[str, str, str, str]
Rows = Mapping[Key, Mapping[str, Any]]


def rows(folder: Path) -> Rows:
    """The determinations of a results folder by measure, group, subject and unit."""
    table = pq.read_table(folder / "determinations.parquet").to_pylist(maps_as_pydicts="strict")
    return {(r["measure"], r["group_id"], r["subject_id"], r["unit_id"] or ""): r for r in table}


def apart(a: Rows, b: Rows) -> list[Key]:
    """The rows that only one of them has, or has so, in order."""
    return [key for key in sorted({*a, *b}) if a.get(key) != b.get(key)]


def counts(row: Mapping[str, Any]) -> bool:
    """Whether a row is more than somebody who is in no measure."""
    return bool(row["denominator"] or row["measure_population"])


def compare(found: Mapping[str, Rows]) -> int:
    """Prints what differs; the number of rows that do."""
    (first, a), (second, b) = found.items()
    differing = apart(a, b)
    for key in differing[:20]:
        columns = sorted(name for name in {*(a.get(key) or {}), *(b.get(key) or {})})
        for name in columns:
            said = (a.get(key, {}).get(name), b.get(key, {}).get(name))
            if said[0] != said[1]:
                print(f"{' '.join(key)}: {name} is {said[0]} on {first}, {said[1]} on {second}")
    by_measure = ", ".join(f"{name} {many:,}" for name, many in Counter(key[0] for key in differing).items())
    held = sum(map(counts, a.values()))
    print(f"{len(a):,} rows of {len({key[0] for key in a})} measures, {held:,} in a denominator or measure population")
    print(f"{len(differing):,} differ{': ' if differing else ''}{by_measure}")
    return len(differing)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--period", nargs=2, required=True, metavar=("FIRST", "LAST"))
    parser.add_argument("--measure", action="append", default=[])
    parser.add_argument("--content", type=Path, default=CONTENT)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        population = Path(folder) / "population.duckdb"
        ran = salus("load", *asked.sources, "--into", population)
        print(f"load: {ran.seconds:.1f} s, {memory(ran)}", flush=True)
        chosen = [part for name in asked.measure for part in ("--measure", name)]
        found = {}
        for engine in ENGINES:
            out = Path(folder) / engine
            command = ["evaluate", population, "--content", asked.content, *chosen, "--period", *asked.period]
            ran = salus(*command, "--out", out, "--engine", engine, "--allow-missing-valuesets")
            print(f"{engine}: {ran.seconds:.1f} s, {memory(ran)}", flush=True)
            found[engine] = rows(out)
        return 1 if compare(found) else 0


if __name__ == "__main__":
    sys.exit(main())
