"""The operators of the System library: their signatures, and where their operands stand in ELM.

One line per signature, `Name(types) result`; a single capital letter is a type variable. `SHAPES` names the ELM fields
of operators whose operands are not simply `operand`. Leaves to others: which signature a call means (`cql.overloads`).
Source: CQL 1.5, Appendix B, CQL Reference (https://cql.hl7.org/09-b-cqlreference.html), and the ELM r1 schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from salus.cql.models import read_type
from salus.elm.types import Named, Type


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes and returns."""

    name: str
    operands: tuple[Type, ...]
    result: Type
    generic: bool = False


_TABLE = """
And(Boolean, Boolean) Boolean
Or(Boolean, Boolean) Boolean
Xor(Boolean, Boolean) Boolean
Implies(Boolean, Boolean) Boolean
Not(Boolean) Boolean

IsNull(Any) Boolean
IsTrue(Boolean) Boolean
IsFalse(Boolean) Boolean

Equal(T, T) Boolean
Equivalent(T, T) Boolean
Less({Integer|Long|Decimal|String|Date|DateTime|Time|Quantity}) Boolean
LessOrEqual({Integer|Long|Decimal|String|Date|DateTime|Time|Quantity}) Boolean
Greater({Integer|Long|Decimal|String|Date|DateTime|Time|Quantity}) Boolean
GreaterOrEqual({Integer|Long|Decimal|String|Date|DateTime|Time|Quantity}) Boolean

Add({Integer|Long|Decimal|Quantity}) =
Add(Date, Quantity) Date
Add(DateTime, Quantity) DateTime
Add(Time, Quantity) Time
Subtract({Integer|Long|Decimal|Quantity}) =
Subtract(Date, Quantity) Date
Subtract(DateTime, Quantity) DateTime
Subtract(Time, Quantity) Time
Multiply({Integer|Long|Decimal|Quantity}) =
Divide({Decimal|Quantity}) =
TruncatedDivide({Integer|Long|Decimal|Quantity}) =
Modulo({Integer|Long|Decimal|Quantity}) =
Power({Integer|Long|Decimal}) =
Log(Decimal, Decimal) Decimal
Abs(|Integer|Long|Decimal|Quantity|) =
Negate(|Integer|Long|Decimal|Quantity|) =
Ceiling(Decimal) Integer
Floor(Decimal) Integer
Truncate(Decimal) Integer
Round(Decimal) Decimal
Round(Decimal, Integer) Decimal
Ln(Decimal) Decimal
Exp(Decimal) Decimal
Successor(|Integer|Long|Decimal|Quantity|Date|DateTime|Time|) =
Predecessor(|Integer|Long|Decimal|Quantity|Date|DateTime|Time|) =
Precision(|Decimal|Date|DateTime|Time|) Integer
LowBoundary(Decimal, Integer) Decimal
LowBoundary(Date, Integer) Date
LowBoundary(DateTime, Integer) DateTime
LowBoundary(Time, Integer) Time
HighBoundary(Decimal, Integer) Decimal
HighBoundary(Date, Integer) Date
HighBoundary(DateTime, Integer) DateTime
HighBoundary(Time, Integer) Time

Concatenate(String, String) String
Combine(List<String>) String
Combine(List<String>, String) String
Split(String, String) List<String>
SplitOnMatches(String, String) List<String>
Length(String) Integer
Length(List<T>) Integer
Upper(String) String
Lower(String) String
Indexer(String, Integer) String
Indexer(List<T>, Integer) T
PositionOf(String, String) Integer
LastPositionOf(String, String) Integer
Substring(String, Integer) String
Substring(String, Integer, Integer) String
StartsWith(String, String) Boolean
EndsWith(String, String) Boolean
Matches(String, String) Boolean
ReplaceMatches(String, String, String) String

Now() DateTime
Today() Date
TimeOfDay() Time
DateFrom(DateTime) Date
TimeFrom(DateTime) Time
TimezoneOffsetFrom(DateTime) Decimal
DateTimeComponentFrom(|Date|DateTime|Time|) Integer
Date(Integer) Date
Date(Integer, Integer) Date
Date(Integer, Integer, Integer) Date
DateTime(Integer) DateTime
DateTime(Integer, Integer) DateTime
DateTime(Integer, Integer, Integer) DateTime
DateTime(Integer, Integer, Integer, Integer) DateTime
DateTime(Integer, Integer, Integer, Integer, Integer) DateTime
DateTime(Integer, Integer, Integer, Integer, Integer, Integer) DateTime
DateTime(Integer, Integer, Integer, Integer, Integer, Integer, Integer) DateTime
DateTime(Integer, Integer, Integer, Integer, Integer, Integer, Integer, Decimal) DateTime
Time(Integer) Time
Time(Integer, Integer) Time
Time(Integer, Integer, Integer) Time
Time(Integer, Integer, Integer, Integer) Time
DurationBetween({Date|DateTime|Time}) Integer
DifferenceBetween({Date|DateTime|Time}) Integer
SameAs({Date|DateTime|Time}) Boolean
SameAs(Interval<T>, Interval<T>) Boolean
SameOrBefore({Date|DateTime|Time}) Boolean
SameOrBefore(Interval<T>, Interval<T>) Boolean
SameOrAfter({Date|DateTime|Time}) Boolean
SameOrAfter(Interval<T>, Interval<T>) Boolean

Start(Interval<T>) T
End(Interval<T>) T
Width(|Interval<Integer>|Interval<Long>|Interval<Decimal>|Interval<Quantity>|) *
Size(|Interval<Integer>|Interval<Long>|Interval<Decimal>|Interval<Quantity>|) *
PointFrom(Interval<T>) T
Contains(List<T>, T) Boolean
Contains(Interval<T>, T) Boolean
In(T, List<T>) Boolean
In(T, Interval<T>) Boolean
ProperContains(List<T>, T) Boolean
ProperContains(Interval<T>, T) Boolean
ProperIn(T, List<T>) Boolean
ProperIn(T, Interval<T>) Boolean
Includes(List<T>, List<T>) Boolean
Includes(Interval<T>, Interval<T>) Boolean
Includes(List<T>, T) Boolean
Includes(Interval<T>, T) Boolean
IncludedIn(List<T>, List<T>) Boolean
IncludedIn(Interval<T>, Interval<T>) Boolean
IncludedIn(T, List<T>) Boolean
IncludedIn(T, Interval<T>) Boolean
ProperIncludes(List<T>, List<T>) Boolean
ProperIncludes(Interval<T>, Interval<T>) Boolean
ProperIncludes(List<T>, T) Boolean
ProperIncludes(Interval<T>, T) Boolean
ProperIncludedIn(List<T>, List<T>) Boolean
ProperIncludedIn(Interval<T>, Interval<T>) Boolean
ProperIncludedIn(T, List<T>) Boolean
ProperIncludedIn(T, Interval<T>) Boolean
Before(Interval<T>, Interval<T>) Boolean
Before({Date|DateTime|Time}) Boolean
After(Interval<T>, Interval<T>) Boolean
After({Date|DateTime|Time}) Boolean
Meets(Interval<T>, Interval<T>) Boolean
MeetsBefore(Interval<T>, Interval<T>) Boolean
MeetsAfter(Interval<T>, Interval<T>) Boolean
Overlaps(Interval<T>, Interval<T>) Boolean
OverlapsBefore(Interval<T>, Interval<T>) Boolean
OverlapsAfter(Interval<T>, Interval<T>) Boolean
Starts(Interval<T>, Interval<T>) Boolean
Ends(Interval<T>, Interval<T>) Boolean
Union(List<T>, List<T>) List<T>
Union(Interval<T>, Interval<T>) Interval<T>
Intersect(List<T>, List<T>) List<T>
Intersect(Interval<T>, Interval<T>) Interval<T>
Except(List<T>, List<T>) List<T>
Except(Interval<T>, Interval<T>) Interval<T>
Collapse(List<Interval<T>>, Quantity) List<Interval<T>>
Expand(List<Interval<T>>, Quantity) List<Interval<T>>
Expand(Interval<T>, Quantity) List<T>

Exists(List<T>) Boolean
Distinct(List<T>) List<T>
Flatten(List<List<T>>) List<T>
SingletonFrom(List<T>) T
First(List<T>) T
Last(List<T>) T
IndexOf(List<T>, T) Integer
Skip(List<T>, Integer) List<T>
Tail(List<T>) List<T>
Take(List<T>, Integer) List<T>
Slice(List<T>, Integer, Integer) List<T>
Times(List<T>, List<T>) List<T>

Count(List<T>) Integer
Sum(|List<Integer>|List<Long>|List<Decimal>|List<Quantity>|) *
Product(|List<Integer>|List<Long>|List<Decimal>|List<Quantity>|) *
Min(|List<Integer>|List<Long>|List<Decimal>|List<Quantity>|List<Date>|List<DateTime>|List<Time>|List<String>|) *
Max(|List<Integer>|List<Long>|List<Decimal>|List<Quantity>|List<Date>|List<DateTime>|List<Time>|List<String>|) *
Avg(|List<Decimal>|List<Quantity>|) *
Median(|List<Decimal>|List<Quantity>|) *
Mode(List<T>) T
Variance(|List<Decimal>|List<Quantity>|) *
PopulationVariance(|List<Decimal>|List<Quantity>|) *
StdDev(|List<Decimal>|List<Quantity>|) *
PopulationStdDev(|List<Decimal>|List<Quantity>|) *
GeometricMean(List<Decimal>) Decimal
AllTrue(List<Boolean>) Boolean
AnyTrue(List<Boolean>) Boolean

ToBoolean(|String|Integer|Long|Decimal|) Boolean
ToInteger(|String|Boolean|Long|) Integer
ToLong(|String|Boolean|Integer|) Long
ToDecimal(|String|Boolean|Integer|Long|) Decimal
ToString(|Boolean|Integer|Long|Decimal|Quantity|Ratio|Date|DateTime|Time|String|) String
ToDate(|String|DateTime|) Date
ToDateTime(|String|Date|) DateTime
ToTime(|String|DateTime|) Time
ToQuantity(|Integer|Decimal|Ratio|String|) Quantity
ToRatio(String) Ratio
ToConcept(Code) Concept
ToConcept(List<Code>) Concept
ToChars(String) List<String>
ToList(T) List<T>
ConvertsToBoolean(Any) Boolean
ConvertsToInteger(Any) Boolean
ConvertsToLong(Any) Boolean
ConvertsToDecimal(Any) Boolean
ConvertsToString(Any) Boolean
ConvertsToDate(Any) Boolean
ConvertsToDateTime(Any) Boolean
ConvertsToTime(Any) Boolean
ConvertsToQuantity(Any) Boolean
ConvertsToRatio(Any) Boolean
ConvertQuantity(Quantity, String) Quantity
CanConvertQuantity(Quantity, String) Boolean

InValueSet(|String|Code|Concept|, ValueSet) Boolean
AnyInValueSet(|List<String>|List<Code>|List<Concept>|, ValueSet) Boolean
InCodeSystem(|String|Code|Concept|, CodeSystem) Boolean
AnyInCodeSystem(|List<String>|List<Code>|List<Concept>|, CodeSystem) Boolean
ExpandValueSet(ValueSet) List<Code>
Subsumes({Code|Concept}) Boolean
SubsumedBy({Code|Concept}) Boolean
CalculateAge(|Date|DateTime|) Integer
CalculateAgeAt({Date|DateTime}) Integer
Children(Any) List<Any>
Descendents(Any) List<Any>
Message(T, Boolean, String, String, String) T
"""

