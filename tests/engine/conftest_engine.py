"""A population and a library in a few lines, evaluated: what the engine's tests stand on."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import elm_text as elm
import pytest

from in_memory import Content
from salus.engine.asked import Outcome, Wanted
from salus.engine.run import run
from salus.store import Population, load

Json = dict[str, Any]


def _stub(name: str) -> Json:
    operand = {"name": "value", "operandTypeSpecifier": {"type": "NamedTypeSpecifier", "name": elm.SYSTEM + "Any"}}
    return {"type": "FunctionDef", "name": name, "context": "Patient", "operand": [operand], "expression": elm.NULL}


HELPERS = elm.library("FHIRHelpers", {}, functions=[_stub(n) for n in ("ToQuantity", "ToInterval", "ToConcept")])
"""FHIRHelpers, whose functions the SQL engine knows by name."""


@dataclass
class Answers:
    """What a run said: per define and patient, and the rest of the outcome."""

    by_patient: dict[str, dict[str, Any]]
    outcome: Outcome

    def __getitem__(self, define: str) -> dict[str, Any]:
        return self.by_patient[define]


Evaluate = Callable[..., Answers]


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """`evaluate(resources, defines, value_sets=..., engine=..., **library sections)`; lists answer with sorted resource
    ids."""

    def run_it(resources: Sequence[Json], defines: dict[str, Json], **more: Any) -> Answers:
        value_sets, libraries = more.pop("value_sets", {}), more.pop("libraries", {})
        engine = more.pop("engine", run)
        includes = [
            {"localIdentifier": "FHIRHelpers", "path": "FHIRHelpers", "version": "1"},
            *more.pop("includes", []),
        ]
        main = elm.library("Main", defines, includes=includes, **more)
        records = tmp_path / "records.ndjson"
        records.write_text("".join(json.dumps(r) + "\n" for r in resources), encoding="utf-8")
        load([records], tmp_path / "population.duckdb")
        content = Content({"FHIRHelpers": HELPERS, "Main": main, **libraries}, value_sets)
        wanted = [Wanted("Main", "1", name) for name in defines]
        with Population.open(tmp_path / "population.duckdb") as population:
            outcome = engine(population, content, wanted, (date(2026, 1, 1), date(2026, 12, 31)))
            ids = dict(population.con.sql('SELECT pid, id FROM "Patient"').fetchall())
        return Answers({w.define: _by_patient(outcome.values[w], ids) for w in wanted}, outcome)

    return run_it


def _by_patient(table: Any, ids: Mapping[int, str]) -> dict[str, Any]:
    rows = table.to_pylist()
    if "value" in table.column_names and rows:
        return {ids[row["pid"]]: row["value"] for row in rows}
    found: dict[str, list[str]] = {name: [] for name in ids.values()}
    for row in rows:
        found[ids[row["pid"]]].append(row["id"])
    return {name: sorted(each) for name, each in found.items()}


def patient(name: str = "p", **more: Any) -> Json:
    return {"resourceType": "Patient", "id": name, **more}


def observation(name: str, who: str = "p", **more: Any) -> Json:
    code = {"coding": [{"system": "s", "code": more.pop("code", "a")}]}
    return {
        "resourceType": "Observation", "id": name, "status": "final", "code": code,
        "subject": {"reference": f"Patient/{who}"}, **more,
    }  # fmt: skip


def encounter(name: str, who: str = "p", start: str | None = None, end: str | None = None, **more: Any) -> Json:
    period = {k: v for k, v in (("start", start), ("end", end)) if v}
    return {
        "resourceType": "Encounter", "id": name, "status": "finished", "subject": {"reference": f"Patient/{who}"},
        **({"period": period} if period else {}), **more,
    }  # fmt: skip
