"""Elements of values: `Encounter.period`, `Observation.value`, `interval.low`, `concept.codes`.

An element of a stored row becomes its columns, by the same rules as the typed tables (`salus.fhir.model`): a choice
becomes the alternatives that the population really has, a repeating element a list of rows of its own table.
Leaves to others: conversions between FHIR and System types (`conversions`).
"""

from __future__ import annotations

from salus.elm.nodes import Node
from salus.elm.types import Named
from salus.fhir import model
from salus.logic.context import Context, memo
from salus.logic.expr import FALSE, NULL, E, case, not_null, op
from salus.logic.frame import Rows, child_rows, dictionary_rows, instance, union
from salus.logic.operators.points import last_meant
from salus.logic.values import (
    CODE,
    DECIMAL,
    EMPTY,
    NOTHING,
    STRING,
    TIME,
    Choice,
    Coded,
    CodeFields,
    CodeLiterals,
    Element,
    Interval,
    ListLiteral,
    Nothing,
    Point,
    Quantity,
    Resource,
    Row,
    Tuple,
    Value,
    boolean,
    first_present,
    present,
    retyped,
    type_of,
)  # fmt: skip

_TIME = Named("FHIR.time")
_SYSTEM = {
    "boolean": "System.Boolean",
    "integer": "System.Integer",
    "decimal": "System.Decimal",
    "text": "System.String",
    "date": "System.Date",
    "datetime": "System.DateTime",
}


def system_type(fhir_type: str) -> Named | None:
    """The System type of a FHIR primitive's value: `FHIR.dateTime` -> System.DateTime; None when it is no primitive."""
    if not fhir_type.startswith("FHIR."):
        return None
    name = fhir_type.removeprefix("FHIR.")
    found = "System.Time" if name == "time" else _SYSTEM.get(model.storage(name))
    return Named(found) if found else None


def get_path(cx: Context, node: Node, value: Value, path: str) -> Value:
    """The element at a dotted path."""
    for name in path.split("."):
        value = get(cx, node, value, name)
    return value


def get(cx: Context, node: Node, value: Value, name: str) -> Value:
    """The element `name` of a value; null of null, and of a value whose type has none: where the author wrote
    a choice of types, the population may hold one of them only. A name that no type has is refused."""
    return memo(cx, ("property", name), (value,), lambda: _get(cx, node, value, name))


def _get(cx: Context, node: Node, value: Value, name: str) -> Value:
    match value:
        case Nothing():
            return NOTHING
        case Choice(options=options):
            return _of_options(cx, node, options, name)
        case Resource(type=type_, rid=rid, row=row):
            table = type_.name.removeprefix("FHIR.")
            found = row or cx.frame.joined_row(table, rid)
            return _element(cx, node, found, type_.name.removeprefix("FHIR."), "", name)
        case Element(type=type_, row=row, path=path):
            return _element(cx, node, row, type_.name.removeprefix("FHIR."), path, name)
        case Tuple(fields=fields):
            field = fields.get(name, NOTHING)
            return instance(field, cx.frame) if isinstance(field, Rows) else field
        case Point(type=type_) if name == "value":
            return retyped(value, system_type(type_.name) or type_)
        case Interval():
            return _of_interval(value, name)
        case Quantity(value=number, unit=unit):
            return Point(DECIMAL, number) if name == "value" else Point(STRING, case([(not_null(number), unit)]))
        case Coded() | CodeFields() if name in _OF_CODES:
            return _of_code(cx, value, name)
        case CodeLiterals(fields=codes) if name == "codes":
            return ListLiteral(codes)
    if _has_more(value, name):
        cx.fail(node, f"the {name} of a {type_of(value)} is not kept in a column")
    return _none_such(cx, node, str(type_of(value)), name)


def _none_such(cx: Context, node: Node, type_name: str, name: str) -> Value:
    if name in model.names() or name in _OF_SYSTEM_TYPES:
        return NOTHING
    cx.fail(node, f"{type_name} has no element {name}, nor has any other type")


def _has_more(value: Value, name: str) -> bool:
    """Whether what is asked for stands beside a value that is kept by itself: extensions, and the element's own id."""
    kept_alone = isinstance(value, (Point, Coded)) and value.type.name.startswith("FHIR.")
    return kept_alone and name in ("extension", "id")


_OF_SYSTEM_TYPES = frozenset({"low", "high", "lowClosed", "highClosed", "unit", "codes", "numerator", "denominator"})


def _of_options(cx: Context, node: Node, options: tuple[Value, ...], name: str) -> Value:
    """The element of whichever alternative has one."""
    having = [option for option in options if _has(option, name)]
    if not having:
        return NOTHING
    found = [get(cx, node, option, name) for option in having]
    lists = [value for value in found if isinstance(value, Rows)]
    return union(lists, cx.frame, distinct=False) if lists else first_present(found)


