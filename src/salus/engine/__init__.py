"""Engines: plans carried out on a population.

`asked` has the words of questions and answers, `run` compiles and carries out, `either` turns to the oracle where that
does not do. `base` spells logic as SQL expression trees, `duckdb` runs them, `facts` tells the compiler about the
population. `oracle` is the plain one-patient interpreter that says what the answers should be.
"""
