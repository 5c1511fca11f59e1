"""`salus run`: the defines of any library over a population, for those who write it.

Leaves to others: options and help (`cli.main`), evaluating (`engine`), reading what is given (`measure.content`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table

from salus.cli.evaluate import check_engine, tools
from salus.cli.lint import check_there
from salus.cql.diagnostics import did_you_mean
from salus.elm.library import Library
from salus.engine.asked import Wanted
from salus.errors import SalusError, UsageError
from salus.measure.authoring import beside
from salus.measure.content import Content
from salus.measure.identity import Identity
from salus.measure.text import readable


@dataclass(frozen=True)
class Asked:
    """What to run; no defines for all of the library, no subject for a count over everyone."""

    file: Path
    population: Path
    content: tuple[Path, ...]
    defines: tuple[str, ...]
    period: tuple[date, date] | None
    engine: str
    subject: str | None
    as_json: bool
    allow_missing_valuesets: bool


def run_command(asked: Asked) -> None:
    """Evaluate and print. Raises UsageError or SalusError."""
    check_engine(asked.engine)
    check_there([asked.file, asked.population, *asked.content])
    content = _content(asked)
    library, wanted = _wanted(content, asked)
    kit = tools(asked.engine)
    with kit.open_population(asked.population) as population:
        outcome = kit.engine(population, content, wanted, asked.period)
        subjects = dict(population.con.sql("SELECT pid, id FROM patient ORDER BY pid").fetchall())
    if asked.subject is not None and asked.subject not in subjects.values():
        raise SalusError(f"there is no patient {asked.subject} in the population")
    told = {want.define: outcome.values[want] for want in wanted if want in outcome.values}
    _show(asked, library, told, subjects)
    for warning in [*content.warnings, *outcome.warnings]:
        print(f"warning: {warning}", file=sys.stderr)


def _content(asked: Asked) -> Content:
    siblings = [each for each in beside([asked.file]) if each.resolve() != asked.file.resolve()]
    paths = [asked.file, *asked.content, *siblings]
    return Content.load(paths, allow_missing_valuesets=asked.allow_missing_valuesets)


def _wanted(content: Content, asked: Asked) -> tuple[Library, list[Wanted]]:
    identity = _identity(content, asked.file)
    library = Library(content.library(*identity))
    names = library.define_names()
    for define in asked.defines:
        if define not in names:
            raise UsageError(f'{library.label} has no define "{define}"; {did_you_mean(define, names)}'.rstrip("; "))
    defines = asked.defines or [name for name in names if not _is_context(library, name)]
    optional = not asked.defines
    return library, [Wanted(*identity, define, optional=optional) for define in dict.fromkeys(defines)]


def _identity(content: Content, file: Path) -> Identity:
    here = [each.identity for each in content.libraries.texts.all() if each.where.partition(":")[0] == str(file)]
    if len(here) != 1:
        raise UsageError(f"{file} holds {len(here)} libraries of CQL; give a file with one")
    return here[0]


def _is_context(library: Library, name: str) -> bool:
    """Whether a define is the one that a context makes: the resource at hand."""
    return any(each.get("name") == each.get("context") for each in library.statements(name))


# Showing


def _show(asked: Asked, library: Library, told: Mapping[str, pa.Table], subjects: Mapping[int, str]) -> None:
    if asked.as_json:
        for line in _lines(told, subjects, asked.subject):
            print(json.dumps(line, ensure_ascii=False, default=str))
        return
    table = Table("define", "value" if asked.subject else f"of {len(subjects)} patients", title=library.label)
    for define, values in told.items():
        if asked.subject is None:
            table.add_row(define, _counts(values, len(subjects)))
        else:
            mine = [line["value"] for line in _lines({define: values}, subjects, asked.subject)]
            table.add_row(define, "\n".join("null" if each is None else str(each) for each in mine) or "none")
    Console().print(table)


def _lines(told: Mapping[str, pa.Table], subjects: Mapping[int, str], only: str | None) -> Iterator[dict[str, Any]]:
    """A line per value: whose, of which define, and the value as text; a resource as `Type/id`."""
    for define, values in told.items():
        for pid, text in zip(values["pid"].to_pylist(), _texts(values), strict=True):
            if only in (None, subjects[pid]):
                yield {"subject": subjects[pid], "define": define, "value": text}


def _texts(values: pa.Table) -> list[Any]:
    if "value" in values.column_names:
        return list(readable(values["value"].combine_chunks()).to_pylist())
    pairs = zip(values["type"].to_pylist(), values["id"].to_pylist(), strict=True)
    return [f"{type_}/{id_}" for type_, id_ in pairs]


def _counts(values: pa.Table, patients: int) -> str:
    """How many are true, false, null; or how many values there are, of how many patients."""
    if "value" not in values.column_names:
        return f"{len(values)} resources of {_distinct(values)} patients"
    column = values["value"]
    if len(values) != patients or _distinct(values) != patients:
        return f"{len(values)} values of {_distinct(values)} patients"
    if pa.types.is_boolean(column.type):
        held = pc.sum(column.cast(pa.int64())).as_py() or 0
        return f"{held} true, {len(column) - column.null_count - held} false, {column.null_count} null"
    return f"{len(column) - column.null_count} values, {column.null_count} null"


def _distinct(values: pa.Table) -> int:
    return len(pc.unique(values["pid"]))
