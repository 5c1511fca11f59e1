"""The plan of a run: every relation that is computed once, in an order in which each finds what it reads.

Leaves to others: SQL text and execution (`salus.engine`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from salus.elm.library import Library
from salus.logic.compiler import Check, Compiler
from salus.logic.context import Context
from salus.logic.expr import FALSE, E
from salus.logic.frame import Frame, Rows
from salus.logic.packing import output
from salus.logic.relation import Select, Source, Table, Union, Use, reads
from salus.logic.values import Empty, Resource


@dataclass(frozen=True, eq=False)
class Output:
    """What a wanted define puts out: columns of `relation` by the names its reader knows (`pid`, `value`, `rid`)."""

    name: str
    relation: Select
    columns: dict[str, str]
    resource_type: str | None = None


@dataclass(frozen=True, eq=False)
class Plan:
    """Relations to materialise, in order; then outputs to read and checks to verify."""

    steps: Sequence[Select | Union]
    outputs: Sequence[Output]
    checks: Sequence[Check]


def ordered(compiler: Compiler, outputs: Sequence[Output]) -> Plan:
    """The plan that computes some outputs."""
    roots: list[Source] = [o.relation for o in outputs]
    return Plan(list(_in_order(roots)), outputs, _reached(compiler.checks, roots))


def put_out(compiler: Compiler, name: str, library: Library, define: str) -> Output:
    """A select of one wanted define: (pid, value) per patient, or (pid, rid or value) per row of a list."""
    defined = compiler.define(library, define)
    frame = compiler.patients()
    cx = Context(compiler, library, define, frame)
    value = compiler.use(defined, cx)
    if isinstance(value, Rows):
        return _list_output(cx, name, value)
    if isinstance(value, Empty):
        frame.filter(FALSE)
    return _output(frame, name, {"pid": frame.pid, "value": output(cx, value)})


def _list_output(cx: Context, name: str, rows: Rows) -> Output:
    frame = rows.frame
    if isinstance(rows.element, Resource):
        type_ = rows.element.type.name.removeprefix("FHIR.")
        return _output(frame, name, {"pid": frame.pid, "rid": rows.element.rid}, type_)
    return _output(frame, name, {"pid": frame.pid, "value": output(cx.within(frame), rows.element)})


def _output(frame: Frame, name: str, columns: dict[str, E], type_: str | None = None) -> Output:
    names = {label: frame.select.export(frame.reach(e)) for label, e in columns.items()}
    return Output(name, frame.select, names, type_)


def _reached(checks: Iterable[Check], roots: Sequence[Source]) -> list[Check]:
    steps = {id(step) for step in _in_order(roots)}
    return [check for check in checks if id(check.relation) in steps]


def _in_order(roots: Iterable[Source]) -> Iterator[Select | Union]:
    """Materialised relations that the roots read, each after those it reads itself."""
    seen: set[int] = set()

    def visit(source: Source) -> Iterator[Select | Union]:
        if isinstance(source, Use):
            source = source.of
        if isinstance(source, Table) or source.id in seen:
            return
        seen.add(source.id)
        for read in reads(source):
            yield from visit(read)
        if source.materialised:
            yield source

    for root in roots:
        yield from visit(root)


def tables(steps: Iterable[Source]) -> Iterator[Table]:
    """Every stored table that the relations read, as the uses they make of it."""
    seen: set[int] = set()
    stack = list(steps)
    while stack:
        source = stack.pop()
        if isinstance(source, Use):
            source = source.of
        if source.id in seen:
            continue
        seen.add(source.id)
        if isinstance(source, Table):
            yield source
        else:
            stack.extend(reads(source))
