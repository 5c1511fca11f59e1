"""What leaves the house: disclosure control first, then words, pictures and the report.

Leaves to others: computing figures (`equity`).
"""
