"""A page's expressions as one CQL library, evaluated by each engine on the page's own records.

Leaves to others: reading pages (`pages`), records (`records`), judging answers (`answers`).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import records
from answers import Answered
from pages import Case, Page, Section
from translating import compile_text

from in_memory import Content
from salus.engine import oracle
from salus.engine.asked import Outcome, Wanted
from salus.engine.run import run
from salus.errors import SalusError
from salus.store import Population, load

Json = dict[str, Any]
Runner = Callable[..., Outcome]
ENGINES: dict[str, Runner] = {"duckdb": run, "oracle": oracle.run}
PERIOD = (date(2026, 1, 1), date(2026, 12, 31))
NOW = datetime(2026, 7, 1, 12, 30)


def library_text(page: Page, section: Section) -> str:
    """The library of a section: what page and section declare, the columns of the tables, a define per case."""
    declared = list(dict.fromkeys([*page.shared.declarations, *section.declarations]))
    headers = [text for text in declared if not text.startswith("library ")]
    tables = _tables(page, section)
    lines = ["library Spec version '1'"]
    if not any(text.startswith("using ") for text in headers):
        lines.append("using FHIR version '4.0.1'")
    else:
        headers.sort(key=lambda text: not text.startswith("using "))
        lines.append(headers.pop(0))
    lines += ["include FHIRHelpers version '4.0.1' called FHIRHelpers"]
    lines += [f"include {name} version '1'" for name in _others(page, section)]
    lines += [f"valueset \"{name}\": '{_url(name)}'" for name in records.value_sets(tables)]
    before, after = [], []
    for text in headers:
        head, body = _split(text)
        before.append(head)
        after.append(body)
    columns = list(records.columns(tables))
    lines += [*before, *(columns or ["context Patient"]), *after]
    lines += [f'define "{_name(i)}":\n  {_asked(case)}' for i, case in enumerate(section.cases)]
    return "\n".join(line for line in lines if line) + "\n"


def _split(text: str) -> tuple[str, str]:
    """Declarations that stand before the first define, and the rest."""
    lines = text.splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith("define ")), len(lines))
    return "\n".join(lines[:first]), "\n".join(lines[first:])


def _others(page: Page, section: Section) -> dict[str, str]:
    """Name -> text of the libraries that a page brings along."""
    texts = [text for text in (*page.shared.declarations, *section.declarations) if text.startswith("library ")]
    return {text.split()[1]: text for text in texts}


def _asked(case: Case) -> str:
    """The expression; a list inside a tuple, so that its items come back in their order."""
    is_list = any(cell.startswith("{") for cell in case.answers.values())
    text = case.expression.replace("\n", "\n  ")
    return f"Tuple {{ items: {text} }}" if is_list else text


def _name(position: int) -> str:
    return f"Expression {position + 1}"


def _url(name: str) -> str:
    return f"urn:salus:valueset:{name.replace(' ', '-')}"


def _tables(page: Page, section: Section) -> list[Any]:
    """A section's own records, else the page's; value sets of both."""
    sets = [t for t in page.shared.records if t.headings[0] == "ValueSet"]
    own = [t for t in section.records if t.headings[0] != "ValueSet"]
    return [*(section.records if own else [*page.shared.records, *section.records]), *(sets if own else [])]


@cache
def _population(tables: tuple[Any, ...]) -> Population:
    """The population of some tables, loaded once."""
    folder = Path(tempfile.mkdtemp(prefix="salus-spec-"))
    lines = (json.dumps(each) + "\n" for each in records.resources(tables))
    (folder / "records.ndjson").write_text("".join(lines), encoding="utf-8")
    load([folder / "records.ndjson"], folder / "population.duckdb")
    return Population.open(folder / "population.duckdb")


@cache
def _content(page: Page, section_at: int) -> Content:
    section = page.sections[section_at]
    sets = {_url(name): codes for name, codes in records.value_sets(_tables(page, section)).items()}
    return Content(compile_text({**_others(page, section), "Spec": library_text(page, section)}), sets)


def answered(page: Page, section_at: int, engine: str) -> list[Answered]:
    """What an engine says to each case of a section."""
    section = page.sections[section_at]
    content = _content(page, section_at)
    population = _population(tuple(_tables(page, section)))
    wanted = [Wanted("Spec", "1", _name(i)) for i in range(len(section.cases))]
    try:
        return _run(engine, population, content, wanted)
    except SalusError:
        return [_alone(engine, population, content, each) for each in wanted]


def _alone(engine: str, population: Population, content: Content, wanted: Wanted) -> Answered:
    """What an engine says to one case of a section in which some case is refused."""
    try:
        return _run(engine, population, content, [wanted])[0]
    except SalusError as error:
        return Answered({}, error=str(error))


def _run(engine: str, population: Population, content: Content, wanted: Sequence[Wanted]) -> list[Answered]:
    outcome = ENGINES[engine](population, content, wanted, PERIOD, now=NOW)
    ids = dict(population.con.sql('SELECT pid, id FROM "Patient"').fetchall())
    return [Answered(_by_patient(outcome.values[want], ids), outcome.warnings) for want in wanted]


def _by_patient(table: Any, ids: Mapping[int, str]) -> dict[str, Any]:
    values: dict[str, Any] = dict.fromkeys(ids.values())
    for row in table.to_pylist():
        value = row.get("value")
        values[ids[row["pid"]]] = value["items"] if isinstance(value, dict) and set(value) == {"items"} else value
    return values
