"""Three-valued logic, lists and queries on DuckDB: what null, order and repetition mean for each patient."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import elm_text as elm
import pytest
from conftest_engine import Evaluate, encounter, observation, patient

from in_memory import Content
from salus.engine import oracle
from salus.engine.asked import Wanted
from salus.engine.facts import Facts
from salus.engine.run import run
from salus.errors import SalusError
from salus.store import Population, load

TRUE, FALSE = elm.literal(True), elm.literal(False)
ACTIVE = elm.prop("value", elm.prop("active", elm.ref("Patient")))
PEOPLE = [patient("no", active=False), patient("unknown"), patient("yes", active=True)]


@pytest.mark.parametrize(
    ("expression", "yes", "no", "unknown"),
    [
        (elm.op("And", ACTIVE, TRUE), True, False, None),
        (elm.op("And", ACTIVE, FALSE), False, False, False),
        (elm.op("Or", ACTIVE, TRUE), True, True, True),
        (elm.op("Or", ACTIVE, FALSE), True, False, None),
        (elm.op("Not", ACTIVE), False, True, None),
        (elm.op("Implies", ACTIVE, FALSE), False, True, None),
        (elm.op("Xor", ACTIVE, TRUE), False, True, None),
        (elm.op("IsTrue", ACTIVE), True, False, False),
        (elm.op("IsFalse", ACTIVE), False, True, False),
        (elm.op("IsNull", ACTIVE), False, False, True),
        (elm.op("Not", elm.op("And", ACTIVE, elm.NULL)), None, True, None),
        (elm.op("Coalesce", ACTIVE, FALSE), True, False, False),
    ],
)
def test_three_valued_logic(evaluate: Evaluate, expression: dict, yes: bool, no: bool, unknown: bool | None) -> None:
    assert evaluate(PEOPLE, {"X": expression})["X"] == {"yes": yes, "no": no, "unknown": unknown}


def value_of(name: str) -> dict:
    """The number of an Observation's valueInteger."""
    return elm.prop("value", {"type": "As", "asType": f"{elm.FHIR}integer", "operand": elm.prop("value", name)})


NUMBERS = [
    patient(),
    patient("none"),
    observation("o1", valueInteger=3),
    observation("o2"),
    observation("o3", valueInteger=1),
    observation("o4", valueInteger=3),
]
OBSERVATIONS = elm.retrieve("Observation")
VALUES = elm.query(OBSERVATIONS, **{"return": elm.returning(value_of("X"), distinct=False)})


def test_exists_is_false_for_no_rows_and_ignores_nulls(evaluate: Evaluate) -> None:
    nulls = elm.query(
        OBSERVATIONS, where=elm.op("IsNull", elm.prop("value", "X")), **{"return": elm.returning(value_of("X"))}
    )
    got = evaluate(NUMBERS, {"any": elm.op("Exists", OBSERVATIONS), "nulls": elm.op("Exists", nulls)})
    assert got["any"] == {"p": True, "none": False}
    assert got["nulls"] == {"p": False, "none": False}


def test_where_drops_what_is_null(evaluate: Evaluate) -> None:
    above = elm.op("Greater", value_of("X"), elm.literal(1))
    got = evaluate(
        NUMBERS,
        {"above": elm.query(OBSERVATIONS, where=above), "not": elm.query(OBSERVATIONS, where=elm.op("Not", above))},
    )
    assert got["above"]["p"] == ["o1", "o4"]
    assert got["not"]["p"] == ["o3"]


def test_filter_and_for_each_are_queries_written_another_way(evaluate: Evaluate) -> None:
    """ELM §20: Filter keeps what the condition is true of, ForEach keeps every result, repeated and null ones too."""
    above = elm.op("Greater", value_of("X"), elm.literal(1))
    kept = {"type": "Filter", "source": OBSERVATIONS, "scope": "X", "condition": above}
    each = {"type": "ForEach", "source": OBSERVATIONS, "scope": "X", "element": elm.op("IsNull", value_of("X"))}
    got = evaluate(NUMBERS, {"kept": kept, "each": {"type": "Count", "source": each}})
    assert got["kept"] == {"p": ["o1", "o4"], "none": []}
    assert got["each"] == {"p": 4, "none": 0}


