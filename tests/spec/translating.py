"""CQL text of a page to ELM. Leaves to others: what stands in the text (`running`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pages import HERE

from salus.cql.source import Source
from salus.cql.translate import Finder, Translation, translate

HELPERS = "FHIRHelpers"


@dataclass
class Given:
    """Libraries by name, each in one version."""

    texts: dict[str, str] = field(default_factory=dict)

    def text(self, name: str, version: str | None) -> Source:
        return Source(self.texts[name], name)

    def versions(self, name: str) -> Sequence[str | None]:
        return ["4.0.1" if name == HELPERS else "1"] if name in self.texts else []

    def names(self) -> Sequence[str]:
        return list(self.texts)


GIVEN = Given({HELPERS: (HERE / "FHIRHelpers.cql").read_text(encoding="utf-8")})
FINDER = Finder(GIVEN)


def compile_text(texts: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The ELM of each library, by name, and of FHIRHelpers. AssertionError, with every fault, when one has any."""
    GIVEN.texts.update(texts)
    made = {name: translate(Source(text, name), FINDER) for name, text in texts.items()} | {HELPERS: _helpers()}
    faults = [str(fault) for each in made.values() for fault in each.errors]
    assert not faults, "\n".join(faults)
    return {name: dict(each.elm) for name, each in made.items()}


@cache
def _helpers() -> Translation:
    return translate(GIVEN.text(HELPERS, None), FINDER)
