"""A population grows load by load, and is each time what it were had all been loaded at once."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import Json, bundle, column, observation, patient, rows, write

from salus.errors import SalusError
from salus.store import LoadReport, Population, load

KEPT = ("concept", "coding", "concept_list", "manifest", "load_file", "population_info", "quarantine")
"""Tables whose numbers, or order, come from the order of loads."""


def dated(made: Json, day: str, **elements: Any) -> Json:
    return {**made, "meta": {"lastUpdated": f"{day}T00:00:00Z"}, **elements}


def deletion(target: str, day: str | None = None) -> Json:
    meta = {"meta": {"lastUpdated": f"{day}T00:00:00Z"}} if day else {}
    entry = {"request": {"method": "DELETE", "url": target}}
    return {"resourceType": "Bundle", "type": "transaction", **meta, "entry": [entry]}


def grown(folder: Path, *loads: list[Json]) -> LoadReport:
    """A population of one load after the other; each must bring something new."""
    into = folder / "population.duckdb"
    for number, documents in enumerate(loads):
        report = load([write(folder / f"{number}.ndjson", *documents)], into)
    return report


def statuses(folder: Path) -> list[tuple[Any, ...]]:
    """Who has which Observation, and its status."""
    with Population.open(folder / "population.duckdb") as people:
        people.ensure([("Observation", "status")])
        return rows(
            people, 'SELECT p.id, o.id, status FROM "Observation" o LEFT JOIN patient p USING (pid) ORDER BY ALL'
        )


def contents(into: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table, concepts spelt out; the raw resources too."""
    with duckdb.connect(str(into), read_only=True) as con:
        found = con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'").fetchall()
        told = {name: _told(con, name) for (name,) in found if name not in KEPT}
        for kind in sorted(name for name in told if "." not in name and name[0].isupper()):
            told[f"raw {kind}"] = con.execute(f"SELECT rid, json {_raw(kind)} ORDER BY ALL").fetchall()
        told["set aside"] = con.execute(
            "SELECT parse_filename(file), line, entry, reason FROM quarantine ORDER BY ALL"
        ).fetchall()
        return told


def _told(con: duckdb.DuckDBPyConnection, table: str) -> list[tuple[Any, ...]]:
    columns = con.execute(f'DESCRIBE "{table}"').fetchall()
    kept = [
        f'"{name}"' for name, kind, *_ in columns if name != "seq" and (kind != "INTEGER" or name in ("pid", "ord"))
    ]
    return con.execute(f'SELECT {", ".join(kept)} FROM "{table}" ORDER BY ALL').fetchall()


def _raw(kind: str) -> str:
    """The records of a type; those that are nobody's yet have no number."""
    return f'FROM raw."{kind}" LEFT JOIN "{kind}" USING (seq)'


def test_the_same_files_again_change_nothing(tmp_path: Path) -> None:
    report = grown(tmp_path, [patient("p"), observation("o", "p", status="final")])
    into, before = report.into, report.into.read_bytes()
    copy = tmp_path / "another name.ndjson"
    copy.write_bytes((tmp_path / "0.ndjson").read_bytes())
    again = load([tmp_path / "0.ndjson", copy], into)
    assert into.read_bytes() == before
    assert (again.read, len(again.unchanged), again.resources) == (0, 2, report.resources)
    assert {path.name for path in tmp_path.iterdir()} == {"0.ndjson", copy.name, into.name}


def test_what_is_new_joins_what_is_there(tmp_path: Path) -> None:
    grown(tmp_path, [patient("b"), observation("z", "b")], [patient("a"), observation("y", "a"), observation("x", "b")])
    with Population.open(tmp_path / "population.duckdb") as people:
        assert rows(people, "SELECT pid, id FROM patient ORDER BY pid") == [(1, "a"), (2, "b")]
        found = rows(people, 'SELECT pid, rid, id FROM "Observation"')
        assert found == [(1, 1, "y"), (2, 2, "x"), (2, 3, "z")]
        kept = rows(people, f"SELECT rid, json->>'$.id' {_raw('Observation')} ORDER BY rid")
        assert kept == [(1, "y"), (2, "x"), (3, "z")]


def test_a_resource_finds_its_patient_in_a_later_load(tmp_path: Path) -> None:
    first = grown(tmp_path, [observation("o", "p")])
    assert first.orphans == 1
    second = load([write(tmp_path / "p.ndjson", patient("p"))], first.into)
    assert second.orphans == 0
    assert statuses(tmp_path) == [("p", "o", None)]


