"""A population in parts, and under a limit of memory: the same answers, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import duckdb
import elm_text as elm
import pyarrow.parquet as pq
import pytest
from conftest_engine import Evaluate, patient

from salus.engine import oracle, partitions
from salus.engine.partitions import memory_limit, parts, roomy
from salus.engine.run import run
from salus.errors import SalusError
from salus.measure.content import Content
from salus.measure.run import Job, Tools, evaluate
from salus.store import Population, load

MEASURES = (
    "CMS165FHIRControllingHighBloodPressure",
    "CMS122FHIRDiabetesAssessGreaterThan9Percent",
    "CMS108FHIRVTEProphylaxis",
)


@pytest.fixture(scope="module")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    made = tmp_path_factory.mktemp("deck") / "population.duckdb"

    def loaded(records: Path) -> Path:
        if not made.exists():
            load([records], made)
        return made

    return loaded


def test_parts_change_no_answer(
    deck: Callable[[Path], Path], shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    population = deck(shared_data(f"ecqm/decks/{MEASURES[0]}.ndjson"))
    paths, period = (shared_data("ecqm/content"),), (date(2026, 1, 1), date(2026, 12, 31))
    content = Content.load(paths)
    found = []
    for number in (1, 2, 7):
        job = Job(population, paths, period, tmp_path / str(number), MEASURES)
        done = evaluate(job, Tools(Population.open, partial(run, parts=number)), content)
        found.append(pq.read_table(done.out / "determinations.parquet"))
    assert len(found[0]) > 100
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


def test_what_is_over_all_patients_is_not_divided(evaluate: Evaluate) -> None:
    everyone = {"name": "all", "context": "Unfiltered", "expression": elm.op("Count", elm.retrieve("Patient"))}
    contexts = [{"name": "Patient"}, {"name": "Unfiltered"}]
    people, asked = [patient(name) for name in "abc"], {"n": elm.ref("all")}
    for by in (partial(run, parts=3), oracle.run):
        found = evaluate(people, asked, functions=[everyone], contexts=contexts, engine=by)
        assert found["n"] == {"a": 3, "b": 3, "c": 3}
        assert found.outcome.warnings == []


def test_parts_hold_every_patient_once(deck: Callable[[Path], Path], shared_data: Callable[[str], Path]) -> None:
    with Population.open(deck(shared_data(f"ecqm/decks/{MEASURES[0]}.ndjson")), read_only=True) as population:
        for number in (1, 2, 7, 39, 1000):
            found = parts(population.con, number)
            assert [pid for first, last in found for pid in range(first, last + 1)] == list(range(1, 40))
            assert len(found) == min(number, 39)


def test_two_statements_at_a_time_need_room(
    deck: Callable[[Path], Path], shared_data: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Population.open(deck(shared_data(f"ecqm/decks/{MEASURES[0]}.ndjson"))) as population:
        con = population.con
        assert roomy(con)
        least = next(n for n in range(1_000, 10**7, 1_000) if fits(monkeypatch, con, n) == 1)
        assert not roomy(con)
        assert fits(monkeypatch, con, 2 * least) == 1
        assert roomy(con)


def fits(monkeypatch: pytest.MonkeyPatch, con: duckdb.DuckDBPyConnection, memory: int) -> int:
    """In how many parts the patients are taken with so much memory."""
    monkeypatch.setattr(partitions, "memory_limit", lambda _: memory)
    return len(parts(con))


def test_a_limit_of_memory_holds_and_leaves_nothing_behind(
    deck: Callable[[Path], Path], shared_data: Callable[[str], Path]
) -> None:
    path = deck(shared_data(f"ecqm/decks/{MEASURES[0]}.ndjson"))
    with Population.open(path, memory="64MiB") as population:
        con = population.con
        assert memory_limit(con) == 64 * 2**20
        con.execute(
            "CREATE TEMP TABLE many AS SELECT range AS a, hash(range) AS b, hash(a + 1) AS c FROM range(6000000)"
        )
        spilled = [each for each in path.parent.iterdir() if each.name.endswith(".scratch")]
        assert len(spilled) == 1
    assert not spilled[0].exists()


def test_a_limit_that_is_no_amount_is_said(deck: Callable[[Path], Path], shared_data: Callable[[str], Path]) -> None:
    path = deck(shared_data(f"ecqm/decks/{MEASURES[0]}.ndjson"))
    with pytest.raises(SalusError, match="plenty is not an amount of memory"):
        Population.open(path, memory="plenty")
