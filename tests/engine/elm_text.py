"""ELM written by hand, short: each function is one ELM element. For tests of the engine."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
SYSTEM, FHIR = "{urn:hl7-org:elm-types:r1}", "{http://hl7.org/fhir}"


def op(kind: str, *operands: Json, **more: Any) -> Json:
    """Any operator; one operand stands alone, several as a list."""
    operand: Any = operands[0] if len(operands) == 1 else list(operands)
    return {"type": kind, **({"operand": operand} if operands else {}), **more}


def literal(value: object) -> Json:
    name = {bool: "Boolean", int: "Integer", float: "Decimal", str: "String"}[type(value)]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return {"type": "Literal", "valueType": f"{SYSTEM}{name}", "value": text}


NULL: Json = {"type": "Null"}


def ref(name: str, kind: str = "ExpressionRef", library: str | None = None) -> Json:
    return {"type": kind, "name": name, **({"libraryName": library} if library else {})}


def alias(name: str) -> Json:
    return ref(name, "AliasRef")


def retrieve(kind: str, codes: Json | None = None, path: str = "code", template: str | None = None) -> Json:
    found: Json = {"type": "Retrieve", "dataType": f"{FHIR}{kind}"}
    if template:
        found["templateId"] = template
    return found | ({"codes": codes, "codeProperty": path, "codeComparator": "in"} if codes else {})


def prop(path: str, scope: str | Json) -> Json:
    return {"type": "Property", "path": path, **({"scope": scope} if isinstance(scope, str) else {"source": scope})}


def query(source: Json, name: str = "X", **clauses: Any) -> Json:
    return {"type": "Query", "source": [{"alias": name, "expression": source}], "relationship": [], **clauses}


def related(kind: str, source: Json, name: str, such_that: Json) -> Json:
    return {"type": kind, "alias": name, "expression": source, "suchThat": such_that}


def returning(node: Json, *, distinct: bool = True) -> Json:
    return {"expression": node, "distinct": distinct}


def by(*keys: Json, down: bool = False) -> Json:
    direction = "desc" if down else "asc"
    found = [{"type": "ByExpression", "direction": direction, "expression": k} for k in keys]
    return {"by": found or [{"type": "ByDirection", "direction": direction}]}


def first(node: Json) -> Json:
    return {"type": "First", "source": node}


def last(node: Json) -> Json:
    return {"type": "Last", "source": node}


def quantity(value: float, unit: str) -> Json:
    return {"type": "Quantity", "value": value, "unit": unit}


def when(*parts: int) -> Json:
    """A DateTime from constant components."""
    names = ("year", "month", "day", "hour", "minute", "second", "millisecond")
    return {"type": "DateTime", **{n: literal(p) for n, p in zip(names, parts, strict=False)}}


def interval(low: Json, high: Json, *, closed: tuple[bool, bool] = (True, True)) -> Json:
    return {"type": "Interval", "low": low, "high": high, "lowClosed": closed[0], "highClosed": closed[1]}


def helper(name: str, node: Json) -> Json:
    """A call of FHIRHelpers."""
    return {"type": "FunctionRef", "name": name, "libraryName": "FHIRHelpers", "operand": [node]}


def library(name: str, defines: dict[str, Json], **sections: Any) -> Json:
    statements = [{"name": n, "context": "Patient", "expression": e} for n, e in defines.items()]
    patient = {"name": "Patient", "context": "Patient", "expression": op("SingletonFrom", retrieve("Patient"))}
    return {
        "identifier": {"id": name, "version": "1"},
        "statements": {"def": [patient, *statements, *sections.pop("functions", [])]},
        **{section: {"def": entries} for section, entries in sections.items()},
    }