def test_urns_of_an_earlier_load_still_lead_to_their_patient(tmp_path: Path) -> None:
    one = bundle(patient("p"), observation("o", "urn:uuid:1"), urls=["urn:uuid:1"])
    grown(tmp_path, [one], [dated(patient("p"), "2026-01-01", gender="male")])
    assert statuses(tmp_path) == [("p", "o", None)]


OLD = dated(observation("o", "p"), "2026-01-01", status="old")
NEW = dated(observation("o", "p"), "2026-02-01", status="new")
UNDATED = observation("o", "p", status="undated")


@pytest.mark.parametrize(
    ("first", "second", "third", "counts"),
    [
        (OLD, NEW, None, "new"),
        (NEW, OLD, None, "new"),
        (OLD, {**OLD, "status": "same day, later"}, None, "same day, later"),
        (UNDATED, {**UNDATED, "status": "later"}, None, "later"),
        (NEW, UNDATED, None, "undated"),
        (UNDATED, OLD, None, "old"),
        (NEW, UNDATED, OLD, "undated"),
        (OLD, UNDATED, NEW, "new"),
    ],
)
def test_older_never_replaces_newer_and_else_the_later_load_counts(
    tmp_path: Path, first: Json, second: Json, third: Json | None, counts: str
) -> None:
    grown(tmp_path, [patient("p"), first], [second], *([[third]] if third else []))
    assert statuses(tmp_path) == [("p", "o", counts)]
    with Population.open(tmp_path / "population.duckdb") as people:
        assert rows(people, 'SELECT count(*) FROM raw."Observation"') == [(1,)]


def test_a_newer_version_moves_a_resource_to_another_patient(tmp_path: Path) -> None:
    moved = dated(observation("o", "q"), "2026-02-01", status="moved")
    grown(tmp_path, [patient("p"), patient("q"), OLD], [moved])
    assert statuses(tmp_path) == [("q", "o", "moved")]


def test_deleted_resources_are_gone_with_all_that_was_typed_of_them(tmp_path: Path) -> None:
    doomed = observation("o", "p", component=[{"valueInteger": 1}])
    report = grown(tmp_path, [patient("p"), doomed, observation("n", "p")], [deletion("Observation/o")])
    assert (report.deletions, report.deleted, report.resources["Observation"]) == (1, 1, 1)
    with Population.open(report.into) as people:
        assert column(people, "Observation", "id") == ["n"]
        assert rows(people, 'SELECT * FROM "Observation.component"') == []
        assert rows(people, 'SELECT count(*) FROM raw."Observation"') == [(1,)]


def test_the_last_of_a_type_may_be_deleted_and_come_back(tmp_path: Path) -> None:
    grown(tmp_path, [patient("p"), OLD], [deletion("http://s/fhir/Observation/o/_history/2", "2026-01-15")])
    assert statuses(tmp_path) == []
    load([write(tmp_path / "again.ndjson", {**OLD, "status": "copy"})], tmp_path / "population.duckdb")
    assert statuses(tmp_path) == []
    load([write(tmp_path / "new.ndjson", NEW)], tmp_path / "population.duckdb")
    assert statuses(tmp_path) == [("p", "o", "new")]


def test_a_deleted_patient_leaves_orphans(tmp_path: Path) -> None:
    report = grown(tmp_path, [patient("p"), UNDATED, patient("q")], [deletion("Patient/p")])
    assert (report.patients, report.orphans) == (1, 1)
    assert statuses(tmp_path) == []


def test_a_deletion_holds_whatever_comes_first(tmp_path: Path) -> None:
    grown(tmp_path, [deletion("Observation/o", "2026-01-15")], [patient("p"), OLD])
    assert statuses(tmp_path) == []


def test_a_history_says_when_it_deleted(tmp_path: Path) -> None:
    entry = {
        "request": {"method": "DELETE", "url": "Observation/o"},
        "response": {"status": "204", "lastModified": "2026-03-01T00:00:00Z"},
    }
    history = {"resourceType": "Bundle", "type": "history", "entry": [entry, {"resource": NEW}]}
    grown(tmp_path, [patient("p"), history])
    assert statuses(tmp_path) == []


def test_a_deletion_of_what_is_not_said_is_set_aside(tmp_path: Path) -> None:
    grown(tmp_path, [patient("p"), deletion("Patient?identifier=secret|7"), deletion("")])
    with Population.open(tmp_path / "population.duckdb") as people:
        found = rows(people, "SELECT line, entry, reason FROM quarantine ORDER BY line")
        assert [(line, entry) for line, entry, _ in found] == [(2, 0), (3, 0)]
        assert not any("secret" in reason for *_, reason in found)


