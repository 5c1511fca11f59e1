"""What a test expects and what an engine found, in one neutral form that belongs to neither.

null, Boolean and String are None, bool and str; a list is a tuple; the rest are the classes below. Nothing here
compares by CQL's operators: `compare` looks at the parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Number:
    """`type` is Integer, Long or Decimal."""

    type: str
    value: Decimal

    def __str__(self) -> str:
        return f"{self.value:f}" + ("L" if self.type == "Long" else "")


@dataclass(frozen=True, slots=True)
class Moment:
    """`type` is Date, DateTime or Time; `parts` the components that are stated; `offset` minutes east of UTC."""

    type: str
    parts: tuple[int, ...]
    offset: int | None = None

    def __str__(self) -> str:
        away = "" if self.offset is None else f" {self.offset:+d} min"
        return f"{self.type}({', '.join(map(str, self.parts))}{away})"


@dataclass(frozen=True, slots=True)
class Quantity:
    value: Decimal
    unit: str

    def __str__(self) -> str:
        return f"{self.value:f} '{self.unit}'"


@dataclass(frozen=True, slots=True)
class Ratio:
    numerator: Value
    denominator: Value

    def __str__(self) -> str:
        return f"{told(self.numerator)} : {told(self.denominator)}"


@dataclass(frozen=True, slots=True)
class Range:
    """An interval, or with `uncertain` one value that lies somewhere in it."""

    low: Value
    high: Value
    low_closed: bool = True
    high_closed: bool = True
    uncertain: bool = False

    def __str__(self) -> str:
        start, stop = "[" if self.low_closed else "(", "]" if self.high_closed else ")"
        return f"{'Uncertain' if self.uncertain else 'Interval'}{start}{told(self.low)}, {told(self.high)}{stop}"


@dataclass(frozen=True, slots=True)
class Structure:
    """Named elements: a Tuple, or an instance of the class `name`."""

    name: str
    fields: Mapping[str, Value]

    def __str__(self) -> str:
        return f"{self.name} {{ {', '.join(f'{k}: {told(v)}' for k, v in self.fields.items())} }}"


Value: TypeAlias = "bool | str | Number | Moment | Quantity | Ratio | Range | Structure | tuple[Value, ...] | None"


def told(value: Value) -> str:
    """A value as a reader of CQL would write it."""
    if isinstance(value, tuple):
        return "{ " + ", ".join(map(told, value)) + " }"
    if isinstance(value, str):
        return f"'{value}'"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
