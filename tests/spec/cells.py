"""What stands in a cell of a table: CQL literals, written as CQL writes them, and codes as `system#code`.

| in a cell | is |
|---|---|
| `null`, `true`, `12`, `1.50`, `'text'` | None, bool, int, Decimal, str |
| `@2026-01`, `@2026-01-15T10:00`, `@T10:30` | `Moment` |
| `5 'mg'`, `3 days` | `Amount` |
| `Interval[1, 3)` | `Span` |
| `{1, null}` | list |
| `Tuple {a: 1}`, `{a: 1}` | dict |
| `loinc#8480-6` | `Coded` |
| `Encounter/e1`, `http://server/Encounter/e1`, `Encounter/e1/_history/2`, `#contained` | `Reference` |

Leaves to others: what a cell means in a record (`records`) and in an answer (`answers`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<moment>@T?[0-9][0-9T:.Z+-]*)
    | (?P<text>'(?:[^'\\]|\\.)*')
    | (?P<coded>[\w.:/-]+\#[\w.-]+)
    | (?P<reference>(?:https?://[\w./-]+/)?[A-Z]\w+/[\w.-]+(?:/_history/\d+)?|\#[\w.-]+)
    | (?P<number>-?\d+(?:\.\d+)?L?)
    | (?P<word>[A-Za-z]\w*)
    | (?P<mark>[\[\](){},:])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Moment:
    """A date, time or date and time, as written after the `@`."""

    text: str


@dataclass(frozen=True)
class Amount:
    value: Decimal
    unit: str


@dataclass(frozen=True)
class Span:
    low: Any
    high: Any
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True)
class Coded:
    system: str
    code: str


@dataclass(frozen=True)
class Reference:
    text: str


class _Reader:
    """One cell, token by token."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split(text))

    def _split(self, text: str) -> list[tuple[str, str]]:
        found, at, text = [], 0, text.rstrip()
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None:
                raise ValueError(f"the cell {text!r} cannot be read from {text[at:]!r}")
            found.append((str(token.lastgroup), token[str(token.lastgroup)]))
            at = token.end()
        return found

    def whole(self) -> Any:
        value = self._value()
        if self._tokens:
            raise ValueError(f"the cell {self._text!r} goes on after its value")
        return value

    def _peek(self) -> str:
        return self._tokens[0][1] if self._tokens else ""

    def _take(self, *allowed: str) -> str:
        if not self._tokens or (allowed and self._peek() not in allowed):
            raise ValueError(f"the cell {self._text!r} lacks one of {allowed}")
        return self._tokens.pop(0)[1]

    def _value(self) -> Any:
        kind = self._tokens[0][0] if self._tokens else ""
        text = self._take()
        match kind:
            case "moment":
                return Moment(text[1:])
            case "text":
                return _unescaped(text)
            case "coded":
                return Coded(*text.split("#"))
            case "reference":
                return Reference(text)
            case "number":
                return self._number(text)
            case "word":
                return self._word(text)
        return self._braces() if text == "{" else self._unknown(text)

    def _unknown(self, text: str) -> Any:
        raise ValueError(f"the cell {self._text!r} has {text!r} where a value begins")

    def _number(self, text: str) -> Any:
        if self._tokens and self._tokens[0][0] == "text":
            return Amount(Decimal(text), _unescaped(self._take()))
        if self._tokens and self._tokens[0][0] == "word":
            return Amount(Decimal(text), self._take())
        return Decimal(text) if "." in text else int(text.rstrip("L"))

    def _word(self, text: str) -> Any:
        if text == "Interval":
            return self._interval()
        if text == "Tuple":
            self._take("{")
            return self._braces()
        return {"null": None, "true": True, "false": False}[text] if text in _WORDS else self._unknown(text)

    def _interval(self) -> Span:
        opened = self._take("[", "(")
        low = self._value()
        self._take(",")
        high = self._value()
        return Span(low, high, opened == "[", self._take("]", ")") == "]")

    def _braces(self) -> Any:
        """A list, or a tuple: the latter has names."""
        named = len(self._tokens) > 1 and self._tokens[1][1] == ":"
        items: list[Any] = []
        while self._peek() != "}":
            if items:
                self._take(",")
            items.append(self._field() if named else self._value())
        self._take("}")
        return dict(items) if named else items

    def _field(self) -> tuple[str, Any]:
        name = self._take()
        self._take(":")
        return name, self._value()


_WORDS = ("null", "true", "false")


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}.get(m[1], m[1]), text[1:-1])


def read(text: str) -> Any:
    """The value of a cell; None where it is blank or null."""
    return _Reader(text).whole() if text.strip() else None
