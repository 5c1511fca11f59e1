"""Content: which library, version and measure a run gets, and what is said when it is not there."""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salus.cql.diagnostics import CqlError
from salus.errors import SalusError
from salus.measure.content import Content
from salus.measure.libraries import Identity

Json = dict[str, Any]
pytestmark = pytest.mark.usefixtures("either_way")

Make = Callable[..., Any]


def test_a_library_is_found_by_what_its_elm_says(library_json: Make, elm: Make, write: Make) -> None:
    stale = library_json("L", "0.5", elm("L", "0.4"))
    content = Content.load([write(stale)])
    assert content.library("L", "0.4")["identifier"]["version"] == "0.4"
    with pytest.raises(SalusError) as caught:
        content.library("L", "0.5", "M")
    assert str(caught.value) == (
        "M needs L 0.5, which is not in the content; there is 0.4"
        " (the Library resource of L 0.5 carries the ELM of L 0.4)"
    )


def test_an_elm_document_wins_over_an_embedded_one(library_json: Make, elm: Make, write: Make) -> None:
    embedded = library_json("L", "1", elm("L", "1", mine="embedded"))
    content = Content.load([write(embedded, elm("L", "1", mine="bare"))])
    assert content.warnings == []
    assert content.library("L", "1")["mine"] == "bare"
    assert content.warnings == ["given both as ELM documents and inside Library resources, the former are used: L 1"]


def test_an_elm_document_stands_in_for_a_stale_resource(library_json: Make, elm: Make, write: Make) -> None:
    content = Content.load([write(library_json("L", "0.5", elm("L", "0.4")), elm("L", "0.5"))])
    assert content.library("L", "0.5")["identifier"]["version"] == "0.5"
    assert content.warnings == ["the Library resource of L 0.5 carries the ELM of L 0.4, which is not used for it"]


def test_two_different_elm_documents_of_one_library_are_told(elm: Make, write: Make) -> None:
    content = Content.load([write(elm("L", "1", x=1), elm("L", "1", x=2), elm("K", "1"), elm("K", "1"))])
    assert content.library("L", "1")["x"] == 1
    assert content.library("K", "1")
    assert content.warnings == ["L 1 is in the content more than once with different ELM; the first is used"]


def test_without_a_version_the_newest_is_taken(elm: Make, write: Make) -> None:
    content = Content.load([write(elm("L", "1.9"), elm("L", "1.10"), elm("K", None))])
    assert content.library("L")["identifier"]["version"] == "1.10"
    assert content.library("K")["identifier"] == {"id": "K"}
    assert content.library("org.example/L", "")["identifier"]["version"] == "1.10"


def test_a_library_that_is_not_there_is_told(elm: Make, write: Make) -> None:
    content = Content.load([write(elm("K", None))])
    with pytest.raises(SalusError, match="M needs N, which is not in the content"):
        content.library("N", None, "M")


@pytest.mark.parametrize(
    "canonical",
    [
        "http://example.org/Library/L",
        "http://example.org/Library/L|2",
        "Library/L-id",
        "http://elsewhere/L|2",
    ],
)
def test_a_measure_finds_its_library(
    canonical: str, measure_json: Make, library_json: Make, elm: Make, write: Make
) -> None:
    resources = [library_json("L", version, elm("L", version)) for version in ("1", "2")]
    content = Content.load([write(*resources, measure_json(library=[canonical]))])
    assert content.measure_library(content.measures()[0]) == Identity("L", "2")


WRITTEN = ('"A" and\n exists {1}', 'L."A"', "not A")


def writing(measure_json: Make, *expressions: str) -> dict[str, Any]:
    """A measure whose populations are written out."""
    measure: dict[str, Any] = measure_json("L")
    for each, expression in zip(measure["group"][0]["population"], expressions, strict=False):
        each["criteria"] = {"language": "text/cql-expression", "expression": expression}
    return measure


def test_what_a_measure_writes_out_is_translated_within_its_library(
    measure_json: Make, library_json: Make, write: Make
) -> None:
    text = "library L version '1'\nusing FHIR version '4.0.1'\nparameter P Integer\ndefine A: P = 1\n"
    content = Content.load([write(library_json("L", "1", cql=text), writing(measure_json, *WRITTEN))])
    (measure,) = content.measures()
    content.measure_library(measure)
    defines = {each["name"]: each for each in content.library("L", "1")["statements"]["def"]}
    assert [defines[name]["expression"]["type"] for name in measure.criteria()] == ["And", "ExpressionRef", "Not"]
    assert {defines[name]["context"] for name in measure.criteria()} == {"Patient"}
    assert content.cql("L", "1").startswith(text)  # type: ignore[union-attr]


