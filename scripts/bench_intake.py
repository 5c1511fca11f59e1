"""The section on intake of docs/performance.md: how fast records come in, as NDJSON and as Bundles.

Clones of a test deck, thin and fat (`clones.py`), and Synthea's records, as the Bundles they come in and as the NDJSON
that a Bulk Data export would give of them, each loaded into a new population with the `salus` command itself; then the
same files again, of which nothing is new. A third load is taken apart by step, beside what the database takes only to
keep the same lines. Called by `bench.py`, whose page it writes to.
"""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import IO

import duckdb

from bench import DECKS, MEGA, SHARED, Failed, Page, Size, memory, salus
from clones import Deck, write_clones

SYNTHEA = SHARED / "fhir/synthea-ma-615.tar.xz"
COLUMNS = ("records", "resources", "JSON", "load", "MB/s", "resources/s", "peak memory", "the same again")
EXPLAINED = """\
`salus load` into a new population, start-up included: everything read, kept as it came (compressed), versions and
owners settled, the common elements typed. *JSON* is the size of the files; Synthea's Bundles are indented, two thirds
of it white space. *The same again* loads the files a second time, which reads them only to know them."""
STEPS = ("read", "settle", "type")
PHASES_EXPLAINED = """\
Seconds of one load, by the steps its progress bar shows: *read* splits the files and keeps each record as it came,
*settle* finds out whose each is and which version counts, *type* writes the columns; *start and end* is the rest.
*Processors* is how many were at work on average. *Floor* is what DuckDB alone takes to keep the same lines as
compressed text, with its own reader: nothing is told apart, checked or typed."""
_ENDED = "ended"


def bench_intake(page: Page, sizes: Sequence[Size], keep: Path | None) -> None:
    page.add("", "## Intake", "", *EXPLAINED.split("\n"))
    page.table(*COLUMNS)
    phases: list[list[str]] = []
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=keep) as folder:
            clone_row(page, size, Path(folder), phases)
    with tempfile.TemporaryDirectory(dir=keep) as folder:
        synthea_rows(page, Path(folder), phases)
    page.add("", "### Where the time of a load goes", "", *PHASES_EXPLAINED.split("\n"))
    page.table("records", *STEPS, "start and end", "whole", "processors", "floor")
    for each in phases:
        page.row(*each)


def synthea_rows(page: Page, folder: Path, phases: list[list[str]]) -> None:
    if not SYNTHEA.exists():
        page.row("Synthea", "skipped: not here", *[""] * (len(COLUMNS) - 2))
        return
    bundles, lines = folder / "bundles", folder / "ndjson"
    with tarfile.open(SYNTHEA) as archive:
        archive.extractall(bundles, filter="data")
    count = flatten(bundles, lines)
    load_row(page, "Synthea, NDJSON by type", count, lines, folder, phases)
    load_row(page, "Synthea, a Bundle per patient", count, bundles, folder, phases)


def clone_row(page: Page, size: Size, folder: Path, phases: list[list[str]]) -> None:
    path = SHARED / f"ecqm/decks/{DECKS[-1]}.ndjson"
    if not path.exists():
        page.row(f"{size.name} clones", "skipped: the deck is not here", *[""] * (len(COLUMNS) - 2))
        return
    (folder / "ndjson").mkdir()
    count, _ = write_clones(Deck.read(path), folder / "ndjson/clones.ndjson", size.patients, size.observations)
    name = f"{size.patients:,} {size.name} clones, one NDJSON file"
    load_row(page, name, count, folder / "ndjson", folder, phases)


def load_row(page: Page, name: str, resources: int, records: Path, folder: Path, phases: list[list[str]]) -> None:
    read = sum(path.stat().st_size for path in records.rglob("*.*json"))
    command = ("load", records, "--into", folder / f"{records.name}.duckdb")
    try:
        first, again = salus(*command), salus(*command)
    except Failed as failed:
        page.row(name, f"**{failed}**", *[""] * (len(COLUMNS) - 2))
        return
    speed = (f"**{read / MEGA / first.seconds:,.0f}**", f"**{resources / first.seconds:,.0f}**")
    sizes = (f"{resources:,}", f"{read / MEGA:,.0f} MB")
    page.row(name, *sizes, f"{first.seconds:.1f} s", *speed, memory(first), f"{again.seconds:.1f} s")
    phases.append([name, *phases_of(records, folder)])


def phases_of(records: Path, folder: Path) -> Iterator[str]:
    """One more load, taken apart: the cells of PHASES_EXPLAINED. In a process of its own, as a command is."""
    with ProcessPoolExecutor(1, get_context("spawn")) as apart:
        began, busy = apart.submit(steps_of, records, folder / "apart.duckdb").result()
        keeping = apart.submit(floor, records, folder / "floor.duckdb").result()
    steps = [began[after] - began[step] for step, after in zip(STEPS, (*STEPS[1:], _ENDED), strict=True)]
    yield from (f"{seconds:.1f}" for seconds in (*steps, began[_ENDED] - sum(steps), began[_ENDED]))
    yield f"{busy / began[_ENDED]:.1f}"
    yield "" if keeping is None else f"{keeping:.1f}"


def steps_of(records: Path, into: Path) -> tuple[dict[str, float], float]:
    """When each step of a load began, and when it ended, in seconds from its start; and its seconds of processor."""
    started, before = time.perf_counter(), time.process_time()
    from salus.cli.spared import spare_pandas  # timed, as in a command
    from salus.store import load

    spare_pandas()
    began: dict[str, float] = {}
    load([records], into, progress=lambda step, done, total: began.setdefault(step, time.perf_counter() - started))
    return began | {_ENDED: time.perf_counter() - started}, time.process_time() - before


def floor(records: Path, into: Path) -> float | None:
    """Seconds DuckDB takes to keep lines as they are; None where the files are not lines."""
    if not (files := sorted(map(str, records.glob("*.ndjson")))):
        return None
    with duckdb.connect(str(into)) as con:
        started = time.perf_counter()
        con.execute("CREATE TABLE raw(json VARCHAR USING COMPRESSION zstd)")
        con.execute("INSERT INTO raw SELECT json FROM read_ndjson_objects(?)", [files])
        con.execute("CHECKPOINT")
        return time.perf_counter() - started


def flatten(bundles: Path, into: Path) -> int:
    """Writes the Bundles' resources as a file of lines per type, references between them by id; returns how many."""
    into.mkdir()
    files: dict[str, IO[str]] = {}
    count = 0
    for bundle in sorted(bundles.rglob("*.json")):
        for kind, line in lines_of(bundle):
            if kind not in files:
                files[kind] = (into / f"{kind}.ndjson").open("w", encoding="utf-8")
            files[kind].write(line + "\n")
            count += 1
    for file in files.values():
        file.close()
    return count


def lines_of(bundle: Path) -> Iterator[tuple[str, str]]:
    entries = json.loads(bundle.read_bytes())["entry"]
    named = {entry["fullUrl"]: "{resourceType}/{id}".format(**entry["resource"]) for entry in entries}
    for entry in entries:
        text = json.dumps(entry["resource"], separators=(",", ":"), ensure_ascii=False)
        yield (
            entry["resource"]["resourceType"],
            re.sub(r"urn:uuid:[0-9a-f-]{36}", lambda found: named.get(found[0], found[0]), text),
        )
