"""What the compiler asks about a population, answered from its file (see `salus.logic.data`).

Answers are remembered for the run. An element that was never typed counts as absent at first and is noted; when all
that a compilation asked for is known, the missing elements are typed together and the run compiles again, until nothing
is missing.
"""

from __future__ import annotations

import time
from functools import cached_property

import orjson

from salus.fhir.profiles import sets_not_done
from salus.logic.data import Codes, Equal, Fact
from salus.store import Population
from salus.store.sql import literal, quote

_DICTIONARY = {"concept", "coding", "concept_list", "visible"}
_OWN = {"id", "pid", "rid", "eid", "parent", "ord"}


class Facts:
    """`salus.logic.data.Data` over an open population."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self._con = population.con
        self.needs: set[tuple[str, str]] = set()
        self.untyped: set[tuple[str, str]] = set()
        self.seconds = 0.0
        """What typing took so far."""
        self._ids: dict[Codes, frozenset[int]] = {}
        self._units: dict[tuple[str, str], frozenset[str]] = {}
        self._backwards: dict[tuple[str, str], bool] = {}
        self._ownerless: dict[str, bool] = {}
        self._increasing: dict[tuple[str, str, Equal], bool] = {}
        self._tables = population.tables()
        self._facts = population.facts()

    def type_missing(self) -> bool:
        """Type the elements that were asked for and never typed; True when there were any."""
        if not self.untyped:
            return False
        clock = time.perf_counter()
        self._population.learn(sorted(self.untyped))
        self.untyped.clear()
        self._ids.clear()
        for known in ("_by_code", "_lists_of"):  # elements that were just typed have codes of their own
            self.__dict__.pop(known, None)
        self._tables, self._facts = self._population.tables(), self._population.facts()
        self.seconds += time.perf_counter() - clock
        return True

    def has_table(self, name: str) -> bool:
        if name.partition(".")[0] not in self._tables:
            return False
        if "." not in name:
            return True
        found = self._facts.get((name, ""))
        if found is None:  # as if it were there, as in `fact`
            self.untyped.add((name, ""))
        return found is None or found.present

    def fact(self, table: str, column: str) -> Fact:
        if table in _DICTIONARY or column in _OWN:
            return "exact"
        self.needs.add((table, column))
        found = self._facts.get((table, column))
        if found is None:  # as if it had everything: what is compiled now is thrown away, and shall ask all it can
            self.untyped.add((table, column))
            return "ranged"
        if not found.present:
            return "absent"
        return "exact" if found.exact else "ranged"

    def _holds(self, table: str, column: str) -> bool:
        """Whether there is a column that can be looked into."""
        return self.fact(table, column) != "absent" and (table, column) not in self.untyped

    def concept_ids(self, codes: Codes) -> frozenset[int]:
        if codes not in self._ids:
            found = (self._by_code.get(code, ()) for code in codes)
            self._ids[codes] = frozenset(id_ for ids in found for id_ in ids)
        return self._ids[codes]

    def concept_list_ids(self, codes: Codes) -> frozenset[int]:
        return frozenset(lid for cid in self.concept_ids(codes) for lid in self._lists_of.get(cid, ()))

    @cached_property
    def _by_code(self) -> dict[tuple[str, str], list[int]]:
        """(system, code) -> the dictionary's concepts that carry it; (NOT_DONE, url) -> those that name a value set as
        not done."""
        rows = self._con.sql("SELECT system, code, list(DISTINCT cid) FROM coding WHERE code IS NOT NULL GROUP BY ALL")
        found = {(system, code): ids for system, code, ids in rows.fetchall()}
        with_sets = self._con.sql("SELECT key, json FROM intern.concept_json WHERE contains(json, 'otDoneValueSet')")
        for cid, json in with_sets.fetchall():
            for pair in sets_not_done(orjson.loads(json)):
                found.setdefault(pair, []).append(cid)
        return found

    @cached_property
    def _lists_of(self) -> dict[int, list[int]]:
        """Concept -> the dictionary's lists of concepts that hold it."""
        rows = self._con.sql("SELECT cid, list(DISTINCT lid) FROM concept_list WHERE cid IS NOT NULL GROUP BY cid")
        return dict(rows.fetchall())

    def units(self, table: str, column: str) -> frozenset[str]:
        if not self._holds(table, column):
            return frozenset()
        if (table, column) not in self._units:
            rows = self._con.execute(
                f'SELECT DISTINCT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL'
            ).fetchall()
            self._units[table, column] = frozenset(value for (value,) in rows)
        return self._units[table, column]

    def has_backwards(self, table: str, path: str) -> bool:
        start, end = (f"{path}.{side}".lstrip(".") for side in ("start", "end"))
        held = [self._holds(table, column) for column in (start, end)]  # both, so that both are typed
        if not all(held):
            return False
        if (table, path) not in self._backwards:
            self._backwards[table, path] = self._any(f'"{table}" WHERE "{end}.high" < "{start}.low"')
        return self._backwards[table, path]

    def increases(self, table: str, column: str, equal: Equal) -> bool:
        held = [self._holds(table, name) for name in (column, *dict(equal))]  # all, so that all are typed
        if not (self.has_table(table) and all(held)) or (table, "") in self.untyped:
            return False
        if (table, column, equal) not in self._increasing:
            chosen = "".join(f" AND {quote(name)} = {literal(text)}" for name, text in equal)
            numbers = (
                f'SELECT "{column}" AS n, lag("{column}") OVER () AS before FROM "{table}" WHERE "{column}" IS NOT NULL'
            )
            self._increasing[table, column, equal] = not self._any(f"({numbers}{chosen}) WHERE n <= before")
        return self._increasing[table, column, equal]

    def has_ownerless(self, table: str) -> bool:
        if table not in self._ownerless:
            self._ownerless[table] = self._any(f'"{table}" WHERE pid IS NULL')
        return self._ownerless[table]

    def _any(self, rows: str) -> bool:
        """Whether there is such a row. All of the result is fetched: one left open keeps others from the connection."""
        return bool(self._con.execute(f"SELECT 1 FROM {rows} LIMIT 1").fetchall())
