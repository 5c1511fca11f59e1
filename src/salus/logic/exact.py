"""Values put out whole, for checking: each as a tagged JSON text that keeps its type, precision and uncertainty.

    {"t": "System.Integer", "low": "1", "high": null, "precision": null}     a point; `high` where it is uncertain
    {"t": "Quantity", "value": "1.5", "unit": "mg"}      {"t": "Interval", "low": .., "high": .., "low_closed": true ..}
    {"t": "Tuple", "name": "Tuple", "fields": {..}}      {"t": "List", "items": [..]}

`outputs` puts out plain columns, which is what results are made of. Source: none, a format of our own.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from salus.logic import frame as frames
from salus.logic.context import Context
from salus.logic.expr import NULL, TRUE, Const, E, Op, case, coalesce, not_null
from salus.logic.frame import Rows
from salus.logic.literals import text_rows
from salus.logic.outputs import struct
from salus.logic.properties import spelled_out
from salus.logic.values import (
    CODE,
    Choice,
    Coded,
    CodeFields,
    CodeLiterals,
    Empty,
    Interval,
    ListLiteral,
    Nothing,
    Point,
    Quantity,
    Texts,
    Tuple,
    Value,
    ValueSetValue,
    present,
    type_of,
)  # fmt: skip


def exact(cx: Context, value: Value) -> E:
    """The value as JSON text; null for null. What has no such form is an AssertionError."""
    match value:
        case Empty():
            return _tagged("List", {"items": Op("list", ())})
        case Nothing():
            return NULL
        case Choice(options=options):
            return coalesce(*(exact(cx, option) for option in options))
        case ListLiteral(items=items):
            return _tagged("List", {"items": Op("list", tuple(map(_json, (exact(cx, item) for item in items))))})
        case Rows():
            return _rows(cx, value)
        case Texts():
            return case([(not_null(value.text), _rows(cx, text_rows(cx, value)))])
    there = present(value)
    made = _single(cx, value)
    return made if there == TRUE else case([(there, made)])


def _single(cx: Context, value: Value) -> E:
    match value:
        case Point(type=type_, low=low, high=high, precision=precision, offset=offset):
            parts = {"low": low, "high": high or NULL, "precision": precision or NULL, "offset": offset or NULL}
            return _tagged(type_.name, {name: _text(e) for name, e in parts.items()})
        case Quantity(value=number, unit=unit):
            return _tagged("Quantity", {"value": _text(number), "unit": unit})
        case Interval(low=low_value, high=high_value, low_closed=low_closed, high_closed=high_closed):
            ends = {"low": _json(exact(cx, low_value)), "high": _json(exact(cx, high_value))}
            return _tagged("Interval", {**ends, "low_closed": low_closed, "high_closed": high_closed})
        case Tuple(fields=fields):
            name = str(type_of(value))
            return _fields("Tuple" if name == "System.Any" else name, {n: exact(cx, v) for n, v in fields.items()})
        case Coded():
            return exact(cx, spelled_out(cx, value))
        case CodeFields(type=type_) if type_.name.endswith("Concept"):
            return _fields(type_.name, {"codes": exact(cx, ListLiteral((replace(value, type=CODE),)))})
        case CodeFields(type=type_, code=code, system=system, version=version, display=display):
            parts = {"code": code, "system": system, "version": version, "display": display}
            return _fields(type_.name, {name: _string(e) for name, e in parts.items()})
        case CodeLiterals(fields=fields):
            return _fields(value.type.name, {"codes": exact(cx, ListLiteral(fields))})
        case ValueSetValue(url=url):
            return _fields("System.ValueSet", {"id": _string(Const(url))})
    raise AssertionError(f"no exact form for {type(value).__name__}")


def _text(e: E) -> E:
    return NULL if e == NULL else Op("as_text", (e,))


def _string(e: E) -> E:
    return case([(not_null(e), _tagged("System.String", {"low": e, "high": NULL, "precision": NULL}))])


def _json(text: E) -> E:
    return NULL if text == NULL else Op("json", (text,))


def _tagged(tag: str, parts: Mapping[str, E]) -> E:
    return Op("as_text", (Op("to_json", (struct({"t": Const(tag), **parts}, TRUE),)),))


def _fields(name: str, fields: Mapping[str, E]) -> E:
    made = struct({field: _json(e) for field, e in fields.items()}, TRUE) if fields else NULL
    return _tagged("Tuple", {"name": Const(name), "fields": made})


def _rows(cx: Context, rows: Rows) -> E:
    """A list's elements collected; the empty list where there are none."""
    rows = frames.own(rows, cx.frame)
    inner = cx.within(rows.frame)
    item = _json(exact(inner, rows.element))
    _, aggregate = frames.grouped(rows, cx.frame)
    collected = aggregate(Op("collect", (item, *frames.in_order(rows))))
    return coalesce(_tagged_list(collected), Const('{"t":"List","items":[]}'))


def _tagged_list(items: E) -> E:
    return case([(not_null(items), _tagged("List", {"items": items}))])
