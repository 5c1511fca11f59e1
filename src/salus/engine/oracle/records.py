"""The records of a population, one patient at a time: every resource as it came, in one order.

Resources of a type are in the order of their row number (`rid`: by patient, then id). A resource of a type that belongs
to no patient (a medication, a location) is among the records of every patient whose own resources lead to it. Leaves to
others: which resources those are (`salus.store`), what a retrieve selects (`retrieve`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from salus.engine.oracle.elements import Element
from salus.fhir import model
from salus.store import Population

_VERSION_MARK = "/_history/"
_VERSION = re.compile(rf"{_VERSION_MARK}[^/]*$")


@dataclass
class Records:
    """The resources of one patient by type, each list in order."""

    pid: int
    id: str
    by_type: dict[str, list[Element]] = field(default_factory=dict)

    def of(self, type_name: str) -> list[Element]:
        return self.by_type.get(type_name, [])


def resource(json_: Mapping[str, Any], position: int = 0) -> Element:
    """A resource as a FHIR value."""
    return Element(str(json_["resourceType"]), json_, None, position)


def read(text: str, aliases: Mapping[str, str] = MappingProxyType({}), number: int = 0) -> dict[str, Any]:
    """JSON with its decimals exact, and its references as what they lead to: those that the load resolved (`aliases`)
    as `Type/id`, none to a version. Those to what the resource itself contains are known by its `number`."""

    def resolved(part: dict[str, Any]) -> dict[str, Any]:
        reference = part.get("reference")
        if not isinstance(reference, str):
            return part
        target = aliases.get(reference) or aliases.get(f"#{number}{reference}")
        return {**part, "reference": target or _VERSION.sub("", reference)}

    hook = resolved if aliases or _VERSION_MARK in text else None
    found: dict[str, Any] = json.loads(text, parse_float=Decimal, object_hook=hook)
    return found


class Patients:
    """The patients of a population, or `only` one, with their records."""

    def __init__(self, population: Population, *, only: int | None = None) -> None:
        self._population, self._only = population, only
        self._owned: dict[int, list[Element]] = {}
        self._shared: dict[int, list[Element]] = {}
        self._all: dict[str, list[Element]] = {}
        self._aliases = dict(population.con.execute("SELECT url, target FROM reference_alias").fetchall())
        for type_name in sorted(population.tables()):
            self._read(type_name)

    def __iter__(self) -> Iterator[Records]:
        for pid, id_ in self._population.con.execute("SELECT pid, id FROM patient ORDER BY pid").fetchall():
            yield self.of(pid, id_)

    def of(self, pid: int, id_: str) -> Records:
        """One patient's records."""
        records = Records(pid, id_)
        for each in [*self._owned.get(pid, ()), *self._shared.get(pid, ())]:
            records.by_type.setdefault(each.type, []).append(each)
        return records

    def together(self) -> Records:
        """The records of all patients, and of nobody, as one."""
        return Records(0, "", self._all)

    def _read(self, type_name: str) -> None:
        rows = self._population.con.execute(
            f"""SELECT t.pid, t.rid, t.id, seq, r.json FROM "{type_name}" t JOIN raw."{type_name}" r USING (seq)
            WHERE $only IS NULL OR t.pid IS NULL OR t.pid = $only ORDER BY t.rid""",
            {"only": self._only},
        ).fetchall()
        seen_by = self._seen_by(type_name)
        for pid, rid, id_, number, text in rows:
            made = resource({**read(text, self._aliases, number), "id": id_}, rid)
            self._all.setdefault(type_name, []).append(made)
            if pid is not None:
                self._owned.setdefault(pid, []).append(made)
            for other in seen_by.get(rid, ()):
                self._shared.setdefault(other, []).append(made)

    def _seen_by(self, type_name: str) -> dict[int, list[int]]:
        """Row number -> the patients whose resources lead to it, of a type that belongs to no patient."""
        if type_name not in model.RESOURCES or model.owner_paths(type_name):
            return {}
        found: dict[int, list[int]] = {}
        rows = self._population.con.execute("SELECT rid, pid FROM visible WHERE type = ?", [type_name]).fetchall()
        for rid, pid in rows:
            found.setdefault(rid, []).append(pid)
        return found
