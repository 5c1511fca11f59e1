"""A piece of CQL text and where things stand in it: offsets to lines and columns.

Leaves to others: what the text says.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Source:
    """`name` is what errors call it: a library's name or a file's path."""

    text: str
    name: str

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(end.end() for end in re.finditer("\n", self.text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (from 1), without its end."""
        start = self._line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")

    def locator(self, start: int, end: int) -> str:
        """ELM's way to say from where to where: `line:column-line:column`, or `line:column` for one character."""
        first = "{}:{}".format(*self.position(start))
        last = "{}:{}".format(*self.position(max(end - 1, start)))
        return first if first == last else f"{first}-{last}"
