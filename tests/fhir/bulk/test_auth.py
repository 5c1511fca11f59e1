"""SMART Backend Services: who may be a key, what is signed, where a token goes and how long it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from serving import NOW, Puller, Server, lines, new_key, patients, pem, public, serving

from salus.errors import SalusError, UsageError
from salus.fhir.bulk.auth import Key, discover, usual_scope
from salus.fhir.bulk.web import Web

KEY = new_key()
FILES = [patients(3), {"type": "Observation", "lines": lines("Observation", "o1", "o2")}]


def written(folder: Path, data: bytes) -> Path:
    file = folder / "private.pem"
    file.write_bytes(data)
    return file


def authorizations(server: Server, start: str) -> list[str | None]:
    return [one["headers"].get("Authorization") for one in server.seen(start)]


def pull(server: Server, folder: Path, key: Any = None) -> list[Path]:
    with Puller(server, folder, key).export() as export:
        return list(export.run().files)


def run(server: Server, folder: Path) -> None:
    assert [len(path.read_text().splitlines()) for path in pull(server, folder, KEY)] == [3, 2]


def test_an_elliptic_key_signs_es384(tmp_path: Path) -> None:
    key = Key.read(written(tmp_path, pem(KEY)), "k1")
    assertion = key.assertion("salus", "https://server/token", NOW)
    assert jwt.get_unverified_header(assertion) == {"alg": "ES384", "kid": "k1", "typ": "JWT"}


def test_an_rsa_key_signs_rs384_and_is_called_by_its_thumbprint(tmp_path: Path) -> None:
    private = rsa.generate_private_key(65537, 2048)
    key = Key.read(written(tmp_path, pem(private)))
    assertion = key.assertion("salus", "https://server/token", NOW)
    claims = jwt.decode(
        assertion,
        public(private),
        ["RS384"],
        audience="https://server/token",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["iss"] == claims["sub"] == "salus"
    assert NOW < claims["exp"] <= NOW + 300
    assert jwt.get_unverified_header(assertion)["kid"] == key.kid
    assert len(key.kid) == 43  # 32 bytes in base64url


def test_every_assertion_has_an_id_of_its_own(tmp_path: Path) -> None:
    key = Key.read(written(tmp_path, pem(KEY)))
    options = {"verify_signature": False}
    ids = {jwt.decode(key.assertion("a", "b", NOW), options=options)["jti"] for _ in range(10)}
    assert len(ids) == 10


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pem(rsa.generate_private_key(65537, 1024)), "neither RSA of 2048 bits"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "nor P-384"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "neither RSA"),
        (b"secret words", "no private key in PEM form"),
        (public(KEY).encode(), "no private key in PEM form"),
        (
            KEY.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(b"word"),
            ),
            "locked with a passphrase",
        ),
    ],
)
def test_a_file_that_is_no_key_for_this_is_refused_and_not_shown(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message) as told:
        Key.read(written(tmp_path, data))
    assert "secret" not in str(told.value)


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        Key.read(tmp_path / "nowhere.pem")


def test_a_key_does_not_show_itself(tmp_path: Path) -> None:
    key = Key.read(written(tmp_path, pem(KEY)), "k1")
    assert repr(key) == "Key(algorithm='ES384', kid='k1')"


def test_one_token_serves_the_whole_export(tmp_path: Path, folder: Path) -> None:
    with serving(files=FILES, public=public(KEY)) as server:
        run(server, folder)
        assert set(authorizations(server, "GET /")) == {"Bearer token-1"}
        assert len(server.seen("POST /token")) == 1


def test_a_token_is_renewed_before_it_runs_out(folder: Path) -> None:
    """The server stays away for 200 of the token's 240 seconds: less than a minute is left."""
    with serving(files=FILES, public=public(KEY), expires_in=240, poll_headers={"Retry-After": "200"}) as server:
        run(server, folder)
        assert authorizations(server, "GET /jobs") == ["Bearer token-1", "Bearer token-2"]


def test_a_token_refused_in_the_middle_of_the_downloads_is_renewed_once(folder: Path) -> None:
    fault = {"at": "GET /files/", "do": "expire"}
    with serving(files=FILES, public=public(KEY), faults=[fault]) as server:
        run(server, folder)
        assert len(server.seen("POST /token")) == 2
        assert set(authorizations(server, "GET /files")) == {"Bearer token-1", "Bearer token-2"}


def test_a_token_refused_again_and_again_is_the_end(folder: Path) -> None:
    fault = {"at": "GET /fhir/$export", "do": "expire", "times": 9}
    with serving(files=FILES, public=public(KEY), faults=[fault]) as server:
        with pytest.raises(SalusError, match=r"export answered 401: who are you"):
            run(server, folder)
        assert len(server.seen("GET /fhir/$export")) == 2


