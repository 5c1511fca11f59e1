"""Salus: a learning health system engine.

One idea carries it: definition x subjects x period -> determinations; everything else is a function of
determinations and of who the subjects are.
"""

__version__ = "0.1.0"
