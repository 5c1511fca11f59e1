"""Order versions the way people write them: 0.10.000 comes after 0.9.000, and no version comes first.

Leaves to others: what to do when a version is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PART = re.compile(r"\d+|[^\d.]+")


def version_key(version: str | None) -> tuple[tuple[int, int, str], ...]:
    """A sort key: numbers compare as numbers and come after words (`1.0-draft` is before `1.0.1`)."""
    return tuple(_part_key(part) for part in _PART.findall(version or ""))


def newest(versions: Iterable[str | None]) -> str | None:
    """The highest of one or more versions; a missing version is the lowest."""
    return max(versions, key=version_key)


def split_canonical(canonical: str) -> tuple[str, str | None]:
    """`url|version#fragment` as (url, version or None)."""
    url, _, version = canonical.partition("#")[0].partition("|")
    return url, version or None


def _part_key(part: str) -> tuple[int, int, str]:
    return (1, int(part), "") if part.isdigit() else (0, 0, part)
