"""The operators that generated expressions are made of: for each the types it takes and gives.

An operator is listed once per combination of types (CQL Reference, Appendix B); only those that both engines claim to
have are used, so that the list grows with them. Leaves to others: putting expressions together (`expressions`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from salus.elm.types import IntervalOf, ListOf, Named, TupleOf, Type
from salus.engine.oracle.registry import supported
from salus.logic.operators import OPERATORS

BOOLEAN, INTEGER, LONG, DECIMAL = (Named(f"System.{n}") for n in ("Boolean", "Integer", "Long", "Decimal"))
STRING, DATE, DATETIME = (Named(f"System.{n}") for n in ("String", "Date", "DateTime"))
TIME, QUANTITY = Named("System.Time"), Named("System.Quantity")
CODE, CONCEPT = Named("System.Code"), Named("System.Concept")
OBSERVATION, ENCOUNTER, CONDITION = (Named(f"FHIR.{n}") for n in ("Observation", "Encounter", "Condition"))
COMPONENT, LOCATION = Named("FHIR.Observation.Component"), Named("FHIR.Encounter.Location")
PAIR = TupleOf((("n", INTEGER), ("s", STRING)))
SPELL = TupleOf((("i", IntervalOf(DATETIME)), ("l", ListOf(INTEGER)), ("q", QUANTITY)))

NUMBERS = (INTEGER, LONG, DECIMAL)
DATES = (DATE, DATETIME)
ORDERED = (INTEGER, LONG, DECIMAL, STRING, DATE, DATETIME, QUANTITY)
SCALARS = (BOOLEAN, *ORDERED, CODE, CONCEPT)
POINTS = (INTEGER, DECIMAL, DATE, DATETIME, QUANTITY)
INTERVALS = tuple(IntervalOf(point) for point in POINTS)
ROWS = (OBSERVATION, ENCOUNTER, CONDITION, COMPONENT, LOCATION)
ELEMENTS = (*SCALARS, *INTERVALS, PAIR, SPELL, *ROWS)
"""What lists are made of."""
LISTS = tuple(ListOf(element) for element in ELEMENTS)

OPEN_ENDS_DIFFER = DATES
"""Points whose intervals are drawn with closed ends only (docs/agreement.md, "Still apart")."""

COLLAPSE_DIFFERS = DATES
"""Points whose intervals are not collapsed (the same)."""

DATE_UNITS = ("Year", "Month", "Week", "Day")
TIME_UNITS = (*DATE_UNITS, "Hour", "Minute", "Second", "Millisecond")


@dataclass(frozen=True)
class Signature:
    """An operator of some types. `field`: its operand is called `source`; `units`: the precisions it may state."""

    op: str
    operands: tuple[Type, ...]
    result: Type
    field: str = "operand"
    units: tuple[str, ...] = ()
    needs_unit: bool = False


def _units(type_: Type, *, week: bool = False) -> tuple[str, ...]:
    """The precisions of a type; a week is a duration only."""
    found = {DATE: DATE_UNITS, DATETIME: TIME_UNITS}.get(type_, ())  # type: ignore[call-overload]
    return tuple(unit for unit in found if week or unit != "Week")


def _all() -> Iterator[Signature]:
    yield from _logical()
    yield from _comparisons()
    yield from _arithmetic()
    yield from _texts()
    yield from _dates()
    yield from _conversions()
    for point in POINTS:
        yield from _intervals(point)
    for element in ELEMENTS:
        yield from _lists(element)
    yield from _aggregates()


def _logical() -> Iterator[Signature]:
    for name in ("And", "Or", "Xor", "Implies"):
        yield Signature(name, (BOOLEAN, BOOLEAN), BOOLEAN)
    for name in ("Not", "IsTrue", "IsFalse"):
        yield Signature(name, (BOOLEAN,), BOOLEAN)
    for type_ in (*SCALARS, *INTERVALS, *LISTS, PAIR, SPELL):
        yield Signature("IsNull", (type_,), BOOLEAN)
        yield Signature("Coalesce", (type_, type_), type_)


def _comparisons() -> Iterator[Signature]:
    listed = tuple(ListOf(type_) for type_ in (INTEGER, STRING, DATETIME, QUANTITY))
    for type_ in (*SCALARS, *INTERVALS, *listed, PAIR, SPELL):
        for name in ("Equal", "NotEqual", "Equivalent"):
            yield Signature(name, (type_, type_), BOOLEAN)
    for type_ in ORDERED:
        for name in ("Less", "LessOrEqual", "Greater", "GreaterOrEqual"):
            yield Signature(name, (type_, type_), BOOLEAN)


def _arithmetic() -> Iterator[Signature]:
    for type_ in (*NUMBERS, QUANTITY):
        for name in ("Add", "Subtract"):
            yield Signature(name, (type_, type_), type_)
        for name in ("Negate", "Abs"):
            yield Signature(name, (type_,), type_)
    for type_ in NUMBERS:
        for name in ("Multiply", "TruncatedDivide", "Modulo", "Power"):
            yield Signature(name, (type_, type_), type_)
    yield Signature("Divide", (DECIMAL, DECIMAL), DECIMAL)
    yield Signature("Divide", (QUANTITY, QUANTITY), QUANTITY)
    yield Signature("Multiply", (QUANTITY, QUANTITY), QUANTITY)
    for name in ("Ceiling", "Floor", "Truncate"):
        yield Signature(name, (DECIMAL,), INTEGER)
    for name in ("Ln", "Exp"):
        yield Signature(name, (DECIMAL,), DECIMAL)
    yield Signature("Round", (DECIMAL,), DECIMAL, "round")
    yield Signature("Round", (DECIMAL, INTEGER), DECIMAL, "round")
    for type_ in (INTEGER, DECIMAL, DATE, DATETIME):
        for name in ("Predecessor", "Successor"):
            yield Signature(name, (type_,), type_)


def _texts() -> Iterator[Signature]:
    yield Signature("Concatenate", (STRING, STRING), STRING)
    for name in ("Upper", "Lower"):
        yield Signature(name, (STRING,), STRING)
    yield Signature("Length", (STRING,), INTEGER)
    yield Signature("PositionOf", (STRING, STRING), INTEGER, "pattern string")
    yield Signature("LastPositionOf", (STRING, STRING), INTEGER, "pattern string")
    yield Signature("Substring", (STRING, INTEGER), STRING, "stringToSub startIndex")
    yield Signature("Substring", (STRING, INTEGER, INTEGER), STRING, "stringToSub startIndex length")
    yield Signature("Combine", (ListOf(STRING),), STRING, "source")
    yield Signature("Combine", (ListOf(STRING), STRING), STRING, "source separator")
    yield Signature("Indexer", (STRING, INTEGER), STRING)
    for name in ("StartsWith", "EndsWith"):
        yield Signature(name, (STRING, STRING), BOOLEAN)


def _dates() -> Iterator[Signature]:
    for type_ in DATES:
        for name in ("SameAs", "SameOrBefore", "SameOrAfter", "Before", "After"):
            yield Signature(name, (type_, type_), BOOLEAN, units=_units(type_))
        for name in ("DurationBetween", "DifferenceBetween"):
            yield Signature(name, (type_, type_), INTEGER, units=_units(type_, week=True), needs_unit=True)
        yield Signature("DateTimeComponentFrom", (type_,), INTEGER, units=_units(type_), needs_unit=True)
        yield Signature("CalculateAgeAt", (type_, type_), INTEGER, units=_units(type_, week=True)[:4], needs_unit=True)
    yield Signature("DateFrom", (DATETIME,), DATE)
    yield Signature("TimezoneOffsetFrom", (DATETIME,), DECIMAL)


def _conversions() -> Iterator[Signature]:
    yield Signature("ToDecimal", (INTEGER,), DECIMAL)
    yield Signature("ToDecimal", (LONG,), DECIMAL)
    yield Signature("ToDecimal", (STRING,), DECIMAL)
    yield Signature("ToLong", (INTEGER,), LONG)
    yield Signature("ToInteger", (STRING,), INTEGER)
    yield Signature("ToQuantity", (DECIMAL,), QUANTITY)
    yield Signature("ToQuantity", (INTEGER,), QUANTITY)
    yield Signature("ToDateTime", (DATE,), DATETIME)
    yield Signature("ToDate", (DATETIME,), DATE)
    yield Signature("ToConcept", (CODE,), CONCEPT)
    for type_ in (BOOLEAN, INTEGER, LONG, DECIMAL, DATE, DATETIME, QUANTITY):
        yield Signature("ToString", (type_,), STRING)
    for type_ in SCALARS:
        yield Signature("ToList", (type_,), ListOf(type_))


_SPANS = (
    "Includes", "IncludedIn", "ProperIncludes", "ProperIncludedIn", "Overlaps", "OverlapsBefore", "OverlapsAfter",
    "Meets", "MeetsBefore", "MeetsAfter", "Starts", "Ends", "Before", "After",
)  # fmt: skip


def _intervals(point: Named) -> Iterator[Signature]:
    span, units = IntervalOf(point), _units(point)
    for name in _SPANS:
        yield Signature(name, (span, span), BOOLEAN, units=units)
    for name in ("Before", "After"):
        yield Signature(name, (point, span), BOOLEAN, units=units)
        yield Signature(name, (span, point), BOOLEAN, units=units)
    if units:
        for name in ("SameAs", "SameOrBefore", "SameOrAfter"):
            yield Signature(name, (span, span), BOOLEAN, units=units)
    for name in ("In", "ProperIn"):
        yield Signature(name, (point, span), BOOLEAN, units=units)
    for name in ("Contains", "ProperContains"):
        yield Signature(name, (span, point), BOOLEAN, units=units)
    for name in ("Start", "End", "PointFrom"):
        yield Signature(name, (span,), point)
    if point in (INTEGER, DECIMAL, QUANTITY):
        yield Signature("Width", (span,), point)
    for name in ("Intersect", "Union", "Except"):
        yield Signature(name, (span, span), span)
    if point not in COLLAPSE_DIFFERS:
        yield Signature("Collapse", (ListOf(span),), ListOf(span))
        yield Signature("Collapse", (ListOf(span), QUANTITY), ListOf(span))


def _lists(element: Type) -> Iterator[Signature]:
    listed = ListOf(element)
    if element not in (COMPONENT, LOCATION):
        for name in ("Union", "Intersect", "Except"):
            yield Signature(name, (listed, listed), listed)
        yield Signature("Distinct", (listed,), listed)
    for name in ("Includes", "IncludedIn", "ProperIncludes", "ProperIncludedIn"):
        yield Signature(name, (listed, listed), BOOLEAN)
    yield Signature("Exists", (listed,), BOOLEAN)
    yield Signature("Count", (listed,), INTEGER, "source")
    for name in ("First", "Last"):
        yield Signature(name, (listed,), element, "source")
    yield Signature("SingletonFrom", (listed,), element)
    yield Signature("Indexer", (listed, INTEGER), element)
    for name in ("In", "ProperIn"):
        yield Signature(name, (element, listed), BOOLEAN)
    for name in ("Contains", "ProperContains"):
        yield Signature(name, (listed, element), BOOLEAN)
    yield Signature("IndexOf", (listed, element), INTEGER, "source element")


def _aggregates() -> Iterator[Signature]:
    for type_ in ORDERED:
        for name in ("Min", "Max"):
            yield Signature(name, (ListOf(type_),), type_, "source")
    for type_ in (*NUMBERS, QUANTITY):
        yield Signature("Sum", (ListOf(type_),), type_, "source")
        yield Signature("Product", (ListOf(type_),), type_, "source")
    for type_ in (DECIMAL, QUANTITY):
        for name in ("Avg", "Median"):
            yield Signature(name, (ListOf(type_),), type_, "source")
    for name in ("Variance", "StdDev", "PopulationVariance", "PopulationStdDev", "GeometricMean"):
        yield Signature(name, (ListOf(DECIMAL),), DECIMAL, "source")
    for name in ("AllTrue", "AnyTrue"):
        yield Signature(name, (ListOf(BOOLEAN),), BOOLEAN, "source")


def _by_result() -> dict[Type, dict[str, list[Signature]]]:
    """What gives a type: its operators by name, so that one of many types is not drawn more often."""
    both = frozenset(OPERATORS) & supported()
    found: dict[Type, dict[str, list[Signature]]] = {}
    for signature in _all():
        if signature.op in both:
            found.setdefault(signature.result, {}).setdefault(signature.op, []).append(signature)
    return found


BY_RESULT = _by_result()