def test_an_element_of_one_type_of_a_union_is_null_of_the_others(evaluate: Evaluate) -> None:
    """Also where the records hold none of the type that has it: what they hold does not decide what may be asked."""
    both = elm.op("Union", elm.retrieve("ServiceRequest"), OBSERVATIONS)
    asked = elm.query(both, where=elm.op("IsNull", elm.prop("authoredOn.value", "X")))
    assert evaluate(NUMBERS, {"asked": {"type": "Count", "source": asked}})["asked"] == {"p": 4, "none": 0}


def test_an_element_of_one_type_of_a_choice_is_null_of_the_others(evaluate: Evaluate) -> None:
    """`medication` is a concept in all records here; a reference, which it may be, has a `reference`."""
    given = {"resourceType": "MedicationRequest", "id": "m", "subject": {"reference": "Patient/p"}}
    given |= {"medicationCodeableConcept": {"text": "aspirin", "coding": [{"code": "1191"}]}}
    asked = elm.query(elm.retrieve("MedicationRequest"), where=elm.op("IsNull", elm.prop("medication.reference", "X")))
    assert evaluate([patient(), given], {"X": asked})["X"] == {"p": ["m"]}


def test_an_element_that_no_type_has_is_refused(evaluate: Evaluate) -> None:
    with pytest.raises(SalusError, match="has no element authorde, nor has any other type"):
        evaluate(NUMBERS, {"X": elm.query(OBSERVATIONS, where=elm.op("IsNull", elm.prop("authorde", "X")))})


def test_values_of_different_types_are_not_equal(evaluate: Evaluate) -> None:
    """A choice of types beside one of them: equal where of one type and alike, else not; in a list likewise."""
    records = [patient(), observation("text", valueString="a"), observation("number", valueInteger=3)]
    either, text = elm.prop("value.value", "X"), elm.literal("a")
    listed = {"type": "List", "element": [text, elm.literal("b")]}
    asked = {"equal": elm.op("Equal", either, text), "unequal": elm.op("NotEqual", either, text)}
    asked |= {"member": elm.op("In", either, listed), "no member": elm.op("Not", elm.op("In", either, listed))}
    got = evaluate(records, {name: elm.query(OBSERVATIONS, where=where) for name, where in asked.items()})
    assert {name: got[name]["p"] for name in asked} == {
        "equal": ["text"], "unequal": ["number"], "member": ["text"], "no member": ["number"],
    }  # fmt: skip


def test_count_and_distinct(evaluate: Evaluate) -> None:
    distinct = elm.query(OBSERVATIONS, **{"return": elm.returning(value_of("X"))})
    got = evaluate(
        NUMBERS,
        {
            "rows": {"type": "Count", "source": OBSERVATIONS},
            "values": {"type": "Count", "source": VALUES},
            "distinct": {"type": "Count", "source": distinct},
        },
    )
    assert got["rows"] == {"p": 4, "none": 0}
    assert got["values"] == {"p": 3, "none": 0}  # nulls are not counted
    assert got["distinct"] == {"p": 2, "none": 0}


def test_first_and_last_put_nulls_lowest_and_break_ties_by_position(evaluate: Evaluate) -> None:
    sorted_up = elm.query(
        OBSERVATIONS,
        sort=elm.by(
            elm.prop(
                "value", {"type": "As", "asType": f"{elm.FHIR}integer", "operand": elm.ref("value", "IdentifierRef")}
            )
        ),
    )
    names = {
        n: elm.prop("id.value", node)
        for n, node in {"first": elm.first(sorted_up), "last": elm.last(sorted_up)}.items()
    }
    got = evaluate(NUMBERS, names)
    assert got["first"] == {"p": "o2", "none": None}
    assert got["last"] == {"p": "o4", "none": None}


