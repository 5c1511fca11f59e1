"""The ELM of the shared libraries is what the public reference translator made of the same text."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from salus.cql.translate import Finder, translate_scope
from salus.measure.texts import LibraryTexts

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import compare_elm


def test_what_is_made_equal_before_comparing_is_equal() -> None:
    written = {"type": "As", "asType": "{x}A", "strict": False, "operand": {"type": "Null", "localId": "3"}, "let": []}
    specified = {"type": "NamedTypeSpecifier", "name": "{x}A"}
    assert compare_elm.plain(written) == {"type": "As", "asTypeSpecifier": specified, "operand": {"type": "Null"}}


def test_a_difference_is_told_with_its_place() -> None:
    ours, theirs = ({"type": "Add", "locator": "1:2", "operand": [{"type": kind}]} for kind in ("Null", "Now"))
    ((where, what),) = compare_elm.differences(ours, theirs, "X")
    assert where == "X@1:2.operand[0]"
    assert "reference" in what


@pytest.fixture(scope="module")
def published(shared_data: Callable[[str], Path]) -> tuple[Finder, LibraryTexts, dict[str, dict[str, object]]]:
    folder = shared_data("ecqm/content")
    texts = compare_elm.texts(folder / "Library.ndjson")
    return Finder(texts), texts, compare_elm.reference(folder / "reference-elm.ndjson")


def test_the_shared_libraries_are_translated_as_the_reference_does(
    published: tuple[Finder, LibraryTexts, dict[str, dict[str, object]]],
) -> None:
    finder, texts, reference = published
    found = []
    for name in texts.names():
        for version in texts.versions(name):
            ours = json.loads(json.dumps(translate_scope(finder.open(name, version)).elm))
            found += [(name, where, what) for where, what in compare_elm.compare(ours, reference[name])]
    assert [each for each in found if not compare_elm.explained(each[0], each[1])] == []
