"""The kinds of expression that ELM has, and which of them an engine knows.

`KINDS` is a table of facts: the elements of the ELM r1 schema that are expressions, by chapter of the Logical
Specification. What an engine knows is read off its own registries; what it was seen to evaluate, off the tests that
it passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from salus.engine.oracle import interpreter, registry
from salus.logic import compiler, queries
from salus.logic.operators import OPERATORS

KINDS: dict[str, str] = {
    "Simple and structured values": "Literal Tuple Instance Property",
    "Clinical values": """
        CodeSystemRef ValueSetRef CodeRef ConceptRef Code Concept Quantity Ratio InCodeSystem
        AnyInCodeSystem InValueSet AnyInValueSet ExpandValueSet SubsumedBy Subsumes CalculateAge
        CalculateAgeAt
    """,
    "Reusing logic": "ExpressionRef FunctionRef OperandRef ParameterRef IdentifierRef",
    "Queries": "Query AliasRef QueryLetRef Retrieve",
    "Comparison": "Equal Equivalent Greater GreaterOrEqual Less LessOrEqual NotEqual",
    "Logic and nulls": "And Implies Not Or Xor Null Coalesce IsFalse IsNull IsTrue",
    "Conditions": "Case If",
    "Arithmetic": """
        Abs Add Ceiling Divide Exp Floor HighBoundary Log LowBoundary Ln MaxValue MinValue Modulo Multiply
        Negate Power Precision Predecessor Round Subtract Successor Truncate TruncatedDivide
    """,
    "Strings": """
        Combine Concatenate EndsWith Indexer LastPositionOf Length Lower Matches PositionOf ReplaceMatches
        Split SplitOnMatches StartsWith Substring Upper
    """,
    "Dates and times": """
        Date DateFrom DateTime DateTimeComponentFrom DifferenceBetween DurationBetween Now SameAs
        SameOrBefore SameOrAfter Time TimeFrom TimezoneFrom TimezoneOffsetFrom TimeOfDay Today
    """,
    "Intervals": """
        Interval After Before Collapse Contains End Ends Except Expand In Includes IncludedIn Intersect
        Meets MeetsBefore MeetsAfter Overlaps OverlapsBefore OverlapsAfter PointFrom ProperContains ProperIn
        ProperIncludes ProperIncludedIn Size Start Starts Union Width
    """,
    "Lists": """
        List Current Distinct Exists Filter First Flatten ForEach IndexOf Iteration Last Repeat
        SingletonFrom Slice Sort Times Total
    """,
    "Aggregates": """
        Aggregate AllTrue AnyTrue Avg Count GeometricMean Product Max Median Min Mode PopulationVariance
        PopulationStdDev Sum StdDev Variance
    """,
    "Types": """
        As CanConvert CanConvertQuantity Children Convert ConvertQuantity ConvertsToBoolean ConvertsToDate
        ConvertsToDateTime ConvertsToDecimal ConvertsToInteger ConvertsToLong ConvertsToQuantity
        ConvertsToRatio ConvertsToString ConvertsToTime Descendents Is ToBoolean ToChars ToConcept ToDate
        ToDateTime ToDecimal ToInteger ToList ToLong ToQuantity ToRatio ToString ToTime
    """,
    "Errors and messages": "Message",
}
_OWN_NAME = {
    "QuantityLiteral": "Quantity",
    "RatioLiteral": "Ratio",
    "IntervalSelector": "Interval",
    "ListSelector": "List",
    "TupleSelector": "Tuple",
    "CodeSelector": "Code",
    "ConceptSelector": "Concept",
}
_FAMILIES = {
    "TypeOperator": "As Is Convert CanConvert MinValue MaxValue",
    "ScopedOperator": "Filter ForEach Repeat",
    "Ref": "ExpressionRef OperandRef AliasRef QueryLetRef IdentifierRef",
}


def known(engine: str) -> frozenset[str]:
    """The kinds that an engine has something registered for."""
    classes: Iterable[type] = interpreter.METHODS if engine == "oracle" else compiler.NODES
    own = {name for kind in classes for name in _names(kind.__name__)}
    if engine == "oracle":
        return frozenset(own | registry.supported() | set(interpreter.TERMS) | {"ParameterRef"})
    return frozenset(own | set(OPERATORS) | {"Message"} | set(compiler.REFS)) - queries.REFUSED


def _names(class_name: str) -> list[str]:
    if class_name in _FAMILIES:
        return _FAMILIES[class_name].split()
    return [_OWN_NAME.get(class_name, class_name)]


def kinds_in(elm: Any) -> Iterator[str]:
    """Every `type` of a piece of ELM JSON, however deep."""
    if isinstance(elm, list):
        for part in elm:
            yield from kinds_in(part)
    elif isinstance(elm, dict):
        if isinstance(elm.get("type"), str):
            yield elm["type"]
        for part in elm.values():
            yield from kinds_in(part)