def test_elements_typed_on_first_use_stay_right(tmp_path: Path) -> None:
    note = {"note": [{"text": "one"}, {"text": "two"}], "device": {"reference": "Device/1"}}
    grown(tmp_path, [patient("p"), observation("b", "p", **note)])
    into = tmp_path / "population.duckdb"
    needs = [("Observation.note", "text"), ("Observation", "device.reference"), ("Patient.photo", "title")]
    with Population.open(into) as people:
        people.ensure(needs)
    load([write(tmp_path / "more.ndjson", patient("a", photo=[{"title": "t"}]), observation("c", "a", **note))], into)
    with Population.open(into, read_only=True) as people:
        people.ensure(needs)  # nothing is missing, else this could not be
        assert rows(people, 'SELECT pid, parent, ord, text FROM "Observation.note" ORDER BY eid') == [
            *((1, 1, 0, "one"), (1, 1, 1, "two"), (2, 2, 0, "one"), (2, 2, 1, "two"))
        ]
        assert column(people, "Observation", "device.reference") == ["Device/1", "Device/1"]
        assert rows(people, 'SELECT pid, title FROM "Patient.photo"') == [(1, "t")]


def test_what_no_row_of_a_table_had_may_come_later(tmp_path: Path) -> None:
    grown(tmp_path, [patient("p"), observation("b", "p", component=[{"code": {"text": "c"}}])])
    into, need = tmp_path / "population.duckdb", ("Observation.component", "valueTime")
    with Population.open(into) as people:
        people.ensure([need])
        assert not people.facts()[need].present
    timed = observation("c", "p", component=[{"valueTime": "10:30:00"}])
    load([write(tmp_path / "more.ndjson", timed)], into)
    with Population.open(into) as people:
        assert column(people, "Observation.component", "valueTime") == [None, "10:30:00"]


def test_types_that_a_load_does_not_touch_are_left_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grown(tmp_path, [patient("p"), observation("o", "p"), {"resourceType": "Location", "id": "l"}])
    from salus.store import loading

    typed: list[str] = []
    real = loading.stage_type
    monkeypatch.setattr(loading, "stage_type", lambda con, kind, *rest: (typed.append(kind), real(con, kind, *rest))[1])
    load([write(tmp_path / "more.ndjson", observation("n", "p"))], tmp_path / "population.duckdb")
    assert typed == ["Observation"]


def test_what_cannot_be_read_stays_noted_once(tmp_path: Path) -> None:
    grown(tmp_path, [patient("p", birthDate="never"), observation("o", "p", valueInteger="x")], [patient("q")])
    with Population.open(tmp_path / "population.duckdb") as people:
        assert len(rows(people, "FROM quarantine")) == 2
    load([write(tmp_path / "better.ndjson", patient("p", birthDate="1950-01-01"))], tmp_path / "population.duckdb")
    with Population.open(tmp_path / "population.duckdb") as people:
        assert [reason for (reason,) in rows(people, "SELECT reason FROM quarantine")] == [
            "Observation.valueInteger does not have the shape FHIR gives it"
        ]


def test_the_manifest_tells_of_every_file(tmp_path: Path) -> None:
    grown(tmp_path, [patient("p"), UNDATED], [{**UNDATED, "status": "later"}, deletion("Patient/nobody")])
    with Population.open(tmp_path / "population.duckdb") as people:
        found = rows(
            people,
            """SELECT load, parse_filename(path), length(hash), size, resources, deletions, quarantined, rows,
                loaded IS NOT NULL FROM manifest ORDER BY source""",
        )
    sizes = [(tmp_path / f"{number}.ndjson").stat().st_size for number in (0, 1)]
    assert found == [
        (1, "0.ndjson", 64, sizes[0], 2, 0, 0, 1, True),
        (2, "1.ndjson", 64, sizes[1], 1, 1, 0, 1, True),
    ]


def test_another_version_of_the_tables_is_refused_and_can_be_replaced(tmp_path: Path) -> None:
    source, into = write(tmp_path / "a.ndjson", patient("p")), tmp_path / "population.duckdb"
    load([source], into)
    with duckdb.connect(str(into)) as con:
        con.execute("UPDATE population_info SET value = '1' WHERE key = 'schema'")
    with pytest.raises(SalusError, match=r"another version of Salus.*--replace"):
        load([source], into)
    assert load([source], into, replace=True).patients == 1


