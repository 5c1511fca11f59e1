"""What an export is asked for: of whom, which types, changed since when.

Follows Bulk Data Access 2.0.0, "Bulk Data Kick-off Request". Leaves to others: asking (`job`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode, urlsplit

from salus.errors import UsageError
from salus.fhir import model

LAST = "last"
"""As `since`: the moment of the export that was loaded last."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Request:
    """An export of the group `group`, of all `patients`, or else of the whole system; of `types` (all when empty).

    since: a FHIR instant; only what changed after it.
    """

    base: str
    group: str | None = None
    patients: bool = False
    types: tuple[str, ...] = ()
    since: str | None = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.base)
        if parts.query or parts.fragment:
            raise UsageError("the address of a server has no query (?) and no fragment (#)")
        if self.group is not None and self.patients:
            raise UsageError("--group and --patient: only one of them")
        if self.group is not None and self.group in ("", ".", ".."):
            raise UsageError(f"--group {self.group!r} is not the id of a Group")
        for kind in self.types:
            if kind not in model.RESOURCES:
                raise UsageError(f"--types {kind}: FHIR R4 has no such resource")

    @property
    def stem(self) -> str:
        """The address without `_since`: the same for an export and those that continue it."""
        return replace(self, since=None).url

    @property
    def url(self) -> str:
        """Where to ask for it."""
        if self.group is not None:
            level = f"Group/{quote(self.group, safe='')}/"
        else:
            level = "Patient/" if self.patients else ""
        asked = {"_type": ",".join(self.types), "_since": self.since}
        query = urlencode({name: value for name, value in asked.items() if value}, safe=",:")
        return f"{self.base.rstrip('/')}/{level}$export{'?' if query else ''}{query}"


def is_url(text: str) -> bool:
    """Whether an argument names a server, not a file."""
    return text.lower().startswith(("http://", "https://"))


def instant(text: str) -> str:
    """A FHIR instant as it is, a day as its first moment in UTC. Raises UsageError for anything else."""
    if _DAY.fullmatch(text):
        return f"{text}T00:00:00Z"
    if not _INSTANT.fullmatch(text):
        raise UsageError(f"--since {text}: neither a day (2026-01-31), nor an instant with its offset, nor {LAST}")
    return text
