"""CQL text to its syntax tree, by recursive descent; each module is a chapter of the grammar, built on those before.

cursor, names, literals, selectors, terms, timing, queries, expressions, definitions. A fault ends the definition it
stands in; the parser says so and goes on with the next, so that all faults of a library are told at once.
Leaves to others: tokens (`cql.tokens`), meaning (`cql.translate`).
Source: CQL 1.5 Formal Grammar (https://cql.hl7.org/grammar.html), cql.g4.
"""

from salus.cql.parser.entry import parse_expression, parse_library

__all__ = ["parse_expression", "parse_library"]
