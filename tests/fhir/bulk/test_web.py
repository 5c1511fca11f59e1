"""Addresses, and what is shown of them; the wishes of servers."""

from __future__ import annotations

import pytest
from serving import NOW, Waiting

from salus.errors import SalusError, UsageError
from salus.fhir.bulk.outcome import clean, issues, sentences
from salus.fhir.bulk.request import Request, instant
from salus.fhir.bulk.web import Web, is_loopback, retry_after, shown


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost.evil.org", False),
        ("10.0.0.1", False),
    ],
)
def test_this_machine(host: str, here: bool) -> None:
    assert is_loopback(host) == here


def test_http_to_others_only_when_the_user_says_so() -> None:
    with pytest.raises(SalusError, match="--insecure-http"):
        Web().check("http://fhir.example.org/x")
    Web(insecure=True).check("http://fhir.example.org/x")
    Web().check("https://fhir.example.org/x")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://a.org/files/1?X-Signature=abc", "https://a.org/files/1"),
        ("https://u:p@a.org/x#y", "https://a.org/x"),
        ("https://a.org/\x1b[31mx", "https://a.org/[31mx"),
        ("nonsense?secret", "nonsense"),
    ],
)
def test_addresses_are_shown_without_what_may_be_secret(url: str, said: str) -> None:
    assert shown(url) == said


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60),
        ({"Retry-After": "Fri, 15 Jan 2027 08:01:00 GMT", "Date": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30),
        ({"Retry-After": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0),
        ({"Retry-After": "9" * 400}, 3600),
        ({"Retry-After": "Fri, 99 Foo"}, None),
    ],
)
def test_how_long_a_server_wants_us_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert Waiting().now() == NOW
    assert retry_after(headers, Waiting()) == seconds


def test_a_server_may_not_have_us_wait_for_ever_nor_ask_without_pause() -> None:
    clock = Waiting()
    Web(clock).wait(1, 1e9)
    Web(clock).wait(1, 0)
    assert clock.slept == [3600, 0.2]


def test_words_of_servers_are_cut_to_a_line() -> None:
    assert clean("a\nb\x1b[2Jc\u202e" + "x" * 999).startswith("a b [2Jc xxx")
    assert len(clean("x" * 999)) == 300


def test_outcomes_of_any_shape() -> None:
    assert issues({"resourceType": "OperationOutcome"}) == []
    assert issues([1]) == []
    details = {"severity": "warning", "details": {"text": "left out"}}
    assert [str(each) for each in issues({"resourceType": "OperationOutcome", "issue": [details, 3]})] == [
        "warning: left out"
    ]
    assert sentences(b"<html>") == []
    assert sentences(b'{"error":"invalid_scope"}') == ["invalid_scope"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"group": "a", "patients": True}, "only one of them"),
        ({"types": ("Patient", "Nonsense")}, "no such resource"),
        ({"group": ".."}, "not the id"),
    ],
)
def test_requests_that_make_no_sense(request_: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Request("https://a.org/fhir", **request_)  # type: ignore[arg-type]


def test_group_ids_cannot_lead_elsewhere() -> None:
    assert Request("https://a.org/fhir/", "../x?y#z").url == "https://a.org/fhir/Group/..%2Fx%3Fy%23z/$export"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2026-01-31", "2026-01-31T00:00:00Z"), ("2026-01-31T10:00:00.5-05:00", "2026-01-31T10:00:00.5-05:00")],
)
def test_moments(text: str, expected: str) -> None:
    assert instant(text) == expected


@pytest.mark.parametrize("text", ["yesterday", "2026", "2026-01-31T10:00:00", "2026-01-31&_type=x"])
def test_moments_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--since"):
        instant(text)
