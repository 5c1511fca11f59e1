"""CQL's System values as plain Python values.

| CQL | Python |
|---|---|
| null | None |
| Boolean, Integer, String | bool, int, str |
| Long | `Long` |
| Decimal | `decimal.Decimal`, at most 20 digits before the point and 8 after it |
| Date, DateTime, Time | `moments.Date`, `moments.DateTime`, `moments.Time` |
| List, Tuple, Interval | list, `Tuple`, `Interval` |
| Quantity, Ratio, Code, Concept, ValueSet, CodeSystem | classes of those names |
| a FHIR value | `elements.Element` |

A value that is known to lie between two others, but not where (the days between two months; an open unknown bound of an
interval), is an `Uncertain`. Leaves to others: comparison (`comparison`), arithmetic (`operators`).
Source: CQL 1.5, Author's Guide "Types"; Appendix B, "Types".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

Value = Any
"""Any of the above; what an expression has for one patient."""

_STEP = Decimal("1e-8")
EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
MAX_DECIMAL = Decimal(10**20) - _STEP
MAX_INTEGER, MAX_LONG = 2**31 - 1, 2**63 - 1


class Long(int):
    """A 64-bit integer."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit: UCUM, or a calendar unit such as `days`; "1" for none."""

    value: Decimal
    unit: str = "1"


@dataclass(frozen=True, slots=True)
class Ratio:
    numerator: Quantity | None
    denominator: Quantity | None


@dataclass(frozen=True, slots=True)
class Code:
    code: str | None
    system: str | None = None
    version: str | None = None
    display: str | None = None


@dataclass(frozen=True, slots=True)
class Concept:
    codes: tuple[Code, ...]
    display: str | None = None


@dataclass(frozen=True, slots=True)
class ValueSet:
    """A value set by its url; `asked_by` is the library that names it, for messages."""

    id: str
    version: str | None = None
    name: str | None = None
    asked_by: str = ""


@dataclass(frozen=True, slots=True)
class CodeSystem:
    id: str
    version: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """Points from low to high. A null bound is the end of the type's range when closed, unknown when open."""

    low: Value
    high: Value
    low_closed: bool = True
    high_closed: bool = True


@dataclass(frozen=True, slots=True)
class Tuple:
    """Named elements, in the order they were written."""

    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Uncertain:
    """Some point from low to high, both included (CQL 1.5, Author's Guide "Uncertainty")."""

    low: Value
    high: Value


def decimal(value: Decimal | int | str) -> Decimal | None:
    """A number as a CQL Decimal: rounded to 8 places, null beyond 20 digits before the point."""
    exact = EXACT.create_decimal(value)
    if not exact.is_finite() or abs(exact) > MAX_DECIMAL:
        return None
    places = exact.as_tuple().exponent
    return exact.quantize(_STEP, context=EXACT) if isinstance(places, int) and places < -8 else exact


def integer(value: int) -> int | None:
    """A number as a CQL Integer; null when it overflows (ELM §16)."""
    return value if -MAX_INTEGER - 1 <= value <= MAX_INTEGER else None


def long(value: int) -> Long | None:
    return Long(value) if -MAX_LONG - 1 <= value <= MAX_LONG else None


def is_number(value: Value) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)
