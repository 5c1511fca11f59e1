"""The records and content of a finished run, found again: what an explanation stands on.

`run.json` names the population file and the content paths; where they went can be said. What has changed since (hashes
of measure, libraries and value sets, numbers of records) is told, for an explanation of other content explains another
answer. Leaves to others: explaining (`subject`, `clauses`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from salus.errors import SalusError, UsageError
from salus.measure.content import Content
from salus.measure.definition import MeasureDefinition
from salus.measure.libraries import Identity
from salus.store import Population

_NEEDED = ("run.json", "determinations.parquet")


@dataclass(frozen=True)
class Ground:
    """A run's measure with all it was evaluated on, open."""

    results: Path
    run: Mapping[str, Any]
    measure: MeasureDefinition
    library: Identity
    content: Content
    population: Population
    period: tuple[date, date]

    @property
    def determinations(self) -> Path:
        return self.results / "determinations.parquet"

    def changes(self) -> tuple[str, ...]:
        """What is not as it was in the run, of the content asked for so far and of the records; in sentences."""
        return (*_changed(self.run.get("content") or {}, self.content.hashes([self.measure])), *self._other_records())

    def _other_records(self) -> Iterator[str]:
        then = (self.run.get("population") or {}).get("resources") or {}
        now = {name: self._count(name) for name in sorted(self.population.tables())}
        if then and now != then:
            names = sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
            yield f"the population is not as it was in the run: other numbers of {', '.join(names)}"

    def _count(self, table: str) -> int:
        quoted = table.replace('"', '""')
        row = self.population.con.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()
        return int(row[0]) if row else 0


def read_run(results: Path) -> Mapping[str, Any]:
    """run.json of a results folder. SalusError: the folder is none, or the file cannot be read."""
    missing = [name for name in _NEEDED if not (results / name).is_file()]
    if missing:
        raise SalusError(f"{results} is no results folder of salus evaluate: it has no {', '.join(missing)}")
    try:
        run = json.loads((results / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise SalusError(f"{results / 'run.json'} cannot be read: {problem}") from problem
    if not isinstance(run, dict) or not isinstance(run.get("measures"), list):
        raise SalusError(f"{results / 'run.json'} names no measures")
    return run


@contextmanager
def opened(
    results: Path, measure: str, population: Path | None = None, content: Sequence[Path] = (), *, read_only: bool = True
) -> Iterator[Ground]:
    """A run's measure (by name, or the start of exactly one) with its records and content.

    UsageError: the run has no such measure, or files are not where the run had them. SalusError: they cannot be read.
    """
    run = read_run(results)
    entry = _entry(run, measure)
    there = _population_path(run, population)
    paths = _content_paths(run, content)
    missing, prefer_elm = bool(run.get("missing_valuesets")), bool(run.get("prefer_elm"))
    loaded = Content.load(paths, allow_missing_valuesets=missing, prefer_elm=prefer_elm)
    found = _logic(_measure(loaded, entry))
    library = loaded.measure_library(found)
    with Population.open(there, read_only=read_only) as records:
        yield Ground(results, run, found, library, loaded, records, _period(run, results))


def _entry(run: Mapping[str, Any], asked: str) -> Mapping[str, Any]:
    entries = {str(each.get("name")): each for each in run["measures"] if isinstance(each, dict)}
    wanted = asked.casefold()
    exact = [name for name in entries if name.casefold() == wanted]
    found = exact or [name for name in entries if name.casefold().startswith(wanted)]
    if len(found) != 1:
        problem = "fits more than one measure of" if found else "is not a measure of"
        raise UsageError(f"{asked!r} {problem} the results; there are: {', '.join(found or entries) or 'none'}")
    entry: Mapping[str, Any] = entries[found[0]]
    return entry


def _measure(content: Content, entry: Mapping[str, Any]) -> MeasureDefinition:
    for each in content.measures():
        if each.name == entry["name"] and each.version == entry.get("version"):
            return each
    raise SalusError(f"the content no longer has {entry['name']} {entry.get('version') or ''}".rstrip())


def _logic(measure: MeasureDefinition) -> MeasureDefinition:
    """A measure without its composites. UsageError: nothing else is in it."""
    if not measure.with_logic:
        parts = (each.label for group in measure.groups if group.composite for each in group.composite.components)
        listed = ", ".join(dict.fromkeys(parts))
        raise UsageError(f"{measure.name} is a composite and has no logic of its own; explain what it is of: {listed}")
    return replace(measure, groups=measure.with_logic)


def _population_path(run: Mapping[str, Any], given: Path | None) -> Path:
    path = given or Path(str((run.get("population") or {}).get("path") or ""))
    if not path.is_file():
        raise UsageError(f"the population {path} is not there; say with --population where it is")
    return path


def _content_paths(run: Mapping[str, Any], given: Sequence[Path]) -> list[Path]:
    paths = list(given) or [Path(str(each)) for each in (run.get("content") or {}).get("paths") or ()]
    for path in paths:
        if not path.exists():
            raise UsageError(f"the content {path} is not there; say with --content where it is")
    if not paths:
        raise UsageError("the run names no content; say with --content where it is")
    return paths


def _period(run: Mapping[str, Any], results: Path) -> tuple[date, date]:
    try:
        return date.fromisoformat(run["period"]["start"]), date.fromisoformat(run["period"]["end"])
    except (KeyError, TypeError, ValueError):
        raise SalusError(f"{results / 'run.json'} names no period") from None


def _changed(then: Mapping[str, Any], now: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for kind, hashes in now.items():
        known = then.get(kind) or {}
        changed = sorted(name for name, digest in hashes.items() if known.get(name) not in (None, digest))
        if changed:
            yield f"{kind.replace('_', ' ')} changed since the run: {', '.join(changed)}"
