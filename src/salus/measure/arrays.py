"""Columns put together row by row, into lists: the observations of each unit, its strata.

Leaves to others: what the columns are (`measure.scoring`, `measure.strata`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from salus.measure.flow import Flags


def observation_lists(observed: Sequence[tuple[Flags, pa.Array]], size: int) -> pa.ListArray:
    """For every row the numbers of the observations that observe it; one (who is observed, numbers) per observation."""
    if not observed:
        return pa.ListArray.from_arrays(pa.array(np.zeros(size + 1, dtype=np.int32)), pa.nulls(0, pa.float64()))
    cells = np.stack([flags for flags, _ in observed], axis=1)
    offsets = np.concatenate([[0], np.cumsum(cells.sum(axis=1))]).astype(np.int32)
    numbers = interleaved([numbers for _, numbers in observed], size).filter(pa.array(cells.ravel()))
    return pa.ListArray.from_arrays(pa.array(offsets), numbers)


def interleaved(columns: Sequence[pa.Array], size: int) -> pa.Array:
    """a1 b1 a2 b2 ... from columns a and b."""
    order = np.arange(size * len(columns)).reshape(len(columns), size).T.ravel()
    return pa.concat_arrays(columns).take(pa.array(order))