def test_sort_descending(evaluate: Evaluate) -> None:
    down = {**VALUES, "sort": elm.by(down=True)}
    got = evaluate(NUMBERS, {"first": elm.first(down), "last": elm.last(down)})
    assert got["first"]["p"] == 3
    assert got["last"]["p"] is None


def test_first_and_last_of_a_list_sorted_in_both_directions(evaluate: Evaluate) -> None:
    """The status down, then the number up: two are `final`, the lower number first; the `amended` one is last."""
    records = [
        patient(), observation("b", valueInteger=2, status="final"), observation("a", valueInteger=1, status="final"),
        observation("z", valueInteger=0, status="amended"),
    ]  # fmt: skip
    status, number = (elm.prop(path, "X") for path in ("status.value", "value.value"))
    fields = [{"name": name, "value": value} for name, value in {"s": status, "n": number, "o": elm.alias("X")}.items()]
    keys = elm.query(OBSERVATIONS, **{"return": elm.returning({"type": "Tuple", "element": fields})})
    down = {"type": "ByColumn", "direction": "desc", "path": "s"}, {"type": "ByColumn", "direction": "asc", "path": "n"}
    ordered = {**keys, "sort": {"by": list(down)}}
    ends = {name: {"type": name, "source": ordered} for name in ("First", "Last")}
    got = evaluate(records, {name: elm.prop("o.id.value", node) for name, node in ends.items()})
    assert (got["First"]["p"], got["Last"]["p"]) == ("a", "z")


def test_what_is_distinct_keeps_the_place_where_it_first_stood(evaluate: Evaluate) -> None:
    """Places stay when equal elements are dropped: the list, its first and last, and what stands at an index."""
    numbers = [7, 9, 7, 4, 8, 1, 9, 6, 2, 4]
    records = [patient(), *(observation(f"o{i}", valueInteger=n) for i, n in enumerate(numbers))]
    once = elm.query(OBSERVATIONS, **{"return": elm.returning(value_of("X"))})
    at = {f"at {i}": {"type": "Indexer", "operand": [once, elm.literal(i)]} for i in range(8)}
    listed = {"type": "Tuple", "element": [{"name": "once", "value": once}]}
    got = evaluate(records, {"list": listed, "first": elm.first(once), "last": elm.last(once), **at})
    assert got["list"]["p"] == {"once": [7, 9, 4, 8, 1, 6, 2]}
    assert (got["first"]["p"], got["last"]["p"]) == (7, 2)
    assert [got[name]["p"] for name in at] == [7, 9, 4, 8, 1, 6, 2, None]


@pytest.mark.parametrize("engine", [run, oracle.run])
def test_what_is_optional_is_left_out_when_it_cannot_be_evaluated(evaluate: Evaluate, tmp_path: Path, engine) -> None:
    """Supplemental data must not cost a run its measures: the define is named, and the others are answered."""
    defines = {"fine": TRUE, "strange": {"type": "NoSuchNode"}}
    evaluate([patient()], {"fine": TRUE})
    content = Content({"Main": elm.library("Main", defines)})
    wanted = [Wanted("Main", "1", "fine"), Wanted("Main", "1", "strange", optional=True)]
    period = (date(2026, 1, 1), date(2026, 12, 31))
    with Population.open(tmp_path / "population.duckdb") as population:
        outcome = engine(population, content, wanted, period)
        assert [want.define for want in outcome.values] == ["fine"]
        assert any("strange" in warning and "NoSuchNode" in warning for warning in outcome.warnings)
        with pytest.raises(SalusError, match="NoSuchNode"):
            engine(population, content, [Wanted("Main", "1", "strange")], period)


def test_aggregates_ignore_nulls(evaluate: Evaluate) -> None:
    got = evaluate(NUMBERS, {k: {"type": k, "source": VALUES} for k in ("Min", "Max", "Sum")})
    assert [got[k]["p"] for k in ("Min", "Max", "Sum")] == [1, 3, 7]
    assert got["Sum"]["none"] is None


