"""Resources gathered by type until there are enough for one write, as columns.

Leaves to others: reading (`salus.fhir.reading`), writing (`salus.store.intake`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salus.fhir.lines import Block
from salus.fhir.reading import Raw

_IN_BUNDLES = {
    "url": pa.string(),
    "bundle": pa.int32(),
    "entry": pa.int32(),
    "collection": pa.bool_(),
    "deleted": pa.bool_(),
    "deleted_at": pa.string(),
}
"""The columns that only what came in a Bundle has anything in."""


@dataclass(slots=True)
class Batch:
    """Resources of one type: `count` of them, with `size` bytes of JSON. Bundles are numbered from `bundle`."""

    bundle: int
    size: int = 0
    count: int = 0
    _parts: list[pa.Table] = field(default_factory=list)
    _rows: list[Raw] = field(default_factory=list)
    _files: list[int] = field(default_factory=list)

    def add(self, raw: Raw, file: int) -> None:
        """Add a resource that came from the file of that number."""
        self.size += len(raw.data)
        self.count += 1
        self._rows.append(raw)
        self._files.append(file)

    def extend(self, part: pa.Table, size: int) -> None:
        """Add resources as `by_type` gives them."""
        self._gather()
        self.size += size
        self.count += part.num_rows
        self._parts.append(part)

    def table(self, start: int) -> pa.Table:
        """The batch column by column, `seq` numbering it from `start`."""
        self._gather()
        numbers = pa.array(np.arange(start, start + self.count))
        return pa.concat_tables(self._parts).append_column("seq", numbers)

    def _gather(self) -> None:
        if self._rows:
            self._parts.append(_of_rows(self._rows, self._files, self.bundle))
            self._rows, self._files = [], []


def by_type(block: Block, file: int) -> Iterator[tuple[str, pa.Table, int]]:
    """The resources of a block, from the file of that number, by type: type, columns, bytes of JSON."""
    texts = _texts(block.data, block.ends)
    files = pa.array(np.full(len(block.ends), file, np.int32))
    table = _columns(texts, pa.array(block.ids, pa.string()), pa.array(block.lines), files)
    numbers: dict[str, int] = {}
    kinds = np.array([numbers.setdefault(kind, len(numbers)) for kind in block.types])
    if len(numbers) == 1:
        yield block.types[0], table, len(block.data)
        return
    sizes = np.diff(block.ends, prepend=0)
    for kind, number in numbers.items():
        where = np.flatnonzero(kinds == number)
        yield kind, table.take(pa.array(where)), int(sizes[where].sum())


def _of_rows(rows: Sequence[Raw], files: Sequence[int], bundle: int) -> pa.Table:
    data = [raw.data or b"{}" for raw in rows]
    return _columns(
        _texts(b"".join(data), np.cumsum(np.fromiter(map(len, data), np.int64, len(data)))),
        pa.array([raw.id for raw in rows], pa.string()),
        pa.array([raw.line for raw in rows], pa.int64()),
        pa.array(files, pa.int32()),
        url=pa.array([raw.full_url for raw in rows], pa.string()),
        bundle=pc.add(pa.array([raw.bundle for raw in rows], pa.int32()), pa.scalar(bundle, pa.int32())),
        entry=pa.array([raw.entry for raw in rows], pa.int32()),
        collection=pa.array([raw.collection for raw in rows], pa.bool_()),
        deleted=pa.array([raw.deleted for raw in rows], pa.bool_()),
        deleted_at=pa.array([raw.at for raw in rows], pa.string()),
    )


def _columns(texts: pa.Array, ids: pa.Array, lines: pa.Array, files: pa.Array, **in_bundles: pa.Array) -> pa.Table:
    nothing = {name: pa.nulls(len(texts), kind) for name, kind in _IN_BUNDLES.items() if name not in in_bundles}
    return pa.table({"json": texts, "id": ids, "line": lines, "file": files, **in_bundles, **nothing}).select(
        ["json", "id", "line", "file", *_IN_BUNDLES]
    )


def _texts(data: bytes, ends: npt.NDArray[np.int64]) -> pa.Array:
    """Texts known to be UTF-8 that stand one after the other, as an array of them, without a copy."""
    offsets = np.concatenate((np.zeros(1, np.int64), ends))
    return pa.Array.from_buffers(pa.large_string(), len(ends), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
