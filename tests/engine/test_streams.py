"""Actions done side by side: each after what it reads, tables gone once read, nothing begun after a failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from salus.engine.base import Statement
from salus.engine.script import Action, Make
from salus.engine.streams import carry_out, connections

Connection = duckdb.DuckDBPyConnection


@pytest.fixture
def con() -> Iterator[Connection]:
    with duckdb.connect() as con:
        con.execute("CREATE TABLE stored AS SELECT 7 AS n")
        yield con


def make(name: str, *reads: str) -> Make:
    """A table whose number is one more than those of the tables it reads, together; of none, that of `stored`."""
    numbers = " + ".join(f'(SELECT n FROM "{each}")' for each in reads or ("stored",))
    return Make(name, Statement(f"SELECT {numbers} + 1 AS n", frozenset(reads)), name)


def attached(con: Connection) -> set[str]:
    return {name for (name,) in con.execute("SELECT database_name FROM duckdb_databases()").fetchall()}


def made_of(con: Connection, number: int, actions: list[Action]) -> tuple[dict[str, int], int]:
    """The number of every table when it was made, and how many tables were left."""
    found: dict[str, int] = {}

    def do(mine: Connection, place: int, action: Action) -> None:
        assert isinstance(action, Make)
        assert actions[place] is action
        mine.execute(f'CREATE TABLE "{action.name}" AS {action.statement.text}')
        ((found[action.name],),) = mine.execute(f'SELECT n FROM "{action.name}"').fetchall()

    with connections(con, number) as cons:
        carry_out(actions, cons, do)
        left = con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name <> 'stored'").fetchall()
    return found, left[0][0]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_table_is_made_after_those_it_reads_and_goes_when_it_is_read(con: Connection, number: int) -> None:
    chain = [make(f"a{i}", f"a{i - 1}") for i in range(1, 20)]
    others = [make(f"b{i}", "a0", f"a{i}") for i in range(1, 20)]
    found, left = made_of(con, number, [make("a0"), *chain, *others, make("alone")])
    assert found == {
        **{f"a{i}": 8 + i for i in range(20)},
        **{f"b{i}": 8 + 8 + i + 1 for i in range(1, 20)},
        "alone": 8,
    }
    assert left == 0
    assert not [name for name in attached(con) if name.startswith("salus_plan")]


def test_a_file_open_for_reading_only_will_do(tmp_path: Path) -> None:
    path = str(tmp_path / "a file.duckdb")
    with duckdb.connect(path) as con:
        con.execute("CREATE TABLE stored AS SELECT 1 AS n")
    with duckdb.connect(path, read_only=True) as con:
        assert made_of(con, 2, [make("a"), make("b", "a")]) == ({"a": 2, "b": 3}, 0)


def test_two_are_under_way_at_a_time(con: Connection) -> None:
    both = threading.Barrier(2, timeout=20)  # passed only when two are there at once

    def do(mine: Connection, place: int, action: Action) -> None:
        both.wait()
        mine.execute(f'CREATE TABLE "{place}" AS SELECT 1')
        mine.execute(f'ALTER TABLE "{place}" RENAME TO "{action.name}"')  # type: ignore[union-attr]

    with connections(con, 2) as cons:
        carry_out([make("a"), make("b")], cons, do)


@pytest.mark.parametrize("number", [1, 2])
def test_after_a_failure_nothing_is_begun(con: Connection, number: int) -> None:
    begun: list[int] = []

    def do(mine: Connection, place: int, action: Action) -> None:
        begun.append(place)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), connections(con, number) as cons:
        carry_out([make("a"), *(make(f"b{i}", "a") for i in range(9))], cons, do)
    assert begun == [0]
    assert attached(con) == {"memory", "system", "temp"}


def test_runs_do_not_see_each_other_s_tables(con: Connection) -> None:
    with connections(con, 1) as (one,), connections(con, 1) as (other,):
        one.execute("CREATE TABLE m0 AS SELECT 1 AS n")
        other.execute("CREATE TABLE m0 AS SELECT 2 AS n")
        assert [each.execute("SELECT m0.n FROM m0, stored").fetchall() for each in (one, other)] == [[(1,)], [(2,)]]
    assert con.execute("SELECT count(*) FROM stored").fetchall() == [(1,)]
