"""How fast CQL text becomes a tree, ELM and typed nodes: the shared libraries on one core, without and with the cache.

Called by `bench.py`; by itself it prints its part of the page.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import SHARED, Page, salus
from salus.cache import Cache
from salus.cql.parser import parse_library
from salus.cql.translations import Translations
from salus.elm.library import Library
from salus.measure.content import Content
from salus.measure.texts import LibraryTexts

LIBRARIES = SHARED / "ecqm/content/Library.ndjson"
ONE = "CMS165FHIRControllingHighBloodPressure"


def bench_text(page: Page) -> None:
    """From text to typed nodes."""
    page.add("", "## CQL text")
    if not LIBRARIES.exists():
        page.add("", f"Skipped: {LIBRARIES.name} is not here.")
        return
    texts = Content.load([LIBRARIES]).libraries.texts
    size = sum(len(each.source.text.encode()) for each in texts.all())
    page.add("", f"{len(texts)} published libraries, {size / 1000:,.0f} kB, on one core.")
    page.table("step", "wall time", "processor time", "kB/s of processor")
    for step, wall, own in steps(texts):
        page.row(step, f"{wall:.2f} s", f"{own:.2f} s", f"{size / 1000 / own:,.0f}")
    page.add("")
    for when, seconds in linted(texts):
        page.add(f"- `salus lint` of one measure and all it includes, {when}: {seconds:.1f} s")


def steps(texts: LibraryTexts) -> Iterator[tuple[str, float, float]]:
    sources = [each.source for each in texts.all()]
    yield "to trees", *timed(lambda: [parse_library(source) for source in sources])
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder))
        yield "to typed nodes, nothing kept", *timed(lambda: typed_nodes(texts, cache))
        yield "to typed nodes, translations kept", *timed(lambda: typed_nodes(texts, cache))


def typed_nodes(texts: LibraryTexts, cache: Cache) -> None:
    """Every definition of every library, as an engine would ask for it."""
    translations = Translations(texts, cache)
    for each in texts.all():
        library = Library(translations.of(*each.identity).elm)
        for name in library.define_names():
            library.expression(name)


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock, and of the processor."""
    wall, own = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - own


def linted(texts: LibraryTexts) -> Iterator[tuple[str, float]]:
    """A measure in a folder with the libraries it may include, as an author has it."""
    with tempfile.TemporaryDirectory() as folder:
        for each in texts.all():
            (Path(folder) / f"{each.identity.name}.cql").write_text(each.source.text, encoding="utf-8")
        cache = {"SALUS_CACHE": str(Path(folder) / "cache")}
        for when in ("the first time", "again"):
            yield when, salus("lint", Path(folder) / f"{ONE}.cql", environment=cache).seconds


if __name__ == "__main__":
    bench_text(Page())
