"""The plan of a run: every relation that is computed once, in an order in which each finds what it reads.

Leaves to others: SQL text and execution (`salus.engine`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from salus.elm.library import Library
from salus.errors import SalusError
from salus.logic import frame as frames
from salus.logic.compiler import Check, Compiler, Origin
from salus.logic.context import Context, Unsupported
from salus.logic.exact import exact
from salus.logic.expr import FALSE, Const, E, Op, case, not_null
from salus.logic.frame import Frame, Rows
from salus.logic.literals import literal_list, text_rows
from salus.logic.outputs import output
from salus.logic.relation import Select, Source, Table, Union, Use, reads
from salus.logic.sharing import share
from salus.logic.values import (
    Choice,
    Empty,
    ListLiteral,
    Mismatch,
    Nothing,
    Resource,
    Texts,
    Value,
    present,
    type_of,
)


class Output(Struct, frozen=True, eq=False):
    """What a wanted define puts out: columns of `relation` by the names its reader knows (`pid`, `value`, `type`, `id`;
    `place`, where the rows of a patient have an order of their own)."""

    name: str
    relation: Select
    columns: dict[str, str]


class Step(Struct, frozen=True, eq=False):
    """A relation to materialise, and the define that asks for it (the first, where several do)."""

    relation: Select | Union
    origin: Origin | None


class Plan(Struct, frozen=True, eq=False):
    """Relations to materialise, in order; then outputs to read and checks to verify. `undivided`: patients are not to
    be taken in parts, as there is something about all of them."""

    steps: Sequence[Step]
    outputs: Sequence[Output]
    checks: Sequence[Check]
    undivided: bool = False


def ordered(compiler: Compiler, outputs: Sequence[Output]) -> Plan:
    """The plan that computes some outputs."""
    steps = list(_in_order([o.relation for o in outputs], compiler.origins))
    share([*(step.relation for step in steps), *(o.relation for o in outputs)])
    made = {step.relation.id for step in steps}
    checks = [check for check in compiler.checks if check.relation.id in made]
    return Plan(steps, outputs, checks, compiler.undivided)


def put_out(compiler: Compiler, name: str, library: Library, define: str, over: str | None = None) -> Output:
    """A select of a wanted define: (pid, value) per patient, or rows (pid, type, id) or (pid, value) of a list.

    With `over`, `define` names a function of one operand and is put out for each resource of the list `over`.
    """
    if over is not None:
        cx = Context(compiler, library, define, compiler.patients())
        return _applied(cx, name, compiler.use(compiler.define(library, over), cx))
    try:
        value, cx = compiler.result(library, define)
        return _put_out(cx, name, value)
    except Mismatch as error:
        raise Unsupported(f'{library.label} (in "{define}"): {error}') from error


def _put_out(cx: Context, name: str, value: Value) -> Output:
    frame = cx.frame
    if isinstance(value, Empty) or (isinstance(value, ListLiteral) and not value.items):
        return nothing(frame, name)
    if isinstance(value, Texts):
        value = text_rows(cx, value)
    elif isinstance(value, ListLiteral) and not any(isinstance(item, ListLiteral) for item in value.items):
        value = literal_list(cx, value)
    if isinstance(value, Rows):
        frames.anchor(value)
        return _list_output(cx, name, value)
    return output_of(frame, name, {"pid": frame.pid, "value": output(cx, value)})


def put_out_whole(compiler: Compiler, name: str, library: Library, define: str) -> Output:
    """A select of a wanted define, (pid, value) per patient, lists included: the value in its exact form."""
    value, cx = compiler.result(library, define)
    return output_of(cx.frame, name, {"pid": cx.frame.pid, "value": exact(cx, value)})


def _applied(cx: Context, name: str, units: Value) -> Output:
    """A function's value for each resource of a list."""
    if isinstance(units, Nothing):
        return nothing(cx.frame, name, "value")
    if not isinstance(units, Rows):
        raise SalusError(f'{cx.library.label}: "{cx.define}" is asked for over something that is not a list')
    of_someone(units.frame)
    inner = cx.within(units.frame)
    value = cx.compiler.apply(cx.library, cx.define, units.element, inner)
    columns = named(inner, units.element)
    if columns is None:
        raise SalusError(f'{cx.library.label}: "{cx.define}" is asked for over a list of {type_of(units.element)}')
    return output_of(units.frame, name, {"pid": units.frame.pid, **columns, "value": output(inner, value)})


def nothing(frame: Frame, name: str, *more: str) -> Output:
    """An output without a row, with the columns of a list of resources."""
    frame.filter(FALSE)
    blank: dict[str, E] = {column: Op("as_text", (frame.pid,)) for column in ("type", "id")}
    return output_of(frame, name, {"pid": frame.pid, **blank, **{m: Op("as_decimal", (frame.pid,)) for m in more}})


def _list_output(cx: Context, name: str, rows: Rows) -> Output:
    frame = rows.frame
    inner = cx.within(frame)
    columns = named(inner, rows.element)
    of_someone(frame)
    if columns is not None:
        frame.filter(present(rows.element))
    place = {"place": _place(rows)} if rows.order or columns is None else {}
    return output_of(frame, name, {"pid": frame.pid, **(columns or {"value": output(inner, rows.element)}), **place})


def _place(rows: Rows) -> E:
    """The number of an element in its patient's list: what is not told apart by an id is read in the list's order."""
    return Op("numbered", (rows.frame.pid, *frames.in_order(rows)))


def of_someone(frame: Frame) -> None:
    """Leave out the records of nobody: those whose patient is not told, or not loaded."""
    frame.filter(not_null(frame.pid))


def named(cx: Context, element: Value) -> dict[str, E] | None:
    """Type and id of a resource, or of whichever resource a choice is; None for other values."""
    options = element.options if isinstance(element, Choice) else (element,)
    resources = [option for option in options if isinstance(option, Resource)]
    if not resources or len(resources) < len(options):
        return None
    names = [option.type.name.removeprefix("FHIR.") for option in resources]
    rows = [option.row or cx.frame.joined_row(name, option.rid) for option, name in zip(resources, names, strict=True)]
    flags = [present(option) for option in resources]
    return {
        "type": case(list(zip(flags, map(Const, names), strict=True))),
        "id": case(list(zip(flags, (row.col("id") for row in rows), strict=True))),
    }


def output_of(frame: Frame, name: str, columns: dict[str, E]) -> Output:
    """The rows of a frame with named columns."""
    for e in columns.values():
        frame.reach(e)
    return Output(name, frame.select, {label: frame.select.export(e) for label, e in columns.items()})


def _in_order(roots: Iterable[Source], origins: Mapping[int, Origin]) -> Iterator[Step]:
    """Materialised relations that the roots read, each after those it reads itself."""
    seen: set[int] = set()

    def visit(source: Source, origin: Origin | None) -> Iterator[Step]:
        if isinstance(source, Use):
            source = source.of
        if isinstance(source, Table) or source.id in seen:
            return
        seen.add(source.id)
        origin = origins.get(source.id, origin)
        for read in reads(source):
            yield from visit(read, origin)
        if source.materialised:
            yield Step(source, origin)

    for root in roots:
        yield from visit(root, None)


def columns_read(plan: Plan) -> dict[str, list[str]]:
    """The columns that a plan reads of each stored table, in order of name."""
    found: dict[str, set[str]] = {}
    for use in tables([*(step.relation for step in plan.steps), *(o.relation for o in plan.outputs)]):
        found.setdefault(use.name, set()).update(use.used)
    return {name: sorted(found[name]) for name in sorted(found)}


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
