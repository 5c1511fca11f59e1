"""The mission file: what an institution has promised, clause by clause, and which measures tell whether it is kept.

`mission.toml` beside this module is the default; an institution edits a copy. Every fault names file, line, clause and
key. Leaves to others: the figures and the page (`salus.mission`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from salus.errors import UsageError

DEFAULT: Final = Path(__file__).with_name("mission.toml")
EVERY: Final = "all"
"""What stands for every measure there is."""
CHECKS: Final = ("manifest", "audit", "certificate", "trend")
_TEXTS: Final = ("id", "words", "asks", "for")
_KEYS: Final = (*_TEXTS, "since", "measures", "by", "checks")


@dataclass(frozen=True)
class Clause:
    """One promise. `measures` are names; `every` says that it is about all measures there are. An empty `by` is every
    attribute that is recorded."""

    id: str
    words: str
    asks: str = ""
    whom: str = ""
    since: date | None = None
    measures: tuple[str, ...] = ()
    every: bool = False
    by: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mission:
    """The clauses in the order of the file; `lines` says where each stands."""

    path: Path
    title: str
    clauses: tuple[Clause, ...]
    lines: Mapping[str, int]

    def check(self, known: Collection[str]) -> None:
        """UsageError for the first measure that is not `known` (the catalog's, and those of the results)."""
        for clause in self.clauses:
            for name in clause.measures:
                if name not in known:
                    place = f"{self.path}:{self.lines[clause.id]}: clause {clause.id}, measures"
                    raise UsageError(f"{place}: there is no measure {name}{_meant(name, known)}")


def read_mission(path: Path = DEFAULT) -> Mission:
    """Read a mission file. UsageError: it is not there, is no TOML, or says something twice, wrongly or unknown."""
    try:
        text = path.read_text(encoding="utf-8")
        told = tomllib.loads(text)
    except OSError as problem:
        raise UsageError(f"the mission file {path} cannot be read: {problem.strerror}") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise UsageError(f"{path} is no TOML: {problem}") from problem
    _check_keys(told, ("title", "clause"), str(path))
    entries = told.get("clause", [])
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"{path} has no clauses: each begins with [[clause]]")
    places = list(_places(text, len(entries)))
    clauses = [_clause(entry, f"{path}:{line}") for entry, line in zip(entries, places, strict=True)]
    lines: dict[str, int] = {}
    for clause, line in zip(clauses, places, strict=True):
        if clause.id in lines:
            raise UsageError(f"{path}:{line}: clause {clause.id} is there already, at line {lines[clause.id]}")
        lines[clause.id] = line
    title = _text(told, "title", str(path)) or "Our mission"
    return Mission(path, title, tuple(clauses), lines)


def _places(text: str, count: int) -> Iterator[int]:
    """The lines at which the clauses begin; 1 for clauses written another way than [[clause]]."""
    found = [n for n, line in enumerate(text.splitlines(), 1) if line.replace(" ", "").startswith("[[clause]]")]
    yield from found if len(found) == count else [1] * count


def _clause(entry: object, place: str) -> Clause:
    if not isinstance(entry, dict):
        raise UsageError(f"{place}: a clause is a table, begun with [[clause]]")
    about = f"{place}: clause {entry.get('id', '?')}"
    _check_keys(entry, _KEYS, about)
    name, promise, asks, whom = (_text(entry, key, about) for key in _TEXTS)
    for key, text in (("id", name), ("words", promise)):
        if not text:
            raise UsageError(f"{about} has no {key}")
    since = entry.get("since")
    if since is not None and type(since) is not date:
        raise UsageError(f"{about}, since: a day is written 2026-01-01, without quotes, not {since!r}")
    every = entry.get("measures") == EVERY
    measures = () if every else _names(entry, "measures", about)
    by, checks = (_names(entry, key, about) for key in ("by", "checks"))
    _check_known(checks, CHECKS, f"{about}, checks")
    return Clause(name, promise, asks, whom, since, measures, every, by, checks)


def _check_keys(table: Mapping[str, Any], known: Collection[str], about: str) -> None:
    for key in table:
        if key not in known:
            raise UsageError(f"{about}: {key} is not known{_meant(key, known)}")


def _check_known(names: Collection[str], known: Collection[str], about: str) -> None:
    for name in names:
        if name not in known:
            raise UsageError(f"{about}: {name} is not known; there are: {', '.join(known)}")


def _text(table: Mapping[str, Any], key: str, about: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise UsageError(f"{about}, {key}: a text is wanted, not {value!r}")
    return value.strip()


def _names(table: Mapping[str, Any], key: str, about: str) -> tuple[str, ...]:
    values = table.get(key, [])
    if not isinstance(values, list) or not all(isinstance(each, str) and each for each in values):
        also = f', or "{EVERY}"' if key == "measures" else ""
        raise UsageError(f'{about}, {key}: a list of names is wanted, ["one", "two"]{also}, not {values!r}')
    twice = next((each for place, each in enumerate(values) if each in values[:place]), None)
    if twice is not None:
        raise UsageError(f"{about}, {key}: {twice} is there twice")
    return tuple(values)


def _meant(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""
