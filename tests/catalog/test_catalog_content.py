"""What ships as content is whole, and holds only codes that anyone may use. That each measure says what it should of
its own people is in `test_catalog_measures`.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from salus.catalog import content_paths, measure_names
from salus.catalog.entries import CLAUSES, Entry, entries, entry, resources, value_sets
from salus.errors import UsageError
from salus.measure.authoring import Workshop
from salus.measure.content import Content
from salus.terminology.systems import HL7, SYSTEMS

Json = dict[str, Any]
OPEN_SYSTEMS = {
    address for name, address in SYSTEMS.items() if name in ("icd-10-cm", "hcpcs", "loinc", "cvx", "rxnorm", "sopt")
}
MEASURES = [each for each in entries() if not each.of_table]


@pytest.fixture(scope="module")
def content() -> Content:
    return Content.load(content_paths())


@pytest.fixture(params=MEASURES, ids=lambda each: each.name)
def measure(request: pytest.FixtureRequest) -> Entry:
    found: Entry = request.param
    return found


def elm(content: Content, name: str) -> Json:
    return dict(content.library(name))


def test_the_text_of_every_library_is_sound() -> None:
    findings = [each for _, made in Workshop.open(content_paths()).translated() for each in made.diagnostics]
    assert findings == []


def test_library_and_measure_are_of_one_name_and_version(measure: Entry, content: Content) -> None:
    (found,) = (each for each in content.measures() if each.name == measure.name)
    assert content.measure_library(found) == (measure.name, measure.said["version"])
    assert elm(content, measure.name)["identifier"] == {"id": measure.name, "version": measure.said["version"]}


def test_every_population_is_a_define(measure: Entry, content: Content) -> None:
    defined = {each["name"] for each in elm(content, measure.name)["statements"]["def"]}
    assert {row["expression"] for _, rows in measure.rates() for row in rows.values()} <= defined


def test_every_value_set_asked_for_ships(measure: Entry, content: Content) -> None:
    asked = {each["id"] for each in elm(content, measure.name).get("valueSets", {}).get("def", ())}
    assert asked <= {each["url"] for each in value_sets()}


def test_every_value_set_is_asked_for(content: Content) -> None:
    names = [each["name"] for each in resources() if each["resourceType"] == "Library"]
    asked = {each["id"] for name in names for each in elm(content, name).get("valueSets", {}).get("def", ())}
    assert {each["url"] for each in value_sets()} <= asked


def test_says_why_and_what_is_worse(measure: Entry) -> None:
    said = measure.said
    assert measure.clause in CLAUSES
    assert (measure.folder.parent.name, measure.folder.name) == (measure.clause, measure.name)
    assert all(said[key].strip() for key in ("title", "description", "rationale", "guidance"))
    assert said["improvement"] in ("increase", "decrease")
    assert all(row["description"] for _, rows in measure.rates() for row in rows.values())


def test_evidence_names_its_grade_and_source(measure: Entry) -> None:
    for each in measure.said["evidence"]:
        assert each["grade"]
        assert each["text"]
        assert each["citation"]
        assert each["url"].startswith("https://")


@pytest.mark.parametrize("value_set", value_sets(), ids=lambda each: str(each["id"]))
def test_value_sets_hold_open_codes_and_their_expansion_is_their_definition(value_set: Json) -> None:
    composed = {
        (include["system"], concept["code"])
        for include in value_set["compose"]["include"]
        for concept in include["concept"]
    }
    expanded = [(each["system"], each["code"]) for each in value_set["expansion"]["contains"]]
    assert all(name in OPEN_SYSTEMS or name.startswith(HL7) for name, _ in composed)
    assert set(expanded) == composed
    assert len(expanded) == len(composed) == value_set["expansion"]["total"]


def test_names_are_those_of_folders() -> None:
    assert measure_names() == sorted(each.name for each in entries())


def test_exported_libraries_hold_the_text(content: Content) -> None:
    for each in resources():
        if each["resourceType"] == "Library":
            (attached,) = each["content"]
            assert base64.b64decode(attached["data"]).decode() == content.cql(each["name"], each["version"])


def test_exported_measures_are_the_same_measures(content: Content, tmp_path: Path) -> None:
    from salus.cli.catalog import export_command

    export_command(tmp_path / "fhir")
    assert Content.load([tmp_path / "fhir"]).measures() == content.measures()


def test_a_measure_is_found_by_how_its_name_begins() -> None:
    assert entry("bloodpressure").name == "SalusBloodPressureControl"
    with pytest.raises(UsageError, match="no measure of the catalog"):
        entry("Nothing")
