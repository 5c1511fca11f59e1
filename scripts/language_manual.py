"""The manual of the language (docs/language.md and a page per chapter in docs/language/) out of the spec tests.

Called by `make_docs.py`. What the pages say stands in `tests/spec`, where it is tested; here it is only put in order.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/spec"))

from pages import HERE, Page, page, paths

Lines = Callable[[], Iterator[str]]


def manual(made: str) -> dict[str, Lines]:
    """Page name below docs/ -> its lines; `made` says how a page came about."""
    chapters = {folder: [page(path) for path in found] for folder, found in groupby(paths(), lambda path: path.parent)}
    found: dict[str, Lines] = {"language.md": partial(contents, made, chapters)}
    for folder, families in chapters.items():
        found[f"language/{name_of(folder)}.md"] = partial(chapter, made, folder, families)
    return found


def name_of(folder: Path) -> str:
    """`02_logical` -> `logical`."""
    return folder.name.partition("_")[2]


def contents(made: str, chapters: dict[Path, list[Page]]) -> Iterator[str]:
    title, *rest = text_of(HERE / "intro.md")
    yield from (title, "", made, *rest, "", "## Chapters", "", "| chapter | | examples |", "|---|---|---|")
    for folder, families in chapters.items():
        name, _, *about = text_of(folder / "chapter.md")
        cases = sum(len(section.cases) for each in families for section in each.sections)
        yield f"| [{name.lstrip('# ')}](language/{name_of(folder)}.md) | {' '.join(about)} | {cases} |"
    yield from refusals(chapters)


def refusals(chapters: dict[Path, list[Page]]) -> Iterator[str]:
    """What the examples say is refused on DuckDB."""
    rows = [
        f"| `{' '.join(case.expression.split())}` | {note} | [{each.title}](language/{name_of(folder)}.md) |"
        for folder, families in chapters.items()
        for each in families
        for section in each.sections
        for case in section.cases
        if (note := case.notes.get("refused by duckdb"))
    ]
    if rows:
        yield from ("", "## What the DuckDB engine refuses", "")
        yield from ("Before a run begins, with library, line and operator; `--engine oracle` evaluates it.", "")
        yield from ("| | it says | |", "|---|---|---|", *rows)


def chapter(made: str, folder: Path, families: list[Page]) -> Iterator[str]:
    title, *about = text_of(folder / "chapter.md")
    yield from (title, "", f"A chapter of [the manual](../language.md). {made}", *about)
    for each in families:
        yield ""
        yield from map(set_down, each.text.rstrip("\n").splitlines())


def set_down(line: str) -> str:
    """A line of a page inside its chapter: headings one level deeper, blocks of CQL without the tests' marks."""
    return f"#{line}" if line.startswith("#") else "```cql" if line.startswith("```cql") else line


def text_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").rstrip("\n").splitlines()
