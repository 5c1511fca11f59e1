"""What extensions and concepts of a Measure say, as text.

Leaves to others: what it means (`measure.definition`, `measure.composition`).
Sources: the Quality Measure IG (http://hl7.org/fhir/us/cqfmeasures, extensions `cqfm-...`) and its successor for every
realm (http://hl7.org/fhir/uv/cqm, `cqm-...`), which gives the same extensions other addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Json = Mapping[str, Any]

_PREFIXES: Final = (
    "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-",
    "http://hl7.org/fhir/uv/cqm/StructureDefinition/cqm-",
)
_TEXTS: Final = ("valueCode", "valueString", "valueId")


def said(element: Json, name: str) -> str | None:
    """The value of a Quality Measure extension as text, or None."""
    return next(texts(element, name), None)


def texts(element: Json, name: str) -> Iterator[str]:
    """Every value of a Quality Measure extension that is a text, or the code of a concept."""
    for prefix in _PREFIXES:
        yield from named(element, prefix + name)


def named(element: Json, url: str) -> Iterator[str]:
    """Every value of an extension by its address, that is a text or the code of a concept."""
    for extension in _at(element, url):
        text = next((extension[key] for key in _TEXTS if extension.get(key)), None)
        if found := text or code_of(extension.get("valueCodeableConcept")):
            yield str(found)


def values(element: Json, name: str, key: str) -> Iterator[Any]:
    """Every value of a Quality Measure extension that stands under `key` (valueDecimal ...)."""
    for prefix in _PREFIXES:
        yield from (each[key] for each in _at(element, prefix + name) if each.get(key) is not None)


def code_of(concept: Json | None) -> str | None:
    """The first code of a concept, or None."""
    codings = (concept or {}).get("coding", ())
    return next((coding["code"] for coding in codings if coding.get("code")), None)


def text_of(concept: Json | None) -> str | None:
    """The text of a concept, else its first code, or None."""
    return (concept or {}).get("text") or code_of(concept)


def _at(element: Json, url: str) -> Iterator[Json]:
    return (each for each in element.get("extension", ()) if each.get("url") == url)
