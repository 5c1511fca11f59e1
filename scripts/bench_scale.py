"""How time and memory grow with the patients, what one run of all measures saves against a run each, and the floor: how
long the columns that a measure reads take to be read once, by themselves.

Called by `bench.py`; by itself it prints its part of the page. The plot is written beside the page, as SVG.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bench import DECKS, ROOT, SHARED, Failed, Page, Ran, counted, evaluation, memory, salus
from clones import Case, Deck, mark, write_clones

DECK = "CMS165FHIRControllingHighBloodPressure"
PLOT = "performance-growth.svg"


@dataclass(frozen=True)
class Point:
    """One size: patients, the median of the evaluations, and the floor in seconds."""

    patients: int
    ran: Ran
    floor: float


def bench_growth(page: Page, sizes: Sequence[int], rounds: int, keep: Path | None) -> None:
    """Thin clones of one deck, ever more of them."""
    page.add("", "## Growth with the number of patients", "")
    path = SHARED / f"ecqm/decks/{DECK}.ndjson"
    if not path.exists():
        page.add("Skipped: the deck is not here.")
        return
    page.add(f"`salus evaluate` of {DECK} over thin clones. *Floor* reads each column that the measure needs once,")
    page.add("with nothing else (DuckDB, warm file).")
    page.table("patients", "evaluate (median)", "patients/s", "peak memory", "floor", "evaluate / floor")
    points = []
    for size in sizes:
        point = measured(Deck.read(path), size, rounds, keep)
        points.append(point)
        seconds = point.ran.seconds
        page.row(
            f"{size:,}",
            f"{seconds:.2f} s",
            f"{size / seconds:,.0f}",
            memory(point.ran),
            f"{point.floor:.3f} s",
            f"{seconds / point.floor:,.0f}",
        )
    (ROOT / "docs" / PLOT).write_text(plot(points), encoding="utf-8")
    page.add("", f"![Seconds and MiB against patients, both axes logarithmic]({PLOT})")


def measured(deck: Deck, patients: int, rounds: int, keep: Path | None) -> Point:
    with tempfile.TemporaryDirectory(dir=keep) as folder:
        work = Path(folder)
        write_clones(deck, work / "clones.ndjson", patients, 0)
        salus("load", work / "clones.ndjson", "--into", work / "population.duckdb")
        command = evaluation(work / "population.duckdb", [DECK], (deck.first, deck.last), work / "results")
        _, *runs = [salus(*command) for _ in range(rounds + 1)]
        seconds = statistics.median(run.seconds for run in runs)
        reads = json.loads((work / "results" / "run.json").read_text())["columns_read"]
        return Point(patients, Ran(seconds, max(run.peak for run in runs)), floor(work / "population.duckdb", reads))


def floor(population: Path, reads: Mapping[str, Sequence[str]]) -> float:
    """Seconds to read the columns once; the best of three."""
    with duckdb.connect(str(population), read_only=True) as con:
        queries = [_all_of(table, columns) for table, columns in reads.items() if columns]
        return min(_timed(con, queries) for _ in range(3))


def _all_of(table: str, columns: Sequence[str]) -> str:
    listed = ", ".join(f'max("{column}")' for column in columns)
    return f'SELECT {listed} FROM "{table}"'


def _timed(con: duckdb.DuckDBPyConnection, queries: Sequence[str]) -> float:
    began = time.perf_counter()
    for query in queries:
        con.execute(query).fetchall()
    return time.perf_counter() - began


# The plot

WIDTH, HEIGHT, MARGIN = 640, 360, 56


def plot(points: Sequence[Point]) -> str:
    """Seconds and MiB against patients, both axes logarithmic, as SVG."""
    lines = {
        "seconds": [(p.patients, p.ran.seconds) for p in points],
        "MiB": [(p.patients, p.ran.peak / 2**20) for p in points],
        "floor, seconds": [(p.patients, p.floor) for p in points],
    }
    spots = [spot for line in lines.values() for spot in line]
    scale = _Scale(_decades(x for x, _ in spots), _decades(y for _, y in spots))
    colours = ("#1b6ca8", "#a8501b", "#7a7a7a")
    drawn = [_line(scale, name, line, colour) for (name, line), colour in zip(lines.items(), colours, strict=True)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
    return "\n".join([f'{head} font-size="12">', *scale.grid(), *drawn, "</svg>", ""])


def _decades(values: Iterator[float]) -> tuple[int, int]:
    found = [math.log10(value) for value in values]
    return math.floor(min(found)), max(math.ceil(max(found)), math.floor(min(found)) + 1)


@dataclass(frozen=True)
class _Scale:
    across: tuple[int, int]
    up: tuple[int, int]

    def x(self, value: float) -> float:
        share = (math.log10(value) - self.across[0]) / (self.across[1] - self.across[0])
        return MARGIN + share * (WIDTH - 3 * MARGIN)

    def y(self, value: float) -> float:
        share = (math.log10(value) - self.up[0]) / (self.up[1] - self.up[0])
        return HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)

    def grid(self) -> Iterator[str]:
        left, right = self.x(10.0 ** self.across[0]), self.x(10.0 ** self.across[1])
        low, high = self.y(10.0 ** self.up[0]), self.y(10.0 ** self.up[1])
        for power in range(self.up[0], self.up[1] + 1):
            y = self.y(10.0**power)
            yield f'<path d="M{left:.0f} {y:.0f}H{right:.0f}" stroke="#ddd"/>'
            yield f'<text x="{left - 6:.0f}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:,g}</text>'
        for power in range(self.across[0], self.across[1] + 1):
            x = self.x(10.0**power)
            yield f'<path d="M{x:.0f} {low:.0f}V{high:.0f}" stroke="#ddd"/>'
            yield f'<text x="{x:.0f}" y="{low + 18:.0f}" text-anchor="middle">{10.0**power:,.0f}</text>'


def _line(scale: _Scale, name: str, spots: Sequence[tuple[float, float]], colour: str) -> str:
    placed = [(scale.x(x), scale.y(y)) for x, y in spots]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed)
    x, y = placed[-1]
    label = f'<text x="{x + 8:.0f}" y="{y + 4:.0f}" fill="{colour}">{name}</text>'
    return f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}{label}'


# A great many


def bench_million(page: Page, patients: int, keep: Path | None) -> None:
    """Thin clones, a great many of them: do they get through, in what time, memory and space on disk?"""
    page.add("", f"## {patients:,} patients", "")
    path = SHARED / f"ecqm/decks/{DECK}.ndjson"
    if not path.exists():
        page.add("Skipped: the deck is not here.")
        return
    page.add(f"Thin clones of the patients of {DECK}.")
    page.table("step", "wall time", "patients/s", "peak memory", "")
    with tempfile.TemporaryDirectory(dir=keep) as folder:
        try:
            for step, ran, told in _many(Deck.read(path), patients, Path(folder)):
                page.row(step, f"{ran.seconds:.1f} s", f"**{patients / ran.seconds:,.0f}**", memory(ran), told)
        except Failed as failed:
            page.row(f"**{failed}**", "", "", "", "")


def _many(deck: Deck, patients: int, work: Path) -> Iterator[tuple[str, Ran, str]]:
    population, results = work / "population.duckdb", work / "results"
    resources, size = write_clones(deck, work / "clones.ndjson", patients, 0)
    loaded = salus("load", work / "clones.ndjson", "--into", population)
    (work / "clones.ndjson").unlink()
    disk = population.stat().st_size / 2**20
    yield "`load`", loaded, f"{resources:,} resources, {size / 1e6:,.0f} MB of NDJSON; {disk:,.0f} MiB on disk"
    for step, names in (("the first time", [DECK]), ("again", [DECK]), ("", DECKS)):
        ran = salus(*evaluation(population, names, (deck.first, deck.last), results))
        what = f"`evaluate` CMS165 {step}" if step else f"`evaluate` {len(DECKS)} measures at once"
        right = "as expected" if not step or counted(results) == deck.expected(patients) else "**WRONG**"
        yield what, ran, f"counts {right}" if step else ""


# All measures at once


def bench_sharing(page: Page, patients: int, keep: Path | None) -> None:
    """Clones of all decks as one population: all measures in one run, and each in a run of its own."""
    import together  # stands on bench, as this does

    page.add("", "## All measures over one population", "")
    judged = together.judged()
    if not judged:
        page.add("Skipped: the decks are not here.")
        return
    period, names = max(together.periods(judged).items(), key=lambda item: len(item[1]))
    page.table("run", "wall time", "peak memory")
    with tempfile.TemporaryDirectory(dir=keep) as folder:
        work = Path(folder)
        write_clones(Deck(tuple(cloned(case) for case, _ in judged), "", ""), work / "clones.ndjson", patients, 0)
        loaded = salus("load", work / "clones.ndjson", "--into", work / "population.duckdb")
        page.row(f"`load` {patients:,} patients", f"{loaded.seconds:.1f} s", memory(loaded))

        def ran(chosen: Sequence[str]) -> Ran:
            days = (str(period[0]), str(period[1]))
            command = evaluation(work / "population.duckdb", chosen, days, work / "results")
            return salus(*command, "--allow-missing-valuesets")

        for when in ("first run (types what no measure asked for before)", "again"):
            once = ran(names)
            page.row(f"{len(names)} measures, {when}", f"{once.seconds:.1f} s", memory(once))
        apart = [ran([name]) for name in names]
        most = max(apart, key=lambda each: each.peak)
        page.row(f"{len(names)} measures, a run each", f"{sum(each.seconds for each in apart):.1f} s", memory(most))


def cloned(case: object) -> Case:
    """A case of the decks, ready to be cloned."""
    resources = [entry["resource"] for entry in case.bundle["entry"]]  # type: ignore[attr-defined]
    names = {f"{each['resourceType']}/{each['id']}" for each in resources}
    marked = tuple({**mark(each, names), "id": each["id"] + "@clone@"} for each in resources)
    return Case(case.patient, marked, Counter())  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--patients", type=int, default=20_000, help="clones of all decks together (0: none)")
    parser.add_argument("--million", type=int, default=0, help="thin clones, a great many (0: none)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, default=None)
    chosen, page = parser.parse_args(), Page()
    if chosen.million:
        bench_million(page, chosen.million, chosen.work)
    if chosen.sizes:
        bench_growth(page, chosen.sizes, chosen.rounds, chosen.work)
    if chosen.patients:
        bench_sharing(page, chosen.patients, chosen.work)


if __name__ == "__main__":
    main()
