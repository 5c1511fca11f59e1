"""Literals: values written out, and quantities with their units.

A date or time that no calendar has (`@2024-02-30`) is a fault here, where its place is known.
Source: CQL 1.5 grammar, literal, quantity, ratio; Author's Guide, Date, DateTime and Time literals.
"""

from __future__ import annotations

import re
from calendar import monthrange

from salus.cql import ast
from salus.cql.parser.cursor import Fault, Place
from salus.cql.parser.names import Names
from salus.cql.tokens import PLURALS, PRECISIONS, unquote

NUMBERS = frozenset({"INTEGER", "DECIMAL"})
UNIT_WORDS = frozenset(PRECISIONS) | frozenset(PLURALS)
LITERALS = NUMBERS | {"STRING", "LONG", "DATE", "DATETIME", "TIME", "true", "false", "null"}

_MOST_INTEGER, _MOST_LONG = 2**31 - 1, 2**63 - 1
_CLOCK = (("hour", 23), ("minute", 59), ("second", 59))
_OFFSET = re.compile(r"(Z|[+-]\d\d:\d\d)$")


class Literals(Names):
    def string(self, what: str) -> ast.StringLiteral:
        if self.kind != "STRING":
            hint = "strings are written in single quotes" if self.kind == "QUOTED" else ""
            self.fail(f"expected {what} as a string", hint)
        start, text = self.start, self.word()
        self.advance()
        return ast.StringLiteral(start, self.end, unquote(text))

    def literal(self) -> ast.Expression:
        """The literal at hand; its kind is in `LITERALS`."""
        if self.kind in NUMBERS:
            return self._number()
        if self.kind == "STRING":
            return self.string("a value")
        start, kind, text = self.start, self.kind, self.word()
        self.advance()
        end = self.end
        if kind == "null":
            return ast.NullLiteral(start, end)
        if kind == "LONG":
            self._check_size(text[:-1], _MOST_LONG, start, end)
            return ast.LongLiteral(start, end, text[:-1])
        if kind in ("true", "false"):
            return ast.BooleanLiteral(start, end, kind == "true")
        return _moment(kind, text, Place(start, end))

    def _number(self) -> ast.Expression:
        """A number, a quantity, or a ratio of two quantities."""
        first = self.quantity()
        if self.take(":"):
            second = self.quantity()
            return ast.RatioLiteral(first.start, self.end, first, second)
        return self._plain_number(first)

    def number_or_quantity(self) -> ast.Expression:
        return self._plain_number(self.quantity())

    def _plain_number(self, quantity: ast.QuantityLiteral) -> ast.Expression:
        """A quantity without a unit is a number where a value is wanted."""
        if quantity.unit is not None:
            return quantity
        start, end, text = quantity.start, quantity.end, quantity.value
        if "." in text:
            _check_digits(text, Place(start, end))
            return ast.DecimalLiteral(start, end, text)
        self._check_size(text, _MOST_INTEGER, start, end)
        return ast.IntegerLiteral(start, end, text)

    def _check_size(self, digits: str, most: int, start: int, end: int) -> None:
        """A sign is an operator of its own, so the least number needs one more than the greatest, behind a minus."""
        negative = self.source.text[start - 1 : start] == "-"
        if int(digits) > most + negative:
            hint = "write it with L at its end to make it a Long" if most == _MOST_INTEGER else ""
            raise Fault(
                Place(start, end), f"{digits} is beyond the greatest {'Integer' if hint else 'Long'}, {most}", hint
            )

    def quantity(self) -> ast.QuantityLiteral:
        """A number with or without a unit."""
        if self.kind not in NUMBERS:
            self.fail("expected a number")
        start, value = self.start, self.word()
        self.advance()
        unit = self.unit() if self.kind == "STRING" or self.kind in UNIT_WORDS else None
        return ast.QuantityLiteral(start, self.end, value, unit)

    def unit(self) -> ast.Unit:
        start, text, calendar = self.start, self.word(), self.kind != "STRING"
        self.advance()
        return ast.Unit(start, self.end, text if calendar else unquote(text), calendar)


def _check_digits(text: str, place: Place) -> None:
    """A Decimal has at most 28 digits before the point and 8 after it (Appendix B, Types: Decimal)."""
    whole, _, fraction = text.partition(".")
    if len(fraction) > 8:
        raise Fault(place, f"{text} has more than 8 digits after the point, which is all that a Decimal holds")
    if fraction and len(whole.lstrip("0")) > 28:
        raise Fault(place, f"{text} is beyond the greatest Decimal")


def _moment(kind: str, text: str, place: Place) -> ast.Expression:
    start, end = place.start, place.end
    if kind == "DATE":
        return ast.DateLiteral(start, end, _day(text[1:], text, place))
    if kind == "TIME":
        return ast.TimeLiteral(start, end, _clock(text[2:], text, place))
    day, _, rest = text[1:].partition("T")
    offset = _OFFSET.search(rest)
    parts = _day(day, text, place)
    if clock := rest[: offset.start()] if offset else rest:
        if len(parts) < 3:
            raise Fault(place, f"{text} has a time of day but no day")
        parts += _clock(clock, text, place)
    return ast.DateTimeLiteral(start, end, parts, _minutes(offset[1], text, place) if offset else None)


def _day(digits: str, text: str, place: Place) -> tuple[int, ...]:
    parts = tuple(int(each) for each in digits.split("-"))
    _within(parts[0], "year", 1, 9999, text, place)
    if len(parts) > 1:
        _within(parts[1], "month", 1, 12, text, place)
    if len(parts) > 2:
        _within(parts[2], "day", 1, monthrange(parts[0], parts[1])[1], text, place)
    return parts


def _clock(digits: str, text: str, place: Place) -> tuple[int, ...]:
    """Hour, minute, second, and milliseconds: a fraction is cut off after three digits."""
    whole, _, fraction = digits.partition(".")
    parts = tuple(int(each) for each in whole.split(":"))
    for value, (name, most) in zip(parts, _CLOCK, strict=False):
        _within(value, name, 0, most, text, place)
    return (*parts, int(fraction[:3].ljust(3, "0"))) if fraction else parts


def _minutes(offset: str, text: str, place: Place) -> int:
    if offset == "Z":
        return 0
    hours, minutes = int(offset[1:3]), int(offset[4:6])
    _within(hours, "hour of the offset", 0, 14, text, place)
    _within(minutes, "minute of the offset", 0, 59, text, place)
    return (hours * 60 + minutes) * (-1 if offset[0] == "-" else 1)


def _within(value: int, what: str, least: int, most: int, text: str, place: Place) -> None:
    if not least <= value <= most:
        raise Fault(place, f"{text} is no date or time: {what} {value} is not within {least} and {most}")
