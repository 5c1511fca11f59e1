"""Mutants of the test decks' patients in one population, and where the engines differ on a measure's defines over them.

Leaves to others: the changes (`mutants`), the decks (`tests/measure/deck_expectations`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from generated.agreement import asked, differ
from generated.mutants import mutate, renamed
from salus.engine import oracle
from salus.engine.asked import Wanted
from salus.engine.run import run
from salus.measure.content import Content
from salus.measure.definition import MeasureDefinition
from salus.measure.needs import needs
from salus.measure.testing.reports import ReportCase
from salus.store import Population, load

Json = dict[str, Any]


@dataclass(frozen=True)
class Mutant:
    """A patient's records after some changes, and what those were."""

    patient: str
    records: tuple[Json, ...]
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """A define on which the engines differ, the patient it shows in (none where one of them failed), and both
    answers.
    """

    define: str
    mutant: Mutant | None
    answers: tuple[Any, Any]

    def __str__(self) -> str:
        who = f"{self.mutant.patient}, after {list(self.mutant.changes)}" if self.mutant else "everybody"
        return f'"{self.define}" of {who}\n    duckdb {self.answers[0]}\n    oracle {self.answers[1]}'


def mutants(cases: Sequence[ReportCase], random: Random, number: int) -> list[Mutant]:
    """Mutants of cases drawn at random, one to four changes each."""
    made = []
    for place in range(number):
        case = random.choice(cases)
        records = renamed([each for each in case.records if each["resourceType"] != "MeasureReport"], f"-{place}")
        changes = mutate(random, records, random.randint(1, 4))
        made.append(Mutant(f"{case.patient}-{place}", tuple(records), tuple(changes)))
    return made


def differences(
    content: Content, measure: MeasureDefinition, made: Sequence[Mutant], period: Any, folder: Path
) -> Iterator[Difference]:
    """Where the engines differ on what a measure needs and on every define of its library; loads into `folder`."""
    lines = (json.dumps(each) + "\n" for mutant in made for each in mutant.records)
    (folder / "records.ndjson").write_text("".join(lines), encoding="utf-8")
    load([folder / "records.ndjson"], folder / "population.duckdb")
    wanted = _wanted(content, measure)
    with Population.open(folder / "population.duckdb") as population:
        ids = dict(population.con.sql("SELECT pid, id FROM patient").fetchall())
        first, second = (asked(engine, population, content, wanted, period) for engine in (run, oracle.run))
    by_patient = {mutant.patient: mutant for mutant in made}
    for each in wanted:
        if differ(first[each], second[each]):
            yield _difference(each, first[each], second[each], {pid: by_patient.get(id_) for pid, id_ in ids.items()})


def _wanted(content: Content, measure: MeasureDefinition) -> list[Wanted]:
    name, version = content.measure_library(measure)
    library = content.library(name, version)
    needed = [(need.define, need.over) for need in needs(measure, library)]
    statements = library["statements"]["def"]
    defines = [(each["name"], None) for each in statements if not each.get("operand") and each["name"] != "Patient"]
    return [Wanted(name, version, *each, optional=True) for each in dict.fromkeys([*needed, *defines])]


def _difference(wanted: Wanted, first: Any, second: Any, mutants_by_pid: dict[int, Mutant | None]) -> Difference:
    if isinstance(first, str) or isinstance(second, str):
        failed = [each if isinstance(each, str) else "an answer" for each in (first, second)]
        return Difference(wanted.define, None, (failed[0], failed[1]))
    pid = min(pid for pid in first.keys() | second.keys() if first.get(pid) != second.get(pid))
    return Difference(wanted.define, mutants_by_pid[pid], (first.get(pid), second.get(pid)))
