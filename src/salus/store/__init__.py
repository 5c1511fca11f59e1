"""The population: one DuckDB file of typed records, made by `load`, opened as `Population`.

Leaves to others: what measures make of it (`logic`, `engine`).
"""

from salus.store.loading import LoadReport, Progress, load
from salus.store.population import MEMORY, Population
from salus.store.publish import ColumnFact

__all__ = ["MEMORY", "ColumnFact", "LoadReport", "Population", "Progress", "load"]
