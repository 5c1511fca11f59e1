"""A FHIR resource with blanks, filled in for many rows at once.

A template is a resource as a dict whose texts may hold blanks: `<name>` is put as it is, `<name:day>` is a day of
`calendar` written as a date, and a value that is nothing but `<name:raw>` is put without quotes: a number, or JSON
made before. The texts that are filled in are the generator's own, plain ASCII without quotes: nothing is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any

import numpy as np
import orjson

from salus.catalog.synth.calendar import written
from salus.catalog.synth.dice import Reals, Texts, Whole

Json = dict[str, Any]
Column = str | int | float | list[str] | Texts | Whole | Reals
_BLANK = re.compile(r'"<(\w+):raw>"|<(\w+)(?::(day))?>')


class Template:
    """A resource with blanks."""

    def __init__(self, resource: Json) -> None:
        self.type: str = resource["resourceType"]
        text = orjson.dumps(resource).decode().replace("%", "%%")
        self._blanks = [(found[1] or found[2], found[3] == "day") for found in _BLANK.finditer(text)]
        self._text = _BLANK.sub("%s", text)

    def rows(self, count: int, columns: Mapping[str, Column]) -> list[str]:
        """`count` resources as JSON; a column that is one value is the same in all."""
        filled = [_values(columns[name], day, count) for name, day in self._blanks]
        text = self._text
        return [text % row for row in zip(*filled, strict=False)] if filled else [text] * count


def _values(column: Column, day: bool, count: int) -> Iterator[Any]:
    if isinstance(column, (str, int, float)):
        return repeat(column, count)
    if isinstance(column, list):
        return iter(column)
    return iter(written(np.asarray(column)) if day else column.tolist())
