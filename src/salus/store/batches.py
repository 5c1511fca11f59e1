"""Resources gathered until there are enough for one write, as columns.

Leaves to others: reading (`salus.fhir.reading`), writing (`salus.store.intake`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salus.fhir.lines import Block
from salus.fhir.reading import Raw
from salus.store.contained import MARK as _MARK

MARK = _MARK.encode()
_IN_BUNDLES = {
    "url": pa.string(),
    "bundle": pa.int32(),
    "entry": pa.int32(),
    "collection": pa.bool_(),
    "deleted": pa.bool_(),
    "deleted_at": pa.string(),
}
"""The columns that only what came in a Bundle has anything in."""

_VIEW = np.dtype([("length", "<i4"), ("prefix", "V4"), ("buffer", "<i4"), ("offset", "<i4")])
"""A text of more than twelve bytes as Arrow's string views have it (Columnar Format, "Variable-size Binary View")."""
_NOTHING = b"{}".ljust(16)
"""The JSON of what was deleted."""


@dataclass(slots=True)
class Batch:
    """Resources: `count` of them, of types `kinds`, with `size` bytes of JSON. Bundles are numbered from `bundle`.
    `holds_others`: whether any may contain others."""

    bundle: int
    size: int = 0
    count: int = 0
    holds_others: bool = False
    kinds: set[str] = field(default_factory=set)
    _parts: list[Callable[[], pa.Table]] = field(default_factory=list)
    _rows: list[Raw] = field(default_factory=list)
    _files: list[int] = field(default_factory=list)

    def add(self, raw: Raw, file: int) -> None:
        """Add a resource that came from the file of that number."""
        self.size += len(raw.data)
        self.holds_others |= MARK in raw.data
        self.count += 1
        self.kinds.add(raw.type)
        self._rows.append(raw)
        self._files.append(file)

    def extend(self, block: Block, file: int) -> None:
        """Add the resources of a block that came from the file of that number."""
        self._gather()
        self.size += len(block.data)
        self.holds_others |= block.holds_others
        self.count += len(block.types)
        self.kinds.update(block.types)
        self._parts.append(partial(_of_block, block, file, self.bundle))

    def table(self, start: int) -> pa.Table:
        """The batch column by column, `seq` numbering it from `start`."""
        self._gather()
        return pa.concat_tables([part() for part in self._parts]).append_column(
            "seq", pa.array(np.arange(start, start + self.count))
        )

    def _gather(self) -> None:
        if self._rows:
            self._parts.append(partial(_of_rows, self._rows, self._files, self.bundle))
            self._rows, self._files = [], []


def _of_block(block: Block, file: int, bundle: int) -> pa.Table:
    in_bundle: dict[str, pa.Array] = {}
    if within := block.within:
        in_bundle["url"] = pa.array(within.urls, pa.string())
        in_bundle["bundle"] = pa.array(np.full(len(within.urls), bundle + within.bundle, np.int32))
        in_bundle["entry"] = pa.array(within.entries, pa.int32())
        in_bundle["collection"] = pa.array(np.full(len(within.urls), within.collection))
    return _columns(
        pa.array(block.types, pa.string()),
        _texts(block.data, block.starts, block.ends),
        pa.array(block.ids, pa.string()),
        pa.array(block.lines),
        pa.array(np.full(len(block.ends), file, np.int32)),
        **in_bundle,
    )


def _of_rows(rows: Sequence[Raw], files: Sequence[int], bundle: int) -> pa.Table:
    data = [raw.data or _NOTHING for raw in rows]
    sizes = np.fromiter(map(len, data), np.int64, len(data))
    ends = np.cumsum(sizes)
    return _columns(
        pa.array([raw.type for raw in rows], pa.string()),
        _texts(b"".join(data), ends - sizes, ends),
        pa.array([raw.id for raw in rows], pa.string()),
        pa.array([raw.line for raw in rows], pa.int64()),
        pa.array(files, pa.int32()),
        url=pa.array([raw.full_url for raw in rows], pa.string()),
        bundle=pa.array([None if raw.bundle is None else bundle + raw.bundle for raw in rows], pa.int32()),
        entry=pa.array([raw.entry for raw in rows], pa.int32()),
        collection=pa.array([raw.collection for raw in rows], pa.bool_()),
        deleted=pa.array([raw.deleted for raw in rows], pa.bool_()),
        deleted_at=pa.array([raw.at for raw in rows], pa.string()),
    )


def _columns(
    types: pa.Array, texts: pa.Array, ids: pa.Array, lines: pa.Array, files: pa.Array, **in_bundles: pa.Array
) -> pa.Table:
    own = {"type": types, "json": texts, "id": ids, "line": lines, "file": files}
    nothing = {name: pa.nulls(len(texts), kind) for name, kind in _IN_BUNDLES.items() if name not in in_bundles}
    return pa.table({**own, **in_bundles, **nothing}).select([*own, *_IN_BUNDLES])


def _texts(data: bytes, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> pa.Array:
    """What is between these places of a text known to be UTF-8, as an array, without a copy."""
    views = np.zeros(len(ends), _VIEW)
    views["length"], views["offset"] = ends - starts, starts
    views["prefix"] = np.lib.stride_tricks.sliding_window_view(np.frombuffer(data, "V1"), 4)[starts].view("V4")[:, 0]
    return _viewed(views, data)


def _viewed(views: npt.NDArray[np.void], data: pa.Buffer | bytes) -> pa.Array:
    return pa.Array.from_buffers(pa.string_view(), len(views), [None, pa.py_buffer(views), pa.py_buffer(data)])


def records_of(table: pa.Table, kind: str) -> pa.Table:
    """The records of a type among those of a batch, as raw has them, their JSON where it is."""
    mine = pc.and_not(pc.equal(table["type"], kind), pc.fill_null(table["deleted"], False))
    found = table.select(["seq", "file", "line", "entry"]).filter(mine)
    return found.add_column(1, "json", _texts_where(table["json"], mine.to_numpy()))


def _texts_where(texts: pa.ChunkedArray, mine: npt.NDArray[np.bool_]) -> pa.ChunkedArray:
    """As `filter`, which does not know views."""
    found, start = [], 0
    for chunk in texts.chunks:
        _, views, data = chunk.buffers()
        within = np.frombuffer(views, _VIEW, len(chunk), chunk.offset * _VIEW.itemsize)
        found.append(_viewed(within[mine[start : start + len(chunk)]], data))
        start += len(chunk)
    return pa.chunked_array(found, pa.string_view())
