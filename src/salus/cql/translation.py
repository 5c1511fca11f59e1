"""What translating a library gives. Leaves to others: making it (`cql.translate`), keeping it (`cql.translations`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from salus.cql.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Translation:
    """`elm` is the object under `library` of an ELM document. A definition with an error is null in it."""

    elm: dict[str, Any]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(each for each in self.diagnostics if each.severity == "error")
