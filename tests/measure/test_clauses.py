"""Clauses counted set at a time: the same truth as the oracle's of every test, and the determinations' members."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from measure.deck_expectations import measure_of, read_deck
from measure.test_explain import MEASURE, PEOPLE, PERIOD, evaluated, person
from salus.catalog import content_paths
from salus.cli.evaluate import tools
from salus.elm.clauses import Clause
from salus.engine import oracle
from salus.engine.asked import Answered
from salus.engine.oracle.elements import Element
from salus.engine.oracle.records import Patients
from salus.engine.oracle.scope import Later, Scope
from salus.engine.run import clause_tests
from salus.measure.clauses import Counted, count, criteria, differences
from salus.measure.content import Content
from salus.measure.explain.opened import Ground, opened
from salus.measure.run import Job, evaluate
from salus.measure.testing.reports import batches
from salus.store import load

Json = dict[str, Any]


def answers_of(ground: Ground) -> list[list[Answered]]:
    return clause_tests(ground.population, ground.content, criteria(ground.measure, ground.library), ground.period)


def rows_of(found: Counted, population: str) -> dict[str, Json]:
    return {row["clause"]: row for row in found.table.to_pylist() if row["population"] == population}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluated(tmp_path_factory.mktemp("counted"), PEOPLE)


@pytest.fixture(scope="module")
def found(results: Path) -> Counted:
    with opened(results, MEASURE) as ground:
        return count(ground.measure, answers_of(ground))


def test_every_clause_says_who_comes_to_it_and_who_falls_out(found: Counted) -> None:
    """Six people: one too young, one without the diagnosis or a visit, one whose visit is outside the period."""
    initial = rows_of(found, "initial-population")
    told = {key: (row["reached"], row["dropped"], row["only"]) for key, row in initial.items()}
    assert (initial[""]["kind"], initial[""]["held"], initial[""]["failed"], initial[""]["unit"]) == (
        "all",
        3,
        3,
        "Patient",
    )
    assert told["1"] == (6, 1, 1)  # age: only the child lacks nothing else
    assert told["2"] == (5, 1, 0)  # the diagnosis: one, who lacks a visit too
    assert told["3"] == (4, 1, 1)  # a visit in the period
    assert told["3.1"] == (4, 0, None)
    assert told["3.3"] == (4, 1, None)
    assert initial["3.3"]["text"] == 'Visit.period.start.value during day of "Measurement Period"'


def test_what_cannot_be_told_is_apart(tmp_path: Path) -> None:
    unborn = {"resourceType": "Patient", "id": "unborn"}
    with opened(evaluated(tmp_path, [person("known"), unborn]), MEASURE) as ground:
        age = rows_of(count(ground.measure, answers_of(ground)), "initial-population")["1"]
    assert (age["held"], age["failed"], age["unknown"], age["dropped"]) == (1, 0, 1, 1)


def test_a_criterion_is_asked_of_those_the_flow_leaves(found: Counted) -> None:
    numerator = rows_of(found, "numerator")
    assert (numerator[""]["reached"], numerator[""]["held"]) == (3, 1)
    assert numerator[""]["held"] + numerator[""]["failed"] + numerator[""]["unknown"] == 3
    assert rows_of(found, "denominator")[""]["kind"] == "test"  # the initial population by another name


def test_the_run_writes_them_when_asked(results: Path, tmp_path: Path) -> None:
    there = results.parent / "population.duckdb"
    job = Job(there, tuple(content_paths()), PERIOD, tmp_path / "results", (MEASURE,), clauses=True)
    done = evaluate(job, tools())
    table = pq.read_table(tmp_path / "results/clauses.parquet")
    assert table.num_rows > 10
    assert table.column_names[:4] == ["measure", "group_id", "population", "clause"]
    assert not [warning for warning in done.warnings if "clauses" in warning]
    evaluate(job, tools())  # a folder with this file is a results folder like any other
    assert not (results / "clauses.parquet").exists()


def test_other_members_than_the_determinations_are_said(found: Counted, results: Path) -> None:
    determined = pq.read_table(results / "determinations.parquet")
    assert list(differences(MEASURE, found.members, determined)) == []
    [said] = differences(MEASURE, {**found.members, ("1", "numerator"): 7}, determined)
    assert said == f"{MEASURE}, group 1: the clauses of numerator make 7 members, the determinations 1"


# --- one clause tree, two engines ---

DECKS = ("CMS122FHIRDiabetes", "CMS506FHIRSafeUseofOpioids", "CMS1017FHIRHHFI", "CMS871HHHyperFHIR")


def by_oracle(clause: Clause, interpreter: oracle.Interpreter, unit: Element | None) -> bool | None:
    """What the oracle says of a test for a patient, or for one of their resources."""
    scope = Scope(clause.library, clause.define)
    if clause.binding is not None and unit is not None:
        alias, lets = clause.binding
        scope = scope.bind(alias, unit)
        for name, expression in lets:
            scope = scope.bind(name, Later(lambda e=expression, s=scope: interpreter.evaluate(e, s)))  # type: ignore[misc]
    value = interpreter.evaluate(clause.node, scope)
    if not clause.member:
        assert value is None or isinstance(value, bool)
        return value
    return any(each is unit for each in value or ())


def compare(ground: Ground, groups: list[list[Answered]]) -> int:
    """Every test of every criterion for every patient or unit, on both engines; how many were compared."""
    setting = oracle.setting(ground.content, ground.period)
    interpreters = {records.pid: oracle.Interpreter(setting, records) for records in Patients(ground.population)}
    compared = 0
    for answer in (answer for group in groups for answer in group):
        tests = list(answer.clause.tests())
        for row in answer.table.to_pylist():
            interpreter = interpreters[row["pid"]]
            unit = unit_of(interpreter, row) if "id" in row else None
            for index, test in enumerate(tests):
                said = by_oracle(here(test, setting), interpreter, unit)
                assert row[str(index)] is said, (ground.measure.name, test.text, test.node, row["pid"])
                compared += 1
    return compared


def here(test: Clause, setting: oracle.Setting) -> Clause:
    """The test in the oracle's own library objects, which it tells apart by identity."""
    return replace(test, library=setting.includes.open(test.library.name, test.library.version, "the test"))


