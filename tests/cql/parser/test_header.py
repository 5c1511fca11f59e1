"""The head of a library is read without the rest."""

from salus.cql.header import Header, read_header
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
