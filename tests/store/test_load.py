"""What a load keeps, whose it is, which version counts, what is set aside; and that it is all or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from made import bundle, column, loaded, observation, patient, rows, write
from msgspec.structs import replace

from salus.errors import SalusError
from salus.fhir.lines import Block
from salus.store import Population, intake, load, loading, publish, shred


def test_patients_are_numbered_in_order_of_id_and_resources_by_patient(tmp_path: Path) -> None:
    _, people = loaded(
        tmp_path,
        observation("z", "b"),
        patient("b"),
        observation("y", "a"),
        patient("a"),
        observation("x", "b"),
        patient("B"),
    )
    with people:
        assert rows(people, "SELECT pid, id FROM patient ORDER BY pid") == [(1, "B"), (2, "a"), (3, "b")]
        assert rows(people, 'SELECT pid, rid, id FROM "Observation"') == [(2, 1, "y"), (3, 2, "x"), (3, 3, "z")]
        assert people.tables() == {"Patient", "Observation"}
        stored = rows(
            people, """SELECT rid, json->>'$.id' FROM raw."Observation" JOIN "Observation" USING (seq) ORDER BY rid"""
        )
        assert stored == [(1, "y"), (2, "x"), (3, "z")]


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p",
        "Patient/p/_history/3",
        "http://some.server/fhir/Patient/p",
        "https://some.server/Patient/p/_history/1",
        "urn:uuid:one",
        "http://full.url/of/it",
    ],
)
def test_a_resource_belongs_to_the_patient_its_subject_refers_to(tmp_path: Path, reference: str) -> None:
    url = reference if reference.startswith(("urn:", "http://full")) else None
    _, people = loaded(tmp_path, bundle(patient("p"), patient("other"), observation("o", reference), urls=[url]))
    with people:
        assert column(people, "Observation", "pid") == [2]
        people.ensure([("Observation", "subject.reference")])
        assert column(people, "Observation", "subject.reference") == ["Patient/p"]


def test_urns_resolve_within_their_bundle_first(tmp_path: Path) -> None:
    """Hand-made Bundles use the same urn for different patients; each Bundle means its own."""
    one = bundle(patient("a"), observation("x", "urn:uuid:1"), urls=["urn:uuid:1"])
    two = bundle(patient("b"), observation("y", "urn:uuid:1"), urls=["urn:uuid:1"])
    _, people = loaded(tmp_path, one, two)
    with people:
        assert rows(people, 'SELECT pid, id FROM "Observation" ORDER BY pid') == [(1, "x"), (2, "y")]


def test_who_a_resource_belongs_to_comes_from_the_element_that_says_so(tmp_path: Path) -> None:
    who = {"reference": "Patient/p"}
    _, people = loaded(
        tmp_path,
        patient("p"),
        {"resourceType": "Coverage", "id": "1", "beneficiary": who, "payor": [{"reference": "Patient/q"}]},
        {"resourceType": "Immunization", "id": "1", "patient": who},
        {"resourceType": "Task", "id": "1", "for": who},
        {
            "resourceType": "Appointment",
            "id": "1",
            "participant": [{"actor": {"reference": "Location/1"}}, {"actor": who}],
        },
        {"resourceType": "Account", "id": "1", "subject": [who]},
    )
    with people:
        for kind in ("Coverage", "Immunization", "Task", "Appointment", "Account"):
            assert column(people, kind, "pid") == [1], kind


def test_resources_of_patients_that_are_not_loaded_are_kept_raw_and_said(tmp_path: Path) -> None:
    report, people = loaded(
        tmp_path, patient("p"), observation("o", "gone"), observation("u", "urn:uuid:gone"), observation("mine", "p")
    )
    with people:
        assert report.orphans == 2
        assert any("2 resources name patients that are not loaded" in warning for warning in report.warnings)
        assert column(people, "Observation", "id") == ["mine"]
        assert rows(people, 'SELECT count(*) FROM raw."Observation" ANTI JOIN "Observation" USING (seq)') == [(2,)]


def test_a_resource_that_says_nothing_belongs_to_the_only_patient_of_its_bundle(tmp_path: Path) -> None:
    task = {"resourceType": "Task", "id": "t", "focus": {"reference": "ServiceRequest/1"}}
    organization = {"resourceType": "Organization", "id": "o"}
    report, people = loaded(
        tmp_path,
        bundle(patient("p"), task, organization),
        bundle(patient("q"), patient("r"), {**task, "id": "u"}),
        {**task, "id": "v"},
    )
    with people:
        assert rows(people, 'SELECT id, pid FROM "Task" ORDER BY id') == [("t", 1), ("u", None), ("v", None)]
        assert column(people, "Organization", "pid") == [None]
        assert report.inferred == 1
        assert any(warning.startswith("2 resources that should say whose") for warning in report.warnings)


def test_a_subject_that_is_no_patient_makes_a_resource_nobodys(tmp_path: Path) -> None:
    report, people = loaded(tmp_path, bundle(patient("p"), observation("o", "Group/g")))
    with people:
        assert column(people, "Observation", "pid") == [None]
        assert report.warnings == ()


def test_the_later_version_counts_and_else_the_later_read(tmp_path: Path) -> None:
    def version(status: str, updated: str | None) -> dict[str, Any]:
        return observation("o", "p", status=status, meta={"lastUpdated": updated} if updated else {})

    report, people = loaded(
        tmp_path,
        version("new", "2026-03-01T00:00:00+02:00"),
        version("old", "2026-02-28T21:00:00Z"),
        version("undated", None),
        patient("p", gender="male"),
        patient("p", gender="female"),
    )
    with people:
        assert column(people, "Observation", "status") == ["new"]
        assert column(people, "Patient", "gender") == ["female"]
        assert report.superseded == 3
        assert rows(people, 'SELECT count(*) FROM raw."Observation"') == [(1,)]


def test_the_same_id_of_different_patients_is_two_resources(tmp_path: Path) -> None:
    report, people = loaded(
        tmp_path, patient("p"), patient("q"), observation("o", "p", status="a"), observation("o", "q", status="b")
    )
    with people:
        assert rows(people, 'SELECT pid, status FROM "Observation" ORDER BY pid') == [(1, "a"), (2, "b")]
        assert any("1 ids stand for resources of several patients" in warning for warning in report.warnings)


def test_a_patient_without_an_id_takes_the_one_its_bundle_refers_to(tmp_path: Path) -> None:
    report, people = loaded(
        tmp_path,
        bundle(patient(None), observation("o", "said")),
        bundle(patient(None), urls=["urn:uuid:from-url"]),
        bundle(patient(None), observation("p", "said-2"), observation("q", "said-3")),
        bundle(patient(None), patient("known"), observation("r", "known")),
        patient(None),
    )
    with people:
        assert rows(people, "SELECT id FROM patient ORDER BY id") == [("from-url",), ("known",), ("said",)]
        assert rows(people, 'SELECT id, pid FROM "Observation" ORDER BY id') == [("o", 3), ("r", 2)]
        set_aside = rows(people, "SELECT line, entry, reason FROM quarantine ORDER BY line")
        assert [(line, entry) for line, entry, _ in set_aside] == [(3, 0), (4, 0), (5, None)]
        assert all("Patient without an id" in reason for _, _, reason in set_aside)
        assert report.quarantined == 3


def test_other_resources_without_an_id_get_a_stable_one(tmp_path: Path) -> None:
    documents = (
        bundle(patient("p"), observation(None, "p"), observation(None, "p"), urls=[None, "urn:uuid:u", None]),
        observation(None, "p"),
    )
    _, people = loaded(tmp_path, *documents)
    with people:
        first = set(column(people, "Observation", "id"))
    _, again = loaded(tmp_path, *documents)
    with again:
        assert set(column(again, "Observation", "id")) == first
    assert "u" in first
    assert len(first) == 3


def test_resources_without_a_patient_are_visible_to_those_whose_records_lead_to_them(tmp_path: Path) -> None:
    def place(name: str, **elements: Any) -> dict[str, Any]:
        return {"resourceType": "Location", "id": name, **elements}

    _, people = loaded(
        tmp_path,
        patient("a"),
        patient("b"),
        {
            "resourceType": "Encounter",
            "id": "e",
            "subject": {"reference": "Patient/a"},
            "location": [{"location": {"reference": "Location/room"}}],
        },
        observation("o", "b", performer=[{"reference": "http://x/Organization/org"}]),
        observation("p", "b", performer=[{"reference": "Organization?identifier=npi|7"}]),
        place("room", partOf={"reference": "Location/house"}),
        place("house", partOf={"reference": "Location/room"}, managingOrganization={"reference": "Organization/org"}),
        place("lonely"),
        {"resourceType": "Organization", "id": "org"},
        {"resourceType": "Organization", "id": "asked", "identifier": [{"system": "npi", "value": "7"}]},
    )
    with people:
        seen = rows(
            people,
            """SELECT p.id, t.id FROM visible v JOIN patient p ON p.pid = v.pid
            JOIN (SELECT 'Location' AS type, rid, id FROM "Location" UNION ALL
                SELECT 'Organization', rid, id FROM "Organization") t ON t.type = v.type AND t.rid = v.rid
            ORDER BY ALL""",
        )
        assert seen == [("a", "house"), ("a", "org"), ("a", "room"), ("b", "asked"), ("b", "org")]


def test_what_cannot_be_read_is_set_aside_with_its_place_and_a_reason_without_values(tmp_path: Path) -> None:
    secret = "Jane Secret"
    report, people = loaded(
        tmp_path,
        patient("p", birthDate="1950-13-01"),
        '{"resourceType":"Observation", "valueString": "Jane Secret',
        observation("o", "p", effectiveDateTime=secret, effectivePeriod={"start": "2020-02-30"}),
        observation("n", "p", valueQuantity={"value": secret}, component=[{"valueQuantity": {"value": "<5"}}]),
        observation("s", "p", component={"code": {"text": secret}}, valueInteger=secret),
        {"resourceType": "NoSuchThing", "id": "x"},
        bundle({"resourceType": "Observation", "id": "good", "subject": {"reference": "Patient/p"}}, {"id": "bad"}),
    )
    with people:
        found = rows(people, "SELECT line, entry, reason FROM quarantine ORDER BY ALL")
    assert found == [
        (1, None, "Patient.birthDate is not a FHIR date or time"),
        (2, None, "is not valid JSON"),
        (3, None, "Observation.effectiveDateTime is not a FHIR date or time"),
        (3, None, "Observation.effectivePeriod.start is not a FHIR date or time"),
        (4, None, "Observation.component.valueQuantity.value is not a number, or too large a one"),
        (4, None, "Observation.valueQuantity.value is not a number, or too large a one"),
        (5, None, "Observation.component does not have the shape FHIR gives it"),
        (5, None, "Observation.valueInteger does not have the shape FHIR gives it"),
        (6, None, "has a resourceType that FHIR R4 does not have"),
        (7, 1, "is not a FHIR resource (a JSON object with a resourceType, and texts as type and id)"),
    ]
    assert report.quarantined == len(found)
    assert report.resources == {"Observation": 4, "Patient": 1}
    assert report.warnings[0].startswith("10 lines, entries or elements could not be read")


def test_the_manifest_counts_by_file(tmp_path: Path) -> None:
    write(tmp_path / "a.ndjson", patient("p"), "nonsense")
    write(tmp_path / "b.ndjson", observation("o", "p"), observation("q", "p"))
    (tmp_path / "c.csv").write_text("no,json")
    report = load([tmp_path], tmp_path / "p.duckdb")
    with Population.open(tmp_path / "p.duckdb") as people:
        files = rows(people, "SELECT parse_filename(path), resources, quarantined FROM load_file ORDER BY file")
        assert files == [("a.ndjson", 1, 1), ("b.ndjson", 2, 0)]
        info = dict(rows(people, "SELECT key, value FROM population_info"))
        assert (info["patients"], info["resources"], info["skipped_files"]) == ("1", "3", "1")
    assert [Path(name).name for name in report.skipped] == ["c.csv"]


def test_progress_is_told_step_by_step_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    source = write(tmp_path / "a.ndjson", patient("p"), observation("o", "p"))
    load([source], tmp_path / "p.duckdb", progress=lambda *step: told.append(step))
    assert list(dict.fromkeys(step for step, _, _ in told)) == ["read", "settle", "type"]
    for step in ("read", "settle", "type"):
        done, total = [(done, total) for name, done, total in told if name == step][-1]
        assert done == total > 0


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A population that is there already, with one patient."""
    into = tmp_path / "p.duckdb"
    load([write(tmp_path / "old.ndjson", patient("old"))], into)
    return into


