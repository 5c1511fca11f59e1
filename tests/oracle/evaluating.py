"""ELM evaluated by the oracle for a patient written down in the test, and values written short."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import elm_text as elm

from in_memory import Content
from salus.elm.library import Includes
from salus.engine.oracle.interpreter import Interpreter, Setting
from salus.engine.oracle.moments import Date, DateTime, Time
from salus.engine.oracle.records import Records, resource
from salus.engine.oracle.trace import Trace
from salus.engine.oracle.values import Interval, Quantity

Json = dict[str, Any]
NOW = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
SCT = "http://snomed.info/sct"


def interpreter(
    library: Json,
    resources: tuple[Json, ...] = (),
    *,
    value_sets: Mapping[str, set[tuple[str, str]]] | None = None,
    parameters: Mapping[str, Any] | None = None,
    trace: Trace | None = None,
) -> Interpreter:
    content = Content({library["identifier"]["id"]: library}, value_sets or {})
    records = Records(1, "p")
    for position, each in enumerate(resources, 1):
        records.by_type.setdefault(each["resourceType"], []).append(resource(each, position))
    return Interpreter(Setting(Includes(content), content, parameters or {}, NOW), records, trace)


def value(node: Json, *resources: Json, **sections: Any) -> Any:
    """What an expression is; `sections` are those of its library."""
    given = {name: sections.pop(name) for name in ("value_sets", "parameters", "trace") if name in sections}
    it = interpreter(elm.library("L", {"E": node}, **sections), resources, **given)
    return it.define(it.setting.includes.open("L", None, "the test"), "E")


def warned(node: Json, *resources: Json) -> list[str]:
    """The warnings an expression leaves."""
    it = interpreter(elm.library("L", {"E": node}), resources)
    it.define(it.setting.includes.open("L", None, "the test"), "E")
    return list(it.setting.warnings)


def op(kind: str, *operands: Any, **more: Any) -> Json:
    """An operator of Python values and ELM nodes."""
    return elm.op(kind, *map(lit, operands), **more)


def lit(value: Any) -> Json:
    """A Python value as ELM; what is ELM already stays."""
    match value:
        case dict():
            return value
        case None:
            return elm.NULL
        case Decimal():
            return elm.literal(float(value)) | {"value": str(value)}
        case list():
            return items(*value)
        case Quantity(value=number, unit=unit):
            return {"type": "Quantity", "value": str(number), "unit": unit}
        case Date(parts=parts):
            return {"type": "Date", **{n: elm.literal(p) for n, p in zip(Date.units, parts, strict=False)}}
        case DateTime(parts=parts, offset=offset):
            stated = {} if offset is None else {"timezoneOffset": lit(Decimal(offset) / 60)}
            return elm.when(*parts) | stated
        case Time(parts=parts):
            return {"type": "Time", **{n: elm.literal(p) for n, p in zip(Time.units, parts, strict=False)}}
        case Interval(low=low, high=high, low_closed=a, high_closed=b):
            return elm.interval(lit(low), lit(high), closed=(a, b))
    return elm.literal(value)


def items(*values: Any) -> Json:
    return {"type": "List", "element": [lit(v) for v in values]}


def of(kind: str, source: Any, **more: Any) -> Json:
    """An operator on a list, given as `source`."""
    return {"type": kind, "source": lit(source), **more}


def tuple_of(**fields: Any) -> Json:
    return {"type": "Tuple", "element": [{"name": n, "value": lit(v)} for n, v in fields.items()]}


def code(code_: str, system: str = SCT) -> Json:
    fields = {"code": lit(code_), "system": lit(system)}
    return {
        "type": "Instance",
        "classType": f"{elm.SYSTEM}Code",
        "element": [{"name": n, "value": v} for n, v in fields.items()],
    }


def named(name: str) -> Json:
    return {"type": "NamedTypeSpecifier", "name": name}


def dt(*parts: int, offset: int | None = None) -> DateTime:
    return DateTime(parts, offset)


def d(*parts: int) -> Date:
    return Date(parts)


def t(*parts: int) -> Time:
    return Time(parts)


def q(number: str | int, unit: str = "1") -> Quantity:
    return Quantity(Decimal(number), unit)


def closed(low: Any, high: Any) -> Interval:
    return Interval(low, high)
