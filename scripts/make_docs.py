"""Writes the pages of docs/ that follow from the code: the commands (cli.md), the catalog (catalog.md), and the manual
of the language (language.md, language/) from the spec tests.

Run by `make docs`; tests/scripts/test_generated_pages.py fails while a page and the code differ. Pages that
follow from measuring are written elsewhere: performance.md by `bench.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from doc_site import slug
from language_manual import manual
from salus.catalog.entries import entries, value_sets
from salus.cli.catalog import page
from salus.cli.main import app

DOCS = Path(__file__).resolve().parent.parent / "docs"
MADE = "Written by `make docs` (`scripts/make_docs.py`); never by hand."
Json = dict[str, Any]


def commands() -> Iterator[str]:
    root: Any = typer.main.get_command(app)
    yield from ("# Commands", "", MADE, "", "Exit codes: 0 done; 1 the run failed; 2 the command was wrong.")
    for name, command in root.commands.items():
        yield from command_sections(f"salus {name}", command)


def command_sections(name: str, command: Any) -> Iterator[str]:
    """A command; of a group of commands, each of them."""
    inside = getattr(command, "commands", None)
    if inside is None:
        yield from command_section(name, command)
        return
    for each, inner in inside.items():
        yield from command_sections(f"{name} {each}", inner)


def command_section(name: str, command: Any) -> Iterator[str]:
    usage = " ".join([name, *(in_usage(each) for each in command.params)])
    yield from ("", f"## {name}", "", command.help, "", f"    {usage}", "")
    yield from ("| | |", "|---|---|")
    for each in command.params:
        yield f"| `{called(each)}` | {each.help} |"


def called(parameter: Any) -> str:
    """As a person types it: the option and what it takes, or the argument."""
    names = parameter.opts if parameter.param_type_name == "option" else []
    return " ".join([*names, *([parameter.metavar] if parameter.metavar else [])])


def in_usage(parameter: Any) -> str:
    return called(parameter) if parameter.required else f"[{called(parameter)}]"


def catalog() -> Iterator[str]:
    found = entries()
    yield from ("# The catalog", "", MADE, "")
    yield f"{len(found)} measures of our own, by the clause of the mission they serve, with codes that anyone may use."
    yield "`salus catalog test` runs their tests on both engines. How to write one: [authoring.md](authoring.md)."
    yield from ("", "| clause | measure | | scoring | better |", "|---|---|---|---|---|")
    for each in found:
        link = f"[{each.title}](#{slug(each.title)})"
        notation = each.said.get("improvement", "")
        yield f"| {each.clause} | {link} | `{each.name}` | {each.said['scoring']} | {notation} |"
    for each in found:
        yield ""
        yield from list(page(each))[:-1]
    yield from ("", "## Value sets", "", "| | codes | systems |", "|---|---|---|")
    for resource in value_sets():
        yield value_set_row(resource)


def value_set_row(value_set: Json) -> str:
    included = value_set["compose"]["include"]
    count = sum(len(each["concept"]) for each in included)
    return f"| {value_set['title']} | {count} | {', '.join(each['system'] for each in included)} |"


PAGES = {"cli.md": commands, "catalog.md": catalog, **manual(MADE)}


def main() -> None:
    for name, made in PAGES.items():
        (DOCS / name).parent.mkdir(exist_ok=True)
        (DOCS / name).write_text("\n".join(made()) + "\n", encoding="utf-8")
        print(f"docs/{name}")


if __name__ == "__main__":
    main()
