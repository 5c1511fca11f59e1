"""Values as output columns: one column that holds a value, whatever its structure.

Codes of the data are put out by their number in the population's dictionary, and spelled out (code, system, display)
as they leave the engine. Where they stand beside values of another form they are spelled out at once.
"""

from __future__ import annotations

from collections.abc import Mapping

from salus.elm.types import Named, Type
from salus.logic import frame as frames
from salus.logic.context import Context
from salus.logic.expr import NULL, Const, E, Op, case, coalesce, eq, op
from salus.logic.frame import Rows
from salus.logic.operators.points import level_of
from salus.logic.properties import spelled_out
from salus.logic.values import (
    DECIMAL,
    INTEGER,
    LONG,
    TIME,
    Choice,
    Coded,
    CodeFields,
    CodeLiterals,
    Element,
    Empty,
    Interval,
    ListLiteral,
    Nothing,
    Point,
    Quantity,
    Resource,
    Texts,
    Tuple,
    Value,
    ValueSetValue,
    present,
    type_of,
)  # fmt: skip

TIMES = (TIME, Named("FHIR.time"))


def output(cx: Context, value: Value, *, words: bool = False) -> E:
    """One column that holds the value: scalars as they are, codes and tuples as structs, lists as lists. With `words`
    there is no number of a code in it."""
    match value:
        case Empty():
            return Op("list", ())
        case Nothing():
            return NULL
        case Point(type=type_, low=low, high=high) if high is not None and type_ in (INTEGER, LONG, DECIMAL):
            return case([(eq(low, high), low)])  # a number of units between dates that is not known for certain
        case Point(type=type_, low=low) if type_ in TIMES and low != NULL:
            return op("moment_text", low, level_of(value), Const(12))
        case Point(low=low):
            return low
        case Quantity(value=number, unit=unit):
            return struct({"value": number, "unit": unit}, present(value))
        case Coded():
            return output(cx, spelled_out(cx, value)) if words else Op("code_number", (value.id,))
        case CodeFields(code=code, system=system, display=display):
            return struct({"code": code, "system": system, "display": display}, present(value))
        case CodeLiterals(fields=(first, *_)):
            return output(cx, first, words=words)
        case ValueSetValue(url=url):
            return Const(url)
        case Interval(low=low, high=high, low_closed=low_closed, high_closed=high_closed, present=there):
            bounds = {"low": output(cx, low, words=words), "high": output(cx, high, words=words)}
            return struct({**bounds, "lowClosed": low_closed, "highClosed": high_closed}, there)
        case Tuple(fields=fields, present=there):
            return struct({name: output(cx, field, words=words) for name, field in fields.items()}, there)
        case Resource(type=type_, rid=rid, row=row):
            name = type_.name.removeprefix("FHIR.")
            found = row or cx.frame.joined_row(name, rid)
            return Op("concat", (Const(f"{name}/"), found.col("id")))
        case Element():
            return case([(present(value), Const("present"))])
        case Choice(options=options):
            return Op("as_text", (coalesce(*(Op("to_json", (output(cx, o, words=True),)) for o in options)),))
        case ListLiteral(items=literals):
            items = [output(cx, item, words=True) for item in literals]
            return Op("list", _alike(items, {type_of(item) for item in literals}))
        case Texts(text=text, separator=separator, split=split):
            return Op(split, (text, separator))
        case Rows():
            return _listed(cx, value, words=words)
    raise AssertionError(f"no output for {type(value).__name__}")


def _alike(items: list[E], types: set[Type]) -> tuple[E, ...]:
    """Items of one SQL type: as they are when they are of one type, else as JSON text."""
    return tuple(items) if len(types) == 1 else tuple(Op("as_text", (Op("to_json", (item,)),)) for item in items)


def struct(fields: Mapping[str, E], there: E) -> E:
    """A struct of named columns, null where the value is absent."""
    made = Op("struct", tuple(part for name, e in fields.items() for part in (Const(name), e)))
    return case([(there, made)]) if there != Const(True) else made


def _listed(cx: Context, rows: Rows, *, words: bool) -> E:
    rows = frames.own(rows, cx.frame)
    inner = cx.within(rows.frame)
    e = output(inner, rows.element, words=words)
    _, aggregate = frames.grouped(rows, cx.frame)
    return coalesce(aggregate(Op("collect", (e, *frames.in_order(rows)))), Op("list", ()))
