"""The codes of a code system that is in the content whole, and which of them a ValueSet's filters let through.

Leaves to others: value sets (`valueset`), and every code system that only a terminology server has.
Sources: FHIR R4 CodeSystem; ValueSet.compose.include.filter and FilterOperator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Json = Mapping[str, Any]


class CannotFilter(Exception):
    """What a filter asks that is not known here."""


@dataclass(frozen=True)
class CodeSystem:
    """Codes with what is said of each: `values`, property -> texts, and the codes above it."""

    resource: Json
    _above: dict[str, set[str]] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return bool(self.resource.get("content") == "complete")

    @cached_property
    def _values(self) -> dict[str, dict[str, list[str]]]:
        return dict(self._read(self.resource.get("concept", ()), None))

    def _read(self, concepts: Iterable[Json], parent: str | None) -> Iterator[tuple[str, dict[str, list[str]]]]:
        for concept in concepts:
            if not concept.get("code"):
                raise CannotFilter(f"{self.resource.get('url')} has a concept without a code")
            values: dict[str, list[str]] = {"code": [concept["code"]], "display": [concept.get("display", "")]}
            for each in concept.get("property", ()):
                values.setdefault(str(each.get("code")), []).append(_text(each))
            above = {*values.get("parent", ()), *values.get("subsumedBy", ()), *([parent] if parent else [])}
            self._above.setdefault(concept["code"], set()).update(above)
            yield concept["code"], values
            yield from self._read(concept.get("concept", ()), concept["code"])

    def codes(self, filters: Iterable[Json] = ()) -> frozenset[str]:
        """The codes that may be chosen and pass all filters. Raises CannotFilter."""
        found = {code for code, values in self._values.items() if "true" not in values.get("notSelectable", ())}
        for each in filters:
            found &= self._passing(str(each.get("property")), str(each.get("op")), str(each.get("value", "")))
        return frozenset(found)

    def _passing(self, name: str, op: str, value: str) -> set[str]:
        if op in _HIERARCHY:
            below = {code for code in self._values if value in self._ancestors(code)}
            return _HIERARCHY[op](set(self._values), below, {value} & set(self._values))
        if op not in _TESTS:
            raise CannotFilter(f"{name} {op}")
        try:
            return {code for code, values in self._values.items() if _TESTS[op](values.get(name, []), value)}
        except re.error as error:
            raise CannotFilter(f"{name} {op} {value}: {error}") from None

    def _ancestors(self, code: str) -> set[str]:
        found: set[str] = set()
        todo = list(self._above.get(code, ()))
        while todo:
            if (above := todo.pop()) not in found:
                found.add(above)
                todo += self._above.get(above, ())
        return found


def _text(said: Json) -> str:
    """A property's value, whatever its type, as a filter has it."""
    value = next((value for key, value in said.items() if key.startswith("value")), "")
    if isinstance(value, Mapping):
        return str(value.get("code", ""))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(value: str) -> list[str]:
    return [each.strip() for each in value.split(",")]


_HIERARCHY: dict[str, Callable[[set[str], set[str], set[str]], set[str]]] = {
    "is-a": lambda every, below, itself: below | itself,
    "descendent-of": lambda every, below, itself: below,
    "is-not-a": lambda every, below, itself: every - below - itself,
}
_TESTS: dict[str, Callable[[list[str], str], bool]] = {
    "=": lambda values, value: value in values,
    "in": lambda values, value: any(each in values for each in _listed(value)),
    "not-in": lambda values, value: not any(each in values for each in _listed(value)),
    "regex": lambda values, value: any(re.fullmatch(value, each) for each in values),
    "exists": lambda values, value: bool(values) is (value == "true"),
}
