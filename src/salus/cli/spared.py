"""What a command does without, though it is installed.

Leaves to others: the commands.
"""

from __future__ import annotations

import sys


class _NoPandas:
    """Says of pandas that it is not installed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def spare_pandas() -> None:
    """Have Arrow look for pandas now, and find none. It would load it at the first array only to see whether that is
    one of pandas, which takes longer than evaluating a small population; who converts to pandas later still can.
    Arrow has no setting for it, and takes a None in `sys.modules` for the module."""
    import pyarrow as pa  # here, where it is next

    if "pandas" not in sys.modules:
        hidden = _NoPandas()
        sys.meta_path.insert(0, hidden)
        pa.array([0])
        sys.meta_path.remove(hidden)