def test_a_fault_in_what_a_measure_writes_out_is_at_its_place(
    measure_json: Make, library_json: Make, write: Make
) -> None:
    text = "library L version '1'\nusing FHIR version '4.0.1'\ndefine A: true\n"
    content = Content.load([write(library_json("L", "1", cql=text), writing(measure_json, "A and Nowhere"))])
    with pytest.raises(CqlError, match="L 1, criteria of L:7:9: error: there is nothing called Nowhere"):
        content.measure_library(content.measures()[0])


def test_what_a_measure_writes_out_needs_the_text_of_its_library(measure_json: Make, elm: Make, write: Make) -> None:
    content = Content.load([write(elm("L", "1"), writing(measure_json, "A and B"))])
    with pytest.raises(SalusError, match="L has the criterion A and B, which L 1 does not define; only with CQL text"):
        content.measure_library(content.measures()[0])


def test_a_measure_that_names_another_version_is_told(
    measure_json: Make, library_json: Make, elm: Make, write: Make
) -> None:
    wanted = measure_json(library=["http://example.org/Library/L|3"])
    content = Content.load([write(library_json("L", "1", elm("L", "1")), wanted)])
    with pytest.raises(SalusError, match=r"M names Library http://example.org/Library/L\|3; the content has 1"):
        content.measure_library(content.measures()[0])


def test_a_library_in_a_form_that_is_not_read_is_told(measure_json: Make, library_json: Make, write: Make) -> None:
    library = library_json("L") | {"content": [{"contentType": "application/elm+xml", "data": ""}]}
    content = Content.load([write(library_json("Other", cql="library Other"), library, measure_json("L"))])
    with pytest.raises(SalusError, match=r"its Library resource holds application/elm\+xml: text/cql or"):
        content.measure_library(content.measures()[0])
    content = Content.load([write(library, measure_json("L", library=["#inside"]))])
    with pytest.raises(SalusError, match="L names a library that it contains, and those are not read"):
        content.measure_library(content.measures()[0])


def test_the_type_of_a_librarys_content_may_have_parameters(library_json: Make, write: Make) -> None:
    library = library_json("L", cql="library L version '1'")
    library["content"][0]["contentType"] = "text/cql; charset=utf-8"
    assert Content.load([write(library)]).library("L", "1")["identifier"]["id"] == "L"


def test_a_measure_whose_library_is_not_there_is_told(measure_json: Make, write: Make) -> None:
    content = Content.load([write(measure_json("M"), measure_json("N", library=[]))])
    first, second = content.measures()
    with pytest.raises(SalusError, match="M needs M, which is not in the content"):
        content.measure_library(first)
    with pytest.raises(SalusError, match="measure N names no library"):
        content.measure_library(second)


def test_what_cannot_be_read_is_told_and_the_rest_is_used(elm: Make, write: Make, tmp_path: Path) -> None:
    path = write(elm("L"), {"library": {}}, {"resourceType": "ValueSet", "version": 1}, {"name": "package.json"})
    with path.open("a") as file:
        file.write('{"resourceType":\n')
    content = Content.load([tmp_path])
    assert content.library("L", "1")
    assert len(content.warnings) == 3
    assert content.warnings[0].endswith("content.ndjson:2 has no library identifier")


def test_identity_is_found_wherever_it_stands(library_json: Make, write: Make) -> None:
    far = {"library": {"annotation": [{"s": "x" * 50_000}], "identifier": {"id": "Far", "version": "1"}}}
    content = Content.load([write(library_json("Far", "1", far), far | {"more": 1})])
    assert content.library("Far", "1")["identifier"]["id"] == "Far"


def test_content_without_anything_is_an_error(write: Make) -> None:
    with pytest.raises(SalusError, match="no Measure, Library, CQL or ELM"):
        Content.load([write({"resourceType": "Patient", "id": "p"})])


def test_a_measure_that_cannot_be_read_stops_only_who_asks_for_it(measure_json: Make, elm: Make, write: Make) -> None:
    odd = measure_json("Whole", scoring={"coding": [{"code": "strange"}]})
    content = Content.load([write(measure_json("M"), odd, elm("M", "1"))])
    assert [measure.name for measure in content.measures(["M"])] == ["M"]
    assert content.warnings == [
        "left out, as nobody asked for it: measure Whole, group 0: scoring 'strange' is not one of"
        " proportion, ratio, continuous-variable, cohort"
    ]
    for asked in ([], ["whole"], ["M", "http://example.org/Measure/Whole|1"]):
        with pytest.raises(SalusError, match="measure Whole"):
            content.measures(asked)


