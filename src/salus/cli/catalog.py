"""`salus catalog` and `salus new measure`: the measures that come with Salus, and the start of one of your own.

Leaves to others: options and help (`cli.main`), what the measures say (`catalog.entries`), tests (`cli.testing`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markdown import Markdown
from rich.syntax import Syntax
from rich.table import Column, Table

from salus.catalog import content_paths
from salus.catalog.entries import Entry, entries, entry, resources
from salus.catalog.template import start
from salus.cli.testing import run_tests
from salus.errors import UsageError, writing


def list_command(as_json: bool) -> None:
    """Every measure with its clause, scoring and title."""
    found = entries()
    if as_json:
        print(json.dumps([{"folder": str(each.folder), **each.said} for each in found], indent=2, default=str))
        return
    table = Table("clause", Column("measure", no_wrap=True), "better", "what it counts", box=SIMPLE_HEAD)
    before = ""
    for each in found:
        clause = "" if each.clause == before else each.clause
        table.add_row(clause, each.name, each.said.get("improvement", "-"), each.title)
        before = each.clause
    console = Console()
    console.print(table)
    console.print(f"{len(found)} measures, in {content_paths()[0]}", highlight=False, soft_wrap=True)


def show_command(name: str) -> None:
    """One measure in full."""
    found = entry(name)
    console = Console()
    console.print(Markdown("\n".join(page(found))))
    if found.cql:
        console.print(Syntax(found.cql, "sql", theme="ansi_light", background_color="default"))
    console.print(f"in {found.folder}", highlight=False, soft_wrap=True)


def page(found: Entry) -> Iterator[str]:
    """What a measure says of itself, as Markdown (also that of docs/catalog.md)."""
    said = found.said
    yield from (f"## {found.title}", "")
    better = {"increase": "; higher is better", "decrease": "; lower is better"}.get(said.get("improvement", ""), "")
    yield from (f"`{found.name}` {said['version']}, for the clause *{found.clause}*; {said['scoring']}{better}.", "")
    yield from (said["description"], "", f"**Why.** {said['rationale']}", "")
    for key, word in (("guidance", "How"), ("data", "What it needs"), ("limits", "What it does not tell")):
        if key in said:
            yield from (f"**{word}.** {said[key]}", "")
    if "not_by" in said:
        yield from (f"**Not compared by** {', '.join(said['not_by'])}: it counts that itself.", "")
    for description, rows in found.rates():
        yield from (f"| {description or 'population'} | |", "|---|---|")
        for code, row in rows.items():
            yield f"| {code} | {row.get('description') or row['expression']} |"
        yield ""
    if said.get("evidence"):
        yield from ("| evidence | grade | source |", "|---|---|---|")
        for each in said["evidence"]:
            yield f"| {each['text']} | {each['grade']} | {_source(each)} |"
        yield ""


def _source(each: dict[str, str]) -> str:
    return f"[{each['citation']}]({each['url']})" if "url" in each else each["citation"]


def catalog_test_command(names: Sequence[str]) -> int:
    """Run the tests of some measures, or of all; 1 when one failed."""
    folders = [entry(name).folder for name in names] or content_paths()
    return run_tests(folders, content_paths(), ())


def export_command(out: Path) -> None:
    """A JSON file for each resource."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there and holds something; choose a new folder")
    with writing(f"the catalog {out}"):
        out.mkdir(parents=True, exist_ok=True)
        made = list(resources())
        for each in made:
            path = out / f"{each['resourceType']}-{each['id']}.json"
            path.write_bytes(orjson.dumps(each, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    print(f"{len(made)} resources written to {out}")


def new_measure_command(name: str, into: Path) -> None:
    """Start a folder and say what to do next."""
    folder = start(name, into)
    print(f"{folder} is there: {', '.join(sorted(each.name for each in folder.iterdir()))}")
    print(f"next: salus test {folder}")
