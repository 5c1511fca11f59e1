"""Why an answer is what it is: for one subject, and where a population falls out.

`subject` explains one person's determinations from the oracle's evaluation: `walk` follows the criteria, `sieve` the
lists they look through, `words` says what was found; `model` is what comes out. `clauses` counts, set at a time, how
many meet each clause. `opened` finds the records and content of a results folder again.
Leaves to others: truth (`engine`), membership (`measure.flow`), screens and pages (`cli`, `publish`).
"""
