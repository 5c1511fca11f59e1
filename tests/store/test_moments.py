"""The SQL reading of date texts is the plain reading, on every text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from texts import date_texts

from salus.fhir.temporal import parse
from salus.store import moments
from salus.store.population import prepare

Row = tuple[datetime | None, datetime | None, int | None]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        prepare(connection)
        yield connection


def in_sql(con: duckdb.DuckDBPyConnection, texts: list[str], *, date: bool) -> list[Row]:
    con.register("texts", pa.table({"n": pa.array(range(len(texts))), "x": pa.array(texts, pa.string())}))
    query = moments.spans("(SELECT * FROM texts)", [moments.Text("x", date)])
    return con.execute(f'SELECT "x.low", "x.high", "x.prec" FROM ({query}) ORDER BY n').fetchall()


def in_python(text: str, *, date: bool) -> Row:
    span = parse(text, date=date)
    return (span.low, span.high, span.prec) if span else (None, None, None)


@pytest.mark.parametrize("date", [False, True])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(date_texts, min_size=1, max_size=60))
def test_sql_and_python_agree(con: duckdb.DuckDBPyConnection, date: bool, texts: list[str]) -> None:
    assert in_sql(con, texts, date=date) == [in_python(text, date=date) for text in texts]


def test_null_stays_null_and_other_columns_stay(con: duckdb.DuckDBPyConnection) -> None:
    query = moments.spans("(SELECT 1 AS k, NULL::VARCHAR AS x)", [moments.Text("x", False)])
    assert con.execute(query).fetchall() == [(1, None, None, None, None)]
    assert con.execute(moments.spans("(SELECT 1 AS k)", [])).fetchall() == [(1,)]
