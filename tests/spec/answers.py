"""What an engine put out, against what a page says: every difference in a sentence.

Leaves to others: reading cells (`cells`), running (`running`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import cells
from cells import Amount, Coded, Moment, Reference, Span
from pages import Case
from records import SYSTEMS

from salus.fhir.temporal import parse


@dataclass(frozen=True)
class Answered:
    """What an engine said to a case: a value per patient's id, and warnings; or the error it stopped with."""

    values: Mapping[str, Any]
    warnings: Sequence[str] = ()
    error: str = ""


def differences(case: Case, got: Answered, engine: str) -> Iterator[str]:
    """What is not as the page says, a line each."""
    where = f"line {case.line}: {' '.join(case.expression.split())}"
    refusal = case.notes.get("error", "") or case.notes.get(f"refused by {engine}", "")
    if refusal or got.error:
        if not refusal or refusal not in got.error or "Spec 1, line" not in got.error:
            yield f"{where}\n    stops with {got.error or 'nothing'!r}, and should with {refusal or 'nothing'!r}"
        return
    for patient, cell in case.answers.items():
        if not same(got.values.get(patient), cells.read(cell)):
            yield f"{where}\n    patient {patient}: is {got.values.get(patient)!r}, and should be {cell}"
    warning = case.notes.get("warning", "")
    if warning and not any(warning in each for each in got.warnings):
        yield f"{where}\n    leaves the warnings {got.warnings}, and should leave {warning!r}"


def same(got: Any, expected: Any) -> bool:
    """Whether a value that an engine put out is the value of a cell."""
    match expected:
        case Moment():
            return got == _first(expected)
        case Amount(value=number, unit=unit):
            return _fields(got, {"value": number, "unit": unit}, exact=False)
        case Span(low=low, high=high, low_closed=a, high_closed=b):
            return _fields(got, {"low": low, "high": high, "lowClosed": a, "highClosed": b})
        case Coded(system=system, code=code):
            return _fields(got, {"system": SYSTEMS.get(system, f"urn:salus:{system}"), "code": code})
        case Reference(text=text):
            return bool(got == text)
        case dict():
            return isinstance(got, dict) and set(got) == set(expected) and _fields(got, expected)
        case list():
            return isinstance(got, list) and len(got) == len(expected) and all(map(same, got, expected))
        case Decimal():
            return isinstance(got, (Decimal, float)) and Decimal(str(got)) == expected
    return type(got) is type(expected) and bool(got == expected)


def _fields(got: Any, expected: dict[str, Any], *, exact: bool = True) -> bool:
    if not isinstance(got, dict):
        return False
    if exact:
        return all(same(got.get(name), value) for name, value in expected.items())
    return got["unit"] == expected["unit"] and Decimal(str(got["value"])) == expected["value"]


def _first(moment: Moment) -> datetime | str:
    """The first instant a moment can be, in UTC, which is how engines put out dates; a time is its text."""
    if moment.text.startswith("T"):
        return moment.text.removeprefix("T")
    span = parse(moment.text)
    assert span is not None, f"{moment.text} is no date"
    return span.low
