r"""What a test expects, read from its text: literals and selectors of CQL, and nothing that has to be computed.

A reader of its own, so that a mistake of the front end or of an engine is not repeated here: it shares no code with
either. It knows null, Booleans, numbers, strings, dates and times, quantities, ratios, intervals, lists, tuples and
instances of a class; anything else is an error that says what was found.
Source: CQL 1.5, Developer's Guide "Lexical Elements"; Author's Guide "Values".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from salus.conformance.values import Moment, Number, Quantity, Range, Ratio, Structure, Value
from salus.errors import SalusError

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<moment>@[0-9T][0-9TZ:.\-+]*)
    | (?P<number>[+-]?\s*[0-9]+(?:\.[0-9]+)?L?)
    | (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<quoted>"(?:[^"\\]|\\.)*")
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign>[\[\](){},:])
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}
_MOMENT = re.compile(
    r"@(?:(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?)?"
    r"(?P<T>T)?(?:(?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,3}))?)?)?)?"
    r"(?P<offset>Z|[+-]\d\d:\d\d)?",
    re.ASCII,
)
_DAY, _CLOCK = ("year", "month", "day"), ("hour", "minute", "second")
_CALENDAR = {f"{unit}{s}" for unit in ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
             for s in ("", "s")}  # fmt: skip
Part = TypeVar("Part")
_WORDS: dict[str, Value] = {"null": None, "true": True, "false": False}


class Unreadable(SalusError):
    """A text that is no value."""


def read_value(text: str) -> Value:
    """The value a text stands for; Unreadable when it stands for none."""
    reader = _Reader(text)
    value = reader.value()
    if not reader.done:
        raise Unreadable(f"more than one value in {text!r}")
    return value


class _Reader:
    """Tokens of a text, and the values they make."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(_tokens(text))
        self.place = 0

    @property
    def done(self) -> bool:
        return self.place >= len(self.tokens)

    def peek(self, ahead: int = 0) -> tuple[str, str]:
        place = self.place + ahead
        return self.tokens[place] if place < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        found = self.peek()
        self.place += 1
        return found

    def expect(self, *signs: str) -> str:
        _, found = self.take()
        if found not in signs:
            raise Unreadable(f"{' or '.join(signs)} expected, not {found or 'the end'}, in {self.text!r}")
        return found

    def value(self) -> Value:
        kind, found = self.take()
        if kind == "string":
            return _unescaped(found)
        if kind == "moment":
            return _moment(found)
        if kind == "number":
            return self.number(found)
        if found == "{":
            return self.braces()
        if kind == "word":
            return self.named(found)
        raise Unreadable(f"{found or 'the end'} begins no value in {self.text!r}")

    def number(self, found: str) -> Value:
        """A number, the quantity it is part of, or the ratio that is part of."""
        kind, unit = self.peek()
        text = found.replace(" ", "")
        if kind != "string" and not (kind == "word" and unit in _CALENDAR):
            return _number(text)
        self.take()
        quantity = Quantity(Decimal(text), _unescaped(unit) if kind == "string" else unit)
        if self.peek()[1] != ":":
            return quantity
        self.take()
        return Ratio(quantity, self.value())

    def named(self, word: str) -> Value:
        """A word of the language, an interval, a tuple or an instance."""
        if word in _WORDS:
            return _WORDS[word]
        if word == "Interval":
            return self.interval()
        self.expect("{")
        if word == "List":
            return self.members(self.value, "}")
        return _instance(word, dict(self.members(self.field, "}")))

    def interval(self) -> Value:
        start = self.expect("[", "(")
        low = self.value()
        self.expect(",")
        high = self.value()
        return Range(low, high, start == "[", self.expect("]", ")") == "]")

    def braces(self) -> Value:
        """A list, or a tuple written without the word."""
        if self.peek()[0] in ("word", "quoted") and self.peek(1)[1] == ":":
            return Structure("Tuple", dict(self.members(self.field, "}")))
        return self.members(self.value, "}")

    def field(self) -> tuple[str, Value]:
        kind, name = self.take()
        self.expect(":")
        return (_unescaped(name) if kind == "quoted" else name), self.value()

    def members(self, read: Callable[[], Part], stop: str) -> tuple[Part, ...]:
        found: list[Part] = []
        while self.peek()[1] != stop:
            found.append(read())
            if self.peek()[1] != stop:
                self.expect(",")
        self.take()
        return tuple(found)


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place, text = 0, text.rstrip()
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            raise Unreadable(f"{text[place:].strip()[:20]!r} is no part of a value, in {text!r}")
        found.append((str(token.lastgroup), token[str(token.lastgroup)]))
        place = token.end()
    return found


def _number(text: str) -> Number:
    if text.endswith("L"):
        return Number("Long", Decimal(text[:-1]))
    return Number("Decimal" if "." in text else "Integer", Decimal(text))


def _unescaped(token: str) -> str:
    def plain(found: re.Match[str]) -> str:
        code = found[1]
        return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPED.get(code, code)

    return _ESCAPE.sub(plain, token[1:-1])


def _moment(token: str) -> Moment:
    found = _MOMENT.fullmatch(token)
    if found is None:
        raise Unreadable(f"{token} is no date or time")
    clock = [int(found[unit]) for unit in _CLOCK if found[unit] is not None]
    if found["fraction"] is not None:
        clock.append(int(found["fraction"].ljust(3, "0")))
    if found["year"] is None:
        return Moment("Time", tuple(clock))
    day = [int(found[unit]) for unit in _DAY if found[unit] is not None]
    return Moment("DateTime" if found["T"] else "Date", (*day, *clock), _minutes(found["offset"]))


def _minutes(text: str | None) -> int | None:
    if text is None or text == "Z":
        return None if text is None else 0
    size = int(text[1:3]) * 60 + int(text[4:6])
    return -size if text[0] == "-" else size


def _instance(name: str, fields: dict[str, Value]) -> Structure:
    """A Concept's `codes` is a list, also where the suite writes its only member without braces."""
    codes = fields.get("codes")
    if name == "Concept" and isinstance(codes, Structure):
        fields["codes"] = (codes,)
    return Structure(name, fields)
