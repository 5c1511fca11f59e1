"""What ships as content is whole, agrees with its sources, and holds only codes that anyone may use."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salus.catalog import content_paths
from salus.measure.authoring import Workshop
from salus.measure.content import Content

Json = dict[str, Any]
SOURCES = Path(content_paths()[0]).parent / "sources"
OPEN_SYSTEMS = {
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "http://loinc.org",
}


def resources(kind: str) -> list[Json]:
    files = (path for folder in content_paths() for path in sorted(folder.glob("*.json")))
    return [
        each for each in map(json.loads, (path.read_text("utf-8") for path in files)) if each["resourceType"] == kind
    ]


def text(library: Json) -> bytes:
    (content,) = library["content"]
    assert content["contentType"] == "text/cql"
    return base64.b64decode(content["data"])


def elm(library: Json) -> Json:
    """Translated from its text."""
    return dict(Content.load(content_paths()).library(library["name"], library["version"]))


def library_of(measure: Json) -> Json:
    (canonical,) = measure["library"]
    (found,) = [each for each in resources("Library") if f"{each['url']}|{each['version']}" == canonical]
    return found


def populations(measure: Json) -> Iterator[Json]:
    return (population for group in measure["group"] for population in group["population"])


@pytest.fixture(params=resources("Measure"), ids=lambda measure: str(measure["name"]))
def measure(request: pytest.FixtureRequest) -> Json:
    found: Json = request.param
    return found


def test_there_is_a_measure_of_our_own() -> None:
    assert "SalusBloodPressureControl" in {each["name"] for each in resources("Measure")}


def test_library_holds_the_cql_of_its_source(measure: Json) -> None:
    source = SOURCES / f"{measure['name']}.cql"
    assert text(library_of(measure)) == source.read_bytes(), "run scripts/build_catalog.py"


def test_text_is_of_that_library_and_sound(measure: Json) -> None:
    library = library_of(measure)
    workshop = Workshop.open(content_paths())
    (made,) = (each for identity, each in workshop.translated() if identity.name == library["name"])
    assert made.elm["identifier"] == {"id": library["name"], "version": library["version"]}
    assert made.diagnostics == ()


def test_every_population_is_a_define(measure: Json) -> None:
    defined = {each["name"] for each in elm(library_of(measure))["statements"]["def"]}
    assert {each["criteria"]["expression"] for each in populations(measure)} <= defined


def test_every_value_set_asked_for_ships(measure: Json) -> None:
    asked = {each["id"] for each in elm(library_of(measure))["valueSets"]["def"]}
    assert asked <= {each["url"] for each in resources("ValueSet")}


def test_needs_no_other_library(measure: Json) -> None:
    assert "includes" not in elm(library_of(measure))


def test_says_why_and_on_what_evidence(measure: Json) -> None:
    assert measure["rationale"]
    assert measure["description"]
    assert all(each["label"] and each["citation"] for each in measure["relatedArtifact"])
    assert all(each["description"] for each in populations(measure))


@pytest.mark.parametrize("value_set", resources("ValueSet"), ids=lambda each: str(each["id"]))
def test_value_sets_hold_open_codes_and_their_expansion_is_their_definition(value_set: Json) -> None:
    composed = {
        (include["system"], concept["code"])
        for include in value_set["compose"]["include"]
        for concept in include["concept"]
    }
    expanded = [(each["system"], each["code"]) for each in value_set["expansion"]["contains"]]
    assert {system for system, _ in composed} <= OPEN_SYSTEMS
    assert set(expanded) == composed
    assert len(expanded) == len(composed) == value_set["expansion"]["total"]
