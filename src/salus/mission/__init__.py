"""The mission and the results -> the scorecard: every clause, how well, for whom worse, since when better or worse.

`sources` opens results and releases, `readings` says what each tells of a measure, `trend` what several periods say
together, `checks` what Salus can check of itself; `scorecard` joins them to the clauses, `page` and `files` write them.
Leaves to others: the mission file and the measures (`catalog`), the figures (`equity`), charts (`learn`).
"""
