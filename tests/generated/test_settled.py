"""Disagreements that were found and settled (docs/agreement.md), each as a case both engines must answer so."""

from __future__ import annotations

from typing import Any

import elm_text as elm
import pytest

from generated.agreement import Judge
from generated.expressions import null
from generated.signatures import STRING

Json = dict[str, Any]
Cases = dict[str, tuple[Json, list[Any]]]
ONE = [{"resourceType": "Patient", "id": "p1", "gender": "female"}]
GENDER = elm.prop("gender.value", elm.ref("Patient"))


AWAY = [{"resourceType": "Patient", "id": "p1", "deceasedDateTime": "2026-01-01T01:30:00+02:00"}]
AS_MOMENT = {"type": "As", "operand": elm.prop("deceased", elm.ref("Patient")), "asType": f"{elm.FHIR}dateTime"}
DECEASED = elm.prop("value", AS_MOMENT)
AT_ITS_OFFSET: Cases = {
    "date from": (elm.op("DateFrom", DECEASED), ["2026-01-01T00:00:00"]),
    "hour from": (elm.op("DateTimeComponentFrom", DECEASED, precision="Hour"), ["1"]),
    "timezone offset from": (elm.op("TimezoneOffsetFrom", DECEASED), ["2"]),
    "time from, at that of the evaluation": (
        elm.op("DateTimeComponentFrom", elm.op("TimeFrom", DECEASED), precision="Hour"),
        ["23"],
    ),
    "the day": (elm.op("SameAs", DECEASED, elm.when(2026, 1, 1, 9, 0, 0, 0), precision="Day"), [True]),
    "the year": (elm.op("In", DECEASED, elm.interval(elm.when(2026), elm.when(2026)), precision="Year"), [True]),
    "the hour, as an instant": (
        elm.op("SameAs", DECEASED, elm.when(2025, 12, 31, 23, 0, 0, 0), precision="Hour"),
        [True],
    ),
    "days between": (
        elm.op("DifferenceBetween", elm.when(2025, 12, 31, 23, 59, 0, 0), DECEASED, precision="Day"),
        ["1"],
    ),
    "hours between": (
        elm.op("DurationBetween", elm.when(2025, 12, 31, 22, 0, 0, 0), DECEASED, precision="Hour"),
        ["1"],
    ),
    "the instant": (elm.op("SameAs", DECEASED, elm.when(2025, 12, 31, 23, 30, 0, 0)), [True]),
}


def listed(*items: Json) -> Json:
    return {"type": "List", "element": list(items)}


def numbers(*values: int) -> Json:
    return listed(*map(elm.literal, values))


IS_FEMALE = elm.op("Equal", GENDER, elm.literal("female"))
TWICE = elm.query(numbers(3, 1, 1), **{"return": elm.returning(elm.alias("X"))}, sort=elm.by())
SPAN = elm.interval(elm.quantity(1, "g"), elm.quantity(2, "g"))
SETTLED: Cases = {
    "an interval that ends before it starts is null": (
        elm.op("IsNull", elm.interval(elm.op("Length", GENDER), elm.literal(2))),
        [True],
    ),
    "intersect goes by equality": ({"type": "Count", "source": elm.op("Intersect", listed(SPAN), listed(SPAN))}, ["1"]),
    "a chosen list keeps its distinct and its sort": (
        elm.first({"type": "If", "condition": IS_FEMALE, "then": TWICE, "else": numbers(7)}),
        ["1"],
    ),
    "lists of different lengths are chosen between": (
        elm.op("Exists", {"type": "If", "condition": IS_FEMALE, "then": numbers(1, 2), "else": numbers(7)}),
        [True],
    ),
    "includes of lists written out inside a row": (
        elm.query(
            listed(GENDER),
            where=elm.op("ProperIncludedIn", listed(elm.alias("X")), listed(elm.alias("X"), null(STRING))),
        ),
        ["female"],
    ),
    "without over nothing keeps the row": (
        elm.query(listed(GENDER), relationship=[elm.related("Without", numbers(), "Y", IS_FEMALE)]),
        ["female"],
    ),
    "singleton from two that are written out is null": (elm.op("SingletonFrom", listed(GENDER, GENDER)), []),
    "the greatest of what cannot be compared is the last to sort": (
        {"type": "Max", "source": listed(elm.when(2026), elm.when(2026, 1, 1))},
        ["2026-01-01T00:00:00"],
    ),
}


def asked(records: list[Json], cases: Cases) -> list[Any]:
    with Judge(records) as judge:
        return judge.ask({name: node for name, (node, _) in cases.items()})


@pytest.fixture(scope="module")
def answers() -> list[Any]:
    return asked(ONE, SETTLED)


@pytest.mark.parametrize("engine", ["duckdb", "oracle"])
@pytest.mark.parametrize("name", SETTLED)
def test_a_settled_disagreement_stays_settled(answers: list[Any], name: str, engine: str) -> None:
    found = answers[engine == "oracle"].of(name)
    assert found == ({1: SETTLED[name][1]} if SETTLED[name][1] else {})


def test_components_are_those_at_the_offset_that_a_record_states() -> None:
    for engine in asked(AWAY, AT_ITS_OFFSET):
        assert {name: engine.of(name) for name in AT_ITS_OFFSET} == {
            name: {1: expected} for name, (_, expected) in AT_ITS_OFFSET.items()
        }
