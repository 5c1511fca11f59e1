"""Plans carried out on DuckDB: one temporary table per materialised relation, in order, then the outputs as Arrow.

Big tables are read once per run: uses of a table that look for particular codes share one slice, the rows that any of
them could want. Leaves to others: what the relations mean (`salus.logic`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

import duckdb
import pyarrow as pa

from salus.engine.base import Speller, name_of
from salus.errors import SalusError
from salus.logic.plan import Output, Plan, tables
from salus.logic.relation import Table


@dataclass
class Execution:
    """What a plan put out, by output name, and what was noticed on the way."""

    tables: dict[str, pa.Table] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    statements: list[tuple[str, float, int]] = field(default_factory=list)


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Define Salus's functions on the connection, once."""
    try:
        con.execute("SELECT salus_position('', '')").fetchall()
    except duckdb.CatalogException:
        con.execute(files("salus.engine").joinpath("macros.sql").read_text(encoding="utf-8"))


def execute(con: duckdb.DuckDBPyConnection, plan: Plan) -> Execution:
    """Compute a plan's outputs. Temporary tables are dropped at the end, also when a step fails."""
    made: list[str] = []
    done = Execution()
    try:
        speller = Speller(_slice(con, plan, made))
        for step in plan.steps:
            _create(
                con,
                name_of(step),
                speller.relation(step).sql(dialect="duckdb", copy=False),
                made,
                done,
                str(step.materialised),
            )
        for check in plan.checks:
            _verify(con, check.relation, check.count, check.where, done)
        for output in plan.outputs:
            done.tables[output.name] = _read(con, speller, output)
    finally:
        for name in made:
            con.execute(f'DROP TABLE IF EXISTS temp."{name}"')
    return done


def _create(
    con: duckdb.DuckDBPyConnection, name: str, sql: str, made: list[str], done: Execution | None, label: str
) -> None:
    began = time.perf_counter()
    try:
        con.execute(f'CREATE TEMP TABLE "{name}" AS {sql}')
    except duckdb.Error as error:
        raise _failed(f'"{label}"', error) from error
    made.append(name)
    if done is not None:
        done.statements.append((label, time.perf_counter() - began, len(sql)))


def _failed(what: str, error: duckdb.Error) -> SalusError:
    return SalusError(f"computing {what} failed in the engine: {str(error).splitlines()[0]}")


def _slice(con: duckdb.DuckDBPyConnection, plan: Plan, made: list[str]) -> dict[int, str]:
    """Narrow tables for the uses that look for particular codes of one column; by the use's number."""
    groups: dict[tuple[str, str], list[Table]] = {}
    for use in tables([*plan.steps, *(o.relation for o in plan.outputs)]):
        if use.only is not None:
            groups.setdefault((use.name, use.only[0]), []).append(use)
    slices: dict[int, str] = {}
    for (table, column), uses in groups.items():
        if len(uses) > 1:
            name = f"slice_{table}_{column}"
            _create(con, name, _slice_sql(table, column, uses), made, None, f"slice of {table}")
            slices |= {use.id: name for use in uses}
    return slices


def _slice_sql(table: str, column: str, uses: Sequence[Table]) -> str:
    columns = sorted(set().union(*(use.used for use in uses), {column}))
    ids = sorted(set().union(*(use.only[1] for use in uses if use.only)))
    listed = ", ".join(f'"{c}"' for c in columns)
    return f'SELECT {listed} FROM "{table}" WHERE "{column}" IN ({", ".join(map(str, ids))})'


def _verify(con: duckdb.DuckDBPyConnection, relation: object, count: str, where: str, done: Execution) -> None:
    name = name_of(relation)  # type: ignore[arg-type]
    found = con.execute(f'SELECT count(*) FROM "{name}" WHERE "{count}" > 1').fetchall()
    if found[0][0]:
        done.warnings.append(f"singleton from found more than one element in {found[0][0]} places, null there: {where}")


def _read(con: duckdb.DuckDBPyConnection, speller: Speller, output: Output) -> pa.Table:
    inner = speller.relation(output.relation).sql(dialect="duckdb", copy=False)
    columns = ", ".join(f'"{column}" AS "{label}"' for label, column in output.columns.items())
    order = "pid, id" if "id" in output.columns else "pid"
    sql = f"SELECT {columns} FROM ({inner}) ORDER BY {order}"
    try:
        return con.sql(sql).to_arrow_table()
    except duckdb.Error as error:
        raise _failed("an output", error) from error


def describe(statements: Iterable[tuple[str, float, int]]) -> dict[str, float]:
    """Seconds per step label, added up."""
    total: dict[str, float] = {}
    for label, seconds, _ in statements:
        total[label] = total.get(label, 0.0) + seconds
    return total
