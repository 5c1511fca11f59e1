"""The catalog over a large synthetic community, and the oracle over a sample of the same people -> docs/engines.md.

    scripts/agree.py [--people N] [--sample N] [--seed S] [--page FILE]

Draws N people with `salus synth`, loads them, and evaluates every measure of the catalog on duckdb. People of one seed
are the same in a community of any size, so the sample is the first people of that community: drawn, loaded and
evaluated by themselves, on the oracle. Every determination and every attribute of the sample's people has to be the
same in both. The commands are run as a person would run them. Exit code 1 when anything differs; the page says so too.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bench import ROOT, Ran, machine, memory, salus
from engines import apart, counts, rows

PAGE = ROOT / "docs/engines.md"
PERIOD = ("2026-01-01", "2026-12-31")
Row = tuple[str, int, int, int]
"""A measure, its rows of the sample, those that count, and those that differ."""


@dataclass(frozen=True)
class Community:
    """People drawn, loaded and evaluated on one engine: how it went, and where the results are."""

    engine: str
    people: int
    steps: dict[str, Ran]
    results: Path

    @property
    def resources(self) -> int:
        """How many resources were loaded."""
        population = json.loads((self.results / "run.json").read_text(encoding="utf-8"))["population"]
        return sum(population["resources"].values())


def made(engine: str, people: int, seed: int, work: Path) -> Community:
    """Draw, load, evaluate; the records go when they are loaded."""
    folder = work / engine
    records, population, results = folder / "records", folder / "population.duckdb", folder / "results"
    folder.mkdir()
    commands: dict[str, list[str | Path]] = {
        "synth": ["synth", records, "--people", str(people), "--seed", str(seed)],
        "load": ["load", records, "--into", population],
        "evaluate": ["evaluate", population, "--period", *PERIOD, "--engine", engine, "--out", results],
    }
    steps = {}
    for name, command in commands.items():
        steps[name] = salus(*command)
        print(f"{engine}, {people:,} people, {name}: {steps[name].seconds:.0f} s", flush=True)
    return Community(engine, people, steps, results)


def compare(large: Community, sample: Community) -> Iterator[Row]:
    """By measure, and at last for who people are: rows of the sample, those that count, and those that differ."""
    ours, theirs = rows(large.results), rows(sample.results)
    people = {subject for _, _, subject, _ in theirs}
    kept = {key: row for key, row in ours.items() if key[2] in people}
    differing = Counter(key[0] for key in apart(kept, theirs))
    every, counting = Counter(key[0] for key in theirs), Counter(key[0] for key, row in theirs.items() if counts(row))
    yield from ((name, every[name], counting[name], differing[name]) for name in sorted(every | differing))
    who, here = attributes(large.results), attributes(sample.results)
    yield "who people are", len(here), len(here), len(apart({key: who.get(key) for key in here}, here))


def attributes(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Who each subject is."""
    return {row["subject_id"]: row for row in pq.read_table(folder / "attributes.parquet").to_pylist()}


# --- the page ---

HEAD = """# Both engines on one community

Made by `make agree` (`scripts/agree.py`): {people:,} people of `salus synth` (seed {seed}, {resources:,} resources),
every measure of the catalog on `duckdb`; and the first {sample:,} of the same people, drawn, loaded and evaluated by
themselves, on `oracle`. People of one seed are the same in a community of any size ([synth.md](synth.md)). Of the
sample's people every row has to be the same: memberships, observations, strata, and who they are.

**{said}**
"""


def page(large: Community, sample: Community, seed: int, found: Sequence[Row], about: Sequence[str]) -> str:
    """The page in Markdown."""
    total, differing = (sum(row[place] for row in found) for place in (1, 3))
    said = f"{total:,} rows compared, {differing:,} differ." if differing else f"All {total:,} rows are the same."
    sizes = {"people": large.people, "sample": sample.people, "resources": large.resources}
    lines = [HEAD.format(**sizes, seed=seed, said=said)]
    lines += ["| | people | step | seconds | CPU seconds | memory |", "|---|---:|---|---:|---:|---:|"]
    for each in (large, sample):
        for name, ran in each.steps.items():
            lines.append(
                f"| {each.engine} | {each.people:,} | {name} | {ran.seconds:.0f} | {ran.cpu:.0f} | {memory(ran)} |"
            )
    lines += ["", "| measure | rows | in a denominator or measure population | differ |", "|---|---:|---:|---:|"]
    lines += [f"| {name} | {every:,} | {inside:,} | {apart:,} |" for name, every, inside, apart in found]
    return "\n".join([*lines, "", *about]) + "\n"


def main() -> int:
    """Make both, compare, write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--sample", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args()
    if not 0 < asked.sample <= asked.people:
        parser.error("--sample is of the people: at least 1, at most as many as there are")
    with tempfile.TemporaryDirectory() as work:
        about = list(machine())
        sample = made("oracle", asked.sample, asked.seed, Path(work))
        large = made("duckdb", asked.people, asked.seed, Path(work))
        found = list(compare(large, sample))
        asked.page.write_text(page(large, sample, asked.seed, found, about), encoding="utf-8")
    print(f"{asked.page} written: {sum(row[3] for row in found):,} rows differ")
    return int(any(row[3] for row in found))


if __name__ == "__main__":
    sys.exit(main())
