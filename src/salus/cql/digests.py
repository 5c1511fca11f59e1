"""What kept results of the front end are found by: digests of texts, and of the translator itself."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

import salus


@cache
def translator() -> str:
    """A digest of the translator: its own code and the tables of the models."""
    return program("cql", "fhir", "elm")


@cache
def program(*packages: str) -> str:
    """A digest of some packages of Salus: of the state of their files, as the file system tells it, which takes a
    fraction of what reading them does.
    """
    root = Path(salus.__file__).parent
    found = hashlib.sha256(salus.__version__.encode())
    for folder, _, names in sorted(each for name in packages for each in os.walk(root / name)):
        for name in () if folder.endswith("__pycache__") else sorted(names):
            told = os.stat(os.path.join(folder, name))
            found.update(f"{folder}/{name} {told.st_size} {told.st_mtime_ns} {told.st_ctime_ns}\n".encode())
    return found.hexdigest()


def digest(*parts: str) -> str:
    """A digest of texts one after the other, that tells where each ends."""
    found = hashlib.sha256()
    for part in parts:
        data = part.encode()
        found.update(len(data).to_bytes(8))
        found.update(data)
    return found.hexdigest()
