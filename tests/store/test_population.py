"""Elements are typed when they are asked for, from what was kept as it came; the tables are as the contract says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from made import column, loaded, observation, patient, rows

from salus.errors import SalusError
from salus.store import ColumnFact, Population, population, publish, shred, sql

LIMIT = "SELECT current_setting('memory_limit')"


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Population]:
    """Two patients with a little of everything; most of it outside the warm set."""
    device = {"reference": "Device/d/_history/2"}
    quantity = {"value": 7.25, "unit": "mg", "code": "mg"}
    _, opened = loaded(
        tmp_path,
        patient(
            "a",
            name=[{"family": "F", "given": ["G", "H"]}, {"given": ["I"]}, {"family": "K"}],
            photo=[{"creation": "2020-05"}, {"title": "x"}],
            multipleBirthInteger=2,
        ),
        patient("b", name=[{"given": ["J"]}]),
        observation("o", "a", referenceRange=[{"low": quantity, "appliesTo": [{"text": "t"}]}], valueQuantity=quantity),
        observation("n", "b", effectiveTiming={"event": ["2020", "2021-03-04"]}, device=device),
        observation("m", "b"),
    )
    with opened:
        yield opened


def test_an_element_outside_the_warm_set_is_typed_on_first_use(people: Population) -> None:
    assert ("Observation", "device.reference") not in people.facts()
    people.ensure([("Observation", "device.reference")])
    assert column(people, "Observation", "device.reference") == [None, None, "Device/d"]
    assert column(people, "Observation", "device") == [None, None, True]
    assert people.facts()["Observation", "device.reference"] == ColumnFact(True, True)


def test_rows_of_a_table_keep_their_keys_and_columns_when_others_are_added(people: Population) -> None:
    before = rows(people, 'SELECT pid, rid, id, "valueQuantity.value" FROM "Observation"')
    people.ensure([("Observation", "device.reference"), ("Observation", "specimen.display")])
    assert rows(people, 'SELECT pid, rid, id, "valueQuantity.value" FROM "Observation"') == before
    assert before[0] == (1, 1, "o", Decimal("7.25"))


def test_repeating_elements_have_tables_and_theirs_below_them(people: Population) -> None:
    people.ensure([("Patient.name.given", "value"), ("Patient.name", "family")])
    names = rows(people, 'SELECT pid, rid, parent, eid, ord, family FROM "Patient.name"')
    assert names == [(1, 1, 1, 1, 0, "F"), (1, 1, 1, 2, 1, None), (1, 1, 1, 3, 2, "K"), (2, 2, 2, 4, 0, None)]
    given = rows(people, 'SELECT pid, rid, parent, eid, ord, value FROM "Patient.name.given"')
    assert given == [(1, 1, 1, 1, 0, "G"), (1, 1, 1, 2, 1, "H"), (1, 1, 2, 3, 0, "I"), (2, 2, 4, 4, 0, "J")]


def test_columns_and_deeper_tables_added_later_find_the_same_rows(people: Population) -> None:
    people.ensure([("Patient.name", "family")])
    keys = rows(people, 'SELECT pid, rid, parent, eid, ord FROM "Patient.name"')
    people.ensure([("Patient.name.given", "value")])
    people.ensure([("Patient.name", "use"), ("Patient.name", "text")])
    assert rows(people, 'SELECT pid, rid, parent, eid, ord FROM "Patient.name"') == keys
    assert column(people, "Patient.name", "family", "eid") == ["F", None, "K", None]
    assert column(people, "Patient.name.given", "parent", "eid") == [1, 1, 2, 4]


def test_dates_concepts_and_numbers_of_child_tables(people: Population) -> None:
    people.ensure(
        [
            ("Patient.photo", "creation"),
            ("Patient", "multipleBirthInteger"),
            ("Observation", "effectiveTiming.event"),
            ("Observation.referenceRange", "low.value"),
            ("Observation.referenceRange", "appliesTo"),
        ]
    )
    low, high = datetime(2020, 5, 1), datetime(2020, 5, 31, 23, 59, 59, 999000)
    spans = rows(people, 'SELECT "creation.low", "creation.high", "creation.prec" FROM "Patient.photo"')
    assert spans == [(low, high, 2), (None, None, None)]
    assert people.facts()["Patient.photo", "creation"] == ColumnFact(True, False)
    assert people.facts()["Patient.photo", "creation.low"] == ColumnFact(True, False)
    assert column(people, "Patient", "multipleBirthInteger") == [2, None]
    assert column(people, "Observation.effectiveTiming.event", "value.prec", "eid") == [1, 3]
    assert column(people, "Observation.referenceRange", "low.value", "eid") == [Decimal("7.25")]
    (lid,) = column(people, "Observation.referenceRange", "appliesTo", "eid")
    text = f"SELECT c.text FROM concept_list l JOIN concept c USING (cid) WHERE lid = {lid}"
    assert rows(people, text) == [("t",)]


def test_what_no_row_has_is_there_all_the_same(people: Population) -> None:
    people.ensure([("Observation", "specimen.display"), ("Observation.note", "text"), ("Goal.target", "dueDate")])
    assert column(people, "Observation", "specimen.display") == [None, None, None]
    assert rows(people, 'SELECT pid, rid, parent, eid, ord, text FROM "Observation.note"') == []
    assert rows(people, 'SELECT pid, rid, id FROM "Goal"') == []
    assert rows(people, 'SELECT "dueDate.low" FROM "Goal.target"') == []
    facts = people.facts()
    for need in (
        ("Observation", "specimen.display"),
        ("Observation.note", ""),
        ("Observation", "note"),
        ("Goal", "target"),
    ):
        assert facts[need] == ColumnFact(False, True), need
    assert "Goal" not in people.tables()


def test_asking_again_changes_nothing(people: Population, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = [("Patient.name", "family"), ("Observation", "effectiveDateTime.low"), ("Observation", "id"), ("Goal", "")]
    people.ensure(needs)

    def never(*_: object) -> None:
        raise AssertionError("typed again")

    monkeypatch.setattr(population, "stage_type", never)
    people.ensure(needs)


def test_every_typed_column_has_one_fact(people: Population) -> None:
    people.ensure([("Patient.name.given", "value"), ("Patient.name", "family"), ("Observation", "device.display")])
    people.ensure([("Patient.name", "period.start")])
    twice = "SELECT 1 FROM column_fact GROUP BY table_name, column_name HAVING count(*) > 1"
    assert rows(people, twice) == []
    columns = rows(
        people,
        """SELECT table_name, column_name FROM duckdb_columns()
        WHERE schema_name = 'main' AND database_name = current_database()
        AND (table_name LIKE '%.%' OR table_name IN ('Patient', 'Observation'))
        AND column_name NOT IN ('pid', 'rid', 'id', 'seq', 'parent', 'eid', 'ord')""",
    )
    assert set(columns) <= set(people.facts())


def test_elements_that_cannot_be_read_are_noted_when_they_are_typed(tmp_path: Path) -> None:
    _, opened = loaded(tmp_path, patient("p", photo=[{"creation": "yesterday"}, {"size": "big"}]))
    with opened:
        assert rows(opened, "FROM quarantine") == []
        opened.ensure([("Patient.photo", "creation"), ("Patient.photo", "size")])
        noted = [
            "Patient.photo.creation is not a FHIR date or time",
            "Patient.photo.size is not a number, or too large a one",
        ]
        assert rows(opened, "SELECT line, reason FROM quarantine ORDER BY reason") == [(1, text) for text in noted]
        opened.ensure([("Patient.photo", "title")])
        assert len(rows(opened, "FROM quarantine")) == 2


@pytest.mark.parametrize("odd", ["two", 2**31, 2.5, True, {"value": 2}, [2]])
def test_numbers_that_are_none_are_noted_and_the_others_kept(tmp_path: Path, odd: object) -> None:
    item = {"sequence": 1, "diagnosisSequence": [1, odd, 3.0, None], "quantity": {"value": 0.1, "unit": "mg"}}
    claim = {"resourceType": "Claim", "id": "c", "patient": {"reference": "Patient/p"}, "item": [item]}
    _, opened = loaded(tmp_path, patient("p"), claim)
    with opened:
        assert column(opened, "Claim.item.diagnosisSequence", "value", "eid") == [1, None, 3, None]
        assert column(opened, "Claim.item", "quantity.value", "eid") == [Decimal("0.1")]
        assert rows(opened, "SELECT reason FROM quarantine") == [
            ("Claim.item.diagnosisSequence is not a number, or too large a one",)
        ]


def test_a_population_open_for_reading_only_offers_what_it_has(people: Population, tmp_path: Path) -> None:
    people.close()
    with Population.open(tmp_path / "population.duckdb", read_only=True) as opened:
        opened.ensure([("Observation", "valueQuantity.value")])
        with pytest.raises(SalusError, match="reading only"):
            opened.ensure([("Observation", "device.display")])


def test_a_typing_that_fails_leaves_the_population_as_it_was(
    people: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts, before = dict(people.facts()), rows(people, 'DESCRIBE "Observation"')
    real, published = population.publish, []

    def fail_at_the_second(*args: Any) -> None:
        published.append(real(*args))
        if len(published) == 2:
            raise RuntimeError("the disk is full")

    monkeypatch.setattr(population, "publish", fail_at_the_second)
    needs = [("Observation", "device.display"), ("Patient.name", "family")]
    with pytest.raises(RuntimeError, match="the disk is full"):
        people.ensure(needs)
    assert rows(people, 'DESCRIBE "Observation"') == before
    assert dict(people.facts()) == facts
    monkeypatch.undo()
    people.ensure(needs)
    assert column(people, "Patient.name", "family", "eid") == ["F", None, "K", None]


@pytest.mark.parametrize("need", [("Nothing", "x"), ("Patient", "nothing"), ("Patient", "contained")])
def test_unknown_elements_are_errors(people: Population, need: tuple[str, str]) -> None:
    with pytest.raises(SalusError):
        people.ensure([need])


def test_what_is_no_population_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(SalusError, match="no such population"):
        Population.open(tmp_path / "nowhere.duckdb")
    (tmp_path / "text.duckdb").write_text("hello")
    with pytest.raises(SalusError, match="is not a population"):
        Population.open(tmp_path / "text.duckdb")
    with duckdb.connect(str(tmp_path / "other.duckdb")) as con:
        con.execute("CREATE TABLE t(x INTEGER)")
    with pytest.raises(SalusError, match="not a population of this version of Salus"):
        Population.open(tmp_path / "other.duckdb")


def test_a_change_however_small_leaves_the_rows_of_other_tables_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "GROUP", 2048)
    _, opened = loaded(tmp_path, patient("a"), *(observation(f"o{n}", "a") for n in range(5000)))
    groups = """SELECT row_group_id, min(count), min(block_id) FROM pragma_storage_info('Observation')
        WHERE column_name = 'id' AND segment_type <> 'VALIDITY' GROUP BY row_group_id ORDER BY row_group_id"""
    with opened:
        before = rows(opened, groups)
        opened.ensure([("Patient.name", "family")])
    with Population.open(tmp_path / "population.duckdb") as again:
        assert rows(again, groups) == before
    assert len(before) == 3


def test_records_are_not_read_for_elements_that_none_of_them_has(
    people: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    real = shred.Shredder._block
    monkeypatch.setattr(
        shred.Shredder, "_block", lambda self, *args: (read.append(self.resource), real(self, *args))[1]
    )
    people.ensure([("Observation.note", "text"), ("Observation", "specimen.display"), ("Goal.target", "dueDate")])
    assert read == []
    assert people.facts()["Observation.note", "text"] == ColumnFact(False, True)
    assert rows(people, 'SELECT "specimen.display" FROM "Observation"') == [(None,)] * 3
    people.ensure([("Observation.note", "time"), ("Patient.name", "family")])
    assert read == ["Patient"]
    people.ensure([("Patient.name", "text"), ("Patient.name.period", "start"), ("Patient.name.extension", "url")])
    assert read == ["Patient"]  # the rows of its names are known, too
    assert rows(people, 'SELECT text, family FROM "Patient.name"') == [
        (None, "F"),
        (None, None),
        (None, "K"),
        (None,) * 2,
    ]
    people.ensure([("Patient.name.given", "value")])
    assert read == ["Patient", "Patient"]


def test_columns_are_added_a_range_of_rows_at_a_time(people: Population, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "SORTED", 4)
    people.ensure([("Observation", "device.reference"), ("Patient.name", "family")])
    people.ensure([("Patient.name", "use")])
    people.ensure([("Patient.name.given", "value"), ("Patient.photo", "title"), ("Patient.name", "text")])
    assert column(people, "Observation", "device.reference") == [None, None, "Device/d"]
    assert column(people, "Patient.name", "family", "eid") == ["F", None, "K", None]


def test_typing_holds_no_more_than_a_load_and_lifts_its_limit(people: Population) -> None:
    unlimited = rows(people, LIMIT)
    seen: list[object] = []
    real = people._type
    people._type = lambda missing: (seen.append(rows(people, LIMIT)), real(missing))[1]  # type: ignore[method-assign]
    people.ensure([("Patient.name", "family")])
    assert seen == [[("732.4 MiB",)]]
    assert rows(people, LIMIT) == unlimited


def test_what_the_limit_of_a_typing_does_not_suffice_for_is_typed_without_it(
    people: Population, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlimited, real = rows(people, LIMIT), population.publish

    def scarce(*args: Any) -> None:
        real(*args)
        if rows(people, LIMIT) != unlimited:
            raise duckdb.OutOfMemoryException("no room")

    monkeypatch.setattr(population, "publish", scarce)
    people.ensure([("Patient.name.given", "value"), ("Patient", "maritalStatus"), ("Patient.photo", "title")])
    assert column(people, "Patient.name.given", "value", "eid") == ["G", "H", "I", "J"]
    assert rows(people, LIMIT) == unlimited