def test_singleton_of_two_is_null_and_said_with_its_place(evaluate: Evaluate) -> None:
    node = {
        **elm.op("SingletonFrom", elm.query(OBSERVATIONS, where=elm.op("Equal", value_of("X"), elm.literal(3)))),
        "locator": "7:3-7:30",
    }
    got = evaluate(NUMBERS, {"one": elm.op("IsNull", node)})
    assert got["one"] == {"p": True, "none": True}
    [warning] = got.outcome.warnings
    assert "Main 1, line 7:3-7:30" in warning
    assert "1 places" in warning


ENCOUNTERS = [
    patient("p"),
    patient("q"),
    encounter("in", "p", "2026-03-01T10:00:00Z", "2026-03-05T10:00:00Z"),
    observation("during", "p", effectiveDateTime="2026-03-02T08:00:00Z"),
    observation("after", "p", effectiveDateTime="2026-04-02T08:00:00Z"),
    observation("other", "q", effectiveDateTime="2026-03-02T08:00:00Z"),
]


def within() -> dict:
    when = elm.prop("value", {"type": "As", "asType": f"{elm.FHIR}dateTime", "operand": elm.prop("effective", "O")})
    return elm.op("In", when, elm.helper("ToInterval", elm.prop("period", "E")), precision="Day")


@pytest.mark.parametrize(
    ("kind", "expected"), [("With", {"p": ["during"], "q": []}), ("Without", {"p": ["after"], "q": ["other"]})]
)
def test_related_rows_are_of_the_same_patient(evaluate: Evaluate, kind: str, expected: dict) -> None:
    related = elm.related(kind, elm.retrieve("Encounter"), "E", within())
    got = evaluate(ENCOUNTERS, {"X": elm.query(OBSERVATIONS, "O", relationship=[related])})
    assert got["X"] == expected


def test_a_nested_query_reaches_the_row_around_it(evaluate: Evaluate) -> None:
    inner = elm.op("Exists", elm.query(elm.retrieve("Encounter"), "E", where=within()))
    got = evaluate(
        ENCOUNTERS,
        {
            "X": elm.query(OBSERVATIONS, "O", where=inner),
            "not": elm.query(OBSERVATIONS, "O", where=elm.op("Not", inner)),
        },
    )
    assert got["X"] == {"p": ["during"], "q": []}
    assert got["not"] == {"p": ["after"], "q": ["other"]}


def test_union_counts_a_resource_once(evaluate: Evaluate) -> None:
    some = elm.query(OBSERVATIONS, where=elm.op("Greater", value_of("X"), elm.literal(1)))
    got = evaluate(
        NUMBERS,
        {
            "U": elm.op("Union", some, OBSERVATIONS),
            "n": {"type": "Count", "source": elm.op("Union", some, OBSERVATIONS)},
        },
    )
    assert got["U"]["p"] == ["o1", "o2", "o3", "o4"]
    assert got["n"] == {"p": 4, "none": 0}


def test_a_union_over_types_keeps_them_apart(evaluate: Evaluate) -> None:
    got = evaluate(
        ENCOUNTERS, {"n": {"type": "Count", "source": elm.op("Union", OBSERVATIONS, elm.retrieve("Encounter"))}}
    )
    assert got["n"] == {"p": 3, "q": 1}


def test_intersect_of_values(evaluate: Evaluate) -> None:
    big = elm.query(
        OBSERVATIONS, where=elm.op("Greater", value_of("X"), elm.literal(1)), **{"return": elm.returning(value_of("X"))}
    )
    got = evaluate(NUMBERS, {"n": {"type": "Count", "source": elm.op("Intersect", VALUES, big)}})
    assert got["n"] == {"p": 1, "none": 0}


def test_a_list_used_twice_is_not_changed_by_the_first_use(evaluate: Evaluate) -> None:
    some = elm.query(elm.ref("All"), where=elm.op("Greater", value_of("X"), elm.literal(1)))
    got = evaluate(NUMBERS, {"All": OBSERVATIONS, "some": some, "again": elm.query(elm.ref("All"))})
    assert got["some"]["p"] == ["o1", "o4"]
    assert got["again"]["p"] == ["o1", "o2", "o3", "o4"]


