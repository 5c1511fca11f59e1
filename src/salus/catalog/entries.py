"""What the measures of the catalog say of themselves, and the catalog as FHIR resources.

Leaves to others: reading an author's file (`measure.authored`), showing (`cli.catalog`, `scripts/make_docs.py`).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from salus.catalog import content_paths
from salus.cql.diagnostics import did_you_mean
from salus.cql.header import read_header
from salus.cql.source import Source
from salus.errors import UsageError
from salus.measure import authored
from salus.measure.authored import BASE

Json = dict[str, Any]
CLAUSES: Final = ("wellness", "care", "access", "compassion", "value", "underserved", "support")
"""The clauses of the mission that the catalog has measures for, in the order of the mission."""
MEASURE: Final = "measure.toml"


@dataclass(frozen=True)
class Entry:
    """One measure: its folder and its `[measure]`."""

    folder: Path
    said: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.said["name"])

    @property
    def clause(self) -> str:
        return str(self.said["clause"])

    @property
    def title(self) -> str:
        return str(self.said["title"])

    @property
    def of_table(self) -> bool:
        """Whether it is evaluated on a table rather than on FHIR records."""
        return "table" in self.said

    @property
    def cql(self) -> str | None:
        """The text of its library; None of a measure of a table."""
        path = self.folder / f"{self.name}.cql"
        return path.read_text(encoding="utf-8") if path.exists() else None

    def rates(self) -> Iterator[tuple[str, Mapping[str, Mapping[str, Any]]]]:
        """The description of each rate ("" of the only one), and its populations by code."""
        for group in self.said.get("group") or [self.said]:
            rows = authored.populations(group["populations"], str(self.folder))
            yield group["description"] if group is not self.said else "", dict(rows)


def entries() -> list[Entry]:
    """Every measure of the catalog, by clause and name."""
    files = (file for folder in content_paths() for file in folder.rglob(MEASURE))
    found = [Entry(file.parent, authored.read(file.read_bytes(), str(file))["measure"]) for file in files]
    return sorted(found, key=lambda each: (CLAUSES.index(each.clause), each.name))


def entry(name: str) -> Entry:
    """The measure of that name, or the one whose name (with or without Salus before it) begins so.

    Raises UsageError.
    """
    there = {each.name: each for each in entries()}
    wanted = name.casefold()
    found = [
        each
        for called, each in there.items()
        if any(text.casefold().startswith(wanted) for text in (called, called.removeprefix("Salus")))
    ]
    exact = [each for each in found if each.name.casefold() == wanted]
    if len(exact or found) != 1:
        hint = ", ".join(each.name for each in found) or did_you_mean(name, there)
        raise UsageError(
            f"{name!r} is {'several measures' if found else 'no measure'} of the catalog; {hint}".rstrip("; ")
        )
    return (exact or found)[0]


def value_sets() -> list[Json]:
    """The ValueSet resources of the catalog, by title."""
    files = sorted(file for folder in content_paths() for file in folder.rglob(f"*{authored.TOML}"))
    made = [each for file in files for each in _resources(file) if each["resourceType"] == "ValueSet"]
    return sorted(made, key=lambda each: str(each["title"]))


def resources() -> Iterator[Json]:
    """The catalog as FHIR: Measure, Library (with its CQL) and ValueSet; measures of tables have no such form."""
    yield from value_sets()
    for each in entries():
        if not each.of_table:
            yield authored.measure(each.said, str(each.folder / MEASURE))
    for folder in content_paths():
        yield from map(_library, sorted(folder.rglob("*.cql")))


def _resources(file: Path) -> Iterator[Json]:
    data = file.read_bytes()
    return authored.resources(data, str(file)) if authored.is_authored(data) else iter(())


def _library(file: Path) -> Json:
    data = file.read_bytes()
    header = read_header(Source(data.decode("utf-8"), file.name))
    return {
        "resourceType": "Library",
        "id": header.name,
        "url": f"{BASE}/Library/{header.name}",
        "version": header.version,
        "name": header.name,
        "status": "active",
        "type": authored.concept("library-type", "logic-library"),
        "content": [{"contentType": "text/cql", "data": base64.b64encode(data).decode()}],
    }
