"""Content that a test holds in its hands: libraries by name, value sets by url, as the engines ask for them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from salus.errors import SalusError


@dataclass(frozen=True)
class Codes:
    """The codes of a value set, as (system, code)."""

    codes: frozenset[tuple[str, str]]


@dataclass
class Content:
    libraries: Mapping[str, dict[str, Any]]
    value_sets: Mapping[str, Collection[tuple[str, str]]] = field(default_factory=dict)

    def library(self, name: str, version: str | None, asked_by: str) -> dict[str, Any]:
        if name not in self.libraries:
            raise SalusError(f"{asked_by} includes {name} {version}, which is not in the content")
        return self.libraries[name]

    def value_set(self, url: str, version: str | None, asked_by: str) -> Codes:
        if url not in self.value_sets:
            raise SalusError(f"value set {url}, which {asked_by} asks for, is not in the content")
        return Codes(frozenset(self.value_sets[url]))
