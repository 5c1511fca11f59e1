"""What an engine found, in the neutral form of `values`.

The oracle's values are its own classes; DuckDB's arrive as tagged trees (`salus.logic.exact`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from salus.conformance import values as v
from salus.engine.oracle import moments
from salus.engine.oracle import values as o


def of_oracle(value: o.Value) -> v.Value:
    """A value of the oracle."""
    match value:
        case None | bool() | str():
            return value
        case list():
            return tuple(of_oracle(item) for item in value)
        case o.Long():
            return v.Number("Long", Decimal(int(value)))
        case int():
            return v.Number("Integer", Decimal(value))
        case Decimal():
            return v.Number("Decimal", value)
        case moments.Date(parts=parts) | moments.Time(parts=parts):
            return v.Moment(type(value).__name__, parts)
        case moments.DateTime(parts=parts, offset=offset):
            return v.Moment("DateTime", parts, offset)
        case o.Quantity(value=number, unit=unit):
            return v.Quantity(number, unit)
        case o.Ratio(numerator=numerator, denominator=denominator):
            return v.Ratio(of_oracle(numerator), of_oracle(denominator))
        case o.Uncertain(low=low, high=high):
            return v.Range(of_oracle(low), of_oracle(high), uncertain=True)
        case o.Interval(low=low, high=high, low_closed=low_closed, high_closed=high_closed):
            return v.Range(of_oracle(low), of_oracle(high), low_closed, high_closed)
    return _structure(value)


def _structure(value: o.Value) -> v.Structure:
    match value:
        case o.Tuple(fields=fields):
            named = dict(fields)
        case o.Concept(codes=codes, display=display):
            named = {"codes": list(codes), "display": display}
        case o.Code(code=code, system=system, version=version, display=display):
            named = {"code": code, "system": system, "version": version, "display": display}
        case o.ValueSet(id=id_, version=version) | o.CodeSystem(id=id_, version=version):
            named = {"id": id_, "version": version}
        case _:
            raise TypeError(f"{type(value).__name__} has no neutral form")
    return v.Structure(type(value).__name__, {name: of_oracle(field) for name, field in named.items()})


def of_duckdb(text: str | None) -> v.Value:
    """A value of the SQL engine, from its exact form."""
    return None if text is None else _tree(json.loads(text))


def _tree(tree: Mapping[str, Any] | None) -> v.Value:
    if tree is None:
        return None
    match tree["t"]:
        case "List":
            return tuple(map(_tree, tree["items"]))
        case "Quantity":
            return v.Quantity(Decimal(tree["value"]), tree["unit"])
        case "Interval":
            return v.Range(_tree(tree["low"]), _tree(tree["high"]), tree["low_closed"], tree["high_closed"])
        case "Tuple":
            fields = {name: _tree(field) for name, field in (tree["fields"] or {}).items()}
            return v.Structure(tree["name"].removeprefix("System."), fields)
    return _point(tree["t"].removeprefix("System."), tree)


def _point(type_: str, tree: Mapping[str, Any]) -> v.Value:
    """A point; dates by their first instant and stated precision, other uncertain values as a range."""
    low, high = tree["low"], tree["high"]
    if type_ in ("Date", "DateTime", "Time"):
        return _moment(type_, low, tree["precision"], tree.get("offset"))
    if high is not None and high != low:
        return v.Range(_plain(type_, low), _plain(type_, high), uncertain=True)
    return _plain(type_, low)


def _plain(type_: str, text: str) -> v.Value:
    if type_ == "Boolean":
        return text == "true"
    return text if type_ == "String" else v.Number(type_, Decimal(text))


_FIRST = {"Date": (0, 3), "DateTime": (0, 7), "Time": (3, 7)}


def _moment(type_: str, text: str, precision: str | None, offset: str | None) -> v.Moment:
    at = datetime.fromisoformat(text) + timedelta(minutes=int(offset or 0))
    parts = (at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond // 1000)
    first, stop = _FIRST[type_]
    return v.Moment(
        type_, parts[first : stop if precision is None else int(precision)], None if offset is None else int(offset)
    )
