"""Who asks: a key, the assertion signed with it, and the access token a server gives for that.

Follows SMART App Launch 2.2.0: "Backend Services", "Client Authentication: Asymmetric" (`private_key_jwt`, RS384 or
ES384, a new `jti` and at most five minutes for each assertion), and the discovery document
`.well-known/smart-configuration`.
Leaves to others: when a token is shown, and to whom (`web`).
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from salus.errors import SalusError, UsageError
from salus.fhir.bulk.job import JSON
from salus.fhir.bulk.web import Clock, Refused, Web, read, shown

ASSERTION_SECONDS = 240
"""How long an assertion holds: less than the five minutes allowed, for clocks differ."""
_MARGIN = 60.0
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class Key:
    """A private key, the algorithm it signs with, and the name the server knows it by."""

    private: RSAPrivateKey | EllipticCurvePrivateKey = field(repr=False)
    algorithm: str
    kid: str

    @classmethod
    def read(cls, path: Path, kid: str | None = None) -> Key:
        """A PEM file with an RSA key (2048 bits or more) or a P-384 one. Without `kid` the name is the key's
        thumbprint (RFC 7638). Raises UsageError; no message shows anything of the file.
        """
        try:
            private = load_pem_private_key(path.read_bytes(), None)
        except OSError as problem:
            raise UsageError(f"{path}: {problem.strerror}") from problem
        except TypeError:
            raise UsageError(f"{path}: the key is locked with a passphrase; give one that is not") from None
        except Exception:  # cryptography tells a bad key in many ways, some of which quote it
            raise UsageError(f"{path} holds no private key in PEM form") from None
        if isinstance(private, RSAPrivateKey) and private.key_size >= _RSA_BITS:
            return cls(private, "RS384", kid or _thumbprint(RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)))
        if isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP384R1):
            return cls(private, "ES384", kid or _thumbprint(ECAlgorithm.to_jwk(private.public_key(), as_dict=True)))
        raise UsageError(f"{path}: the key is neither RSA of {_RSA_BITS} bits or more (RS384) nor P-384 (ES384)")

    def assertion(self, client: str, audience: str, now: float) -> str:
        """A signed statement of who asks, good once and for minutes."""
        claims = {"iss": client, "sub": client, "aud": audience, "exp": int(now) + ASSERTION_SECONDS}
        claims |= {"iat": int(now), "jti": uuid.uuid4().hex}
        signed: str = jwt.encode(claims, self.private, self.algorithm, {"kid": self.kid, "typ": "JWT"})
        return signed


def _thumbprint(jwk: dict[str, Any]) -> str:
    names = ("e", "kty", "n") if jwk["kty"] == "RSA" else ("crv", "kty", "x", "y")
    text = msgspec.json.encode({name: jwk[name] for name in names})
    return urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Discovered:
    """What a server says of itself: where tokens are got; whether scopes are written as in SMART 2 (`.rs`)."""

    token_url: str
    second: bool = True


def discover(web: Web, base: str) -> Discovered:
    """Read `.well-known/smart-configuration`. Raises SalusError when it is not there or names no token endpoint."""
    url = f"{base.rstrip('/')}/.well-known/smart-configuration"
    try:
        with web.ask(url, JSON) as answer:
            found = msgspec.json.decode(read(answer, url))
    except Refused as problem:
        raise SalusError(f"{problem} (where tokens are got may be said with --token-url)") from problem
    except (msgspec.DecodeError, RecursionError) as problem:
        raise SalusError(f"{shown(url)} is not JSON (say where tokens are got with --token-url)") from problem
    token_url = found.get("token_endpoint") if isinstance(found, dict) else None
    if not isinstance(token_url, str):
        raise SalusError(f"{shown(url)} names no token_endpoint (say it with --token-url)")
    return Discovered(token_url, "permission-v2" in (found.get("capabilities") or []))


def usual_scope(types: tuple[str, ...], second: bool) -> str:
    """To read what is asked for, as SMART 2 or SMART 1 writes it."""
    return " ".join(f"system/{kind}.{'rs' if second else 'read'}" for kind in types or ("*",))


class Anonymous:
    """For servers that ask nobody who they are."""

    def token(self) -> str | None:
        return None

    def renew(self, stale: str) -> None:
        raise AssertionError("there is nothing to renew")


ANONYMOUS = Anonymous()


@dataclass(slots=True)
class Backend:
    """A registered client; its token is got when first asked for, and renewed before it runs out or when refused."""

    web: Web
    client: str
    key: Key
    token_url: str
    scope: str
    _token: str | None = field(default=None, repr=False)
    _until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def token(self) -> str:
        with self._lock:
            if self._token is None or self._clock.now() >= self._until:
                return self._get()
            return self._token

    def renew(self, stale: str) -> None:
        with self._lock:
            if self._token == stale:
                self._token = None

    @property
    def _clock(self) -> Clock:
        return self.web.clock

    def _get(self) -> str:
        now = self._clock.now()
        try:
            with self.web.ask(self.token_url, _FORM, method="POST", body=self._form) as answer:
                body = read(answer, self.token_url)
        except Refused as problem:
            said = f"client {self.client}, key {self.key.kid} ({self.key.algorithm}), scope {self.scope}"
            raise SalusError(f"no access token: {problem} ({said})") from problem
        token, seconds = _granted(body, self.token_url)
        self._token, self._until = token, now + seconds - min(_MARGIN, seconds / 2)
        return token

    def _form(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "scope": self.scope,
            "client_assertion_type": _ASSERTION,
            "client_assertion": self.key.assertion(self.client, self.token_url, self._clock.now()),
        }
        return urlencode(form)


def _granted(body: bytes, url: str) -> tuple[str, float]:
    """The token and for how many seconds it holds (300 where the server does not say)."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        found = None
    token = found.get("access_token") if isinstance(found, dict) else None
    if not isinstance(token, str) or not (token.isascii() and token.isprintable() and token):
        raise SalusError(f"{shown(url)} answered without an access_token")
    seconds = found.get("expires_in")
    return token, float(seconds) if isinstance(seconds, int | float) and seconds > 0 else 300.0