def assert_untouched(into: Path) -> None:
    with Population.open(into) as people:
        assert rows(people, "SELECT id FROM patient") == [("old",)]
    left = {path.name for path in into.parent.iterdir()} - {"old.ndjson", "new.ndjson", "empty.csv"}
    assert left == {into.name}


def test_a_load_replaces_a_population_when_it_is_asked_to(old: Path) -> None:
    load([write(old.parent / "new.ndjson", patient("new"))], old, replace=True)
    with Population.open(old) as people:
        assert rows(people, "SELECT id FROM patient") == [("new",)]


@pytest.mark.parametrize("step", ["settle", "publish", "_write_info"])
def test_a_load_that_dies_leaves_the_old_population(old: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def die(*_: object, **__: object) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr(loading, step, die)
    with pytest.raises(RuntimeError, match="the power went"):
        load([write(old.parent / "new.ndjson", patient("new"))], old)
    assert_untouched(old)


@pytest.mark.parametrize("content", ["a,b", ""])
def test_a_load_of_nothing_leaves_the_old_population(old: Path, content: str) -> None:
    (old.parent / "empty.csv").write_text(content)
    with pytest.raises(SalusError, match="no FHIR resources found"):
        load([old.parent / "empty.csv"], old)
    assert_untouched(old)


def test_a_load_of_nothing_but_damage_says_what_is_wrong(tmp_path: Path) -> None:
    file = write(tmp_path / "bad.ndjson", "{1", "{2")
    with pytest.raises(SalusError, match=r"no FHIR resources .*bad\.ndjson, line 1: is not valid JSON \(and 1 more\)"):
        load([file], tmp_path / "population.duckdb")


@pytest.mark.parametrize("name", ["abc_1", "a b", "x:y", "é", "a|b"])
def test_ids_that_fhir_does_not_allow_lead_to_their_patient(tmp_path: Path, name: str) -> None:
    report, population = loaded(tmp_path, patient(name), observation("o", f"Patient/{name}"))
    assert report.orphans == 0
    assert column(population, "Observation", "pid") == [1]
    population.close()


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (duckdb.IOException("IO Error: No space left on device"), True),
        (duckdb.TransactionException("Failed to commit: Could not write file: No space left on device"), True),
        (duckdb.TransactionException("Conflict on tuple"), False),
        (duckdb.BinderException("no such column"), False),
    ],
)
def test_what_the_disk_refuses_is_told_from_faults_of_ours(
    old: Path, monkeypatch: pytest.MonkeyPatch, problem: duckdb.Error, expected: bool
) -> None:
    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr(loading, "settle", fail)
    with pytest.raises(SalusError if expected else type(problem)) as told:
        load([write(old.parent / "new.ndjson", patient("new"))], old)
    assert ("cannot write the population" in str(told.value)) == expected
    assert_untouched(old)


