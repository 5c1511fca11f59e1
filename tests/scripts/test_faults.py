"""A fixed selection of the faults of `make reliability`: the same each time, and small."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import faults
import hostile


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> faults.Bench:
    return faults.Bench(tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize("step", faults.STEPS)
def test_a_load_killed_at_any_step(bench: faults.Bench, step: str) -> None:
    faults.killed_at(bench, step)


def test_an_evaluation_killed_between_two_results_folders(bench: faults.Bench) -> None:
    faults.half_replaced_results(bench)


def test_a_load_onto_a_full_disk(bench: faults.Bench) -> None:
    assert "refused" in faults.full_disk_load(bench, 1 << 16)


def test_an_evaluation_onto_a_full_disk(bench: faults.Bench) -> None:
    assert "refused" in faults.full_disk_evaluation(bench, 1 << 12)


def test_a_folder_that_may_not_be_written_to(bench: faults.Bench) -> None:
    faults.read_only_folder(bench)


SMALL: dict[str, Callable[[], bytes]] = {
    "a line of 100 MB that does not end": partial(hostile.long_line, 100_000),
    "a Bundle of a million entries": partial(hostile.bundle, 1000),
}
LARGE = ("a zip that unpacks to a thousand times its size (1.6 GB)",)  # tests/fhir/test_reading.py has a small one


@pytest.mark.parametrize(
    ("fault", "name", "made", "said"), [each for each in hostile.INPUTS if each[0] not in LARGE], ids=lambda each: None
)
def test_damaged_input(bench: faults.Bench, fault: str, name: str, made: Callable[[], bytes], said: str) -> None:
    hostile.damaged(bench, name, SMALL.get(fault, made)(), said)
    assert not Path("/tmp/salus-was-here.ndjson").exists()


def test_hostile_identifiers(bench: faults.Bench) -> None:
    hostile.hostile_identifiers(bench)


def test_a_fault_can_be_found(bench: faults.Bench) -> None:
    """What the checks are for: half a population, a file left over, a message that says nothing."""
    bench.reset()
    (bench.house / ".population.duckdb.loading").write_bytes(b"")
    with pytest.raises(AssertionError, match="in the folder are"):
        bench.in_order("population.duckdb")
    with faults.duckdb.connect(str(bench.population)) as con:
        con.execute("DELETE FROM observation WHERE rid % 7 = 0")
    with pytest.raises(AssertionError, match="Observation has"):
        faults.state(bench.population)
    with pytest.raises(AssertionError, match="the good record is lost"):
        hostile.damaged(bench, "bad.ndjson", b'{"resourceType":"Patient","id":"other"}\n', "")