def unit_of(interpreter: oracle.Interpreter, row: Json) -> Element:
    [unit] = [each for each in interpreter.records.of(row["type"]) if each.json["id"] == row["id"]]
    return unit


@pytest.mark.parametrize("deck", DECKS)
def test_both_engines_say_the_same_of_every_clause(
    deck: str, tmp_path: Path, shared_data: Callable[[str], Path]
) -> None:
    content = Content.load([shared_data("ecqm/content")], allow_missing_valuesets=True)
    [path] = shared_data("ecqm/decks").glob(f"{deck}*.ndjson")
    cases = next(iter(batches(read_deck(path))))[:10]
    measure = measure_of(cases[0], content.measures())
    assert measure is not None
    (tmp_path / "deck.ndjson").write_text("\n".join(json.dumps(case.bundle) for case in cases), encoding="utf-8")
    load([tmp_path / "deck.ndjson"], tmp_path / "population.duckdb")
    paths = (shared_data("ecqm/content"),)
    job = Job(tmp_path / "population.duckdb", paths, cases[0].period, tmp_path / "results", (measure.name,))
    evaluate(job, tools(), content)
    with opened(tmp_path / "results", measure.name) as ground:
        groups = answers_of(ground)
        found = count(measure, groups)
        assert list(differences(measure.name, found.members, pq.read_table(ground.determinations))) == []
        assert compare(ground, groups) > 40
    kinds = Counter(found.table["kind"].to_pylist())
    assert kinds["test"] > 5