def test_paths_that_are_not_there(tmp_path: Path, old: Path) -> None:
    with pytest.raises(SalusError, match="no such file or folder"):
        load([tmp_path / "nowhere"], old)
    with pytest.raises(SalusError, match="no such folder"):
        load([old], tmp_path / "nowhere" / "p.duckdb")
    assert_untouched(old)


def test_of_what_fails_side_by_side_the_first_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the disk is full the database is of no use to the others that write, who may be heard before."""
    failures = [duckdb.IOException("No space left on device"), duckdb.FatalException("it has been invalidated because")]
    monkeypatch.setattr(intake, "BATCH_ROWS", 0)
    monkeypatch.setattr(intake._Hand, "write", lambda *_: (_ for _ in ()).throw(failures.pop()))
    for name in "ab":
        write(tmp_path / f"{name}.ndjson", patient(name))
    with pytest.raises(SalusError, match=r"cannot write the population .* No space left"):
        load([tmp_path / "a.ndjson", tmp_path / "b.ndjson"], tmp_path / "p.duckdb")
    assert not list(tmp_path.glob("*p.duckdb*"))


def test_records_without_any_patient_make_a_population_of_nobody(tmp_path: Path) -> None:
    _, people = loaded(tmp_path, {"resourceType": "Organization", "id": "o", "name": "Clinic"})
    with people:
        assert rows(people, "SELECT pid, id FROM patient") == []
        assert column(people, "Organization", "name") == ["Clinic"]


def test_what_duckdb_does_not_take_for_json_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two JSON parsers read every record; should they ever differ, the load goes on."""
    real = intake.scan_blocks

    def scan(*args: Any, **kwargs: Any) -> Any:
        for found in real(*args, **kwargs):
            broken = isinstance(found, Block) and found.ids == ["bad"]
            yield replace(found, data=found.data.replace(b'"id": ', b'"id"? ')) if broken else found

    monkeypatch.setattr(intake, "scan_blocks", scan)
    report, people = loaded(tmp_path, patient("p"), observation("o", "p"), observation("bad", "p"))
    with people:
        assert column(people, "Observation", "id") == ["o"]
        assert rows(people, "SELECT line, reason FROM quarantine") == [(3, "is not valid JSON")]
        assert rows(people, "SELECT resources, quarantined FROM load_file") == [(2, 1)]
    assert report.quarantined == 1


