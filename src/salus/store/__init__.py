"""The population: one DuckDB file of typed records, made by `load`, opened as `Population`.

Leaves to others: what measures make of it (`logic`, `engine`).
"""

from salus.store.loading import MEMORY, LoadReport, Progress, load
from salus.store.population import Population
from salus.store.publish import ColumnFact

__all__ = ["MEMORY", "ColumnFact", "LoadReport", "Population", "Progress", "load"]
