"""How DuckDB is used: outputs in order, codes spelled out, what was seen first found by groups, threads put back."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from salus.engine.base import Speller
from salus.engine.codes import Codes
from salus.engine.duckdb import _called, _functions, _threads, prepare
from salus.engine.outputs import in_order
from salus.logic.expr import Const, E, Op
from salus.logic.relation import Select, Table


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("CREATE TABLE coding(cid INTEGER, ord INTEGER, code VARCHAR, system VARCHAR, display VARCHAR)")
    con.execute("INSERT INTO coding VALUES (7, 0, 'a', 's', 'A'), (7, 1, 'b', 's', 'B'), (9, 0, NULL, 's', 'none')")
    return con


def test_outputs_stand_in_order_of_patient_and_id() -> None:
    found = pa.table({"pid": [2, 1, 2, 1], "id": ["b", "d", "a", "c"], "value": [1, 2, 3, 4]})
    assert in_order(found, ["pid", "id"])["value"].to_pylist() == [4, 2, 3, 1]
    assert in_order(found, ["pid"])["value"].to_pylist() == [2, 4, 1, 3]


def test_codes_are_spelled_out_wherever_they_stand(con: duckdb.DuckDBPyConnection) -> None:
    found = con.sql(
        "SELECT [7::UINTEGER, NULL, 9::UINTEGER] AS listed, {'code': 7::UINTEGER, 'n': 1} AS inside,"
        " 8::UINTEGER AS unknown UNION ALL SELECT NULL, NULL, NULL"
    ).to_arrow_table()
    first, second = Codes(con).spelled(found).to_pylist()
    a = {"code": "a", "system": "s", "display": "A"}
    assert first == {"listed": [a, None, None], "inside": {"code": a, "n": 1}, "unknown": None}
    assert second == {"listed": None, "inside": None, "unknown": None}


def _first_seen(*others: str) -> tuple[str, list[tuple[object, ...]]]:
    table, select = Table("things"), Select(distinct=True)
    select.join("from", table)
    place, same = table.col("place"), (table.col("pid"), table.col("kind"))
    firsts: list[E] = [Op("first_seen", (place, Op("row", (place,)), *same))]
    for e in (*same, *firsts, *map(table.col, others), Op("not_null", (same[1],)), Const(5)):
        select.export(e)
    text = Speller({}, {}).statement(select).text
    with duckdb.connect() as con:
        con.execute("CREATE TABLE things(pid INTEGER, kind VARCHAR, place INTEGER)")
        con.execute("INSERT INTO things VALUES (1, 'x', 3), (1, 'x', 2), (1, NULL, 9), (1, NULL, 4), (2, 'x', 1)")
        return text, con.execute(f"FROM ({text}) ORDER BY ALL").fetchall()


def test_what_was_seen_first_needs_no_window() -> None:
    text, rows = _first_seen()
    assert "OVER" not in text
    assert rows == [(1, "x", 2, True, 5), (1, None, 4, False, 5), (2, "x", 1, True, 5)]


def test_rows_that_differ_in_more_than_what_is_the_same_stay_apart() -> None:
    text, rows = _first_seen("place")
    assert "OVER" in text
    assert [row[:4] for row in rows] == [
        *((1, "x", 2, 2), (1, "x", 2, 3), (1, None, 4, 4), (1, None, 4, 9), (2, "x", 1, 1)),
    ]


@pytest.mark.parametrize(("rows", "meanwhile"), [(1000, 1), (200_000, 2)])
def test_short_tables_need_one_thread(con: duckdb.DuckDBPyConnection, rows: int, meanwhile: int) -> None:
    con.execute("SET threads = 2")
    con.execute(f"CREATE TABLE things AS SELECT range AS n FROM range({rows})")
    with _threads(con):
        assert con.execute("SELECT current_setting('threads')").fetchall() == [(meanwhile,)]
    assert con.execute("SELECT current_setting('threads')").fetchall() == [(2,)]


def test_a_connection_gets_the_functions_that_are_called_and_those_they_call(con: duckdb.DuckDBPyConnection) -> None:
    called = _called("SELECT salus_div_decimal(1, 3), salus_split_last(a, '/') FROM t")
    assert called == {"salus_div_decimal", "salus_split_last", "salus_ticks", "salus_of_ticks"}
    prepare(con, called)
    assert con.execute("SELECT salus_div_decimal(1, 3)::VARCHAR, salus_split_last('a/b', '/')").fetchall() == [
        ("0.33333333", "b")
    ]
    with pytest.raises(duckdb.CatalogException):
        con.execute("SELECT salus_exp(1)")


@pytest.mark.parametrize("name", _functions())
def test_every_function_can_be_defined_with_those_it_calls_alone(name: str) -> None:
    with duckdb.connect() as con:
        prepare(con, _called(f"SELECT {name}()"))
        assert con.execute("SELECT 1 FROM duckdb_functions() WHERE function_name = ?", [name]).fetchall()
