"""HTTP as an export needs it: whom to talk to, whom to show the token, how long to wait, what a refusal means.

- Without encryption only to this machine, unless the user says otherwise; never with a password in the address.
- A token goes to the address it was meant for. A redirect to another host is followed without it.
- What passes by itself (429, 502, 503, 504, a lost connection) is tried again, after the time the server asks for
  (RFC 9110, Retry-After: seconds or a date) or after twice as long each time.
- Addresses are shown without their query, which may sign a download; tokens and keys are never shown.

Leaves to others: how a token is got (`auth`), and what is asked.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeAlias
from urllib.parse import SplitResult, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3 import exceptions

from salus.errors import SalusError
from salus.fhir.bulk.outcome import is_transient, sentences

TRIES = 6
"""How often in a row something may fail that passes by itself."""
LONGEST_WAIT = 3600.0
"""Seconds; a server that asks for more is asked again all the same."""
SHORTEST_WAIT = 0.2

Answer: TypeAlias = urllib3.BaseHTTPResponse
Body: TypeAlias = Callable[[], str]
"""Makes a body: a new one for each try."""

_PASSING = {429, 502, 503, 504}
_REDIRECTS = {301, 302, 303, 307, 308}
_HOPS = 5
_TIMEOUT = urllib3.Timeout(connect=30, read=300)
_BODY = 64 << 20
_REFUSAL = 1 << 18


class Clock(Protocol):
    """What time it is (seconds since 1970), and waiting."""

    def now(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


class WallClock:
    """The clock on the wall."""

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Bearer(Protocol):
    """Holds an access token."""

    def token(self) -> str | None:
        """One that is good for a while; None where the server wants none."""

    def renew(self, stale: str) -> None:
        """The server refused `stale`: get another, unless somebody did already."""


class Unreachable(SalusError):
    """There was no answer. `passing`: another try may help."""

    def __init__(self, url: str, reason: str, passing: bool = True) -> None:
        super().__init__(f"no answer from {shown(url)}: {reason}")
        self.passing = passing


class Refused(SalusError):
    """There was an answer, and it was no. `wait`: seconds until asking again is welcome, where the server says so."""

    def __init__(self, url: str, status: int, body: bytes, wait: float | None) -> None:
        said = "; ".join(sentences(body))
        super().__init__(f"{shown(url)} answered {status}{f': {said}' if said else ''}")
        self.status, self.wait = status, wait
        self.passing = status in _PASSING or (status >= 500 and is_transient(body))


@dataclass(slots=True)
class Web:
    """The way out, for any number of threads. `insecure` allows http to other machines."""

    clock: Clock = field(default_factory=WallClock)
    insecure: bool = False
    _managers: dict[str, urllib3.PoolManager] = field(default_factory=dict)

    def check(self, url: str) -> SplitResult:
        """Raises SalusError for an address that nothing may be sent to."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as problem:
            raise SalusError(f"{shown(url)} is not a web address") from problem
        if parts.scheme not in ("http", "https") or not host:
            raise SalusError(f"{shown(url)} is not a web address (https://...)")
        if parts.username is not None:
            raise SalusError(f"{shown(url)}: a name or password in an address is not sent; use --client-id and --key")
        if parts.scheme == "http" and not (self.insecure or is_loopback(host)):
            raise SalusError(f"{shown(url)} is not encrypted (http): refused, unless with --insecure-http")
        return parts

    @contextmanager
    def ask(
        self,
        url: str,
        headers: Mapping[str, str],
        bearer: Bearer | None = None,
        *,
        method: str = "GET",
        body: Body | None = None,
        fine: tuple[int, ...] = (200,),
    ) -> Iterator[Answer]:
        """One answer with one of the statuses `fine`, its body unread; tries again what passes by itself.

        Raises Refused or Unreachable.
        """
        failures = 0
        while True:
            try:
                answer = self._authorized(method, url, headers, bearer, body)
                if answer.status in fine:
                    break
                raise _refused(url, answer, self.clock)
            except (Refused, Unreachable) as problem:
                failures += 1
                if not problem.passing or failures >= TRIES:
                    raise
                self.wait(failures, problem.wait if isinstance(problem, Refused) else None)
        try:
            yield answer
        finally:
            answer.close()

    def wait(self, failures: int, asked: float | None = None) -> None:
        """Wait as long as the server asks for, else twice as long with each failure."""
        seconds = min(2.0 ** (failures - 1), 60.0) if asked is None else asked
        self.clock.sleep(min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT))

    def _authorized(
        self, method: str, url: str, headers: Mapping[str, str], bearer: Bearer | None, body: Body | None
    ) -> Answer:
        token = bearer.token() if bearer else None
        answer = self._follow(method, url, headers, token, body)
        if answer.status == 401 and bearer and token:
            answer.close()
            bearer.renew(token)
            answer = self._follow(method, url, headers, bearer.token(), body)
        return answer

    def _follow(
        self, method: str, url: str, headers: Mapping[str, str], token: str | None, body: Body | None
    ) -> Answer:
        at, home = url, _origin(self.check(url))
        for _ in range(_HOPS):
            if _origin(self.check(at)) != home:
                token = None  # and it stays away, also when the way leads back
            answer = self._send(method, at, {**headers, **_authorization(token)}, body() if body else None)
            target = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or not target or method != "GET":
                return answer
            answer.close()
            at = resolve(at, target)
        raise SalusError(f"{shown(url)} leads in a circle (more than {_HOPS} redirects)")

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: str | None) -> Answer:
        try:
            return self._manager(url).urlopen(
                method, url, headers=headers, body=body, redirect=False, retries=False, preload_content=False
            )
        except exceptions.HTTPError as problem:
            raise unreachable(url, problem) from None

    def _manager(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        host = parts.hostname or ""
        proxy = "" if is_loopback(host) or proxy_bypass(host) else getproxies().get(parts.scheme, "")
        if proxy not in self._managers:
            self._managers[proxy] = _proxied(proxy) if proxy else urllib3.PoolManager(timeout=_TIMEOUT, maxsize=8)
        return self._managers[proxy]


def _proxied(proxy: str) -> urllib3.PoolManager:
    parts = urlsplit(proxy)
    login = f"{parts.username}:{parts.password or ''}" if parts.username else None
    headers = urllib3.make_headers(proxy_basic_auth=login) if login else None
    return urllib3.ProxyManager(proxy, proxy_headers=headers, timeout=_TIMEOUT, maxsize=8)


def _authorization(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def resolve(base: str, target: str) -> str:
    """An address that stands in what was got from `base`. Raises SalusError when it is none."""
    try:
        return urljoin(base, target)
    except ValueError as problem:
        raise SalusError(f"{shown(base)} names an address that is none: {shown(target)}") from problem


def shown(url: str) -> str:
    """An address for a message: without query, fragment, name and password."""
    scheme, _, rest = url.partition("://")
    place = rest.split("?")[0].split("#")[0]
    host, slash, path = place.partition("/")
    printable = f"{scheme}://{host.rpartition('@')[2]}{slash}{path}" if rest else url.split("?")[0]
    return "".join(sign for sign in printable if sign.isprintable())[:300]


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def unreachable(url: str, problem: exceptions.HTTPError) -> Unreachable:
    """What urllib3 raised, in words and without the addresses it knows."""
    if isinstance(problem, exceptions.NameResolutionError):
        return Unreachable(url, "no such host", passing=False)
    if isinstance(problem, exceptions.SSLError):
        return Unreachable(url, f"its certificate is not trusted ({problem})", passing=False)
    if isinstance(problem, exceptions.NewConnectionError):  # which urllib3 counts among the timeouts
        return Unreachable(url, "it does not take connections")
    if isinstance(problem, exceptions.TimeoutError):
        return Unreachable(url, "it took too long")
    return Unreachable(url, "the connection broke off")


def read(answer: Answer, url: str, limit: int = _BODY) -> bytes:
    """The whole body of an answer that is meant to be small. Raises Unreachable when it breaks off."""
    try:
        body: bytes = answer.read(limit + 1, decode_content=True)
    except exceptions.HTTPError as problem:
        raise unreachable(url, problem) from None
    if len(body) > limit:
        raise SalusError(f"{shown(url)} answered with more than {limit >> 20} MB where a short text was expected")
    return body


def _refused(url: str, answer: Answer, clock: Clock) -> Refused:
    try:
        body = answer.read(_REFUSAL, decode_content=True)
    except exceptions.HTTPError:
        body = b""
    answer.close()
    return Refused(url, answer.status, body, retry_after(answer.headers, clock))


def retry_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Seconds to wait as the server wants it, by its own clock where it shows one; None where it does not say."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WAIT)
    until = _moment(text)
    return None if until is None else max(0.0, until - (_moment(headers.get("Date", "")) or clock.now()))


def _moment(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