def test_equal_concepts_share_a_number(tmp_path: Path) -> None:
    coding = {"system": "s", "version": "1", "code": "c", "display": "d"}
    _, people = loaded(
        tmp_path,
        patient("p"),
        observation(
            "1", "p", code={"coding": [coding, {"code": "other"}], "text": "t"}, category=[{"coding": [coding]}]
        ),
        observation("2", "p", code={"coding": [coding, {"code": "other"}], "text": "t"}, category=[]),
        observation("3", "p", code={"text": "only"}, category=[{"coding": [coding]}, {"text": "only"}]),
        {"resourceType": "Encounter", "id": "e", "subject": {"reference": "Patient/p"}, "class": coding},
    )
    with people:
        one, two, three = column(people, "Observation", "code")
        assert one == two != three
        codes = f"SELECT ord, system, version, code, display FROM coding WHERE cid = {one} ORDER BY ord"
        assert rows(people, codes) == [(0, "s", "1", "c", "d"), (1, None, None, "other", None)]
        texts = rows(people, f"SELECT cid, text FROM concept WHERE cid IN ({one}, {three}) ORDER BY text")
        assert texts == [(three, "only"), (one, "t")]
        (klass,) = column(people, "Encounter", "class")
        assert rows(people, f"SELECT ord, code FROM coding WHERE cid = {klass}") == [(0, "c")]
        first, second, third = column(people, "Observation", "category")
        assert second is None
        assert len(rows(people, f"SELECT cid FROM concept_list WHERE lid = {first}")) == 1
        assert rows(people, f"SELECT ord, cid FROM concept_list WHERE lid = {third}")[1] == (1, three)