def test_a_composite_that_says_nothing_leaves_its_components_to_be_evaluated(
    measure_json: Make, elm: Make, write: Make
) -> None:
    composite = measure_json("Whole", scoring={"coding": [{"code": "composite"}]})
    del composite["group"]
    content = Content.load([write(measure_json("M"), composite, elm("M", "1"))])
    assert [measure.name for measure in content.measures()] == ["M"]
    told = "measure Whole: composite scoring 'is not given' is not one of"
    assert content.warnings[0].startswith(f"left out: {told}")
    with pytest.raises(SalusError, match=re.escape(told)):
        content.measures(["Whole"])


def test_bundles_and_archives_are_opened(measure_json: Make, elm: Make, tmp_path: Path) -> None:
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": measure_json()}]}
    (tmp_path / "bundle.json.xz").write_bytes(lzma.compress(json.dumps(bundle, indent=2).encode()))
    (tmp_path / "elm.json").write_text(json.dumps(elm("M"), indent=2))
    content = Content.load([tmp_path])
    assert [measure.name for measure in content.measures()] == ["M"]
    assert content.library("M", "1")


def test_hashes_tell_what_was_used(measure_json: Make, elm: Make, write: Make) -> None:
    sets = [
        {
            "resourceType": "ValueSet",
            "url": f"http://v/{n}",
            "compose": {"include": [{"concept": [{"code": n}]}]},
        }
        for n in "12"
    ]
    content = Content.load([write(measure_json("A"), measure_json("B"), elm("A"), elm("B"), *sets)])
    content.library("A", "1")
    content.value_set("http://v/1", None, "A")
    hashes = content.hashes([m for m in content.measures() if m.name == "A"])
    assert {kind: list(each) for kind, each in hashes.items()} == {
        "measures": ["A|1"],
        "libraries": ["A 1"],
        "value_sets": ["http://v/1"],
    }
    assert all(len(digest) == 64 for each in hashes.values() for digest in each.values())


def test_layout_does_not_change_a_hash(elm: Make, write: Make) -> None:
    document = elm("A", x=1)
    reordered = {"library": dict(reversed(document["library"].items()))}
    digests = []
    for each in (document, reordered):
        content = Content.load([write(each)])
        content.library("A")
        digests.append(content.hashes()["libraries"])
    assert digests[0] == digests[1]


def test_published_content_resolves(shared_data: Callable[[str], Path]) -> None:
    content = Content.load([shared_data("ecqm/content")])
    measures = content.measures()
    assert len(measures) == 41
    used: set[tuple[str, str | None]] = set()
    for measure in measures:
        identity = content.measure_library(measure)
        collect(content, identity.name, identity.version, measure.name, used)
    assert len(used) == 58
    assert not any("HAS ERRORS" in warning or "carries the ELM of" in warning for warning in content.warnings)


def test_published_elm_resolves(shared_data: Callable[[str], Path]) -> None:
    content = Content.load([shared_data("ecqm/content")], prefer_elm=True)
    used: set[tuple[str, str | None]] = set()
    for measure in content.measures():
        identity = content.measure_library(measure)
        collect(content, identity.name, identity.version, measure.name, used)
    assert len(used) == 58
    assert sum("carries the ELM of" in warning for warning in content.warnings) == 10


def test_bundles_of_earlier_measures_resolve(shared_data: Callable[[str], Path]) -> None:
    content = Content.load([shared_data("fhir/exm-bundles")])
    names = [measure.name for measure in content.measures()]
    assert names == ["EXM104", "EXM105", "EXM125", "EXM506"]
    for measure in content.measures():
        identity = content.measure_library(measure)
        used: set[tuple[str, str | None]] = set()
        collect(content, identity.name, identity.version, measure.name, used)
        assert len(used) > 3
    assert content.warnings == []


def collect(content: Content, name: str, version: str | None, asked_by: str, used: set[tuple[str, str | None]]) -> None:
    """Ask for a library and all it includes."""
    if (name, version) in used:
        return
    used.add((name, version))
    library = content.library(name, version, asked_by)
    for include in library.get("includes", {}).get("def", []):
        collect(content, include["path"].rsplit("/", 1)[-1], include.get("version"), name, used)
