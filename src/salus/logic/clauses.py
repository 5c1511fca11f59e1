"""The clauses of a criterion: what must hold together for it to hold.

A criterion that is an `and` of parts is told apart into them, through defines that merely name another. Each clause can
be compiled by itself, so that a run can say how many patients it held for. Leaves to others: evaluating.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from salus.elm import nodes as n
from salus.elm.library import Includes, Library
from salus.elm.narrative import text_of
from salus.logic.compiler import Compiler
from salus.logic.context import Context
from salus.logic.expr import E
from salus.logic.plan import Output
from salus.logic.values import Point


@dataclass(frozen=True, eq=False)
class Clause:
    """One part of a criterion: where it stands and the text it was written as."""

    library: Library
    define: str
    node: n.Node
    text: str


def clauses_of(includes: Includes, library: Library, define: str) -> list[Clause]:
    """The parts of a define's top-level `and`; the define itself when it has none."""
    body = library.expression(define).expression
    while isinstance(body, n.Ref) and body.kind == "ExpressionRef":
        library, define = includes.included(library, body.library), body.name
        body = library.expression(define).expression
    return [Clause(library, define, node, text_of(library, define, node)) for node in _parts(body)]


def _parts(node: n.Node) -> Iterator[n.Node]:
    if isinstance(node, n.Operator) and node.op == "And":
        for operand in node.operands:
            if operand is not None:
                yield from _parts(operand)
    else:
        yield node


def clause_output(compiler: Compiler, clauses: list[Clause]) -> Output:
    """One row per patient with a column per clause (`0`, `1`, ...): true, false or null."""
    frame = compiler.patients()
    columns: dict[str, E] = {"pid": frame.pid}
    for index, clause in enumerate(clauses):
        value = compiler.value(clause.node, Context(compiler, clause.library, clause.define, frame))
        if isinstance(value, Point):
            columns[str(index)] = value.low
    names = {label: frame.select.export(frame.reach(e)) for label, e in columns.items()}
    return Output("clauses", frame.select, names)
