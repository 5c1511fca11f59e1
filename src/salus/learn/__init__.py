"""Did it change, did it work: what several periods say together.

Leaves to others: the figures of one period (`equity`), wording and pages (`publish`, `mission`).
"""
