"""Dates put together from components of other dates, on DuckDB: as precise as what they are made of."""

from __future__ import annotations

from typing import Any

import elm_text as elm
import pytest
from conftest_engine import Evaluate, patient

Json = dict[str, Any]
BORN = elm.prop("value", elm.prop("birthDate", elm.ref("Patient")))
UNITS = ("year", "month", "day", "hour", "minute", "second", "millisecond")


def part(name: str, of: Json = BORN) -> Json:
    return elm.op("DateTimeComponentFrom", of, precision=name.capitalize())


def made(*parts: Json, kind: str = "DateTime", **more: Json) -> Json:
    return {"type": kind, **dict(zip(UNITS, parts, strict=False)), **more}


ZERO = elm.literal(0)
DAY = made(part("year"), part("month"), part("day"), ZERO, ZERO, ZERO, ZERO)


def before(moment: Json, *parts: int) -> Json:
    return elm.op("Before", moment, elm.when(*parts))


@pytest.mark.parametrize(
    ("born", "moment", "than", "answer"),
    [
        ("2000-02-29", DAY, (2000, 2, 29, 0, 0, 0, 1), True),
        ("2000-02-29", DAY, (2000, 2, 29, 0, 0, 0, 0), False),
        ("2000-02", DAY, (2000, 2, 15, 0, 0, 0, 0), None),
        ("2000-02", DAY, (2000, 3, 1, 0, 0, 0, 0), True),
        ("2000", DAY, (2000, 1, 1, 0, 0, 0, 0), None),
        ("2000", DAY, (1999, 12, 31, 23, 59, 59, 999), False),
        ("2000-02-29", made(part("year"), part("month")), (2000, 2, 15, 0, 0, 0, 0), None),
        ("2000-02-29", made(part("year"), part("month")), (2000, 3, 1, 0, 0, 0, 0), True),
        ("2000-02-29", made(part("year"), elm.literal(4), elm.literal(31), *4 * (ZERO,)), (2100, 1, 1), None),
        (
            "2000-02-29",
            made(part("year"), part("month"), part("day"), *4 * (ZERO,), timezoneOffset=elm.literal(-5.0)),
            (2000, 2, 29, 5, 0, 0, 1),
            True,
        ),
        (
            "2000-02-29",
            made(part("year"), part("month"), part("day"), *4 * (ZERO,), timezoneOffset=elm.literal(-5.0)),
            (2000, 2, 29, 5, 0, 0, 0),
            False,
        ),
    ],
)
def test_a_moment_made_of_parts(
    evaluate: Evaluate, born: str, moment: Json, than: tuple[int, ...], answer: bool | None
) -> None:
    got = evaluate([patient(birthDate=born)], {"answer": before(moment, *than)})
    assert got["answer"]["p"] is answer


def test_precisions_are_told_apart_patient_by_patient(evaluate: Evaluate) -> None:
    people = [patient("day", birthDate="2000-02-29"), patient("year", birthDate="2000"), patient("none")]
    birthday = made(part("year"), part("month"), part("day"), kind="Date")
    got = evaluate(people, {"answer": elm.op("Before", birthday, elm.op("DateFrom", elm.when(2000, 6, 1)))})
    assert got["answer"] == {"day": True, "year": None, "none": None}


def test_a_date_that_does_not_exist_is_null_also_when_it_is_written_out(evaluate: Evaluate) -> None:
    got = evaluate([patient()], {"answer": before(elm.when(2026, 2, 30), 2027, 1, 1)})
    assert got["answer"]["p"] is None


def test_a_value_set_as_supplemental_data_is_its_url(evaluate: Evaluate) -> None:
    sets = {"valueSets": [{"name": "Race", "id": "http://example.org/race"}]}
    got = evaluate(
        [patient()], {"answer": elm.ref("Race", "ValueSetRef")}, value_sets={"http://example.org/race": []}, **sets
    )
    assert got["answer"]["p"] == "http://example.org/race"