def extension(url: str, *parts: dict[str, Any], **value: Any) -> dict[str, Any]:
    return {"url": url, **({"extension": list(parts)} if parts else {}), **value}


DESCRIBED = [
    patient(
        extension=[
            extension("race", extension("category", valueString="A"), extension("text", valueString="Ann's")),
            extension("ethnicity", extension("category", valueString="E")),
        ]
    )
]


def test_a_list_inside_a_chosen_element_is_that_elements_own(evaluate: Evaluate) -> None:
    race = elm.query(elm.prop("extension", elm.ref("Patient")), "X", where=equals(elm.prop("url", "X"), "race"))
    chosen = elm.prop("extension", elm.op("SingletonFrom", race))
    category = elm.query(
        chosen,
        "Y",
        where=equals(elm.prop("url", "Y"), "category"),
        **{"return": elm.returning(elm.prop("value", elm.prop("value", "Y")))},
    )
    got = evaluate(DESCRIBED, {"categories": category, "n": {"type": "Count", "source": elm.ref("categories")}})
    assert got["categories"]["p"] == "A"
    assert got["n"]["p"] == 1


def test_a_define_can_be_an_element_of_a_resource(evaluate: Evaluate) -> None:
    quantity = {"type": "As", "asType": f"{elm.FHIR}Quantity", "operand": elm.prop("value", elm.ref("first"))}
    got = evaluate(
        [patient(), observation("o1", valueQuantity={"value": 7})],
        {"first": elm.first(OBSERVATIONS), "value": quantity, "number": elm.prop("value.value", elm.ref("value"))},
    )
    assert float(got["number"]["p"]) == 7


def test_an_index_counts_in_each_rows_own_list(evaluate: Evaluate) -> None:
    place = {"type": "Indexer", "operand": [elm.prop("coding", elm.prop("code", "X")), elm.literal(0)]}
    is_a = equals(elm.prop("value", elm.prop("code", place)), "a")
    got = evaluate([patient(), observation("o1"), observation("o2")], {"X": elm.query(OBSERVATIONS, where=is_a)})
    assert got["X"]["p"] == ["o1", "o2"]


def equals(node: dict[str, Any], text: str) -> dict[str, Any]:
    return elm.op("Equal", node, elm.literal(text))


def test_parts_of_what_is_not_there_do_not_exist(evaluate: Evaluate) -> None:
    """Exists of the elements of null is false, and its opposite true, also where null comes from a row that lacks."""
    parts = {"code": {"text": "systolic"}}
    records = [patient(), patient("none"), observation("o1", component=[parts])]
    exists = elm.op("Exists", elm.prop("component", elm.ref("Latest")))
    answers = evaluate(records, {"Latest": elm.last(OBSERVATIONS), "X": exists, "Y": elm.op("Not", exists)})
    assert answers["X"] == {"p": True, "none": False}
    assert answers["Y"] == {"p": False, "none": True}


def test_a_list_that_no_record_has_is_empty_whatever_is_made_of_it(evaluate: Evaluate) -> None:
    """A query over it gives no elements, also where the element it would give is a resource."""
    named = elm.query(elm.retrieve("Observation"), "O", where=equals(elm.prop("value", elm.prop("id", "O")), "o1"))
    found = elm.query(
        elm.prop("reasonReference", "E"), "R", **{"return": elm.returning(elm.op("SingletonFrom", named))}
    )
    some = elm.query(elm.retrieve("Encounter"), "E", where=elm.op("Exists", elm.query(found, "D")))
    none = elm.query(elm.retrieve("Encounter"), "E", where=elm.op("Not", elm.op("Exists", found)))
    got = evaluate([patient(), encounter("e"), observation("o1")], {"some": some, "none": none})
    assert (got["some"]["p"], got["none"]["p"]) == ([], ["e"])


