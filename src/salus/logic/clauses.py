"""The tests of a criterion's clauses compiled: one row per patient, or per resource that is counted, a column per test.

Leaves to others: which clauses there are (`salus.elm.clauses`), running (`salus.engine`), counting (`measure.clauses`).
"""

from __future__ import annotations

from msgspec import Struct

from salus.elm.clauses import Clause, Clauses
from salus.elm.library import Library
from salus.logic import frame as frames
from salus.logic.compiler import Compiler
from salus.logic.context import Context
from salus.logic.expr import FALSE, NULL, E
from salus.logic.frame import Rows
from salus.logic.plan import Output, named, nothing, of_someone, output_of
from salus.logic.queries import bind_let
from salus.logic.values import BOOLEAN, Choice, Empty, ListLiteral, Point, Value, narrow


class Apart(Struct, frozen=True, eq=False):
    """A criterion taken apart, and the output with its tests: columns pid (type and id, of a resource), "0", "1" ..."""

    clause: Clause
    output: Output
    asked_of: str


def lists(compiler: Compiler, library: Library, define: str) -> bool:
    """Whether a define lists resources rather than being true or false."""
    return isinstance(compiler.define(library, define).value, (Rows, Empty, ListLiteral))


def taken_apart(compiler: Compiler, clauses: Clauses, library: Library, define: str, name: str, units: str) -> Apart:
    """A criterion's tests for every patient; where the define `units` lists resources, for every one of those. The
    criterion that gives the units itself is asked of all it chooses from."""
    if not lists(compiler, library, units):
        clause = clauses.of_truth(library, define)
        return Apart(clause, _of_patients(compiler, clause, name), "")
    listed = lists(compiler, library, define)
    clause = clauses.of_member(library, define) if listed else clauses.of_truth(library, define)
    frame = compiler.patients()
    if define == units:
        owner, within, node = clauses.candidates(library, define)
        cx = Context(compiler, owner, within, frame)
        return Apart(clause, _of_units(cx, compiler.value(node, cx), clause, name), f"candidates for {units}")
    cx = Context(compiler, library, units, frame)
    return Apart(clause, _of_units(cx, compiler.use(compiler.define(library, units), cx), clause, name), units)


def _of_patients(compiler: Compiler, clause: Clause, name: str) -> Output:
    frame = compiler.patients()
    columns: dict[str, E] = {"pid": frame.pid}
    for index, test in enumerate(clause.tests()):
        columns[str(index)] = _truth(compiler.value(test.node, Context(compiler, test.library, test.define, frame)))
    return output_of(frame, name, columns)


def _of_units(cx: Context, value: Value, clause: Clause, name: str) -> Output:
    tests = list(clause.tests())
    if not isinstance(value, Rows):
        return nothing(cx.frame, name, *(str(index) for index in range(len(tests))))
    rows = frames.settle(value, cx.frame)
    of_someone(rows.frame)
    inner = cx.within(rows.frame)
    columns = {"pid": rows.frame.pid, **(named(inner, rows.element) or {})}
    for index, test in enumerate(tests):
        columns[str(index)] = _tested(cx.compiler, test, rows)
    return output_of(rows.frame, name, columns)


def _tested(compiler: Compiler, test: Clause, rows: Rows) -> E:
    cx = Context(compiler, test.library, test.define, rows.frame)
    if test.member:
        return _listed(cx, compiler.value(test.node, cx), rows)
    if test.binding is not None:
        alias, lets = test.binding
        cx = cx.within(rows.frame, **{alias: rows.element})
        for name, expression in lets:
            cx = bind_let(cx, name, expression)
    return _truth(compiler.value(test.node, cx))


def _listed(cx: Context, value: Value, rows: Rows) -> E:
    """Whether a list has the resource of each row."""
    if not isinstance(value, Rows):
        return _truth(value) if isinstance(value, Point) else FALSE
    other = frames.instance(value, cx.frame)
    pairs = list(zip(frames.leaves(rows.element), frames.leaves(other.element), strict=True))
    return frames.member(other, cx.frame, pairs)


def _truth(value: Value) -> E:
    if isinstance(value, Choice):
        value = narrow(value, BOOLEAN)
    return value.low if isinstance(value, Point) else NULL
