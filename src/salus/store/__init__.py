"""The population: one DuckDB file of typed records, made by `load`, opened as `Population`.

`load` and what it tells are imported when they are first asked for: most commands open what is there.
Leaves to others: what measures make of it (`logic`, `engine`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from salus.store.population import MEMORY, Population
from salus.store.publish import ColumnFact

if TYPE_CHECKING:
    from salus.store.loading import LoadReport, Progress, load

__all__ = ["MEMORY", "ColumnFact", "LoadReport", "Population", "Progress", "load"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'salus.store' has no attribute {name!r}")
    from salus.store import loading

    return getattr(loading, name)
