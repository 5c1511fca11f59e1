"""Reading a text: once as the grammar says, and where that fails once more to find the fault.

The grammar lets quotes span lines and lets `define` or `code` be names, so that one missing mark can hide its place far
below. The second reading assumes that quotes end on their line and that definitions begin lines; the one with fewer
faults tells them.
"""

from __future__ import annotations

from salus.cql import ast
from salus.cql.diagnostics import CqlError, Report
from salus.cql.parser.cursor import Fault, Place
from salus.cql.parser.definitions import Definitions, mark_definitions
from salus.cql.source import Source
from salus.cql.tokens import tokenize


def parse_library(source: Source) -> tuple[ast.Library, Report]:
    """The tree of a library, and what is wrong with its text.

    A definition with a fault is in the tree with a `Malformed` body when its name could be read, so that the rest can
    still refer to it. Nothing is raised.
    """
    report = Report(source)
    library = Definitions(report, tokenize(source.text)).library()
    if not report.errors:
        return library, report
    second = Report(source)
    tokens = tokenize(source.text, quotes_span_lines=False)
    mark_definitions(tokens)
    repaired = Definitions(second, tokens).library()
    better = 0 < len(second.errors) <= len(report.errors)
    return (repaired, second) if better else (library, report)


def parse_expression(source: Source) -> ast.Expression:
    """The tree of one expression. Raises CqlError."""
    report = Report(source)
    parser = Definitions(report, tokenize(source.text))
    try:
        found = parser.expression()
        if parser.kind != "EOF":
            parser.fail("expected the expression to end or go on with an operator")
        return found
    except RecursionError:
        fault = Fault(Place(0, len(source.text)), "this expression is nested too deeply")
    except Fault as raised:
        fault = raised
    report.error(fault.place, fault.message, fault.hint)
    raise CqlError(report.errors)
