"""What kept results of the front end are found by: digests of texts, and of the translator itself."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import salus


@cache
def translator() -> str:
    """A digest of the translator: its own code and the tables of the models."""
    package = Path(__file__).parent
    parts = sorted(
        [*package.rglob("*.py"), *(package.parent / "fhir").rglob("*"), *(package.parent / "elm").glob("*.py")]
    )
    texts = (part.read_bytes() for part in parts if part.suffix in (".py", ".json"))
    return hashlib.sha256(salus.__version__.encode() + b"\0".join(texts)).hexdigest()


def digest(*parts: str) -> str:
    """A digest of texts one after the other, that tells where each ends."""
    found = hashlib.sha256()
    for part in parts:
        data = part.encode()
        found.update(len(data).to_bytes(8))
        found.update(data)
    return found.hexdigest()
