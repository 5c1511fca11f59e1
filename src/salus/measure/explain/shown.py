"""Values and records as a person reads them: "2026-03-04", "9.2 %", "Encounter of 2026-03-04 (Office Visit)".

Leaves to others: sentences (`words`), and what may be shown to whom.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from salus.engine.oracle import moments
from salus.engine.oracle.elements import Element, child, is_resource, primitive_value
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
from salus.measure.explain.model import Record

MOST = 3
"""Of several values or records this many are shown, and how many more there are."""

_WHEN = (
    *("effective", "performed", "occurrence", "period", "onset", "authoredOn", "occurred", "started", "recordedDate"),
    *("whenHandedOver", "whenPrepared", "billablePeriod", "created", "date", "issued", "authored", "sent", "birthDate"),
)
"""Elements that say when a resource was, the telling ones first; the first that is there counts."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def words(name: str) -> str:
    """`birthDate` as "birth date"; names of definitions, which hold blanks, as they are."""
    return name if " " in name else _WORD.sub(" ", name).lower()


def record(element: Element) -> Record:
    """A resource as a record: its date and its first code, with what it is called."""
    path = model.primary_code_path(element.type)
    code = next(_codes(child(element, path)), {}) if path else {}
    when = next((_days(found) for name in _WHEN if (found := child(element, name)) not in (None, [])), "")
    system, value, display = (str(code.get(key) or "") for key in ("system", "code", "display"))
    return Record(element.type, str(element.json.get("id", "")), when, system, value, display)


def _days(value: Value) -> str:
    """The day or days of a date, period or the like."""
    days = dict.fromkeys(_DAY.findall(shown(value)))
    return " to ".join(days) or shown(value)


def _codes(value: Value) -> Iterator[dict[str, Any]]:
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, Element):
            continue
        if each.type == "CodeableConcept":
            text = {"display": each.json.get("text")}
            yield from ({**text, **{k: v for k, v in c.items() if v}} for c in each.json.get("coding") or [text])
        elif isinstance(each.json, dict):
            yield each.json
        else:
            yield {"code": each.json}


def shown(value: Value) -> str:
    """A value in a few words; "" for null."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return f"'{value}'"
        case Decimal():
            return f"{value.normalize():f}"
        case Quantity(value=number, unit=unit):
            return shown(number) if unit == "1" else f"{shown(number)} {unit}"
        case Ratio(numerator=numerator, denominator=denominator):
            return f"{shown(numerator)}:{shown(denominator)}"
        case Code(code=code, display=display):
            return str(display or code)
        case Concept(codes=codes, display=display):
            return display or ", ".join(shown(code) for code in codes[:MOST])
        case ValueSet(name=name, id=url):
            return f'"{name or url}"'
        case Interval():
            return _span(value)
        case Uncertain(low=low, high=high):
            return f"between {shown(low)} and {shown(high)}"
        case Tuple(fields=fields):
            return ", ".join(f"{name} {shown(each)}" for name, each in fields.items() if each is not None)
        case list():
            return _several([shown(each) for each in value if each is not None])
        case Element():
            return _element(value)
    return _moment(value) if isinstance(value, moments.Moment) else str(value)


def _several(parts: list[str]) -> str:
    more = f" and {len(parts) - MOST} more" if len(parts) > MOST else ""
    return ", ".join(parts[:MOST]) + more if parts else "none"


def _moment(moment: moments.Moment) -> str:
    """To the minute; whole days without their midnight."""
    if isinstance(moment, moments.Time) or len(moment.parts) < 4:
        return str(moment)
    day, clock = str(moments.Date(moment.parts[:3])), moment.parts[3:]
    return day if not any(clock) else f"{day} {':'.join(f'{each:02d}' for each in clock[:2])}"


def _span(interval: Interval) -> str:
    low, high = shown(interval.low), shown(interval.high)
    if isinstance(interval.high, moments.DateTime) and interval.high.parts[3:5] == (23, 59):
        high = str(moments.Date(interval.high.parts[:3]))
    if not low or not high:
        return f"from {low}" if low else f"until {high}" if high else "a period without dates"
    return low if low == high else f"{low} to {high}"


def _element(element: Element) -> str:
    if is_resource(element):
        return str(record(element))
    if model.kind(element.type) == "primitive":
        return shown(primitive_value(element))
    if element.type in ("CodeableConcept", "Coding"):
        return ", ".join(str(code.get("display") or code.get("code") or "") for code in _codes(element))
    if element.type == "Period":
        low, high = (_moment_in(element, name) for name in ("start", "end"))
        return _span(Interval(low, high))
    if element.type in ("Quantity", "Age", "Duration", "Count", "SimpleQuantity"):
        return " ".join(str(element.json[key]) for key in ("value", "unit") if element.json.get(key) is not None)
    if element.type == "Reference":
        return str(element.json.get("reference") or element.json.get("display") or "")
    return words(element.type.rpartition(".")[2])


def _moment_in(element: Element, name: str) -> Value:
    found = child(element, name)
    return primitive_value(found) if isinstance(found, Element) else None
