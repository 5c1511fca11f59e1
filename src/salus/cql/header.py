"""What the first lines of a library say: who it is and what it includes.

Only as much of the text is read, so that many libraries can be indexed quickly, and what was read is kept between runs.
Leaves to others: everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from salus.cache import Cache
from salus.cql.digests import digest, translator
from salus.cql.source import Source


@dataclass(frozen=True, slots=True)
class Header:
    """`name` is None where the text has no library line; `includes` are (name, version) as written."""

    name: str | None
    version: str | None
    includes: tuple[tuple[str, str | None], ...]


def chosen_version(version: str | None, there: Sequence[str | None]) -> str | None:
    """The version that is read for the one asked for: itself, else the newest there is (the last)."""
    return version if version in there else there[-1]


def kept_header(kept: Cache, source: Source) -> Header:
    """The header of a text, read once and kept beside the translations."""
    headers = Cache(kept.folder / "headers")
    key = digest(translator(), source.text)
    found = headers.get(key)
    if found is None:
        found = orjson.dumps(read_header(source))
        headers.put(key, found)
    name, version, includes = orjson.loads(found).values()
    return Header(name, version, tuple((name, version) for name, version in includes))


def read_header(source: Source) -> Header:
    """The header of a text, as far as it can be read; faults are told when the text is parsed."""
    from salus.cql import ast  # the parser is not loaded where all is kept
    from salus.cql.diagnostics import Report
    from salus.cql.parser.definitions import Definitions
    from salus.cql.tokens import tokenize

    tokens = tokenize(source.text, stop_before=frozenset({"define", "context"}))
    library = Definitions(Report(source), tokens).library()
    includes = [each for each in library.definitions if isinstance(each, ast.Include)]
    return Header(
        library.name.parts[-1].text if library.name else None,
        library.version.value if library.version else None,
        tuple((each.name.parts[-1].text, each.version.value if each.version else None) for each in includes),
    )