def test_a_population_in_use_is_not_added_to(tmp_path: Path) -> None:
    """Another process holds it; here, one that fails to let go."""
    import subprocess
    import sys

    into = grown(tmp_path, [patient("p")]).into
    hold = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(into)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(SalusError, match="in use"):
            load([write(tmp_path / "more.ndjson", patient("q"))], into)
        other.communicate("")


_STAY = {"resourceType": "Encounter", "id": "e", "subject": {"reference": "Patient/b"}, "status": "finished"}
_PLACE = {"resourceType": "Location", "id": "l"}
_V = observation("v", "b")
FILES: list[list[Json]] = [
    [dated(patient("a"), "2026-01-01"), patient("c"), deletion("Observation/gone", "2026-03-01")],
    [bundle(patient("b"), observation("u", "urn:uuid:b"), observation(None, "urn:uuid:b"), urls=["urn:uuid:b"])],
    [observation("x", "c", status="1"), observation("w", "a", code={"text": "t"}), _STAY],
    [
        dated(_V, "2026-01-02", status="new"),
        dated(observation("gone", "a"), "2026-02-01"),
        observation("lost", "nobody"),
    ],
    [dated(_V, "2026-01-01", status="old"), observation("by", "urn:uuid:b"), observation(None, "c")],
    [dated(patient("a"), "2026-05-05", gender="other"), _PLACE, observation("y", "Group/g")],
    [observation("at", "a", performer=[{"reference": "Location/l"}], valueInteger="no number")],
    [bundle(patient(None), observation("s", "d"))],
]


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(len(FILES))), st.sets(st.integers(1, len(FILES) - 1)))
def test_any_split_and_order_of_the_same_files_is_the_same_population(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], cuts: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("split")
    paths = [write(folder / f"{number}.ndjson", *documents) for number, documents in enumerate(FILES)]
    load(paths, folder / "once.duckdb")
    bounds = [0, *sorted(cuts), len(order)]
    for start, end in pairwise(bounds):
        load([paths[number] for number in order[start:end]], folder / "grown.duckdb")
    assert contents(folder / "grown.duckdb") == contents(folder / "once.duckdb")


def test_what_a_resource_contains_stands_and_falls_with_it(tmp_path: Path) -> None:
    def order(day: str, drug: str) -> Json:
        inside = {"resourceType": "Medication", "id": "m", "code": {"text": drug}}
        made = {"resourceType": "MedicationRequest", "id": "r", "subject": {"reference": "Patient/p"}}
        return dated({**made, "contained": [inside], "medicationReference": {"reference": "#m"}}, day)

    def drugs() -> list[Any]:
        with Population.open(tmp_path / "population.duckdb") as people:
            return rows(people, """SELECT k.id, r.json->>'$.code.text' FROM raw."Medication" r LEFT JOIN "Medication" k
                USING (seq) ORDER BY ALL""")  # fmt: skip

    grown(tmp_path, [patient("p"), order("2026-01-01", "first")], [order("2026-02-01", "second")], [patient("a")])
    assert drugs() == [("MedicationRequest-r#m", "second")]
    with Population.open(tmp_path / "population.duckdb") as people:
        assert column(people, "MedicationRequest", "medicationReference.reference") == [
            "Medication/MedicationRequest-r#m"
        ]
        assert rows(people, "SELECT p.id FROM visible JOIN patient p USING (pid)") == [("p",)]
    report = load(
        [write(tmp_path / "gone.ndjson", deletion("MedicationRequest/r", "2026-03-01"))], tmp_path / "population.duckdb"
    )
    assert drugs() == []
    assert (report.deleted, report.superseded, report.resources) == (1, 0, {"Patient": 2})


def test_patients_may_share_the_id_of_what_contains(tmp_path: Path) -> None:
    def visit(who: str, place: str) -> Json:
        inside = {"resourceType": "Location", "id": "l", "name": place}
        made = {"resourceType": "Encounter", "id": "e", "subject": {"reference": f"Patient/{who}"}}
        return {**made, "contained": [inside], "location": [{"location": {"reference": "#l"}}]}

    grown(tmp_path, [bundle(patient("p"), visit("p", "here")), bundle(patient("q"), visit("q", "there"))])
    with Population.open(tmp_path / "population.duckdb") as people:
        people.ensure([("Location", "name")])
        seen = (
            """SELECT p.id, l.id, name FROM visible v JOIN patient p USING (pid) JOIN "Location" l ON l.rid = v.rid"""
        )
        assert rows(people, f"{seen} ORDER BY ALL") == [
            ("p", "Encounter-e#l", "here"), ("q", "Encounter-e#l", "there")
        ]  # fmt: skip
