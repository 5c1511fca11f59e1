"""Libraries are translated from their text where there is any; what happens where that cannot be done is said."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salus.cql.diagnostics import CqlError
from salus.measure.content import Content
from salus.measure.libraries import Identity

pytestmark = pytest.mark.usefixtures("either_way")

Make = Callable[..., Any]

SOUND = "library L version '1'\ndefine A: 1 + 1\n"
BROKEN = "library L version '1'\ndefine A: 1 +\ndefine B: Nowhere\n"


def body(content: Content, name: str = "L", version: str | None = "1") -> str:
    (define, *_) = content.library(name, version)["statements"]["def"]
    return str(define["expression"]["type"])


def test_text_is_translated_rather_than_elm_used(library_json: Make, elm: Make, write: Make) -> None:
    path = write(library_json("L", "1", elm("L", "1", mine=True), SOUND), elm("L", "1", mine=True))
    content = Content.load([path])
    assert body(content) == "Add"
    assert content.warnings == [
        "translated from their CQL text, though there are ELM documents (--prefer-elm): L 1",
    ]
    assert "mine" in Content.load([path], prefer_elm=True).library("L", "1")


def test_elm_stands_in_for_a_text_with_errors_and_that_is_said_loudly(
    library_json: Make, elm: Make, write: Make
) -> None:
    content = Content.load([write(library_json("L", "1", elm("L", "1", mine=True), BROKEN))])
    assert "mine" in content.library("L", "1")
    (warning,) = content.warnings
    assert warning.startswith("THE TEXT OF L 1 HAS ERRORS, ITS ELM IS EVALUATED INSTEAD: L:2:13: error: expected")


def test_a_text_with_errors_and_no_elm_is_an_error_with_every_line(library_json: Make, write: Make) -> None:
    content = Content.load([write(library_json("L", "1", cql=BROKEN))])
    with pytest.raises(CqlError, match=re.escape("L:2:13: error")) as caught:
        content.library("L", "1", "M")
    assert [each.line for each in caught.value.diagnostics] == [2, 3]


def test_files_of_cql_are_content_and_win_over_resources(library_json: Make, write: Make, tmp_path: Path) -> None:
    write(library_json("L", "1", cql="library L version '1'\ndefine A: null\n"))
    (tmp_path / "L.cql").write_text(SOUND)
    (tmp_path / "nameless.cql").write_text("define A: true and false\n")
    content = Content.load([tmp_path])
    assert body(content) == "Add"
    assert body(content, "nameless", None) == "And"
    assert content.warnings == []
    assert content.cql("L", "1") == SOUND
    assert content.cql("L", "2") is None


def test_included_libraries_are_found_among_the_content(write: Make, library_json: Make, tmp_path: Path) -> None:
    (tmp_path / "A.cql").write_text("library A version '1'\ninclude B version '2' called B\ndefine X: B.Y + 1\n")
    write(library_json("B", "2", cql="library B version '2'\ndefine Y: 1\n"))
    content = Content.load([tmp_path])
    library = content.library("A", "1")
    assert [each["path"] for each in library["includes"]["def"]] == ["B"]
    assert library["statements"]["def"][0]["expression"]["operand"][0]["libraryName"] == "B"


def test_another_version_of_an_included_library_is_used_and_said(tmp_path: Path) -> None:
    (tmp_path / "A.cql").write_text("library A\ninclude B version '1'\ndefine X: B.Y\n")
    (tmp_path / "B.cql").write_text("library B version '2'\ndefine Y: 1\n")
    content = Content.load([tmp_path])
    (include,) = content.library("A")["includes"]["def"]
    assert content.library(include["path"], include["version"])["identifier"]["version"] == "2"
    assert any("B 1 is not there; B 2 is used for it" in warning for warning in content.warnings)


def test_a_measure_means_the_text_in_its_library_resource(measure_json: Make, library_json: Make, write: Make) -> None:
    """Though the text states another name and version than the resource."""
    resource = library_json("L", "1", cql="library Other version '7'\ndefine A: 1\n")
    content = Content.load([write(resource, measure_json(library=["http://example.org/Library/L"]))])
    assert content.measure_library(content.measures()[0]) == Identity("Other", "7")


def test_a_text_without_a_name_has_that_of_its_resource(library_json: Make, write: Make) -> None:
    content = Content.load([write(library_json("L", "1", cql="define A: 1\n"))])
    assert content.library("L", "1")["statements"]


def test_two_different_texts_of_one_library_are_told(library_json: Make, write: Make) -> None:
    content = Content.load(
        [write(library_json("L", "1", cql=SOUND), library_json("L", "1", cql=SOUND + "define B: 2"))]
    )
    content.library("L", "1")
    assert content.warnings == ["L 1 is in the content more than once with different text"]


def test_the_hash_of_a_library_is_that_of_its_text(library_json: Make, write: Make) -> None:
    content = Content.load([write(library_json("L", "1", cql=SOUND))])
    content.library("L", "1")
    assert content.hashes()["libraries"] == {"L 1": hashlib.sha256(SOUND.encode()).hexdigest()}


def test_text_that_is_no_text_is_told_and_the_rest_is_used(tmp_path: Path) -> None:
    (tmp_path / "A.cql").write_bytes(b"library A\xff")
    (tmp_path / "L.cql").write_text(SOUND)
    content = Content.load([tmp_path])
    assert body(content) == "Add"
    assert content.warnings == [f"the CQL in {tmp_path / 'A.cql'} is not UTF-8 text (byte 9)"]
