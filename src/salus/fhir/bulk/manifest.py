"""The manifest of a finished export: which files there are, and as of when (Bulk Data Access 2.0.0, "Response -
Complete Status"; `link` as in 3.0.0).

Leaves to others: fetching it (`job`) and the files (`download`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from salus.errors import SalusError
from salus.fhir import model
from salus.fhir.bulk.outcome import clean
from salus.fhir.bulk.web import resolve, shown

KINDS = ("output", "deleted", "error")


@dataclass(frozen=True, slots=True)
class Part:
    """One file. kind: of `KINDS`; type: its resource type as the server has it; count: lines, where the server says."""

    kind: str
    type: str
    url: str
    count: int | None

    def name(self, number: int) -> str:
        """A file name for it: of the server's words only a type that FHIR has gets into it."""
        what = self.type if self.kind == "output" and self.type in model.RESOURCES else self.kind
        return f"{number:05d}-{what}.ndjson"

    @property
    def label(self) -> str:
        """What it is called in messages."""
        return clean(f"{self.type} {self.kind}".strip())

    def without_url(self) -> Part:
        """What is the same of it however often the manifest is asked for; addresses may be signed anew."""
        return replace(self, url="")


@dataclass(frozen=True, slots=True)
class Manifest:
    """transaction_time: a FHIR instant, nothing newer is in it. next: where more of the manifest is, if anywhere."""

    transaction_time: str
    requires_token: bool
    parts: tuple[Part, ...]
    next: str | None = None


def parse(body: bytes, url: str) -> Manifest:
    """Read the manifest found at `url`. Raises SalusError, naming the element that is not as it must be."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise SalusError(f"the manifest at {shown(url)} is not JSON") from problem
    if not isinstance(found, dict):
        raise _wrong(url, "is not a JSON object")
    time = found.get("transactionTime")
    if not isinstance(time, str):
        raise _wrong(url, "has no transactionTime")
    parts = tuple(part for kind in KINDS for part in _parts(found, kind, url))
    return Manifest(time, found.get("requiresAccessToken") is True, parts, _next(found, url))


def _wrong(url: str, what: str) -> SalusError:
    return SalusError(f"the manifest at {shown(url)} {what}")


def _parts(manifest: dict[str, Any], kind: str, url: str) -> list[Part]:
    listed = manifest.get(kind) or []
    if not isinstance(listed, list):
        raise _wrong(url, f"has an element {kind} that is not a list")
    return [_part(each, kind, f"{kind}[{place}]", url) for place, each in enumerate(listed)]


def _part(entry: Any, kind: str, where: str, url: str) -> Part:
    target = entry.get("url") if isinstance(entry, dict) else None
    if not isinstance(target, str) or not target:
        raise _wrong(url, f"has no address at {where}.url")
    count = entry.get("count")
    if count is not None and (not isinstance(count, int) or count < 0):
        raise _wrong(url, f"has no number at {where}.count")
    return Part(kind, str(entry.get("type") or ""), resolve(url, target), count)


def _next(manifest: dict[str, Any], url: str) -> str | None:
    for link in manifest.get("link") or []:
        if isinstance(link, dict) and link.get("relation") == "next":
            return resolve(url, str(link.get("url")))
    return None
