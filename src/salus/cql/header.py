"""What the first lines of a library say: who it is and what it includes.

Only as much of the text is read, so that many libraries can be indexed quickly, and what was read is kept between runs.
Leaves to others: everything else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from salus.cache import Cache
from salus.cql.digests import digest, translator
from salus.cql.source import Source


class Header(msgspec.Struct, frozen=True):
    """`name` is None where the text has no library line; `includes` are (name, version) as written."""

    name: str | None
    version: str | None
    includes: tuple[tuple[str, str | None], ...]


class Head(msgspec.Struct, frozen=True):
    """What stands for a text where it is not read: what errors call it, its sha256 and its header."""

    called: str
    digest: str
    header: Header

    @classmethod
    def of(cls, source: Source, kept: Cache) -> Head:
        found = hashlib.sha256(source.text.encode()).hexdigest()
        return cls(source.name, found, kept_header(kept, source, found))


def chosen_version(version: str | None, there: Sequence[str | None]) -> str | None:
    """The version that is read for the one asked for: itself, else the newest there is (the last)."""
    return version if version in there else there[-1]


def kept_header(kept: Cache, source: Source, of_text: str) -> Header:
    """The header of a text with that sha256, read once and kept beside the translations."""
    headers = Cache(kept.folder / "headers")
    key = digest(translator(), of_text)
    found = headers.get(key)
    if found is None:
        found = msgspec.json.encode(read_header(source))
        headers.put(key, found)
    return msgspec.json.decode(found, type=Header)


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
