"""Small made-up records, and populations of them, for the store's tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from salus.store import LoadReport, Population, load

Json = dict[str, Any]


def patient(name: str | None, /, **elements: Any) -> Json:
    return _resource("Patient", name, **elements)


def observation(name: str | None, who: str | None, /, **elements: Any) -> Json:
    subject = {} if who is None else {"subject": {"reference": who if ":" in who or "/" in who else f"Patient/{who}"}}
    return _resource("Observation", name, **subject, **elements)


def _resource(kind: str, name: str | None, /, **elements: Any) -> Json:
    return {"resourceType": kind, **({} if name is None else {"id": name}), **elements}


def bundle(*resources: Json, urls: Sequence[str | None] = ()) -> Json:
    entries: list[Json] = [{"resource": resource} for resource in resources]
    for entry, url in zip(entries, urls, strict=False):
        if url:
            entry["fullUrl"] = url
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def write(path: Path, *documents: Json | str) -> Path:
    """One document a line; a text is written as it is."""
    texts = [one if isinstance(one, str) else json.dumps(one) for one in documents]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def loaded(folder: Path, *documents: Json | str) -> tuple[LoadReport, Population]:
    """A population of the documents; the caller closes it (or leaves it to the end of the test)."""
    source = write(folder / "records.ndjson", *documents)
    report = load([source], folder / "population.duckdb")
    return report, Population.open(folder / "population.duckdb")


def column(population: Population, table: str, name: str, key: str = "rid") -> list[Any]:
    """A column of a table in order of its key."""
    found = population.con.execute(f'SELECT "{name}" FROM "{table}" ORDER BY {key}').fetchall()
    return [value for (value,) in found]


def rows(population: Population, query: str) -> list[tuple[Any, ...]]:
    return population.con.execute(query).fetchall()
