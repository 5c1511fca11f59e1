"""Published CQL is read whole: the measures' libraries, earlier bundles, the conformance suite."""

import base64
import json
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tree_printer import show

from salus.cql import ast
from salus.cql.diagnostics import CqlError
from salus.cql.parser import parse_expression, parse_library
from salus.cql.source import Source

SUITE = "{http://hl7.org/fhirpath/tests}"

# Said to be valid, yet no CQL 1.5: a keyword of before 1.4, and Integers beyond the range that the same suite refuses
# in other tests (CeilingIntegerGreaterThanMaxInteger, Integer2Pow31).
NOT_OURS = {
    "DateTimeComponentFromTimezoneOffset",
    "FloorIntegerGreaterThanMaxInteger",
    "FloorIntegerLessThanMinInteger",
}


def texts(library: dict[str, object]) -> Iterator[Source]:
    for content in library.get("content", []):  # type: ignore[attr-defined]
        if content["contentType"] == "text/cql":
            yield Source(base64.b64decode(content["data"]).decode(), str(library["name"]))


def published(path: Path) -> list[Source]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [source for line in lines for source in texts(json.loads(line))]


def read(source: Source) -> ast.Library:
    library, report = parse_library(source)
    assert not report.diagnostics, "\n".join(str(each) for each in report.diagnostics)
    return library


def nodes(node: ast.Node) -> Iterator[ast.Node]:
    yield node
    for child in ast.children(node):
        yield from nodes(child)


def test_published_libraries_are_read_and_read_again(shared_data: Callable[[str], Path]) -> None:
    sources = published(shared_data("ecqm/content/Library.ndjson"))
    assert len(sources) >= 58
    for source in sources:
        library = read(source)
        assert read(Source(show(library), source.name)) == library


def test_places_are_those_of_the_reference(shared_data: Callable[[str], Path]) -> None:
    """Every place the reference gives is one of ours, but for parts of phrases and calls that are no nodes: the words
    `starts` and `ends`, and the function of a call without what is before its dot."""
    sources = {source.name: source for source in published(shared_data("ecqm/content/Library.ndjson"))}
    compared = 0
    for line in shared_data("ecqm/content/reference-elm.ndjson").read_text(encoding="utf-8").splitlines():
        reference = json.loads(line)["library"]
        source = sources[reference["identifier"]["id"]]
        ours = set(places(source, read(source)))
        theirs = {place for place, kind in locators(reference) if kind not in ("Start", "End", "Add", "Subtract")}
        compared += len(theirs)
        assert theirs - ours <= {"9:1-9:66"}, source.name  # an include that was translated from another text
    assert compared > 20_000


def places(source: Source, library: ast.Library) -> Iterator[str]:
    for node in nodes(library):
        yield source.locator(node.start, node.end)


def locators(elm: object) -> Iterator[tuple[str, str]]:
    if isinstance(elm, dict):
        if "locator" in elm:
            yield elm["locator"], elm.get("type", "")
        for value in elm.values():
            yield from locators(value)
    elif isinstance(elm, list):
        for value in elm:
            yield from locators(value)


@pytest.mark.parametrize("bundle", ["EXM104-8.2.000", "EXM105-8.2.000", "EXM125-7.3.000", "EXM506-2.2.000"])
def test_earlier_bundles_are_read(shared_data: Callable[[str], Path], bundle: str) -> None:
    packed = shared_data(f"fhir/exm-bundles/{bundle}-bundle.json.xz")
    entries = json.loads(lzma.decompress(packed.read_bytes()))["entry"]
    libraries = [each["resource"] for each in entries if each["resource"]["resourceType"] == "Library"]
    sources = [source for library in libraries for source in texts(library)]
    assert len(sources) >= 4
    for source in sources:
        read(source)


def test_conformance_suite_is_read_or_refused_as_it_says(shared_data: Callable[[str], Path]) -> None:
    wrong, seen = [], 0
    for path in sorted(shared_data("cql-tests").glob("*.xml")):
        for test in ElementTree.parse(path).getroot().iter(f"{SUITE}test"):
            expression = test.find(f"{SUITE}expression")
            if expression is None or not expression.text or test.get("name") in NOT_OURS:
                continue
            seen += 1
            invalid = expression.get("invalid")
            refused = is_refused(expression.text)
            if refused != (invalid == "syntax") and not (refused and invalid):
                wrong.append((path.name, test.get("name")))
    assert seen > 1_800
    assert wrong == []


def is_refused(text: str) -> bool:
    try:
        parse_expression(Source(text.strip(), "suite"))
    except CqlError:
        return True
    return False