SHAPES: Mapping[str, tuple[str, ...]] = {
    "Combine": ("source", "separator"),
    "Split": ("stringToSplit", "separator"),
    "SplitOnMatches": ("stringToSplit", "separatorPattern"),
    "PositionOf": ("pattern", "string"),
    "LastPositionOf": ("pattern", "string"),
    "Substring": ("stringToSub", "startIndex", "length"),
    "Round": ("operand", "precision"),
    "Date": ("year", "month", "day"),
    "DateTime": ("year", "month", "day", "hour", "minute", "second", "millisecond", "timezoneOffset"),
    "Time": ("hour", "minute", "second", "millisecond"),
    "IndexOf": ("source", "element"),
    "Slice": ("source", "startIndex", "endIndex"),
    "Message": ("source", "condition", "code", "severity", "message"),
    "InValueSet": ("code", "valueset"),
    "AnyInValueSet": ("codes", "valueset"),
    "InCodeSystem": ("code", "codesystem"),
    "AnyInCodeSystem": ("codes", "codesystem"),
    "Children": ("source",),
    "Descendents": ("source",),
    **dict.fromkeys(
        (
            *("First", "Last", "Count", "Sum", "Product", "Min", "Max", "Avg", "Median", "Mode", "Variance"),
            *("PopulationVariance", "StdDev", "PopulationStdDev", "GeometricMean", "AllTrue", "AnyTrue"),
        ),
        ("source",),
    ),
}
"""ELM's names for the operands of operators that give them names, in order."""

