"""What an author's commands read: libraries of CQL text, and those they include, found beside them.

Leaves to others: a run's content (`measure.content`), translating (`cql.translations`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import orjson

from salus.cql.translation import Translation
from salus.cql.translations import Translations
from salus.errors import SalusError
from salus.fhir.reading import Raw, scan
from salus.measure.identity import Identity
from salus.measure.texts import CQL, LibraryTexts, TextHead, source_within


@dataclass(frozen=True)
class Workshop:
    """The libraries asked for, in the order of their files, and all that are at hand to be included."""

    asked: tuple[Identity, ...]
    translations: Translations

    @classmethod
    def open(cls, paths: Sequence[Path], others: Sequence[Path] = ()) -> Workshop:
        """The texts in `paths` (`.cql` files, Library resources, folders and archives of them). What they include may
        stand among them, in `others`, or in a `.cql` file of the same folder.

        Raises SalusError when there is no text in the paths or one cannot be read.
        """
        texts = LibraryTexts()
        asked = tuple(dict.fromkeys(_add(texts, paths)))
        if not asked:
            raise SalusError(f"no CQL in {', '.join(map(str, paths))}")
        given = set(map(Path.resolve, paths))
        siblings = [each for each in beside(paths) if each.resolve() not in given]
        for _ in _add(texts, [*others, *siblings]):
            pass
        return cls(asked, Translations(texts))

    def translated(self) -> Iterator[tuple[Identity, Translation]]:
        """Each library asked for, with its translation."""
        for identity in self.asked:
            yield identity, self.translations.of(*identity)


def beside(paths: Sequence[Path]) -> list[Path]:
    """The `.cql` files in the folders of files."""
    folders = dict.fromkeys(path.parent for path in paths if path.is_file())
    return [each for folder in folders for each in sorted(folder.iterdir()) if each.suffix.lower() == CQL]


def _add(texts: LibraryTexts, paths: Sequence[Path]) -> Iterator[Identity]:
    """Index the texts in paths; the identity of each."""
    for raw in scan(paths, untyped=True, texts=(CQL,)):
        if raw.error:
            raise SalusError(f"{raw.file}:{raw.line} {raw.error}")
        if raw.type == CQL:
            yield texts.add_file(raw.data, raw.file)
        elif raw.type == "Library":
            yield from _embedded(texts, raw)


def _embedded(texts: LibraryTexts, raw: Raw) -> Iterator[Identity]:
    resource = orjson.loads(raw.data)
    own = Identity.of_library(resource)
    for content in resource.get("content", ()):
        if content.get("contentType") == "text/cql" and content.get("data"):
            where = f"{raw.file}:{raw.line}"
            load = partial(source_within, content["data"], own, where)
            yield texts.add(TextHead.of(load(), own), where, load, file=False)
