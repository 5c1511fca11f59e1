"""Small measures, content and populations, made by hand."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from salus.measure import heads
from salus.measure.content import Content
from salus.measure.definition import Need

Json = dict[str, Any]
QM = "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-"


def coded(code: str) -> Json:
    return {"coding": [{"code": code}]}


def population(code: str, expression: str | None = None) -> Json:
    criteria = {"language": "text/cql-identifier", "expression": expression or code}
    return {"id": f"the-{code}", "code": coded(code), "criteria": criteria}


@pytest.fixture
def measure_json() -> Callable[..., Json]:
    """A Measure resource: a proportion with the population codes given, and any other fields."""

    def make(name: str = "M", codes: Sequence[str] = (), group: Json | None = None, **fields: Any) -> Json:
        populations = [population(code) for code in codes or ("initial-population", "denominator", "numerator")]
        return {
            "resourceType": "Measure",
            "id": f"{name}-id",
            "name": name,
            "url": f"http://example.org/Measure/{name}",
            "version": "1",
            "title": f"The {name} measure",
            "library": [f"http://example.org/Library/{name}"],
            "scoring": coded("proportion"),
            "improvementNotation": coded("increase"),
            "group": [{"population": populations, **(group or {})}],
            **fields,
        }

    return make


@pytest.fixture
def elm() -> Callable[..., Json]:
    """A bare ELM document."""

    def make(name: str, version: str | None = "1", **fields: Any) -> Json:
        identifier = {"id": name} | ({"version": version} if version else {})
        return {"library": {"annotation": [], "identifier": identifier, **fields}}

    return make


@pytest.fixture
def library_json() -> Callable[..., Json]:
    """A Library resource, with ELM in it when it is given."""

    def make(name: str, version: str = "1", elm: Json | None = None, cql: str | None = None) -> Json:
        contents = {"application/elm+json": json.dumps(elm) if elm else None, "text/cql": cql}
        return {
            "resourceType": "Library",
            "id": f"{name}-id",
            "url": f"http://example.org/Library/{name}",
            "name": name,
            "version": version,
            "content": [
                {"contentType": kind, "data": base64.b64encode(text.encode()).decode()}
                for kind, text in contents.items()
                if text
            ],
        }

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write resources as NDJSON into a file of the test's folder."""

    def make(*resources: Json, name: str = "content.ndjson") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(resource) + "\n" for resource in resources))
        return path

    return make


@dataclass
class FakePopulation:
    """A population of patients by id, and no encounters."""

    con: duckdb.DuckDBPyConnection

    def tables(self) -> frozenset[str]:
        return frozenset({"Encounter"})

    def contents(self) -> str:
        return "c0ffee"


@dataclass
class FakeOutcome:
    values: Mapping[Any, pa.Table]
    timings: Mapping[str, float] = field(default_factory=lambda: {"planning": 0.1})
    warnings: Sequence[str] = ("the engine has something to say",)
    gaps: Sequence[str] = ()
    defines: Sequence[Any] = ()
    reads: Mapping[str, Sequence[str]] = field(default_factory=dict)


class FakeEngine:
    """Gives the values it was made with, by define (a list of values per patient, or a table), and remembers what it
    was asked.
    """

    def __init__(self, values: Mapping[str, Sequence[Any] | pa.Table]) -> None:
        self.values = values
        self.asked: Sequence[Any] = ()

    def __call__(self, population: Any, content: Any, wanted: Sequence[Any], period: Any) -> FakeOutcome:
        self.asked = wanted
        return FakeOutcome({each: column(self.values[each.define]) for each in wanted})

    def outcome(self, values: Mapping[Any, pa.Table]) -> FakeOutcome:
        """What an engine gives back, for engines that make their values themselves."""
        return FakeOutcome(values)


def column(values: Sequence[Any] | pa.Table, type_: pa.DataType | None = None) -> pa.Table:
    """A define's table for patients 1..n."""
    if isinstance(values, pa.Table):
        return values
    return pa.table({"pid": pa.array(range(1, len(values) + 1), pa.int32()), "value": pa.array(values, type_)})


@pytest.fixture
def values_of() -> Callable[..., dict[Need, pa.Table]]:
    """Tables for defines given as name=[value per patient], or as a table."""
    return lambda **columns: {Need(name.replace("_", "-")): column(values) for name, values in columns.items()}


@pytest.fixture
def episodes() -> Callable[..., pa.Table]:
    """A list of encounters from (pid, id), or of what an observation says of them from (pid, id, value)."""

    def make(*rows: tuple[Any, ...], type_: str = "Encounter") -> pa.Table:
        pids, ids, *values = zip(*rows, strict=True) if rows else ((), ())
        columns = {
            "pid": pa.array(pids, pa.int32()),
            "type": pa.array([type_] * len(rows), pa.string()),
            "id": pa.array(ids, pa.string()),
        }
        return pa.table(columns | ({"value": pa.array(values[0])} if values else {}))

    return make


@pytest.fixture
def fake_engine() -> type[FakeEngine]:
    return FakeEngine


@pytest.fixture
def open_patients() -> Callable[..., Callable[[Path], Any]]:
    """Something that opens a population with these patient ids."""

    def make(*ids: str) -> Callable[[Path], Any]:
        @contextmanager
        def opened(path: Path) -> Iterator[FakePopulation]:
            with duckdb.connect() as con:
                con.execute("CREATE TABLE patient(pid INTEGER, id VARCHAR)")
                con.execute('CREATE TABLE "Encounter"(pid INTEGER)')
                con.execute("CREATE TABLE quarantine(file VARCHAR)")
                rows = list(enumerate(sorted(ids), 1))
                if rows:
                    con.executemany("INSERT INTO patient VALUES (?, ?)", rows)
                yield FakePopulation(con)

        return opened

    return make


@pytest.fixture(params=["read", "kept"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content as it is read, and as it is found again by what was kept of an earlier reading."""
    if request.param == "kept":
        monkeypatch.setattr(heads, "_SETTLED", -60.0)
        load = Content.load

        def again(paths: Sequence[Path], **choices: bool) -> Content:
            load(paths, **choices)
            return load(paths, **choices)

        monkeypatch.setattr(Content, "load", again)
