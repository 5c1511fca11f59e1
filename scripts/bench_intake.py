"""The section on intake of docs/performance.md: how fast records come in, as NDJSON and as Bundles.

Clones of a test deck, thin and fat (`clones.py`), and Synthea's records, as the Bundles they come in and as the NDJSON
that a Bulk Data export would give of them, each loaded into a new population with the `salus` command itself; then the
same files again, of which nothing is new. Called by `bench.py`, whose page it writes to.
"""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from bench import DECKS, MEGA, SHARED, Failed, Page, Size, memory, salus
from clones import Deck, write_clones

SYNTHEA = SHARED / "fhir/synthea-ma-615.tar.xz"
COLUMNS = ("records", "resources", "JSON", "load", "MB/s", "resources/s", "peak memory", "the same again")
EXPLAINED = """\
`salus load` into a new population, start-up included: everything read, kept as it came (compressed), versions and
owners settled, the common elements typed. *JSON* is the size of the files; Synthea's Bundles are indented, two thirds
of it white space. *The same again* loads the files a second time, which reads them only to know them."""


def bench_intake(page: Page, sizes: Sequence[Size], keep: Path | None) -> None:
    page.add("", "## Intake", "", *EXPLAINED.split("\n"))
    page.table(*COLUMNS)
    for size in sizes:
        with tempfile.TemporaryDirectory(dir=keep) as folder:
            clone_row(page, size, Path(folder))
    if not SYNTHEA.exists():
        page.row("Synthea", "skipped: not here", *[""] * (len(COLUMNS) - 2))
        return
    with tempfile.TemporaryDirectory(dir=keep) as folder:
        bundles, lines = Path(folder, "bundles"), Path(folder, "ndjson")
        with tarfile.open(SYNTHEA) as archive:
            archive.extractall(bundles, filter="data")
        count = flatten(bundles, lines)
        load_row(page, "Synthea, NDJSON by type", count, lines, Path(folder))
        load_row(page, "Synthea, a Bundle per patient", count, bundles, Path(folder))


def clone_row(page: Page, size: Size, folder: Path) -> None:
    path = SHARED / f"ecqm/decks/{DECKS[-1]}.ndjson"
    if not path.exists():
        page.row(f"{size.name} clones", "skipped: the deck is not here", *[""] * (len(COLUMNS) - 2))
        return
    (folder / "ndjson").mkdir()
    count, _ = write_clones(Deck.read(path), folder / "ndjson/clones.ndjson", size.patients, size.observations)
    name = f"{size.patients:,} {size.name} clones, one NDJSON file"
    load_row(page, name, count, folder / "ndjson", folder)


def load_row(page: Page, name: str, resources: int, records: Path, folder: Path) -> None:
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