def test_files_that_need_no_token_do_not_see_it(folder: Path) -> None:
    with serving(files=FILES, public=public(KEY), requires_token=False) as server:
        run(server, folder)
        assert authorizations(server, "GET /open/") == [None, None]


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_to_another_host_never_carries_the_token(folder: Path, status: int) -> None:
    fault = {"at": "GET /files/0", "do": "redirect", "status": status, "to": "http://127.0.0.1:{1}/open/0.ndjson"}
    with serving(files=FILES, public=public(KEY), faults=[fault]) as server:
        run(server, folder)
        (elsewhere,) = server.seen("GET /open/")
        assert elsewhere["port"] == server.ports[1]
        assert "Authorization" not in elsewhere["headers"]


def test_nor_does_a_redirect_back(folder: Path) -> None:
    away = {"at": "GET /files/0", "do": "redirect", "to": "http://127.0.0.1:{1}/open/away"}
    back = {"at": "GET /open/away", "do": "redirect", "to": "http://127.0.0.1:{0}/open/0.ndjson"}
    with serving(files=FILES, public=public(KEY), faults=[away, back]) as server:
        run(server, folder)
        assert authorizations(server, "GET /open/0") == [None]


def test_a_redirect_on_the_same_host_carries_it(folder: Path) -> None:
    fault = {"at": "GET /files/0", "do": "redirect", "to": "/files/0.ndjson?again"}
    with serving(files=FILES, public=public(KEY), faults=[fault]) as server:
        run(server, folder)
        assert authorizations(server, "GET /files/0") == ["Bearer token-1"] * 2


def test_redirects_in_a_circle_end(folder: Path) -> None:
    fault = {"at": "GET /files/0", "do": "redirect", "to": "/files/0.ndjson", "times": 99}
    with serving(files=FILES, faults=[fault]) as server, pytest.raises(SalusError, match="leads in a circle"):
        pull(server, folder)


def test_a_redirect_to_a_place_without_encryption_is_refused(folder: Path) -> None:
    fault = {"at": "GET /files/0", "do": "redirect", "to": "http://192.0.2.1/x"}
    with serving(files=FILES, faults=[fault]) as server, pytest.raises(SalusError, match="is not encrypted") as told:
        pull(server, folder)
    assert "192.0.2.1/x" in str(told.value)


def test_a_client_the_server_does_not_know_hears_why(folder: Path) -> None:
    with serving(files=FILES, public=public(new_key())) as server:
        with pytest.raises(SalusError, match=r"no access token: .*400: invalid_client: InvalidSignatureError") as told:
            run(server, folder)
        assert "client salus, key our-key (ES384), scope system/*.rs" in str(told.value)


def test_a_token_endpoint_that_is_busy_gets_another_assertion(folder: Path) -> None:
    fault = {"at": "POST /token", "do": "status", "status": 503}
    with serving(files=FILES, public=public(KEY), faults=[fault]) as server:
        run(server, folder)


def test_secrets_are_in_no_message(folder: Path) -> None:
    fault = {"at": "GET /files/0", "do": "status", "status": 403}
    files = [{**patients(1), "url": "http://127.0.0.1:{}/files/0.ndjson?signature=geheim"}]
    with serving(files=files, public=public(KEY), faults=[fault]) as server, pytest.raises(SalusError) as told:
        pull(server, folder, KEY)
    assert "403" in str(told.value)
    assert not any(secret in str(told.value) for secret in ("geheim", "token-1", "PRIVATE"))


def test_the_server_says_where_tokens_are_got() -> None:
    with serving() as server:
        found = discover(Web(), server.base)
        assert (found.token_url, found.second) == (f"http://127.0.0.1:{server.ports[0]}/token", True)
        server.plan(capabilities=["permission-v1"])
        assert not discover(Web(), server.base).second


def test_a_server_that_does_not_say_it() -> None:
    fault = {"at": "GET /fhir/.well-known", "do": "status", "status": 404}
    with serving(faults=[fault]) as server, pytest.raises(SalusError, match=r"answered 404.*--token-url"):
        discover(Web(), server.base)


@pytest.mark.parametrize(
    ("types", "second", "scope"),
    [
        ((), True, "system/*.rs"),
        ((), False, "system/*.read"),
        (("Patient", "Claim"), True, "system/Patient.rs system/Claim.rs"),
    ],
)
def test_the_usual_scope(types: tuple[str, ...], second: bool, scope: str) -> None:
    assert usual_scope(types, second) == scope
