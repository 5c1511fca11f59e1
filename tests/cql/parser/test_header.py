"""The head of a library is read without the rest."""

from pathlib import Path

import pytest

from salus.cache import Cache
from salus.cql import header
from salus.cql.header import Head, Header, read_header
from salus.cql.source import Source


def test_header_says_who_it_is_and_what_it_includes() -> None:
    text = """/* define Not: this */ library org.T version '1.0'
    using FHIR version '4.0.1'
    include hl7.Helpers version '4' called H
    include B
    parameter "define" Integer default 3
    context Patient
    define X: ("""
    assert read_header(Source(text, "f")) == Header("T", "1.0", (("Helpers", "4"), ("B", None)))


def test_nameless_and_broken_texts_have_what_can_be_read() -> None:
    assert read_header(Source("define A: 1", "f")) == Header(None, None, ())
    assert read_header(Source("library\ninclude A\n include 5\ninclude C", "f")).includes == (("A", None), ("C", None))


def test_a_header_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source("library T version '1.0'\ninclude A version '2' called B\ninclude C\ndefine D: 1", "f")
    first = Head.of(source, Cache(tmp_path))
    assert first.header == read_header(source) == Header("T", "1.0", (("A", "2"), ("C", None)))
    monkeypatch.setattr(header, "read_header", None)
    assert Head.of(source, Cache(tmp_path)) == first
    with pytest.raises(TypeError):
        Head.of(Source("library U", "f"), Cache(tmp_path))
