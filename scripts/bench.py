"""Measures speed and memory and writes docs/performance.md from what was measured.

Clones published test decks to many patients (thin, and fat: each patient with unrelated observations
added), loads and evaluates them with the `salus` command itself, checks that every count is the deck's own
times the clones, and runs the main job on Synthea's records. Needs ../shared/data (or $SALUS_SHARED/data);
what is not there is skipped and said so. Cloning is left to `clones.py`, nothing is kept but the page.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path

from clones import Deck, write_clones

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SALUS_SHARED", ROOT.parent / "shared")) / "data"
DECKS = (
    *("CMS122FHIRDiabetesAssessGreaterThan9Percent", "CMS125FHIRBreastCancerScreening"),
    *("CMS130FHIRColorectalCancerScreening", "CMS165FHIRControllingHighBloodPressure"),
)
SYNTHEA = ("fhir/synthea-ma-615.tar.xz", "fhir/synthea-qicore-177.tar.xz")
MEGA = 1e6


@dataclass(frozen=True)
class Ran:
    """One finished command: wall-clock seconds, the most memory it held, in bytes, and seconds of processors."""

    seconds: float
    peak: int
    cpu: float = 0.0


class Failed(Exception):
    """A command ended with an error; the text is the last line it wrote."""


def additions() -> float:
    """Seconds that ten million additions take, the best of three: how fast the machine is at this hour."""

    def once() -> float:
        total, started = 0, time.perf_counter()
        for number in range(10_000_000):
            total += number
        return time.perf_counter() - started

    return min(once() for _ in range(3))


def salus(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Ran:
    """Runs the command as a person would, in a process of its own, so that start-up and compiling count."""
    command = [sys.executable, "-m", "salus.cli.main", *map(str, arguments)]
    started = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        variables = {**os.environ, **(environment or {})}
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, env=variables)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines() or ["no message"]
            raise Failed(f"salus {arguments[0]} ended with {process.returncode}: {lines[-1]}")
    return Ran(seconds, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime)


@dataclass
class Page:
    """The lines of docs/performance.md, echoed as they come."""

    lines: list[str] = field(default_factory=list)

    def add(self, *lines: str) -> None:
        for line in lines:
            print(line, flush=True)
            self.lines.append(line)

    def table(self, *columns: str) -> None:
        self.add("", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns))

    def row(self, *cells: object) -> None:
        self.add("| " + " | ".join(map(str, cells)) + " |")


@dataclass(frozen=True)
class Size:
    """How large one clone run is: patients, and unrelated observations added to each."""

    name: str
    patients: int
    observations: int


def bench_clones(page: Page, sizes: Sequence[Size], rounds: int, keep: Path) -> None:
    page.add("", "## Evaluation on cloned decks", "", *CLONES_EXPLAINED.split("\n"))
    page.table(*CLONE_COLUMNS)
    phases: list[tuple[object, ...]] = []
    for name in DECKS:
        path = SHARED / f"ecqm/decks/{name}.ndjson"
        if not path.exists():
            page.row(name, *["skipped: the deck is not here"], *[""] * (len(CLONE_COLUMNS) - 2))
            continue
        for size in sizes:
            page.row(*clone_row(Deck.read(path), name, size, rounds, keep, phases))
    page.add("", "### Where the time goes", "", *PHASES_EXPLAINED.split("\n"))
    page.table("measure", "patients", "observations added", *PHASES, "whole", "floor")
    for each in phases:
        page.row(*each)


CLONE_COLUMNS = (
    *("measure", "patients", "observations added", "resources", "NDJSON", "load", "load peak"),
    *("first evaluate", "evaluate (median)", "patients/s", "engine alone", "evaluate peak", "counts"),
)
CLONES_EXPLAINED = """\
Each deck's patients again and again under new ids. *Evaluate* is the whole `salus evaluate` command:
start-up, finding the measure among 41 with 985 value sets, compiling, running, attributes, reports; *engine alone*
is compiling and running, as `run.json` says it. The first evaluation also types the elements that a measure
is the first to ask for, and may read all content; the median is of those after it. *Counts* compares every population
of the result with the deck's expected reports. Clones flatter compression: real records repeat less."""


PHASES = ("start-up and end", "content", "typing", "compile", "statements", "determinations", "attributes", "reports")
PHASES_EXPLAINED = """\
Seconds of one evaluation, of those that come after the first, as `run.json` says them; *start-up and end* is the rest
of the command: loading the program, opening the population, the manifest and the audit log. *Typing* is paid by the
first evaluation alone. *Floor* reads each column that the measure needs once, with nothing else (DuckDB, warm file)."""


def phases_of(results: Path, ran: Ran) -> Iterator[float]:
    """Seconds of each of PHASES, and of the whole."""
    told = json.loads((results / "run.json").read_text())["timings"]
    steps = told["engine_steps"]
    known = [
        *(told["content"], steps["typing"], steps["compile"], steps["execute"]),
        *(told["determinations"], told["attributes"], told["reports"]),
    ]
    yield from (ran.seconds - sum(known), *known, ran.seconds)


