"""What a plan puts out, read from the database as Arrow tables: in order, codes in words.

Loaded while the first tables are made (`duckdb`): Arrow takes as long to load as many statements take.
Leaves to others: how codes are spelled (`codes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from salus.engine.codes import Codes
from salus.engine.script import Put
from salus.engine.streams import failed


def read(con: duckdb.DuckDBPyConnection, put: Put) -> pa.Table:
    """An output, in order of patient, and of place in a list; of resources whose list has none of their ids."""
    columns = ", ".join(f'"{column}" AS "{label}"' for label, column in put.output.columns.items())
    try:
        table = con.sql(f"SELECT {columns} FROM ({put.statement.text})").to_arrow_table()
    except duckdb.Error as error:
        raise failed("an output", error) from error
    within = next((column for column in ("place", "id") if column in put.output.columns), None)
    table = in_order(table, ["pid", within] if within else ["pid"])
    return table.drop_columns("place") if within == "place" else table


def together(con: duckdb.DuckDBPyConnection, outputs: Mapping[str, Sequence[pa.Table]]) -> dict[str, pa.Table]:
    """The parts of each output as one table, with codes in words: those of the dictionary that the connection has.
    What outputs have in common is spelled once."""
    codes, made = Codes(con), dict[tuple[int, ...], pa.Table]()
    for tables in outputs.values():
        if (same := tuple(map(id, tables))) not in made:
            made[same] = codes.spelled(pa.concat_tables(tables))
    return {name: made[tuple(map(id, tables))] for name, tables in outputs.items()}


def in_order(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """The rows in order of some columns. Most outputs come in order of patient by themselves, and wide values are dear
    to move about, so that a look at the patients pays."""
    pids = table["pid"].to_numpy()
    if keys == ["pid"] and bool((pids[1:] >= pids[:-1]).all()):
        return table
    order = pc.sort_indices(table.select(keys), [(key, "ascending") for key in keys])
    return table.combine_chunks().take(order)