def test_two_loads_of_the_same_files_are_the_same(tmp_path: Path, shared_data: Callable[[str], Path]) -> None:
    """Numbers of concepts, and the time in the manifest, may differ; nothing else does."""
    contents = []
    for name in ("one", "two"):
        load([shared_data("ecqm/decks/CMS165FHIRControllingHighBloodPressure.ndjson")], tmp_path / name)
        with duckdb.connect(str(tmp_path / name), read_only=True) as con:
            tables = con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'").fetchall()
            names = sorted(table for (table,) in tables if not table.startswith(("conc", "cod", "manifest")))
            contents.append({table: contents_of(con, table) for table in names})
    assert contents[0] == contents[1]


def contents_of(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple[Any, ...]]:
    columns = con.execute(f'DESCRIBE "{table}"').fetchall()
    kept = [f'"{name}"' for name, kind, *_ in columns if kind != "INTEGER" or name in ("pid", "ord", "file")]
    return con.execute(f'SELECT {", ".join(kept)} FROM "{table}" ORDER BY ALL').fetchall()


@pytest.mark.parametrize("url", [r'"reference":"http:\/\/s\/Location\/l"', '"reference" :\n"Location/l/_history/2"'])
def test_references_are_found_however_their_json_is_written(tmp_path: Path, url: str) -> None:
    written = tmp_path / "o.json"
    start = '{"resourceType":"Observation","id":"o","subject":{"reference":"Patient/p"},"performer":[{'
    written.write_text(start + url + "}]}")
    others = write(tmp_path / "a.ndjson", patient("p"), patient("q"), {"resourceType": "Location", "id": "l"})
    load([others, written], tmp_path / "p.duckdb")
    with Population.open(tmp_path / "p.duckdb") as people:
        assert rows(people, "SELECT p.id, type FROM visible JOIN patient p USING (pid)") == [("p", "Location")]


