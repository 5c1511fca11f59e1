"""Partial dates, intervals, quantities and codes on DuckDB: what is uncertain stays null, what converts is compared."""

from __future__ import annotations

from typing import Any

import elm_text as elm
import pytest
from conftest_engine import Evaluate, Json, encounter, observation, patient

from salus.errors import SalusError

YEAR_2026 = elm.interval(elm.when(2026, 1, 1, 0, 0, 0, 0), elm.when(2026, 12, 31, 23, 59, 59, 999))
EFFECTIVE = elm.prop("value", {"type": "As", "asType": f"{elm.FHIR}dateTime", "operand": elm.prop("effective", "O")})
OBSERVATIONS = elm.retrieve("Observation")


def dated(*texts: str) -> list[dict[str, Any]]:
    return [patient(), *(observation(text, effectiveDateTime=text) for text in texts)]


def kept(evaluate: Evaluate, records: list[dict[str, Any]], condition: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Ids of the observations for which a condition is true, and for which it is false."""
    got = evaluate(
        records,
        {
            "yes": elm.query(OBSERVATIONS, "O", where=condition),
            "no": elm.query(OBSERVATIONS, "O", where=elm.op("Not", condition)),
        },
    )
    return got["yes"]["p"], got["no"]["p"]


DATES = dated("2025", "2026", "2026-06", "2026-06-15", "2026-06-15T12:00:00Z", "2027-01-01T00:30:00+01:00", "2028-02")


@pytest.mark.parametrize(
    ("condition", "yes", "no"),
    [
        (
            elm.op("In", EFFECTIVE, YEAR_2026),
            ["2026-06", "2026-06-15", "2026-06-15T12:00:00Z", "2027-01-01T00:30:00+01:00"],
            ["2025", "2028-02"],  # 2026 agrees with the first and the last instant of the year as far as it goes
        ),
        (
            elm.op("SameOrBefore", EFFECTIVE, elm.when(2026, 6, 15, 11, 0, 0, 0)),
            ["2025"],
            [
                "2026-06-15T12:00:00Z",
                "2027-01-01T00:30:00+01:00",
                "2028-02",
            ],  # 2026, 2026-06 and the 15th may be before
        ),
        (
            elm.op("SameOrBefore", EFFECTIVE, elm.when(2026, 6, 15, 11, 0, 0, 0), precision="Day"),
            ["2025", "2026-06-15", "2026-06-15T12:00:00Z"],
            ["2027-01-01T00:30:00+01:00", "2028-02"],
        ),
        (
            elm.op("SameAs", EFFECTIVE, elm.when(2026, 6, 15, 1, 0, 0, 0), precision="Month"),
            ["2026-06", "2026-06-15", "2026-06-15T12:00:00Z"],
            ["2025", "2027-01-01T00:30:00+01:00", "2028-02"],
        ),
        (elm.op("Equal", EFFECTIVE, elm.when(2026, 6)), ["2026-06"], ["2025", "2027-01-01T00:30:00+01:00", "2028-02"]),
        (
            elm.op("After", EFFECTIVE, elm.when(2026, 6, 15), precision="Day"),
            ["2027-01-01T00:30:00+01:00", "2028-02"],
            ["2025", "2026-06-15", "2026-06-15T12:00:00Z"],
        ),
    ],
)
def test_a_partial_date_is_the_range_it_can_mean(
    evaluate: Evaluate, condition: dict[str, Any], yes: list[str], no: list[str]
) -> None:
    """Neither true nor false: the answer is null, and the row is in neither list."""
    assert kept(evaluate, DATES, condition) == (sorted(yes), sorted(no))


def age_test(op: str, years: int) -> dict[str, Any]:
    born = elm.prop("value", elm.prop("birthDate", elm.ref("Patient")))
    at = elm.op("DateFrom", elm.op("End", YEAR_2026))
    return elm.op(op, elm.op("CalculateAgeAt", born, at, precision="Year"), elm.literal(years))


@pytest.mark.parametrize(
    ("birth", "age"),
    [("2000-12-31", 26), ("2001-01-01", 25), ("2000-02-29", 26), ("2026-12-31", 0), ("2000", 26), ("2000-12", 26)],
)
def test_age_at_the_end_of_the_year(evaluate: Evaluate, birth: str, age: int) -> None:
    """A year or month of birth is enough where every day in it gives the same age."""
    assert evaluate([patient(birthDate=birth)], {"age": age_test("Equal", age)})["age"] == {"p": True}


def test_an_age_at_midyear_is_uncertain_for_a_year_of_birth(evaluate: Evaluate) -> None:
    born = elm.prop("value", elm.prop("birthDate", elm.ref("Patient")))
    age = elm.op(
        "CalculateAgeAt",
        born,
        {"type": "Date", **{k: elm.literal(v) for k, v in zip(("year", "month", "day"), (2026, 6, 15), strict=True)}},
        precision="Year",
    )
    tests = {str(n): elm.op("GreaterOrEqual", age, elm.literal(n)) for n in (25, 26, 27)}
    got = evaluate([patient(birthDate="2000")], tests)
    assert [got[str(n)]["p"] for n in (25, 26, 27)] == [True, None, False]


@pytest.mark.parametrize(
    ("start", "end", "overlaps", "during"),
    [
        ("2025-12-01", "2026-01-02", True, False),
        ("2026-02-01", "2026-03-01", True, True),
        ("2026-02-01", None, True, False),  # a missing end of a Period has not come yet: closed, so the end of time
        (None, "2026-03-01", True, None),  # a missing start is unknown: it may lie in the year or before it
        (None, "2025-03-01", False, False),
        ("2027-02-01", None, False, False),
        (None, None, None, None),
    ],
)
def test_periods_with_missing_ends(
    evaluate: Evaluate, start: str | None, end: str | None, overlaps: bool | None, during: bool | None
) -> None:
    """A missing start is open: unknown, but not after the end (CQL 1.5, Interval, null boundaries)."""
    period = elm.helper("ToInterval", elm.prop("period", elm.first(elm.retrieve("Encounter"))))
    got = evaluate(
        [patient(), encounter("e", "p", start, end)],
        {
            "overlaps": elm.op("Overlaps", period, YEAR_2026),
            "during": elm.op("IncludedIn", period, YEAR_2026),
        },
    )
    if start is None and end == "2026-03-01":
        assert got["overlaps"]["p"] in (True, None)
    else:
        assert got["overlaps"]["p"] is overlaps
    assert got["during"]["p"] is during


def measured(value: float, unit: str | None = None, **more: Any) -> dict[str, Any]:
    system = {"system": "http://unitsofmeasure.org", "code": unit} if unit else {}
    return {"valueQuantity": {"value": value, **system, **more}}


QUANTITY = elm.helper("ToQuantity", {"type": "As", "asType": f"{elm.FHIR}Quantity", "operand": elm.prop("value", "O")})


def test_quantities_convert_before_they_compare(evaluate: Evaluate) -> None:
    records = [
        patient(),
        observation("grams", **measured(2, "g")),
        observation("milligrams", **measured(900, "mg")),
        observation("litres", **measured(5, "L")),
        observation("foreign", valueQuantity={"value": 5, "unit": "g", "system": "local"}),
        observation("less", **measured(2, "g", comparator="<")),
        observation("none"),
    ]
    yes, no = kept(evaluate, records, elm.op("Greater", QUANTITY, elm.quantity(1, "g")))
    assert (yes, no) == (["grams"], ["milligrams"])


def test_a_comparator_is_said_to_leave_a_quantity_without_a_value(evaluate: Evaluate) -> None:
    records = [patient(), observation("less", **measured(2, "g", comparator="<"))]
    got = evaluate(records, {"there": elm.query(OBSERVATIONS, "O", where=elm.op("Not", elm.op("IsNull", QUANTITY)))})
    assert got["there"]["p"] == []
    told = "some Observation have a valueQuantity with a comparator (as < 5), which counts as null"
    assert told in got.outcome.gaps


def test_lowest_quantity_comes_first_whatever_its_unit(evaluate: Evaluate) -> None:
    records = [patient(), observation("g", **measured(2, "g")), observation("mg", **measured(900, "mg"))]
    rows = elm.query(OBSERVATIONS, "O", **{"return": elm.returning(QUANTITY), "sort": elm.by()})
    value = elm.prop("unit", elm.first(rows))
    assert evaluate(records, {"unit": value})["unit"]["p"] == "mg"


def test_sums_stay_in_a_unit_of_their_kind_among_others(evaluate: Evaluate) -> None:
    """The units a column can have are those of the whole population; what is summed is of one kind for each patient."""
    records = [
        patient(),
        observation("g", **measured(2, "g")),
        observation("mg", **measured(500, "mg")),
        patient("q"),
        observation("cm", "q", **measured(3, "cm")),
        patient("both"),
        observation("kg", "both", **measured(3, "kg")),
        observation("m", "both", **measured(3, "m")),
    ]
    values = elm.query(OBSERVATIONS, "O", **{"return": elm.returning(QUANTITY)})
    double = elm.query(OBSERVATIONS, "O", **{"return": elm.returning(elm.op("Subtract", QUANTITY, QUANTITY))})
    total = {"type": "Sum", "source": values}
    got = evaluate(
        records,
        {
            "total": elm.op("Equal", total, elm.quantity(2.5, "g")),
            "length": elm.op("Equal", total, elm.quantity(3, "cm")),
            "unit": elm.prop("unit", elm.first(double)),
        },
    )
    assert got["total"] == {"p": True, "q": None, "both": None}
    assert got["length"] == {"p": None, "q": True, "both": None}
    assert (got["unit"]["p"], got["unit"]["q"]) == ("g", "cm")


SYSTEMS = {
    "codeSystems": [{"name": "S", "id": "s"}],
    "codes": [{"name": "A", "id": "a", "codeSystem": {"name": "S"}}],
    "valueSets": [{"name": "V", "id": "http://v"}],
}
CODED = [
    patient(),
    observation("a", code="a"),
    observation("b", code="b"),
    observation("two", code="x") | {"code": {"coding": [{"system": "t", "code": "a"}, {"system": "s", "code": "a"}]}},
    observation("none") | {"code": {"text": "free text"}},
]


def test_a_code_is_equivalent_by_code_and_system_of_any_coding(evaluate: Evaluate) -> None:
    concept = elm.helper("ToConcept", elm.prop("code", "O"))
    same = elm.op("Equivalent", concept, elm.op("ToConcept", elm.ref("A", "CodeRef")))
    got = evaluate(
        CODED,
        {
            "yes": elm.query(OBSERVATIONS, "O", where=same),
            "no": elm.query(OBSERVATIONS, "O", where=elm.op("Not", same)),
        },
        **SYSTEMS,
    )
    assert got["yes"]["p"] == ["a", "two"]
    assert got["no"]["p"] == ["b", "none"]  # never null


def test_retrieves_by_value_set_and_by_code(evaluate: Evaluate) -> None:
    by_set = elm.retrieve("Observation", elm.ref("V", "ValueSetRef"))
    by_code = elm.retrieve("Observation", elm.op("ToList", elm.ref("A", "CodeRef")))
    got = evaluate(
        CODED, {"set": by_set, "code": by_code}, value_sets={"http://v": [("s", "b"), ("t", "a")]}, **SYSTEMS
    )
    assert got["set"]["p"] == ["b", "two"]
    assert got["code"]["p"] == ["a", "two"]


def test_a_profile_that_stands_for_a_code_selects_by_it(evaluate: Evaluate) -> None:
    loinc = {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]}
    records = [patient(), observation("bp") | {"code": loinc}, observation("other")]
    profile = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-blood-pressure"
    got = evaluate(records, {"bp": elm.retrieve("Observation", template=profile)})
    assert got["bp"]["p"] == ["bp"]


QICORE = "http://hl7.org/fhir/us/qicore/StructureDefinition/qicore-"


def test_what_a_modifier_extension_forbids_was_not_requested(evaluate: Evaluate) -> None:
    url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-DeviceRequest.doNotPerform"

    def request(id_: str, *extensions: Json) -> Json:
        subject = {"reference": "Patient/p"}
        return {"resourceType": "DeviceRequest", "id": id_, "subject": subject, "modifierExtension": list(extensions)}

    records = [
        patient(),
        request("1", {"url": url, "valueBoolean": True}),
        request("2", {"url": url, "valueBoolean": False}),
        request("3"),
        request("4", {"url": "http://other", "valueBoolean": True}),
    ]
    profiles = {
        name: elm.retrieve("DeviceRequest", template=f"{QICORE}{name}")
        for name in ("devicerequest", "devicenotrequested")
    }
    got = evaluate(records, profiles)
    assert got["devicenotrequested"]["p"] == ["1"]
    assert got["devicerequest"]["p"] == ["2", "3", "4"]


def test_a_value_set_of_which_nothing_was_done_is_found_by_its_url(evaluate: Evaluate) -> None:
    def request(id_: str, code: Json) -> Json:
        subject = {"reference": "Patient/p"}
        return {"resourceType": "ServiceRequest", "id": id_, "subject": subject, "doNotPerform": True, "code": code}

    def not_done(url: str) -> Json:
        return {"extension": [{"url": f"{QICORE}notDoneValueSet", "valueCanonical": url}]}

    records = [
        patient(),
        request("1", not_done("http://v|2")),
        request("2", not_done("http://w")),
        request("3", {"coding": [{"system": "s", "code": "a"}]}),
    ]
    by_code = elm.retrieve("ServiceRequest", elm.ref("V", "ValueSetRef"), template=f"{QICORE}servicenotrequested")
    defines = {"code": by_code, "set": by_code | {"codeComparator": "~"}}
    got = evaluate(records, defines, value_sets={"http://v": [("s", "a")], "http://w": []}, **SYSTEMS)
    assert got["set"]["p"] == ["1"]
    assert got["code"]["p"] == ["3"]


def test_what_the_records_lack_is_said(evaluate: Evaluate) -> None:
    missing = elm.retrieve("Observation", elm.ref("V", "ValueSetRef"))
    got = evaluate(
        CODED, {"none": missing, "type": elm.retrieve("Procedure")}, value_sets={"http://v": [("s", "z")]}, **SYSTEMS
    )
    assert got["none"]["p"] == []
    assert 'no Observation has a code of the value set "V" (Main)' in got.outcome.gaps
    assert "the population has no Procedure resources" in got.outcome.gaps


@pytest.mark.parametrize(
    ("define", "message"),
    [
        (
            elm.retrieve("Observation", elm.ref("V", "ValueSetRef")),
            r'value set http://v, which Main 1 \("V"\) asks for',
        ),
        (elm.ref("Nowhere"), 'Main 1 has no define "Nowhere", which Main 1'),
        (elm.ref("X", library="Other"), "Main 1 includes Other 2, which is not in the content"),
        (
            {"type": "FunctionRef", "name": "f", "operand": [], "locator": "4:1-4:3"},
            'Main 1, line 4:1-4:3: .* function "f"',
        ),
        (
            {"type": "Iteration", "scope": "X", "locator": "9:1-9:9"},
            "Main 1, line 9:1-9:9 .*Iteration is not supported",
        ),
        (elm.ref("self"), '"self" is defined in terms of itself'),
    ],
)
def test_what_is_missing_stops_the_run_by_name(evaluate: Evaluate, define: dict[str, Any], message: str) -> None:
    """Even over a population in which it would find nothing."""
    with pytest.raises(SalusError, match=message):
        evaluate(
            [patient()],
            {"self": define},
            includes=[{"localIdentifier": "Other", "path": "Other", "version": "2"}],
            **SYSTEMS,
        )


def test_resources_of_no_patient_are_seen_by_those_who_refer_to_them(evaluate: Evaluate) -> None:
    def request(name: str, who: str, medication: str) -> dict[str, Any]:
        return {
            "resourceType": "MedicationRequest", "id": name, "status": "active", "intent": "order",
            "subject": {"reference": f"Patient/{who}"},
            "medicationReference": {"reference": f"Medication/{medication}"},
        }  # fmt: skip

    drug = {"resourceType": "Medication", "id": "m", "code": {"text": "drug"}}
    records = [patient("p"), patient("q"), request("r", "p", "m"), request("s", "q", "gone"), drug]
    assert evaluate(records, {"X": elm.retrieve("Medication")})["X"] == {"p": ["m"], "q": []}
