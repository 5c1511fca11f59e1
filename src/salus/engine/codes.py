"""Codes that leave the engine, spelled out: a plan puts out their numbers in the population's dictionary, of a SQL type
of their own (UINTEGER), and here each becomes a struct of code, system and display.

Few different codes stand for many people: to carry numbers through the database and look each up once, in columns, is
many times faster than to carry words. Leaves to others: what is put out (`salus.logic.outputs`).
"""

from __future__ import annotations

from functools import cached_property

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

_NUMBER = pa.uint32()


class Codes:
    """The first coding of each concept of a population's dictionary."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    @cached_property
    def _table(self) -> pa.Table:
        """Columns cid, code, system, display of what has a code."""
        found = "SELECT cid::UINTEGER AS cid, code, system, display FROM coding WHERE ord = 0 AND code IS NOT NULL"
        return self._con.sql(found).to_arrow_table().combine_chunks()

    @cached_property
    def _structs(self) -> pa.StructArray:
        columns = {name: _one(self._table[name]) for name in ("code", "system", "display")}
        return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))

    def spelled(self, table: pa.Table) -> pa.Table:
        """The table with every code in words, those in lists and structs included; null where it has none."""
        for position, field in enumerate(table.schema):
            if _holds_numbers(field.type):
                table = table.set_column(position, field.name, self._in_words(_one(table[field.name])))
        return table

    def _in_words(self, values: pa.Array) -> pa.Array:
        kind = values.type
        if kind == _NUMBER:
            return self._structs.take(pc.index_in(values, value_set=_one(self._table["cid"])))
        if not _holds_numbers(kind):
            return values
        if pa.types.is_struct(kind):
            parts = [self._in_words(part) for part in values.flatten()]
            return pa.StructArray.from_arrays(parts, names=[field.name for field in kind], mask=values.is_null())
        return pa.ListArray.from_arrays(values.offsets, self._in_words(values.values), mask=values.is_null())


def _one(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array that begins at its beginning."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _holds_numbers(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind):
        return _holds_numbers(kind.value_type)
    return kind == _NUMBER or (pa.types.is_struct(kind) and any(_holds_numbers(field.type) for field in kind))
