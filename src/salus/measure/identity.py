"""The name and version by which libraries are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Identity(NamedTuple):
    """How people write it is `str(identity)`."""

    name: str
    version: str | None

    @classmethod
    def of_library(cls, resource: Mapping[str, Any]) -> Identity:
        """Of a FHIR Library: its name (for machines), else its id."""
        return cls(str(resource.get("name") or resource.get("id") or ""), resource.get("version"))

    def __str__(self) -> str:
        return f"{self.name} {self.version or 'without a version'}"
