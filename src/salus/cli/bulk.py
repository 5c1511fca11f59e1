"""`salus load https://...`: records from a server that exports in bulk, into a population.

Leaves to others: the protocol (`fhir.bulk`), loading (`cli.load`), options and help (`cli.main`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from salus.cli.load import bar, check, load_command
from salus.cli.server import Asked
from salus.errors import SalusError, UsageError
from salus.fhir.bulk.auth import ANONYMOUS, Backend, Discovered, Key, discover, usual_scope
from salus.fhir.bulk.export import Export, Exported
from salus.fhir.bulk.outcome import Issue, clean
from salus.fhir.bulk.request import LAST, Request, instant
from salus.fhir.bulk.web import Bearer, Refused, Web
from salus.store.exports import last, remember

SHOWN = 20


def bulk_command(server: str, into: Path, asked: Asked, replacing: bool, memory: str) -> None:
    """Export from `server` and load the files. Raises UsageError (exit 2) or SalusError (exit 1)."""
    if replacing and asked.since:
        raise UsageError("--replace with --since would leave nothing but what changed")
    check([], into)
    if not into.absolute().parent.is_dir():
        raise UsageError(f"no such folder: {into.parent}")
    web = Web(insecure=asked.insecure_http)
    web.check(server)
    request = _request(server, into, asked)
    console = Console(stderr=True)
    with Export(web, _who(web, server, asked), request, _downloads(into)) as export:
        exported = _run(export, console)
        _tell_issues(exported.issues, console)
        if exported.files:
            load_command(exported.files, into, replacing, memory)
        _remember(exported, request, into, console)
        _finish(export, console)


def _run(export: Export, console: Console) -> Exported:
    try:
        with bar(console) as tell:
            return export.run(tell)
    except Refused as problem:
        if problem.status == 401 and export.bearer is ANONYMOUS:
            raise SalusError(f"{problem} (it wants to know who asks: --client-id and --key)") from problem
        raise


def _downloads(into: Path) -> Path:
    return into.with_name(f".{into.name}.bulk")


def _request(server: str, into: Path, asked: Asked) -> Request:
    request = Request(server, asked.group, asked.patient, asked.kinds())
    if asked.since != LAST:
        return replace(request, since=instant(asked.since) if asked.since else None)
    since = last(into, request.url)
    if since is None:
        raise UsageError(f"--since {LAST}: {into} does not hold a whole export of {request.url}; load one without it")
    return replace(request, since=since)


def _who(web: Web, server: str, asked: Asked) -> Bearer:
    """Who asks: a registered client with its key, or nobody."""
    if asked.client_id is None and asked.key is None:
        return ANONYMOUS
    if asked.client_id is None or asked.key is None:
        raise UsageError("--client-id and --key: both, or neither")
    key = Key.read(asked.key, asked.kid)
    found = Discovered(asked.token_url) if asked.token_url else discover(web, server)
    scope = asked.scope or usual_scope(asked.kinds(), found.second)
    return Backend(web, asked.client_id, key, found.token_url, scope)


def _tell_issues(issues: Sequence[Issue], console: Console) -> None:
    """What the server could not export: the first issues word for word, all of them in numbers."""
    for issue in issues[:SHOWN]:
        _warn(console, f"the server says: {issue}")
    if len(issues) > SHOWN:
        counts = Counter(issue.severity or "without severity" for issue in issues[SHOWN:])
        _warn(console, f"and {', '.join(f'{count:,} more ({what})' for what, count in counts.items())}")


def _remember(exported: Exported, request: Request, into: Path, console: Console) -> None:
    if not exported.whole:
        _warn(console, f"the export was not whole, so --since {LAST} goes on from before it")
    elif into.exists():
        try:
            remember(into, request.stem, exported.transaction_time)
        except SalusError as problem:
            _warn(console, f"--since {LAST} goes on from before this export: {problem}")
    if not exported.files:
        console.print(f"The server has nothing as of {clean(exported.transaction_time)}.", markup=False)


def _finish(export: Export, console: Console) -> None:
    """The records are in by now: a server that cannot be told is no reason to fail."""
    try:
        export.finish()
    except SalusError as problem:
        _warn(console, f"the server was not told that its export is no longer needed: {problem}")
    if export.folder.exists():
        _warn(console, f"downloads of other, unfinished exports are kept in {export.folder}")


def _warn(console: Console, text: str) -> None:
    console.print(f"warning: {text}", style="yellow", markup=False, highlight=False, soft_wrap=True)
