"""What a select says several times becomes a column of a select inside, and its rows stay the same."""

from __future__ import annotations

import duckdb

from salus.engine.base import Speller
from salus.logic.expr import Const, E, Op, compare, written_size
from salus.logic.relation import Select, Table
from salus.logic.sharing import share


def doubled(e: E, times: int) -> E:
    """An expression that says itself twice as often each time."""
    for number in range(times):
        e = Op("case", (compare("lt", e, Const(number)), Op("add_integer", (e, Const(1))), e))
    return e


def rows(select: Select) -> tuple[str, list[tuple[object, ...]]]:
    text = Speller({}, {}).statement(select).text
    with duckdb.connect() as con:
        con.execute("CREATE TEMP MACRO salus_add_integer(a, b) AS a + b")
        con.execute("CREATE TABLE things AS SELECT range - 3 AS n FROM range(12) UNION ALL SELECT NULL")
        return text, con.execute(f"FROM ({text}) ORDER BY ALL").fetchall()


def made() -> Select:
    table, select = Table("things"), Select()
    select.join("from", table)
    large = doubled(table.col("n"), 7)
    select.filter(compare("gt", large, Const(0)))
    select.export(table.col("n"))
    select.export(large)
    return select


def test_rows_stay_and_text_shrinks() -> None:
    plain, shared = made(), made()
    share([shared])
    (long, before), (short, after) = rows(plain), rows(shared)
    assert before == after
    assert len(before) > 3
    assert len(short) < len(long) / 4


def test_what_could_fail_where_it_was_not_asked_for_stays() -> None:
    table, select = Table("things"), Select()
    select.join("from", table)
    risky: E = Op("as_integer", (Op("as_text", (table.col("n"),)),))
    for _ in range(7):
        risky = Op("case", (compare("lt", risky, Const(9)), risky, Op("as_integer", (risky,))))
    select.export(risky)
    before = written_size(next(iter(select.exports.values())))
    share([select])
    assert written_size(next(iter(select.exports.values()))) == before
