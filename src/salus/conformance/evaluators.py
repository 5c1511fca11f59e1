"""The engines as `judge` asks them: one define, no data, and what is an error for a run is an error here.

Leaves to others: the meaning of expressions (`salus.engine`).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from salus.conformance import found
from salus.conformance.judge import Evaluator, Refusal
from salus.conformance.values import Value
from salus.elm import Includes
from salus.engine.asked import Wanted
from salus.engine.oracle import Interpreter, Setting
from salus.engine.oracle.errors import Ended, IllTyped
from salus.engine.oracle.records import Records
from salus.engine.run import exact_values
from salus.errors import SalusError
from salus.logic import context as logic
from salus.store import Population, load

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
TEST = "Test"


class OneLibrary:
    """A library by itself, and no value sets."""

    def __init__(self, elm: Mapping[str, Any]) -> None:
        self._elm = elm

    def library(self, name: str, version: str | None, asked_by: str) -> Mapping[str, Any]:
        if name == self._elm["identifier"]["id"]:
            return self._elm
        raise SalusError(f"{asked_by} asks for library {name}, and there is none")

    def cql(self, name: str, version: str | None) -> str | None:
        return None

    def value_set(self, url: str, version: str | None, asked_by: str) -> Any:
        raise SalusError(f"{asked_by} asks for value set {url}, and there is none")


def on_oracle(library: Mapping[str, Any]) -> Value:
    """By the interpreter, with errors not passed over."""
    content = OneLibrary(library)
    setting = Setting(Includes(content), content, now=NOW, strict=True)
    opened = setting.includes.open(library["identifier"]["id"], None, "the suite")
    try:
        return found.of_oracle(Interpreter(setting, Records(0, "nobody")).define(opened, TEST))
    except Ended as error:
        raise Refusal("execution", str(error)) from error
    except IllTyped as error:
        raise Refusal("semantic", str(error)) from error


@contextmanager
def duckdb() -> Iterator[Evaluator]:
    """The SQL engine on a population of one person of whom nothing is known."""
    with tempfile.TemporaryDirectory() as folder:
        nobody = Path(folder) / "nobody.ndjson"
        nobody.write_text(json.dumps({"resourceType": "Patient", "id": "nobody"}), encoding="utf-8")
        load([nobody], Path(folder) / "population.duckdb")
        with Population.open(Path(folder) / "population.duckdb") as population:
            yield lambda library: _on_duckdb(population, library)


def _on_duckdb(population: Population, library: Mapping[str, Any]) -> Value:
    wanted = Wanted(library["identifier"]["id"], None, TEST)
    try:
        [value] = exact_values(population, OneLibrary(library), wanted, now=NOW.replace(tzinfo=None)).values()
    except logic.Ended as error:
        raise Refusal("execution", str(error)) from error
    except logic.IllTyped as error:
        raise Refusal("semantic", str(error)) from error
    return found.of_duckdb(value)


@contextmanager
def oracle() -> Iterator[Evaluator]:
    """The interpreter, with nobody's records."""
    yield on_oracle


ENGINES = {"duckdb": duckdb, "oracle": oracle}
