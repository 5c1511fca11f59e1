"""What the compiler asks about a population, answered from its file (see `salus.logic.data`).

Answers are remembered for the run. An element that was never typed counts as absent at first and is noted; when all
that a compilation asked for is known, the missing elements are typed together and the run compiles again, until nothing
is missing.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from salus.logic.data import Codes, Fact
from salus.store import Population

_DICTIONARY = {"concept", "coding", "concept_list", "visible"}
_OWN = {"id", "pid", "rid", "eid", "parent", "ord"}


class Facts:
    """`salus.logic.data.Data` over an open population."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self._con = population.con
        self.needs: set[tuple[str, str]] = set()
        self.untyped: set[tuple[str, str]] = set()
        self._ids: dict[tuple[str, Codes], frozenset[int]] = {}
        self._units: dict[tuple[str, str], frozenset[str]] = {}
        self._tables = population.tables()
        self._facts = population.facts()

    def type_missing(self) -> bool:
        """Type the elements that were asked for and never typed; True when there were any."""
        if not self.untyped:
            return False
        self._population.ensure(sorted(self.untyped))
        self.untyped.clear()
        self._tables, self._facts = self._population.tables(), self._population.facts()
        return True

    def has_table(self, name: str) -> bool:
        if name.partition(".")[0] not in self._tables:
            return False
        if "." not in name:
            return True
        found = self._facts.get((name, ""))
        if found is None:
            self.untyped.add((name, ""))
        return found is not None and found.present

    def fact(self, table: str, column: str) -> Fact:
        if table in _DICTIONARY or column in _OWN:
            return "exact"
        self.needs.add((table, column))
        found = self._facts.get((table, column))
        if found is None:
            self.untyped.add((table, column))
            return "absent"
        if not found.present:
            return "absent"
        return "exact" if found.exact else "ranged"

    def concept_ids(self, codes: Codes) -> frozenset[int]:
        return self._look_up("concept", codes)

    def concept_list_ids(self, codes: Codes) -> frozenset[int]:
        return self._look_up("concept_list", codes)

    def _look_up(self, kind: str, codes: Codes) -> frozenset[int]:
        if (kind, codes) not in self._ids:
            self._ids[kind, codes] = frozenset(self._query_ids(kind, codes))
        return self._ids[kind, codes]

    def _query_ids(self, kind: str, codes: Codes) -> Iterable[int]:
        if kind == "concept_list":
            ids = self._look_up("concept", codes)
            if not ids:
                return
            rows = self._con.execute(
                "SELECT DISTINCT lid FROM concept_list WHERE cid IN (SELECT unnest(?))", [sorted(ids)]
            )
        else:
            pairs = sorted(codes)
            wanted = pa.table({"system": [s for s, _ in pairs], "code": [c for _, c in pairs]})
            self._con.register("wanted_codes", wanted)
            rows = self._con.execute("SELECT DISTINCT cid FROM coding JOIN wanted_codes USING (system, code)")
        yield from (row[0] for row in rows.fetchall())

    def units(self, table: str, column: str) -> frozenset[str]:
        if self.fact(table, column) == "absent":
            return frozenset()
        if (table, column) not in self._units:
            rows = self._con.execute(
                f'SELECT DISTINCT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL'
            ).fetchall()
            self._units[table, column] = frozenset(value for (value,) in rows)
        return self._units[table, column]
