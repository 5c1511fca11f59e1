"""Salus's own front end as `judge` asks it: the text of a test as the only define of a library.

What the grammar does not allow is refused at `syntax`, what has no meaning at `semantic`. The front end finds a literal
that is no value while parsing: a number beyond its type is a fault of the text, but a date or time in the shape that
the grammar gives them has no meaning (CQL 1.5, Formal Grammar, DATE, DATETIME and TIME).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from salus.conformance.judge import Refusal
from salus.conformance.suite import Case
from salus.cql.parser import parse_library
from salus.cql.source import Source
from salus.cql.translate import Finder, translate
from salus.errors import SalusError

_TIME = r"\d\d(:\d\d(:\d\d(\.\d+)?)?)?"
_MOMENT = re.compile(rf"@(T{_TIME}|\d{{4}}(-\d\d(-\d\d)?)?(T({_TIME})?(Z|[+-]\d\d:\d\d)?)?)")


class NoLibraries:
    """Nothing to include."""

    def versions(self, name: str) -> Sequence[str | None]:
        return ()

    def text(self, name: str, version: str | None) -> Source:
        raise SalusError(f"there is no library {name}")

    def names(self) -> Sequence[str]:
        return ()


def translated(case: Case) -> Mapping[str, Any]:
    """The ELM of a case; Refusal at the stage that finds fault with it."""
    source = Source(f"library Test version '1'\ncontext Unfiltered\ndefine Test:\n{case.expression}\n", "Test")
    _, report = parse_library(source)
    if report.errors:
        first = report.errors[0]
        shaped = _MOMENT.fullmatch(first.text[first.column - 1 : first.end_column])
        raise Refusal("semantic" if shaped else "syntax", first.headline)
    found = translate(source, Finder(NoLibraries()))
    if found.errors:
        raise Refusal("semantic", found.errors[0].headline)
    return found.elm
