"""Engines: plans carried out on a population.

`base` spells logic as SQL expression trees, `duckdb` runs them, `facts` tells the compiler about the population.
`oracle` is the plain one-patient interpreter that says what the answers should be.
"""

from salus.engine.run import Answered, Criteria, Outcome, Wanted, clause_tests, exact_values, run

__all__ = ["Answered", "Criteria", "Outcome", "Wanted", "clause_tests", "exact_values", "run"]
