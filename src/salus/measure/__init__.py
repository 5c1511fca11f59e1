"""Measures: what one says (`definition`), the content it needs (`content`), who is in it (`scoring`), what is
told (`report`).

Leaves to others: the truth of each criterion (`engine`), who the subjects are (`equity`), disclosure
(`publish`).
"""