BINARY = frozenset({"LowBoundary", "HighBoundary", "Collapse", "Expand", "Indexer"})
"""Operators whose ELM has a list of operands although one of several signatures takes one."""

_LINE = re.compile(r"(\w+)\((.*)\) (\S+)$")


@cache
def table() -> Mapping[str, tuple[Signature, ...]]:
    """All signatures by operator, in the order of the table, which is also the order of preference."""
    found: dict[str, list[Signature]] = {}
    for line in _TABLE.split("\n"):
        if match := _LINE.match(line):
            name, operands, result = match.groups()
            found.setdefault(name, []).extend(_expand(name, operands, result))
    return {name: tuple(signatures) for name, signatures in found.items()}


def _expand(name: str, operands: str, result: str) -> Iterator[Signature]:
    """`{A|B}` stands for two operands of one of the types, `|A|B|` for one; `=` is that type, `*` its element."""
    if operands.startswith("{"):
        for each in operands[1:-1].split("|"):
            yield _signature(name, f"{each}, {each}", each if result == "=" else result)
    elif operands.startswith("|"):
        choices, _, rest = operands[1:].rpartition("|")
        for each in choices.split("|"):
            yield _signature(name, each + rest, _result(result, each))
    else:
        yield _signature(name, operands, result)


def _result(result: str, operand: str) -> str:
    if result == "*":
        return operand.partition("<")[2].removesuffix(">")
    return operand if result == "=" else result


def _signature(name: str, operands: str, result: str) -> Signature:
    types = tuple(read_type(part, _named) for part in operands.split(", ")) if operands else ()
    return Signature(name, types, read_type(result, _named), bool(re.search(r"\b[A-Z]\b", operands)))


def _named(name: str) -> Named:
    return Named(name if len(name) == 1 else f"System.{name}")