def test_what_belongs_to_nobody_is_in_no_list(evaluate: Evaluate) -> None:
    kinds = {
        "mine": {"reference": "Patient/p"},
        "told-by-number": {"identifier": {"value": "77"}},
        "of-a-group": {"reference": "Group/g"},
    }
    records = [
        {"resourceType": "Observation", "id": name, "status": "final", "subject": subject}
        for name, subject in kinds.items()
    ]
    named = elm.query(elm.retrieve("Observation"), "O", **{"return": elm.returning(elm.prop("id.value", "O"))})
    found = evaluate([patient(), *records], {"records": elm.retrieve("Observation"), "values": named})
    assert found["records"] == {"p": ["mine"]}
    assert found["values"] == {"p": "mine"}


def _telecom(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"system": system, "value": value} for system, value in pairs]


def _of_system(system: str) -> dict:
    """What the patient's telecoms of a system say."""
    same = elm.op("Equal", elm.prop("value", elm.prop("system", "T")), elm.literal(system))
    told = elm.returning(elm.prop("value", elm.prop("value", "T")), distinct=False)
    return elm.query(elm.prop("telecom", elm.ref("Patient")), "T", where=same, **{"return": told})


@pytest.mark.parametrize("several", [False, True])
def test_the_one_element_of_a_list_whether_or_not_others_have_several(evaluate: Evaluate, several: bool) -> None:
    people = [
        patient("a", telecom=_telecom(("phone", "1"), ("email", "a@x"))),
        patient("b", telecom=_telecom(("email", "b@x"), ("phone", "2"), *[("phone", "3")] * several)),
        patient("c", telecom=_telecom(("email", "c@x"), ("email", "c@y"))),
        patient("d"),
    ]
    defines = {
        "phone": elm.op("SingletonFrom", _of_system("phone")),
        "email": elm.op("SingletonFrom", _of_system("email")),
        "fax": elm.op("SingletonFrom", _of_system("fax")),
    }
    for engine in (run, oracle.run):
        found = evaluate(people, defines, engine=engine)
        assert found["phone"] == {"a": "1", "b": None if several else "2", "c": None, "d": None}
        assert found["email"] == {"a": "a@x", "b": "b@x", "c": None, "d": None}
        assert found["fax"] == dict.fromkeys("abcd")
        assert found.outcome.warnings  # of the two that "c" has, at least


def test_rows_that_are_known_to_stand_alone_are_not_grouped(tmp_path: Path) -> None:
    people = [patient(name, telecom=_telecom(("phone", "1"), ("email", "a"), ("email", "b"))) for name in "ab"]
    records = tmp_path / "records.ndjson"
    records.write_text("".join(json.dumps(each) + "\n" for each in people))
    load([records], tmp_path / "population.duckdb")
    with Population.open(tmp_path / "population.duckdb") as population:
        facts = Facts(population)
        asked = [(("system", "phone"),), (("system", "email"),), (("system", "fax"),), ()]
        assert not any(facts.increases("Patient.telecom", "parent", equal) for equal in asked)  # nothing is typed yet
        assert facts.type_missing()
        told = [facts.increases("Patient.telecom", "parent", equal) for equal in asked]
    assert told == [True, False, True, False]


def test_lists_of_stored_rows_one_after_the_other_keep_their_order(evaluate: Evaluate) -> None:
    """Each value where it is seen first, also of unions of unions."""
    people = [
        patient("a", telecom=_telecom(("email", "2"), ("phone", "1"), ("phone", "3"), ("fax", "4"), ("fax", "1"))),
        patient("b", telecom=_telecom(("email", "1"))),
    ]
    phone, email, fax = map(_of_system, ("phone", "email", "fax"))

    def joined(*lists: dict) -> dict:
        return {"type": "Combine", "source": elm.op("Union", *lists), "separator": elm.literal(",")}

    defines = {
        "two": joined(phone, email),
        "three": joined(elm.op("Union", fax, phone), email),
        "written": joined({"type": "List", "element": [elm.literal("3"), elm.literal("0")]}, phone),
    }
    for engine in (run, oracle.run):
        found = evaluate(people, defines, engine=engine)
        assert found["two"] == {"a": "1,3,2", "b": "1"}
        assert found["three"] == {"a": "4,1,3,2", "b": "1"}
        assert found["written"] == {"a": "3,0,1", "b": "3,0"}
