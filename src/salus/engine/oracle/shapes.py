"""Values of a define for many patients as one Arrow table, in the shapes that `salus.engine.run` describes.

A scalar define is a row per patient (pid, value); a list of resources rows (pid, type, id); another list rows
(pid, value). Codes and quantities are structs, dates the first instant they can mean, in UTC, as the other engines put
them out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa

from salus.engine.oracle import moments
from salus.engine.oracle.comparison import MOMENTS
from salus.engine.oracle.elements import Element, codings, is_resource, primitive_value
from salus.engine.oracle.values import (
    Code,
    Concept,
    Interval,
    Quantity,
    Ratio,
    Tuple,
    Uncertain,
    Value,
    ValueSet,
)
from salus.fhir import model

Answers = Sequence[tuple[int, Value]]


def table_of(answers: Answers, *, over: bool = False) -> pa.Table:
    """The table of (pid, value) pairs; with `over`, each value is a list of (resource, value) pairs."""
    if over:
        return _measured(answers)
    if not any(isinstance(value, list) for _, value in answers):
        return _columns([pid for pid, _ in answers], {"value": [value for _, value in answers]})
    rows = [(pid, item) for pid, items in answers for item in items or ()]
    there = [(pid, item) for pid, item in rows if item is not None]
    if all(is_resource(item) for _, item in there):
        return _resources(there)
    return _columns([pid for pid, _ in rows], {"value": [item for _, item in rows]})


def _measured(answers: Answers) -> pa.Table:
    rows = [(pid, unit, value) for pid, pairs in answers for unit, value in pairs]
    named = _resources([(pid, unit) for pid, unit, _ in rows])
    return named.append_column("value", _array([value for _, _, value in rows]))


def _resources(rows: Sequence[tuple[int, Element]]) -> pa.Table:
    types = pa.array([item.type for _, item in rows], pa.string())
    ids = pa.array([item.json["id"] for _, item in rows], pa.string())
    return pa.table({"pid": pa.array([pid for pid, _ in rows], pa.int32()), "type": types, "id": ids})


def _columns(pids: Sequence[int], columns: dict[str, list[Value]]) -> pa.Table:
    made = {name: _array(values) for name, values in columns.items()}
    return pa.table({"pid": pa.array(pids, pa.int32()), **made})


def _array(values: Iterable[Value]) -> pa.Array:
    """Values of one type as they are; of several, as JSON text."""
    made = [plain(value) for value in values]
    try:
        return pa.array(made)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if each is None else _json(each) for each in made])


def plain(value: Value) -> Any:
    """A value of Python's own types."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return int(value)
        case Quantity(value=number, unit=unit):
            return {"value": number, "unit": unit}
        case Ratio(numerator=numerator, denominator=denominator):
            return {"numerator": plain(numerator), "denominator": plain(denominator)}
        case Code(code=code, system=system, display=display):
            return {"code": code, "system": system, "display": display}
        case Concept(codes=codes):
            return plain(codes[0]) if codes else None
        case Interval(low=low, high=high, low_closed=low_closed, high_closed=high_closed):
            return {"low": plain(low), "high": plain(high), "lowClosed": low_closed, "highClosed": high_closed}
        case Tuple(fields=fields):
            return {name: plain(field) for name, field in fields.items()}
        case list():
            return _alike([plain(item) for item in value])
        case Element():
            return _element(value)
        case Uncertain():
            return None
        case ValueSet(id=url):
            return url
    return _instant(value) if isinstance(value, MOMENTS) else value


def _alike(items: list[Any]) -> list[Any]:
    """Items of one type as they are; of several, each as JSON text."""
    if len({type(item) for item in items if item is not None}) < 2:
        return items
    return [None if item is None else _json(item) for item in items]


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def _instant(moment: moments.Moment) -> datetime | str:
    return str(moment) if isinstance(moment, moments.Time) else moments.earliest(moment)


def _element(element: Element) -> Any:
    if is_resource(element):
        return f"{element.type}/{element.json.get('id')}"
    if model.kind(element.type) == "primitive":
        return plain(primitive_value(element))
    if model.kind(element.type) == "concept":
        system, code = next(codings(element), (None, None))
        return {"code": code, "system": system, "display": _display(element)}
    return "present"


def _display(element: Element) -> str | None:
    found = element.json.get("coding", [element.json])
    return found[0].get("display") if found else None