def clone_row(
    deck: Deck, name: str, size: Size, rounds: int, keep: Path, phases: list[tuple[object, ...]]
) -> Iterator[str]:
    yield from (name, f"{size.patients:,}", f"{size.observations:,}")
    with tempfile.TemporaryDirectory(dir=keep) as folder:
        work = Path(folder)
        resources, written = write_clones(deck, work / "clones.ndjson", size.patients, size.observations)
        yield from (f"{resources:,}", f"{written / MEGA:,.0f} MB")
        try:
            yield from load_and_evaluate(deck, name, size, rounds, work, written)
            phases.append(phases_row(deck, name, size, work))
        except Failed as failed:
            yield f"**{failed}**"


def phases_row(deck: Deck, name: str, size: Size, work: Path) -> tuple[object, ...]:
    """One more evaluation, taken apart."""
    from bench_scale import floor  # stands on this module

    results = work / "results"
    ran = salus(*evaluation(work / "population.duckdb", [name], (deck.first, deck.last), results))
    reads = json.loads((results / "run.json").read_text())["columns_read"]
    seconds = (*phases_of(results, ran), floor(work / "population.duckdb", reads))
    return name, f"{size.patients:,}", f"{size.observations:,}", *(f"{each:.2f}" for each in seconds)


def load_and_evaluate(deck: Deck, name: str, size: Size, rounds: int, work: Path, written: int) -> Iterator[str]:
    population, results = work / "population.duckdb", work / "results"
    loaded = salus("load", work / "clones.ndjson", "--into", population)
    (work / "clones.ndjson").unlink()
    yield from (f"{loaded.seconds:.1f} s ({written / MEGA / loaded.seconds:.0f} MB/s)", memory(loaded))
    command = evaluation(population, [name], (deck.first, deck.last), results)
    first, *runs = [salus(*command) for _ in range(rounds + 1)]
    middle = statistics.median(run.seconds for run in runs)
    yield f"{first.seconds:.2f} s"
    engine = engine_seconds(results)
    yield from (f"{middle:.2f} s", f"**{size.patients / middle:,.0f}**")
    yield f"{engine:.2f} s ({size.patients / engine:,.0f}/s)"
    yield memory(max(first, *runs, key=lambda run: run.peak))
    yield "as expected" if counted(results) == deck.expected(size.patients) else "**WRONG**"


def evaluation(population: Path, measures: Sequence[str], period: tuple[str, str], results: Path) -> list[str | Path]:
    chosen = [part for name in measures for part in ("--measure", name)]
    content = SHARED / "ecqm/content"
    return ["evaluate", population, "--content", content, *chosen, "--period", *period, "--out", results]


def engine_seconds(results: Path) -> float:
    timings = json.loads((results / "run.json").read_text())["timings"]
    return float(timings["engine"])


def counted(results: Path) -> Counter[str]:
    """Population code -> count over all groups of the one measure in a results folder."""
    (line,) = (results / "measure-reports.ndjson").read_text().splitlines()
    found: Counter[str] = Counter()
    for group in json.loads(line)["group"]:
        for population in group["population"]:
            found[population["code"]["coding"][0]["code"]] += population["count"]
    return +found


def memory(ran: Ran) -> str:
    return f"{ran.peak / 2**20:,.0f} MiB"


def bench_main_job(page: Page, keep: Path) -> None:
    """Synthea's records through every step, for four measures."""
    page.add("", "## The main job: Synthea's 792 patients, four measures, 2019")
    missing = [path for path in SYNTHEA if not (SHARED / path).exists()]
    if missing:
        page.add("", f"Skipped: {', '.join(missing)} not here.")
        return
    page.table("step", "wall time", "peak memory")
    with tempfile.TemporaryDirectory(dir=keep) as folder:
        for step, arguments in main_job(Path(folder)):
            try:
                ran = salus(*arguments)
            except Failed as failed:
                page.row(step, f"**{failed}**", "")
                return
            page.row(step, f"{ran.seconds:.1f} s", memory(ran))


def main_job(work: Path) -> Iterator[tuple[str, list[str | Path]]]:
    population, results = work / "population.duckdb", work / "results"
    records = [SHARED / path for path in SYNTHEA]
    yield f"`load` {' '.join(path.name for path in records)}", ["load", *records, "--into", population]
    yield (
        "`evaluate` CMS122, CMS125, CMS130, CMS165",
        evaluation(population, DECKS, ("2019-01-01", "2019-12-31"), results),
    )
    by = [part for name in ("race", "sex", "age_band", "payer") for part in ("--by", name)]
    yield "`equity` by race, sex, age band, payer", ["equity", results, *by]
    yield "`report`", ["report", results, "--out", work / "report.html"]


