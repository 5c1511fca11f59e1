"""Salus from Python: the same steps as the commands, for a notebook or a script.

    import salus
    people = salus.load("bulk-export/", into="population.duckdb")
    results = salus.evaluate(people, 2026, out="results/")
    results.equity(by=["race", "payer"]).gaps
    salus.scorecard(results).write("scorecard.html")

Tables are Arrow tables; other answers are small objects that show themselves in a notebook and a terminal. Leaves to
others: all of the work. `import salus` imports none of this until it is asked for.
"""

from salus.api.kinds import Equity, Population, Results, Scorecard
from salus.api.steps import evaluate, load, population, results, scorecard

__all__ = ["Equity", "Population", "Results", "Scorecard", "evaluate", "load", "population", "results", "scorecard"]