def _has(value: Value, name: str) -> bool:
    match value:
        case Resource(type=type_) | Element(type=type_):
            return model.element(type_.name.removeprefix("FHIR."), name) is not None
        case Interval():
            return name in ("low", "high", "lowClosed", "highClosed")
        case Quantity():
            return name in ("value", "unit")
        case Tuple(fields=fields):
            return name in fields
        case Point() if name == "value":
            return True
        case Coded() | CodeFields() if name in _OF_CODES:
            return True
    return _has_more(value, name)


def _of_interval(value: Interval, name: str) -> Value:
    match name:
        case "low":
            return value.low
        case "high":
            return value.high
        case "lowClosed":
            return boolean(value.low_closed)
    return boolean(value.high_closed)


_FIELDS = ("code", "system", "version", "display")
_OF_CODES = (*_FIELDS, "codes", "coding", "text")


def _of_code(cx: Context, value: Coded | CodeFields, name: str) -> Value:
    if isinstance(value, CodeFields):
        if name in ("codes", "coding"):
            return ListLiteral((retyped(value, CODE),))
        return Point(STRING, getattr(value, name, NULL))
    if name in ("codes", "coding"):
        return _codings(cx, value)
    if name == "text" or (name == "display" and value.type.name in ("System.Concept", "FHIR.CodeableConcept")):
        return Point(STRING, cx.frame.join_dictionary("concept", "cid", value.id, "text"))
    return Point(STRING, cx.frame.join_dictionary("coding", "cid", value.id, name, first=True))


def _codings(cx: Context, value: Coded) -> Rows:
    """The codings of a concept, from the dictionary."""
    frame, table = dictionary_rows(cx.data, "coding", "cid", cx.frame, value.id)
    type_ = Named("FHIR.Coding") if value.type.name.startswith("FHIR.") else CODE
    return Rows(frame, CodeFields(type_, *(table.col(c) for c in _FIELDS)))


def spelled_out(cx: Context, value: Coded) -> CodeFields:
    """A code of the data as its (first) coding's fields."""
    fields = (cx.frame.join_dictionary("coding", "cid", value.id, name, first=True) for name in _FIELDS)
    return CodeFields(value.type, *fields)


def _element(cx: Context, node: Node, row: Row, type_name: str, path: str, name: str) -> Value:
    if name == "id" and not path and model.kind(type_name) == "resource":
        return Point(Named("FHIR.id"), row.col("id"))
    found = model.element(type_name, name)
    if found is None:
        return _none_such(cx, node, f"FHIR R4 {type_name}", name)
    if found.choice:
        options = [_single(cx, row, t, _join(path, model.choice_name(name, t))) for t in found.types]
        there = tuple(option for option in options if present(option) != FALSE)
        return there[0] if len(there) == 1 else Choice(there) if there else NOTHING
    if found.many:
        return _many(cx, row, found.types[0], _join(path, name))
    single = _single(cx, row, found.types[0], _join(path, name))
    return single if present(single) != FALSE else NOTHING


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _single(cx: Context, row: Row, type_name: str, path: str) -> Value:
    resolved = model.resolve(type_name)
    type_ = Named(f"FHIR.{resolved}")
    match model.storage(resolved):
        case "concept":
            return Coded(type_, row.col(path))
        case "date" | "datetime":
            return stored_date(cx, row, type_, path)
        case "text" if resolved == "time":
            return _stored_time(row.col(path))
        case "complex":
            return Element(type_, row, path)
        case "resource":
            return NOTHING
    return Point(type_, row.col(path))


def _stored_time(text: E) -> Point:
    """A time of day, kept as the text it came in, as the instants of the first day that it can mean."""
    if text == NULL:
        return Point(_TIME, NULL)
    low, precision = op("time_low", text), op("time_precision", text)
    return Point(_TIME, low, last_meant(TIME, low, precision), precision)


def stored_date(cx: Context, row: Row, type_: Named, path: str) -> Point:
    """A date column: one instant where the population's values are all exact, else the range it can mean; with the
    offset where some state one."""
    low = row.col(f"{path}.low")
    if low == NULL:
        return Point(type_, NULL)
    stated = row.col(f"{path}.offset") if ".offset" in model.parts(type_.name.removeprefix("FHIR.")) else NULL
    offset = None if stated == NULL else stated
    if cx.data.fact(row.table, f"{path}.low") == "exact":
        return Point(type_, low, offset=offset)
    return Point(type_, low, row.col(f"{path}.high"), row.col(f"{path}.prec"), offset)


def _many(cx: Context, row: Row, type_name: str, path: str) -> Value:
    resolved = model.resolve(type_name)
    type_ = Named(f"FHIR.{resolved}")
    if model.storage(resolved) == "concept":
        ids = row.col(path)
        if ids == NULL:
            return EMPTY
        frame, table = dictionary_rows(cx.data, "concept_list", "lid", cx.frame, ids)
        return Rows(frame, Coded(type_, table.col("cid")))
    name = f"{row.table}.{path}"
    if not cx.data.has_table(name) or row.key == NULL:
        return EMPTY
    frame, child = child_rows(cx.data, name, cx.frame, row.key)
    if model.storage(resolved) == "complex":
        return Rows(frame, Element(type_, child, ""))
    return Rows(frame, _single(cx, child, resolved, "value"))
