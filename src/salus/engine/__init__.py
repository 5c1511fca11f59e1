"""Engines: plans carried out on a population.

`base` spells logic as SQL expression trees, `duckdb` runs them, `facts` tells the compiler about the population.
"""

from salus.engine.run import Outcome, Wanted, clause_counts, run

__all__ = ["Outcome", "Wanted", "clause_counts", "run"]
