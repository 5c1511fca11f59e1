"""What an explanation says, as frozen values; `as_json` is its machine form (docs/explain.md describes it).

Leaves to others: finding it out (`walk`, `subject`), showing it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

Truth = bool | None
"""True, false, or None: could not be told."""

Kind = Literal["all", "any", "not", "if", "exists", "row", "test"]
State = Literal["true", "false", "unknown", "mixed"]


@dataclass(frozen=True)
class Record:
    """A resource behind a value. `date` is when it was or began, as recorded; texts are empty where it says nothing."""

    type: str
    id: str
    date: str = ""
    system: str = ""
    code: str = ""
    display: str = ""

    def __str__(self) -> str:
        what = self.display or self.code
        return " ".join(part for part in (self.type, self.date and f"of {self.date}", what and f"({what})") if part)


@dataclass(frozen=True)
class Finding:
    """What one part of a criterion was for one subject.

    `kind`: all, any, not and if have `parts`; `exists` looked through records, and its parts are the `row`s that came
    closest; `test` is anything else. `named` are the defines and functions the text stands for, outermost first.
    `sentence` says what was found: of an answer that is not true, what is lacking.
    """

    kind: Kind
    text: str
    truth: Truth
    library: str
    define: str
    locator: str = ""
    named: tuple[str, ...] = ()
    sentence: str = ""
    records: tuple[Record, ...] = ()
    parts: tuple[Finding, ...] = ()

    def decisive(self) -> tuple[Finding, ...]:
        """The parts that make it what it is: those that fail of an `all`, those that hold of a true `any`."""
        if self.kind == "all" and self.truth is not True:
            return tuple(part for part in self.parts if part.truth is not True)
        if self.kind == "any" and self.truth is True:
            return tuple(part for part in self.parts if part.truth is True)
        return self.parts

    def everything(self) -> Iterator[Finding]:
        """Itself and all below."""
        yield self
        for part in self.parts:
            yield from part.everything()


@dataclass(frozen=True)
class Criterion:
    """One population of a group for one unit: whether its criterion is met, whether the unit counts in it, and why."""

    population: str
    expression: str
    met: Truth
    member: bool
    standing: str
    reasons: tuple[str, ...]
    finding: Finding


@dataclass(frozen=True)
class Unit:
    """One counted unit (the patient, or a resource) of a group. `agrees`: the determinations say the same."""

    id: str
    record: Record | None
    criteria: tuple[Criterion, ...]
    observations: tuple[float | None, ...]
    agrees: bool
    difference: str = ""


@dataclass(frozen=True)
class GroupStory:
    """One rate of the measure, and what became of each of the subject's units in it."""

    id: str
    description: str
    scoring: str
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class Span:
    """A part of a definition's text that has a state of its own: places in `Definition.text`, `end` excluded."""

    start: int
    end: int
    state: State


@dataclass(frozen=True)
class Definition:
    """The source of a define or function that the answer rests on, and what its parts were."""

    library: str
    version: str
    name: str
    text: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Explanation:
    """Everything about one subject and measure. `warnings` say where the ground has moved since the run."""

    measure: str
    title: str
    version: str
    subject: str
    period: tuple[str, str]
    warnings: tuple[str, ...]
    groups: tuple[GroupStory, ...]
    definitions: tuple[Definition, ...]

    @property
    def agrees(self) -> bool:
        """Whether the determinations say the same of every unit."""
        return all(unit.agrees for group in self.groups for unit in group.units)


def as_json(value: object) -> Any:
    """Plain dicts and lists; names are those of the classes' fields."""
    if is_dataclass(value):
        return {field.name: as_json(getattr(value, field.name)) for field in fields(value)}
    return [as_json(item) for item in value] if isinstance(value, tuple) else value
