"""The server's side of an export: asking for it, waiting for it, telling the server that it is no longer needed.

Follows Bulk Data Access 2.0.0: "Bulk Data Kick-off Request", "Bulk Data Status Request", "Bulk Data Delete Request".
Leaves to others: the files (`download`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from salus.errors import SalusError
from salus.fhir.bulk import manifest
from salus.fhir.bulk.manifest import Manifest
from salus.fhir.bulk.outcome import clean
from salus.fhir.bulk.web import Bearer, Refused, Web, read, resolve, retry_after, shown

JSON = {"Accept": "application/json", "Accept-Encoding": "identity"}
_KICK_OFF = {"Accept": "application/fhir+json", "Prefer": "respond-async", "Accept-Encoding": "identity"}
_PAGES = 1000


class Gone(SalusError):
    """The server does not know the job."""


class Failed(SalusError):
    """The server could not do the export."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server to export from, and who asks."""

    web: Web
    bearer: Bearer

    def kick_off(self, url: str) -> str:
        """Ask for an export; returns where to ask how far it is."""
        with self.web.ask(url, _KICK_OFF, self.bearer, fine=(202,)) as answer:
            status = answer.headers.get("Content-Location", "")
        if not status:
            raise SalusError(f"{shown(url)} took the export on but does not say where it is (no Content-Location)")
        return resolve(url, status)

    def wait(self, status: str, tell: Callable[[str], None]) -> Manifest:
        """Wait until the export is done; `tell` hears how far the server says it is. Raises Gone or Failed."""
        rounds = 0
        while True:
            found = self._look(status, tell, rounds)
            if found is not None:
                return self._whole(found, status)
            rounds += 1

    def _look(self, status: str, tell: Callable[[str], None], rounds: int) -> Manifest | None:
        """One look at a job; waits as the server wants when it is under way still."""
        try:
            with self.web.ask(status, JSON, self.bearer, fine=(200, 202)) as answer:
                if answer.status == 200:
                    return manifest.parse(read(answer, status), status)
                tell(clean(answer.headers.get("X-Progress", "")))
                asked = retry_after(answer.headers, self.web.clock)
        except Refused as problem:
            if problem.status in (404, 410):
                raise Gone(f"the server does not know the export any more: {problem}") from problem
            if problem.status >= 500 and not problem.passing:
                raise Failed(f"the export failed on the server: {problem}") from problem
            raise
        self.web.wait(rounds + 1, asked)
        return None

    def _whole(self, first: Manifest, status: str) -> Manifest:
        """A manifest with all its pages."""
        whole, page = first, first
        for _ in range(_PAGES):
            if page.next is None:
                return whole
            with self.web.ask(page.next, JSON, self.bearer) as answer:
                page = manifest.parse(read(answer, page.next), page.next)
            whole = replace(whole, parts=whole.parts + page.parts)
        raise SalusError(f"the manifest at {shown(status)} has no end (more than {_PAGES} pages)")

    def delete(self, status: str) -> None:
        """Let the server clear the job away; it may have done so before."""
        with self.web.ask(status, JSON, self.bearer, method="DELETE", fine=(200, 202, 204, 404, 410)):
            pass
