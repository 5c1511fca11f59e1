"""A running test server, a clock that waits without time passing, and an export from the one by the other."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from salus.fhir.bulk.auth import ANONYMOUS, Backend, Key
from salus.fhir.bulk.export import Export
from salus.fhir.bulk.request import Request
from salus.fhir.bulk.web import Web

PROGRAM = Path(__file__).with_name("bulk_server.py")
NOW = 1_800_000_000
Json = dict[str, Any]


class Waiting:
    """A clock whose `sleep` is the only thing that moves it."""

    def __init__(self) -> None:
        self.time = float(NOW)
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


@dataclass
class Server:
    """What a test says to the server, and hears of it."""

    ports: list[int]

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}/fhir"

    def plan(self, **changes: object) -> None:
        """Change what the server is from now on."""
        self._control("/plan", json.dumps(changes).encode())

    def seen(self, start: str = "") -> list[Json]:
        """The requests that came, whose method and path begin so."""
        found = self._control("/seen", None)
        return [one for one in found if f"{one['method']} {one['path']}".startswith(start)]

    def _control(self, path: str, body: bytes | None) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[0]}{path}", body) as answer:
            return json.load(answer)


@contextmanager
def serving(**plan: object) -> Iterator[Server]:
    """A server process with this plan (see `bulk_server.PLAN`), gone at the end of the block."""
    process = subprocess.Popen([sys.executable, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.write(json.dumps({"now": NOW, **plan}) + "\n")
        process.stdin.flush()
        yield Server(json.loads(process.stdout.readline()))
        process.stdin.close()


def pem(private: Any) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public(private: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@dataclass
class Puller:
    """Exports from a server into a folder, again and again."""

    server: Server
    folder: Path
    private: Any = None
    clock: Waiting = field(default_factory=Waiting)
    web: Web = field(init=False)

    def __post_init__(self) -> None:
        self.web = Web(self.clock)

    def export(self, bearer: Any = None, **request: Any) -> Export:
        return Export(self.web, bearer or self.bearer(), Request(self.server.base, **request), self.folder)

    def bearer(self) -> Any:
        if self.private is None:
            return ANONYMOUS
        file = self.folder.with_name("private.pem")
        file.write_bytes(pem(self.private))
        token_url = f"http://127.0.0.1:{self.server.ports[0]}/token"
        return Backend(self.web, "salus", Key.read(file, "our-key"), token_url, "system/*.rs")


def new_key() -> Any:
    return ec.generate_private_key(ec.SECP384R1())


def lines(kind: str, *names: str) -> list[str]:
    return [json.dumps({"resourceType": kind, "id": name}) for name in names]


def patients(count: int) -> Json:
    return {"type": "Patient", "lines": lines("Patient", *(f"p{number}" for number in range(count)))}