def bench_together(page: Page, keep: Path) -> None:
    """All decks as one population, all measures at once, judged case by case."""
    import together  # stands on this module

    page.add("", "## All public decks as one population, all their measures at once")
    judged = together.judged()
    if not judged:
        page.add("", "Skipped: the decks are not here.")
        return
    page.table("step", "wall time", "peak memory")
    with tempfile.TemporaryDirectory(dir=keep) as folder:
        results = []
        for step, ran, out in together.run(judged, "duckdb", Path(folder)):
            page.row(step, f"{ran.seconds:.1f} s", memory(ran))
            results += [out] if out else []
        exact = sum(verdict.exact for verdict in together.verdicts(judged, results))
    page.add("", f"{exact:,} of {len(judged):,} cases are exact.")


def bench_intake(page: Page, sizes: Sequence[Size], keep: Path) -> None:
    """How records come in."""
    from bench_intake import bench_intake as section  # stands on this module

    section(page, sizes, keep)


def bench_cql(page: Page) -> None:
    """The way from text."""
    from bench_text import bench_text  # stands on this module

    bench_text(page)


def bench_equity(page: Page, people: int, measures: int, keep: Path) -> None:
    """Groups and pairs of groups of many people."""
    from bench_equity import bench_equity as section  # stands on this module

    section(page, people, measures, keep)


def bench_scale(page: Page, sizes: Sequence[int], mixed: int, million: int, rounds: int, keep: Path | None) -> None:
    """Growth, the floor, what sharing saves, and a great many patients."""
    from bench_scale import bench_growth, bench_million, bench_sharing  # stands on this module

    if million:
        bench_million(page, million, keep)
    if sizes:
        bench_growth(page, sizes, rounds, keep)
    if mixed:
        bench_sharing(page, mixed, keep)


RIVALS = """
## What others reach

Cited from the brief of this project, not measured here: the best rival we know evaluates 1,500-4,000
patients a second on CMS122 and 142 on CMS165; with 200 unrelated observations added to each patient, 28 and
2."""


def machine() -> Iterator[str]:
    cpu = next((line.split(":")[1].strip() for line in lines_of("/proc/cpuinfo") if "model name" in line), "unknown")
    total = next((int(line.split()[1]) for line in lines_of("/proc/meminfo") if line.startswith("MemTotal")), 0)
    packages = ", ".join(f"{name} {version(name)}" for name in ("salus", "duckdb", "pyarrow"))
    yield f"- {date.today().isoformat()}, {platform.system()} {platform.release()}, {platform.machine()}"
    yield f"- {cpu}, {os.cpu_count()} cores, {total / 2**20:.0f} GiB of memory"
    yield f"- load average before the first run: {os.getloadavg()[0]:.1f} (a busy machine measures itself)"
    yield f"- ten million additions in Python: {additions():.2f} s (a shared host may be slow without any load)"
    yield f"- Python {platform.python_version()}, {packages}"


def lines_of(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures speed and memory; writes docs/performance.md.")
    parser.add_argument("--patients", type=int, default=100_000, help="thin clones (0: none)")
    parser.add_argument("--fat-patients", type=int, default=20_000, help="fat clones (0: none)")
    parser.add_argument("--observations", type=int, default=200, help="unrelated observations per fat clone")
    parser.add_argument("--rounds", type=int, default=3, help="evaluations after the first, of which the median counts")
    parser.add_argument("--growth", type=int, nargs="*", default=[1_000, 10_000, 100_000], help="sizes to grow by")
    parser.add_argument("--equity-people", type=int, default=1_000_000, help="made-up people to compare (0: none)")
    parser.add_argument("--mixed", type=int, default=20_000, help="clones of all decks together (0: none)")
    parser.add_argument("--million", type=int, default=1_000_000, help="thin clones, a great many (0: none)")
    parser.add_argument("--no-main-job", action="store_true", help="leave Synthea out")
    parser.add_argument("--no-intake", action="store_true", help="leave the section on intake out")
    parser.add_argument("--no-together", action="store_true", help="leave the decks as one population out")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/performance.md")
    parser.add_argument("--work", type=Path, default=None, help="where large files go for a while")
    return parser.parse_args()


def main() -> None:
    chosen, page = options(), Page()
    page.add("# Performance", "", "Written by `make bench` (`scripts/bench.py`); never by hand.", "", *machine())
    sizes = [Size("thin", chosen.patients, 0), Size("fat", chosen.fat_patients, chosen.observations)]
    sizes = [size for size in sizes if size.patients]
    if not chosen.no_intake:
        bench_intake(page, sizes, chosen.work)
    bench_clones(page, sizes, chosen.rounds, chosen.work)
    if not chosen.no_main_job:
        bench_main_job(page, chosen.work)
    if not chosen.no_together:
        bench_together(page, chosen.work)
    if chosen.equity_people:
        bench_equity(page, chosen.equity_people, 50, chosen.work)
    bench_scale(page, chosen.growth, chosen.mixed, chosen.million, chosen.rounds, chosen.work)
    bench_cql(page)
    page.add(*RIVALS.split("\n"))
    chosen.out.write_text("\n".join(page.lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
