"""What a server says went wrong: OperationOutcomes and OAuth errors as sentences.

A server's words are shown cut short and without control characters, which a terminal would obey. Leaves to others:
what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

_LONGEST = 300
_GRAVE = ("fatal", "error")


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an OperationOutcome: severity and code as FHIR has them ("" where missing), the server's words."""

    severity: str
    code: str
    words: str

    @property
    def grave(self) -> bool:
        """Whether something was not exported, or not done."""
        return self.severity in _GRAVE

    def __str__(self) -> str:
        kind = " ".join(part for part in (self.severity, f"({self.code})" if self.code else "") if part)
        return ": ".join(part for part in (kind, self.words) if part)


def clean(text: object) -> str:
    """A text of somebody else's, fit for a terminal: one line, printable, not long."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in str(text)).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def issues(document: Any) -> list[Issue]:
    """The issues of an OperationOutcome, of whatever shape it came in; none for anything else."""
    if not isinstance(document, dict) or document.get("resourceType") != "OperationOutcome":
        return []
    found = document.get("issue")
    return [_issue(each) for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _issue(issue: dict[str, Any]) -> Issue:
    details = issue.get("details")
    told = issue.get("diagnostics") or (details.get("text") if isinstance(details, dict) else None) or ""
    return Issue(clean(issue.get("severity") or ""), clean(issue.get("code") or ""), clean(told))


def sentences(body: bytes) -> list[str]:
    """What the body of a refusal says: the issues of an OperationOutcome, or an OAuth error (RFC 6749, 5.2)."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return []
    if isinstance(document, dict) and "error" in document:
        parts = (document.get("error"), document.get("error_description"))
        return [": ".join(clean(part) for part in parts if isinstance(part, str))]
    return [str(issue) for issue in issues(document)]


def is_transient(body: bytes) -> bool:
    """Whether a failure is said to pass (Bulk Data Access 2.0.0, status request: an issue `transient`)."""
    try:
        return any(issue.code == "transient" for issue in issues(msgspec.json.decode(body)))
    except (msgspec.DecodeError, RecursionError):
        return False
