"""The name and version by which libraries are asked for."""

from __future__ import annotations

from typing import NamedTuple


class Identity(NamedTuple):
    """How people write it is `str(identity)`."""

    name: str
    version: str | None

    def __str__(self) -> str:
        return f"{self.name} {self.version or 'without a version'}"
