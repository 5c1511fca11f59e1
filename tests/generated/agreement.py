"""Both engines asked the same: where their answers differ, and the smallest part of an expression where they do.

Leaves to others: what is asked (`expressions`, `populations`).
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import elm_text as elm

from generated.expressions import VALUE_SETS, sections
from generated.text import text
from in_memory import Content
from salus.engine import oracle
from salus.engine.asked import Wanted
from salus.engine.run import run
from salus.logic.calendar import unit_name
from salus.store import Population, load

Json = dict[str, Any]
PERIOD = (date(2026, 1, 1), date(2026, 12, 31))
NOW = datetime(2026, 7, 1, 12, 30)
REFUSED = "refused"
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)?")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def _helpers() -> Json:
    """FHIRHelpers as far as it is used, as ELM (the SQL engine knows it by name): what a Period, Quantity and
    CodeableConcept is in CQL."""
    value = elm.ref("value", "OperandRef")

    def function(name: str, kind: str, body: Json) -> Json:
        whole = {"type": "If", "condition": elm.op("IsNull", value), "then": elm.NULL, "else": body}
        operand = {"name": "value", "operandTypeSpecifier": {"type": "NamedTypeSpecifier", "name": elm.FHIR + kind}}
        return {"type": "FunctionDef", "name": name, "context": "Patient", "operand": [operand], "expression": whole}

    start, end = elm.prop("start.value", value), elm.prop("end.value", value)
    period = {
        "type": "If", "condition": elm.op("IsNull", elm.prop("start", value)),
        "then": elm.interval(start, end, closed=(False, True)), "else": elm.interval(start, end),
    }  # fmt: skip
    quantity = _instance(
        "Quantity",
        value=elm.prop("value.value", value),
        unit=elm.op("Coalesce", elm.prop("code.value", value), elm.literal("1")),
    )
    coding = _instance(
        "Code", **{n: elm.prop(f"{n}.value", elm.alias("C")) for n in ("code", "system", "version", "display")}
    )
    codes = elm.query(elm.prop("coding", value), "C", **{"return": elm.returning(coding, distinct=False)})
    concept = _instance("Concept", codes=codes, display=elm.prop("text.value", value))
    functions = [
        function("ToInterval", "Period", period),
        function("ToQuantity", "Quantity", quantity),
        function("ToConcept", "CodeableConcept", concept),
    ]
    return elm.library("FHIRHelpers", {}, functions=functions)


def _instance(name: str, **fields: Json) -> Json:
    elements = [{"name": n, "value": v} for n, v in fields.items()]
    return {"type": "Instance", "classType": elm.SYSTEM + name, "element": elements}


def library(defines: Json, functions: Sequence[Json] = ()) -> Json:
    includes = [{"localIdentifier": "FHIRHelpers", "path": "FHIRHelpers", "version": "1"}]
    usings = [{"localIdentifier": "FHIR", "uri": "http://hl7.org/fhir", "version": "4.0.1"}]
    return elm.library("Main", defines, functions=list(functions), includes=includes, usings=usings, **sections())


@dataclass(frozen=True)
class Answers:
    """What an engine says: per define either values by patient, or a text of why there are none."""

    values: dict[str, dict[int, Any] | str]

    def of(self, define: str) -> dict[int, Any] | str:
        return self.values[define]


class Judge:
    """Both engines over one population of drawn records."""

    def __init__(self, resources: Sequence[Json]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="salus-generated-")
        folder = Path(self._folder.name)
        records = folder / "records.ndjson"
        records.write_text("".join(json.dumps(r) + "\n" for r in resources), encoding="utf-8")
        load([records], folder / "population.duckdb")
        self.population = Population.open(folder / "population.duckdb")

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *_: object) -> None:
        self.population.close()
        self._folder.cleanup()

    def ask(self, defines: Json, functions: Sequence[Json] = ()) -> list[Answers]:
        """The answers of both engines, duckdb first."""
        content = Content({"Main": library(defines, functions), "FHIRHelpers": _helpers()}, VALUE_SETS)
        wanted = [Wanted("Main", "1", name, optional=True) for name in defines]
        found = [asked(engine, self.population, content, wanted) for engine in (run, oracle.run)]
        return [Answers({want.define: answer for want, answer in each.items()}) for each in found]


def asked(
    engine: Any, population: Population, content: Any, wanted: Sequence[Wanted], period: tuple[date, date] = PERIOD
) -> dict[Wanted, dict[int, Any] | str]:
    """What an engine answers, all at once; where that fails, by halves, down to the one at fault."""
    try:
        outcome = engine(population, content, wanted, period, now=NOW)
    except Exception as error:  # whatever it is, it is to be reported, not to end the search
        if len(wanted) == 1:
            return {wanted[0]: _failure(error)}
        half = len(wanted) // 2
        parts = (asked(engine, population, content, part, period) for part in (wanted[:half], wanted[half:]))
        return {each: answer for part in parts for each, answer in part.items()}
    return {each: _answered(outcome, each) for each in wanted}


def differ(first: dict[int, Any] | str, second: dict[int, Any] | str) -> bool:
    """Whether two answers disagree. What one engine refuses is no disagreement; a crash is."""
    texts = [each for each in (first, second) if isinstance(each, str)]
    if any(text.startswith("crash") for text in texts):
        return True
    return first != second and not any(text.startswith(REFUSED) for text in texts)


def _failure(error: Exception) -> str:
    kind = "refused" if type(error).__name__ in ("Unsupported", "Refused") else f"crash {type(error).__name__}"
    return f"{kind}: {str(error).splitlines()[0] if str(error) else ''}"


def _answered(outcome: Any, want: Wanted) -> dict[int, Any] | str:
    if want not in outcome.values:
        why = [w for w in outcome.warnings if w.startswith(f'"{want.define}" of')]
        return f"refused: {why[0] if why else '?'}"
    table = outcome.values[want]
    found: dict[int, list[Any]] = {}
    for row in table.to_pylist():
        value = row["value"] if "value" in row else f"{row['type']}/{row['id']}"
        found.setdefault(row["pid"], []).append(plain(value))
    found = {pid: _spread(values) for pid, values in found.items()}
    kept = {pid: [v for v in values if v not in (None, [])] for pid, values in found.items()}
    return {pid: sorted(values, key=repr) for pid, values in kept.items() if values}


def _spread(values: list[Any]) -> list[Any]:
    """A list put out as one value is the same as its elements put out one by one."""
    return values[0] if len(values) == 1 and isinstance(values[0], list) else values


def plain(value: Any) -> Any:
    """A value in a form in which equal answers are equal: numbers as decimals of 8 places, dates as instants."""
    match value:
        case bool() | None:
            return value
        case int() | float() | Decimal():
            return str(Decimal(str(value)).quantize(Decimal("1e-8")).normalize() + 0)
        case datetime():
            return value.replace(tzinfo=None).isoformat()
        case date():
            return datetime(value.year, value.month, value.day).isoformat()
        case dict() if set(value) == {"value", "unit"}:
            return {"value": plain(value["value"]), "unit": unit_name(value["unit"] or "") or value["unit"]}
        case dict():
            return {k: None if (made := plain(v)) == [] else made for k, v in value.items()}
        case list():
            return [made for v in value if (made := plain(v)) not in (None, [])]
        case str() if _INSTANT.fullmatch(value):
            return datetime.fromisoformat(value).replace(tzinfo=None).isoformat()
        case str() if value[:1] in ('"', "{", "[") or value in ("true", "false") or _NUMBER.fullmatch(value):
            return plain(json.loads(value))  # a value of a choice, or of a list of several types
    return value


@dataclass(frozen=True)
class Disagreement:
    """An expression on which the engines differ, and what each said."""

    define: str
    node: Json
    answers: tuple[Any, Any]

    def __str__(self) -> str:
        return f"{text(self.node)}\n    duckdb {self.answers[0]}\n    oracle {self.answers[1]}"


def disagreements(judge: Judge, defines: Json, functions: Sequence[Json] = ()) -> Iterator[Disagreement]:
    """The defines that engines answer differently."""
    first, second = judge.ask(defines, functions)
    for name, node in defines.items():
        if differ(first.of(name), second.of(name)):
            yield Disagreement(name, node, (first.of(name), second.of(name)))


def refusals(judge: Judge, defines: Json, functions: Sequence[Json] = ()) -> list[tuple[str, str]]:
    """(engine, reason) of what was refused."""
    found = zip(("duckdb", "oracle"), judge.ask(defines, functions), strict=True)
    return [
        (e, a) for e, answers in found for a in answers.values.values() if isinstance(a, str) and a.startswith(REFUSED)
    ]


def smallest(judge: Judge, found: Disagreement, defines: Json, functions: Sequence[Json]) -> Disagreement:
    """The smallest part that stands alone and on which the engines differ already, defines written out in it."""
    whole = written_out(found.node, defines)
    parts = {json.dumps(part): part for part in (*_closed_parts(whole), whole)}
    named = {f"P{number}": parts[key] for number, key in enumerate(sorted(parts, key=len))}
    return next(disagreements(judge, named, functions), found)


def written_out(node: Any, defines: Json) -> Any:
    """An expression with the defines it refers to in their places."""
    if isinstance(node, list):
        return [written_out(each, defines) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == "ExpressionRef" and node["name"] in defines:
        return written_out(defines[node["name"]], defines)
    return {key: written_out(value, defines) for key, value in node.items()}


def _closed_parts(node: Any) -> Iterator[Json]:
    """The parts of an expression that refer to no alias, let or operand from outside themselves."""
    for part in _parts(node):
        if not _free(part) and part is not node:
            yield part


def _parts(node: Any) -> Iterator[Json]:
    if isinstance(node, list):
        for item in node:
            yield from _parts(item)
    if isinstance(node, dict):
        if (
            isinstance(node.get("type"), str)
            and not node["type"].endswith("Specifier")
            and not node["type"].startswith("By")
        ):
            yield node
        for value in node.values():
            yield from _parts(value)


def _free(node: Any) -> set[str]:
    """Names of aliases, lets and operands that a part uses and does not bind."""
    used = {n["name"] for n in _parts(node) if n["type"] in ("AliasRef", "QueryLetRef", "OperandRef", "IdentifierRef")}
    used |= {n["scope"] for n in _parts(node) if "scope" in n}
    own = {s["alias"] for n in _parts(node) if n["type"] == "Query" for s in n["source"]}
    own |= {n["alias"] for n in _parts(node) if n["type"] in ("With", "Without")}
    own |= {x["identifier"] for n in _parts(node) if n["type"] == "Query" for x in n.get("let", ())}
    own |= {n["aggregate"]["identifier"] for n in _parts(node) if "aggregate" in n}
    return used - own - {"$this"} if any(n["type"] in ("Query", "Sort") for n in _parts(node)) else used - own
