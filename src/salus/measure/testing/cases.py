"""Files of tests -> cases: whose records, and which populations they belong in.

A TOML file holds `[test.NAME]` tables: `in` (populations), `observed` (numbers), `about` (why), and records by resource
type (`testing.records`). `like` names another test whose records it has, but for the types it says itself (of Patient,
the elements); `also` holds records on top of those. A test without records speaks of the patient of that id in the
NDJSON or JSON files of the folder. `[tests]` says which `measure` is meant where the folder has several, which
`period`, and what everyone has (`everyone`, records too). For a measure of a table a test has `rows`.

    [test.young]
    about = "turns 18 the day after the period"
    like = "controlled"
    Patient = { birthDate = "2009-01-01" }
    in = []

Leaves to others: who is in which population (`testing.running`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

from salus.cql.diagnostics import did_you_mean
from salus.errors import SalusError
from salus.measure import authored
from salus.measure.flow import CODES
from salus.measure.forms import ANY, TABLE, TABLES, TEXT, TWO, Form, check, held, tables
from salus.measure.testing import records

Json = dict[str, Any]
_OWN: Final = {"in": ANY, "observed": ANY, "about": TEXT, "like": TEXT, "also": TABLE, "rows": TABLES}
_SETTINGS: Final = {"measure": TEXT, "period": TWO, "everyone": TABLE}
_RECORDS: Final = Form("a table, or a list of tables", lambda value: TABLE.fits(value) or TABLES.fits(value))
_HEADS: Final = re.compile(rb"^\s*\[\[?tests?\b", re.MULTILINE)
ALL: Final = ""
"""What an expectation is of that names neither a group nor a unit."""


@dataclass(frozen=True)
class Case:
    """One person. `expected`: populations by group id or unit id, or by ALL; `observed`: numbers likewise.

    `records` are FHIR resources; `rows` are those of a table, for a measure of one.
    """

    name: str
    about: str
    where: str
    expected: Mapping[str, frozenset[str]]
    observed: Mapping[str, tuple[float, ...]]
    records: tuple[Json, ...] = ()
    rows: tuple[Json, ...] = ()


@dataclass(frozen=True)
class Suite:
    """The cases of one file, with the measure they ask for (None: the one of the folder) and their period."""

    file: Path
    measure: str | None
    period: tuple[date, date] | None
    cases: tuple[Case, ...]
    beside: tuple[Path, ...] = field(default=())


def suites(paths: Sequence[Path]) -> Iterator[Suite]:
    """The suites in files and folders, in order of path. Raises SalusError naming file and test."""
    for path in paths:
        for file in sorted(path.rglob(f"*{authored.TOML}")) if path.is_dir() else [path]:
            if file.suffix == authored.TOML and file.is_file() and _HEADS.search(file.read_bytes()):
                yield _suite(file)


def _suite(file: Path) -> Suite:
    said = authored.read(file.read_bytes(), str(file))
    settings = held(said.get("tests", {}), _SETTINGS, f"{file}, [tests]")
    tests = tables(said.get("test", {}), f"{file}, [test]")
    if not tests:
        raise SalusError(f"{file} holds no tests: each begins with [test.NAME]")
    beside = tuple(sorted(each for each in file.parent.rglob("*") if each.suffix in (".json", ".ndjson")))
    everyone = _by_type(settings.get("everyone", {}), f"{file}, [tests.everyone]")
    cases = tuple(_case(name, tests, everyone, str(file), bool(beside)) for name in tests)
    return Suite(file, settings.get("measure"), _period(settings.get("period"), file), cases, beside)


def _period(said: Any, file: Path) -> tuple[date, date] | None:
    if said is None:
        return None
    try:
        start, end = (date.fromisoformat(str(each)) for each in said)
    except ValueError:
        raise SalusError(f'{file}, [tests]: period is written ["2026-01-01", "2026-12-31"]') from None
    return start, end


def _case(name: str, tests: Mapping[str, Json], everyone: Json, file: str, beside: bool) -> Case:
    """One test; where there are files of records beside, one that says no records speaks of a patient in them."""
    where = f"{file}, [test.{name}]"
    if not re.fullmatch(r"[A-Za-z0-9.\-]{1,40}", name):
        raise SalusError(f"{where}: a test's name becomes an id: letters, digits, hyphens and dots, at most 40")
    said = tests[name]
    written = not beside or said.keys() - {"in", "observed", "about"}
    made = tuple(records.resources(name, _records(name, tests, everyone, (), where), where)) if written else ()
    expected = {key: _populations(value, where) for key, value in _by_key(said.get("in", [])).items()}
    observed = {key: _numbers(value, where) for key, value in _by_key(said.get("observed", {})).items()}
    return Case(name, said.get("about", ""), where, expected, observed, made, tuple(said.get("rows", ())))


def _records(name: str, tests: Mapping[str, Json], everyone: Json, seen: tuple[str, ...], where: str) -> Json:
    """The records a test says itself, over those of the test it is like, or of everyone."""
    if name not in tests or name in seen:
        raise SalusError(f"{where}: like {name!r}, which {'leads in a circle' if name in seen else 'is no test here'}")
    said = tests[name]
    own = {key: value for key, value in said.items() if key[:1].isupper()}
    rest = held({key: value for key, value in said.items() if key not in own}, _OWN, where)
    inherited = _records(said["like"], tests, everyone, (*seen, name), where) if "like" in said else everyone
    also = _by_type(rest.get("also", {}), f"{where}, also")
    return _by_type(_added(_over(inherited, _by_type(own, where)), also), where)


def _by_type(said: Json, where: str) -> Json:
    """Records as they are written: by type one or several, but one Patient."""
    check(said.get("Patient", {}), TABLE, f"{where}: Patient")
    return tables(said, where, _RECORDS)


def _over(below: Json, above: Json) -> Json:
    """Records by type, those of `above` in place of those of `below`; of the patient element by element."""
    patient = {**below.get("Patient", {}), **above.get("Patient", {})}
    return {**below, **above, **({"Patient": patient} if patient else {})}


def _added(there: Json, more: Json) -> Json:
    """Records by type, all of both."""
    return there | {kind: [*_listed(there.get(kind, [])), *_listed(said)] for kind, said in more.items()}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _by_key(said: Any) -> dict[str, Any]:
    """By group, by unit, or by `group/unit` where a table stands in a table."""
    if not isinstance(said, dict):
        return {ALL: said}
    return {f"{key}/{inner}".rstrip("/"): each for key, value in said.items() for inner, each in _by_key(value).items()}


def _populations(said: Any, where: str) -> frozenset[str]:
    for each in _listed(said):
        if each not in CODES:
            raise SalusError(f"{where}: in = {each!r} is no population; {did_you_mean(str(each), CODES)}".rstrip("; "))
    return frozenset(_listed(said))


def _numbers(said: Any, where: str) -> tuple[float, ...]:
    numbers = _listed(said)
    if not all(isinstance(each, int | float) for each in numbers):
        raise SalusError(f"{where}: observed is a number, or a list of numbers")
    return tuple(map(float, numbers))