def test_types_no_one_knows_are_set_aside_from_the_middle_of_many_lines(tmp_path: Path) -> None:
    strange = '{"resourceType": "Spell", "id": "s"}'
    report, people = loaded(
        tmp_path,
        patient("a"),
        patient("b"),
        observation("o", "a"),
        strange,
        observation("p", "b"),
        strange,
        patient("c"),
    )
    with people:
        assert rows(people, "SELECT line, reason FROM quarantine ORDER BY line") == [
            (line, "has a resourceType that FHIR R4 does not have") for line in (4, 6)
        ]
        assert rows(people, 'SELECT id, json FROM "Observation" JOIN raw."Observation" USING (seq) ORDER BY rid') == [
            (name, json.dumps(observation(name, who))) for name, who in (("o", "a"), ("p", "b"))
        ]
    assert report.resources == {"Observation": 2, "Patient": 3}


def test_how_much_is_read_at_once_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [patient(f"p{n:04}", birthDate="1980", name=[{"family": str(n)}, {"use": "old"}]) for n in range(5000)]
    named = [bundle(patient(None, gender="other"), observation("o", "z")), *records[1:]]
    told = []
    for size, most in ((shred.BLOCK_BYTES, publish.SORTED), (1, 1000)):
        monkeypatch.setattr(shred, "BLOCK_BYTES", size)
        monkeypatch.setattr(publish, "SORTED", most)
        (tmp_path / str(size)).mkdir()
        _, people = loaded(tmp_path / str(size), *map(json.dumps, named))
        with people:
            people.ensure([("Patient.name", "family"), ("Patient.name", "use")])
            patients = rows(people, 'SELECT pid, rid, id, gender, "birthDate.low" FROM "Patient" ORDER BY rid')
            told.append((patients, rows(people, 'FROM "Patient.name" ORDER BY eid')))
    assert told[0] == told[1]
    assert (len(told[0][0]), len(told[0][1])) == (5000, 9998)
    assert told[0][0][-1][2:4] == ("z", "other")
