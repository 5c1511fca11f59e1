"""A place in a row of tokens, and what to say when the next one is not what the grammar wants.

Leaves to others: the grammar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn, TypeVar

from salus.cql.source import Source
from salus.cql.tokens import FAULTS, KEYWORDS, PHRASES, Tokens

T = TypeVar("T")
_CLOSE = {")": "(", "]": "[", "}": "{", ">": "<"}
_CONTEXTUAL = frozenset({"returns", "external"})
_NOT_PLAIN = "‘’“”–—"


@dataclass(frozen=True, slots=True)
class Place:
    start: int
    end: int


class Fault(Exception):
    """The text breaks the grammar at a place; caught where a definition begins."""

    def __init__(self, place: Place, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.hint = hint


class Cursor:
    """`kind` is the kind of the token at hand."""

    def __init__(self, source: Source, tokens: Tokens) -> None:
        self.source = source
        self.tokens = tokens
        self.kinds = tokens.kinds
        self.starts = tokens.starts
        self.at = 0
        self.kind = tokens.kinds[0]

    # Moving

    def advance(self) -> None:
        self.go(self.at + 1)

    def go(self, index: int) -> None:
        self.at = index
        self.kind = self.kinds[index]

    def take(self, kind: str) -> bool:
        """Step over the token if it is of this kind."""
        if self.kind != kind:
            return False
        self.go(self.at + 1)
        return True

    def take_any(self, *kinds: str) -> str | None:
        """Step over the token if it is of one of these kinds; which one it was."""
        kind = self.kind
        if kind not in kinds:
            return None
        self.advance()
        return kind

    def several(self, read: Callable[[], T]) -> tuple[T, ...]:
        """One or more of what `read` reads, with commas between."""
        found = [read()]
        while self.take(","):
            found.append(read())
        return tuple(found)

    def expect(self, kind: str, purpose: str = "") -> None:
        if not self.take(kind):
            self.fail(f"expected {kind}{purpose and ' ' + purpose}")

    def close(self, kind: str, opened: int) -> None:
        """Step over a closing mark; `opened` is the index of the token that it closes."""
        if not self.take(kind):
            line, column = self.source.position(self.starts[opened])
            self.fail(f"expected {kind} to close the {_CLOSE[kind]} of line {line}, column {column}")

    # Looking

    @property
    def start(self) -> int:
        return self.starts[self.at]

    @property
    def end(self) -> int:
        """Past the last character of the token before."""
        return self.tokens.ends[self.at - 1]

    def peek(self, ahead: int = 1) -> str:
        index = self.at + ahead
        return self.kinds[index] if index < len(self.kinds) else "EOF"

    def word(self) -> str:
        return self.tokens.word(self.at)

    def is_word(self, text: str) -> bool:
        """Whether this is a name that the grammar gives a meaning here (`returns`)."""
        return self.kind == "IDENTIFIER" and self.word() == text

    def after_group(self, index: int) -> int:
        """The index past the bracket that closes the one at `index`."""
        depth = 0
        for at in range(index, len(self.kinds)):
            if self.kinds[at] in ("(", "[", "{"):
                depth += 1
            elif self.kinds[at] in (")", "]", "}"):
                depth -= 1
                if depth == 0:
                    return at + 1
        return len(self.kinds) - 1

    # Failing

    def fail(self, message: str, hint: str = "") -> NoReturn:
        """End what is being read, as something lacks: `message` says what; what was found instead is added.

        The place is the token at hand, or the end of the line before it when that is where something lacks.
        """
        self._fail_with(message, hint, self._before_or_here())

    def fail_here(self, message: str) -> NoReturn:
        """End what is being read, as the token at hand cannot stand there."""
        hint = f"there is no {_CLOSE[self.kind]} that it closes" if self.kind in _CLOSE else ""
        self._fail_with(message, hint, self.place(self.at))

    def _fail_with(self, message: str, hint: str, place: Place) -> NoReturn:
        if self.kind in FAULTS:
            raise Fault(self.place(self.at), *self._no_token())
        if not hint and (meant := self._misspelt()):
            place, hint = meant
        raise Fault(place, f"{message}, found {self.found()}", hint)

    def place(self, index: int) -> Place:
        return Place(self.starts[index], self.tokens.ends[index])

    def _before_or_here(self) -> Place:
        here = self.place(self.at)
        if self.at == 0:
            return here
        before = Place(self.end - 1, self.end)
        earlier = self.source.position(before.start)[0] < self.source.position(here.start)[0]
        return before if earlier or self.kind == "EOF" else here

    def found(self) -> str:
        if self.kind == "EOF":
            return "the end of the text"
        if self.kind in KEYWORDS or self.kind in PHRASES:
            return f"the keyword {self.kind}"
        return self.word() if len(self.word()) <= 40 else f"{self.word()[:37]}..."

    def _no_token(self) -> tuple[str, str]:
        text = self.word()
        if self.kind == "BAD_DATE":
            return f"{text} is no date", "dates are written @YYYY-MM-DD, with two digits for month and day"
        if self.kind == "UNCLOSED":
            what = {"'": "string", "/": "comment"}.get(text[0], "quoted name")
            return f"the {what} that begins here is not closed", f"close it with {'*/' if text[0] == '/' else text[0]}"
        if text in _NOT_PLAIN:
            return f"unexpected character {text}", "quotes and dashes must be the plain ones of the keyboard"
        return f"unexpected character {text}", ""

    def _misspelt(self) -> tuple[Place, str] | None:
        """What was meant, if the token at hand, or the one before that was taken for a name, is nearly a keyword."""
        for index in (self.at, self.at - 1):
            after_dot = index > 0 and self.kinds[index - 1] == "."
            if index >= 0 and self.kinds[index] == "IDENTIFIER" and not after_dot and (meant := self._meant(index)):
                return self.place(index), f"did you mean {meant[0]} instead of {meant[1]}?"
        return None

    def _meant(self, index: int) -> tuple[str, str] | None:
        """The keyword or phrase that a word, or it and the next, nearly is; and what was written."""
        word = self.tokens.word(index)
        pair = f"{word} {self.tokens.word(index + 1)}"
        for written, known in ((word, KEYWORDS | _CONTEXTUAL), (pair, PHRASES)):
            if found := nearest(written, known):
                return found, written
        return None


def nearest(written: str, known: Iterable[str]) -> str:
    """The one of these words that what was written nearly is, or nothing."""
    near = [] if len(written) < 3 else get_close_matches(written, known, n=1, cutoff=0.8)
    return near[0] if near else ""
