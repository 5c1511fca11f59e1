"""Reading a text: as the grammar says, and where that fails, again to find the fault.

The grammar lets quotes span lines and lets `define` or `code` be names, so that one missing mark can hide its place far
below. The later readings assume that definitions begin lines, and that quotes end on theirs; the reading with the
fewest faults tells them.
"""

from __future__ import annotations

from salus.cql import ast
from salus.cql.diagnostics import CqlError, Report
from salus.cql.parser.cursor import Fault, Place
from salus.cql.parser.definitions import Definitions, mark_definitions, too_deep
from salus.cql.source import Source
from salus.cql.tokens import tokenize


def parse_library(source: Source) -> tuple[ast.Library, Report]:
    """The tree of a library, and what is wrong with its text.

    A definition with a fault is in the tree with a `Malformed` body when its name could be read, so that the rest can
    still refer to it. Nothing is raised.
    """
    best = _read(source)
    if not best[1].errors:
        return best
    for quotes_span_lines in (True, False):
        again = _read(source, definitions_begin_lines=True, quotes_span_lines=quotes_span_lines)
        if 0 < len(again[1].errors) <= len(best[1].errors):
            best = again
    return best


def _read(
    source: Source, definitions_begin_lines: bool = False, quotes_span_lines: bool = True
) -> tuple[ast.Library, Report]:
    report = Report(source)
    tokens = tokenize(source.text, quotes_span_lines)
    if definitions_begin_lines:
        mark_definitions(tokens)
    return Definitions(report, tokens).library(), report


def parse_expression(source: Source) -> ast.Expression:
    """The tree of one expression. Raises CqlError."""
    report = Report(source)
    parser = Definitions(report, tokenize(source.text))
    try:
        found = parser.expression()
        if parser.kind != "EOF":
            parser.fail_here("expected the expression to end or go on with an operator")
        return found
    except RecursionError:
        fault = too_deep(Place(0, len(source.text)))
    except Fault as raised:
        fault = raised
    report.error(fault.place, fault.message, fault.hint)
    raise CqlError(report.errors)
