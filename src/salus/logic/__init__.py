"""Logic: ELM compiled to set algebra, with an explicit row unit and null mode.

`compiler` turns definitions into structured values over relations; `plan` puts the relations of a run in order.
SQL is spelled by `salus.engine`.
"""
