"""Value sets and units: which codes a set holds, and what a unit of measure means.

Leaves to others: codes as integers and membership tables (`store`, `engine`), and which set a measure asks
for (`elm`).
"""
