"""Who is left out, at size: `salus equity` over determinations made up for as many people as asked.

Every measure counts a part of the people, every attribute is drawn for all of them, and one attribute has as many
groups as a region has places. Stands on `bench.py`, which calls `bench_equity`; alone it prints its rows.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import duckdb

import bench

ATTRIBUTES = {
    "race": 8,
    "ethnicity": 4,
    "sex": 3,
    "age_band": 5,
    "language": 8,
    "zip3": 60,
    "payer": 7,
    "uninsured": 3,
    "site": 20,
    "disability": 3,
    "veteran": 3,
    "deprivation": 6,
}
"""Attributes and their numbers of groups, the last of them "unknown"."""
SHARE = 0.3
"""Part of the people that a measure counts, on average."""


def bench_equity(page: bench.Page, people: int, measures: int, keep: Path | None) -> None:
    """One row for single attributes and one for every pair of them."""
    groups = ", ".join(f"{name} {count}" for name, count in ATTRIBUTES.items())
    page.add("", "## Who is left out: every attribute and every pair", "")
    page.add(
        f"{measures} measures over {people:,} made-up people, a determination of each for each; every measure counts "
        f"{SHARE:.0%} of them on average. Groups: {groups}. *Rows* are those of equity.parquet."
    )
    page.table("asked", "determinations", "rows", "wall time", "peak memory")
    with tempfile.TemporaryDirectory(dir=keep) as folder:
        results = apart(make_results, Path(folder) / "results", people, measures)
        for name, arguments in (("every attribute", []), ("every attribute and pair", ["--cross", "all"])):
            page.row(*_row(name, arguments, results, people * measures))


def apart(make: Callable[..., Path], *arguments: object) -> Path:
    """`make` in a process of its own: a command is said to have held at its peak what held the one that started it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(make, *arguments).result()


def _row(name: str, arguments: Sequence[str], results: Path, determinations: int) -> Iterator[str]:
    yield from (name, f"{determinations:,}")
    try:
        ran = bench.salus("equity", results, *arguments)
    except bench.Failed as failed:
        yield from (f"**{failed}**", "", "")
        return
    counted = duckdb.execute("SELECT count(*) FROM read_parquet($1)", [str(results / "equity.parquet")]).fetchone()
    yield from (f"{counted[0] if counted else 0:,}", f"**{ran.seconds:.1f} s**", bench.memory(ran))


def make_results(folder: Path, people: int, measures: int) -> Path:
    """A results folder drawn from a fixed seed: some groups are treated worse by a few points."""
    folder.mkdir(parents=True)
    with duckdb.connect() as con:
        con.execute("SELECT setseed(0.2026)")
        con.execute(f"COPY ({_attributes(people)}) TO '{folder / 'attributes.parquet'}'")
        con.execute(f"CREATE TEMP TABLE person AS SELECT * FROM read_parquet('{folder / 'attributes.parquet'}')")
        con.execute(f"COPY ({_determinations(measures)}) TO '{folder / 'determinations.parquet'}'")
    listed = [{"name": f"M{i:02}", "title": f"Measure {i}", "scoring": "proportion"} for i in range(measures)]
    listed = [each | {"improvement": "decrease" if i % 5 == 4 else "increase"} for i, each in enumerate(listed)]
    about = {"period": {"start": "2026-01-01", "end": "2026-12-31"}, "measures": listed, "warnings": []}
    (folder / "run.json").write_text(json.dumps(about), encoding="utf-8")
    return folder


def _attributes(people: int) -> str:
    """Groups of falling size: the square of a uniform number falls among the first ones most."""
    columns = ", ".join(
        "CASE WHEN random() < 0.04 THEN 'unknown' ELSE 'group ' || "
        f"lpad(floor(random() ** 2 * {count - 1})::INT::VARCHAR, 2, '0') END AS {name}"
        for name, count in ATTRIBUTES.items()
    )
    return f"SELECT 'person-' || i AS subject_id, {columns} FROM range({people}) t(i)"


def _determinations(measures: int) -> str:
    lower = "CASE WHEN uninsured = 'group 01' THEN 0.06 ELSE 0 END + CASE WHEN race = 'group 03' THEN 0.03 ELSE 0 END"
    drawn = (
        "SELECT 'M' || lpad(m::VARCHAR, 2, '0') AS measure, subject_id, random() AS a, random() AS b, "
        f"{SHARE} * (0.5 + m / {measures}.0) AS counted, 0.3 + 0.5 * m / {measures}.0 - ({lower}) AS rate "
        f"FROM range({measures}) t(m), person"
    )
    return f"""
        SELECT measure, '0' AS group_id, subject_id, subject_id AS unit_id, true AS initial_population,
          a < counted AS denominator, a < 0.02 * counted AS denominator_exclusion,
          NULL::BOOLEAN AS denominator_exception, a < counted AND a >= 0.02 * counted AND b < rate AS numerator,
          NULL::BOOLEAN AS numerator_exclusion, NULL::BOOLEAN AS measure_population,
          NULL::BOOLEAN AS measure_population_exclusion, NULL::DOUBLE[] AS observations
        FROM ({drawn})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--measures", type=int, default=50)
    parser.add_argument("--work", type=Path, default=None)
    chosen = parser.parse_args()
    bench_equity(bench.Page(), chosen.people, chosen.measures, chosen.work)


if __name__ == "__main__":
    main()
