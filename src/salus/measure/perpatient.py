"""An engine's table for a define as one Arrow array with a place for every patient.

Leaves to others: what the values mean. Patients are their pids 1..n; a place without a row is null.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salus.errors import SalusError
from salus.measure.text import readable


def lists_resources(table: pa.Table) -> bool:
    """Whether a define is a list of resources: rows of pid, type and id."""
    return "id" in table.column_names


def aligned(table: pa.Table, size: int) -> pa.Array:
    """The `value` column, a place for each pid 1..size. Raises SalusError when a patient has more than one value."""
    value = whole(table["value"])
    pids = table["pid"].to_numpy()
    if is_dense(pids, size):
        return value
    if len(np.unique(pids)) != len(pids):
        raise SalusError("a criterion on patient basis has more than one value for a patient")
    rows = np.full(size, -1, dtype=np.int64)
    rows[pids - 1] = np.arange(len(pids))
    return value.take(pa.array(rows, mask=rows < 0))


def per_patient(table: pa.Table, size: int) -> pa.Array:
    """A value, or where a patient has several the list of them, per patient; resources as their references."""
    if lists_resources(table):
        references = pc.binary_join_element_wise(text_column(table, "type"), text_column(table, "id"), "/")
        table = pa.table({"pid": table["pid"], "value": references})
        return _listed(table, size)
    pids = table["pid"].to_numpy()
    once = is_dense(pids, size) or len(np.unique(pids)) == len(pids)
    return aligned(table, size) if once else _listed(table, size)


def text_per_patient(table: pa.Table, size: int) -> pa.Array:
    """What a define says of each patient as readable text; null where it says nothing."""
    return readable(per_patient(table, size))


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def text_column(table: pa.Table, name: str) -> pa.Array:
    """A column of the table as one array of strings."""
    return whole(table[name].cast(pa.string()))


def is_dense(pids: np.ndarray, size: int) -> bool:
    """Whether pids are just 1..size, in order."""
    return len(pids) == size and (size == 0 or bool((pids == np.arange(1, size + 1)).all()))


def _listed(table: pa.Table, size: int) -> pa.Array:
    """The rows of each patient as a list, in their order; null for a patient without rows."""
    order = np.argsort(table["pid"].to_numpy(), kind="stable")
    pids = table["pid"].to_numpy()[order]
    counts = np.bincount(pids - 1, minlength=size)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    mask = pa.array(counts == 0)
    values = whole(table["value"]).take(pa.array(order))
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=mask)
