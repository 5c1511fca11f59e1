"""What may be typed behind `salus load` when records come from a server.

Leaves to others: asking the server (`cli.bulk`, which loads what speaks with it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from salus.errors import UsageError
from salus.fhir.bulk.request import is_url


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of an export, as they were typed; `types` may be lists with commas."""

    group: str | None = None
    patient: bool = False
    types: tuple[str, ...] = ()
    since: str | None = None
    client_id: str | None = None
    key: Path | None = None
    kid: str | None = None
    scope: str | None = None
    token_url: str | None = None
    insecure_http: bool = False

    def kinds(self) -> tuple[str, ...]:
        """The resource types, one by one."""
        return tuple(kind for text in self.types for kind in text.split(",") if kind)


def only_files(paths: Sequence[str], asked: Asked) -> bool:
    """Whether the paths are files, not a server. Raises UsageError for a mixture, and for options without a server."""
    if not any(is_url(path) for path in paths):
        if asked != Asked():
            raise UsageError("options of an export (--group, --since, --key ...) want the address of a server")
        return True
    if len(paths) > 1:
        raise UsageError("either the address of one server, or files")
    return False
