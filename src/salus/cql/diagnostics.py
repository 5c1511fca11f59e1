"""What is wrong with a piece of CQL text, said so that its author can set it right.

A `Diagnostic` names library, line and column, shows the line with a mark under the place, and says what was expected or
meant. A `Report` collects those of one source; whoever finds a fault adds it and goes on.
Leaves to others: finding faults (`cql.parser`, `cql.translate`) and what follows from them (`cli`, `measure`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal, Protocol, TypeAlias

from salus.cql.source import Source
from salus.errors import SalusError

Severity: TypeAlias = Literal["error", "warning"]


class Placed(Protocol):
    """Anything with a place in the text: a node, a token."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. Lines and columns count from 1; the end is the last character itself."""

    severity: Severity
    message: str
    library: str
    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    hint: str = ""

    @property
    def headline(self) -> str:
        """One line: `Library:12:8: error: message (hint)`."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.library}:{self.line}:{self.column}: {self.severity}: {self.message}{hint}"

    def __str__(self) -> str:
        """The headline, the line of text and a mark under the place."""
        width = self.end_column - self.column + 1 if self.end_line == self.line else len(self.text) - self.column + 1
        lead = "".join("\t" if each == "\t" else " " for each in self.text[: self.column - 1])
        return f"{self.headline}\n    {self.text}\n    {lead}{'^' * max(width, 1)}"


@dataclass(slots=True)
class Report:
    """The findings about one source, each place and message once."""

    source: Source
    _found: dict[tuple[int, str], Diagnostic] = field(default_factory=dict)

    def error(self, at: Placed, message: str, hint: str = "") -> None:
        self._add("error", at, message, hint)

    def warning(self, at: Placed, message: str, hint: str = "") -> None:
        self._add("warning", at, message, hint)

    def _add(self, severity: Severity, at: Placed, message: str, hint: str) -> None:
        line, column = self.source.position(at.start)
        end_line, end_column = self.source.position(max(at.end - 1, at.start))
        text = self.source.line(line)
        found = Diagnostic(severity, message, self.source.name, line, column, end_line, end_column, text, hint)
        self._found.setdefault((at.start, message), found)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything found, in the order of the text."""
        return tuple(sorted(self._found.values(), key=lambda each: (each.line, each.column)))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(each for each in self.diagnostics if each.severity == "error")


class CqlError(SalusError):
    """Text that cannot be used; carries what is wrong with it."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(str(each) for each in self.diagnostics))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint naming the known names nearest to a misspelt one, or nothing when none is near."""
    by_lower: dict[str, str] = {}
    for each in known:
        by_lower.setdefault(each.lower(), each)
    near = [by_lower[each] for each in get_close_matches(name.lower(), by_lower, n=3, cutoff=0.7)]
    if not near:
        return ""
    return f"did you mean {' or '.join(near)}?"
