"""Who people are, rule by rule: the records a rule is about, and the group they lead to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from threading import Event
from typing import Any

from hand_made import ETHNICITY, RACE, Resource, claim, coverage, patient, population, us_core

from salus.equity.attributes import ATTRIBUTES, attributes, attributes_beside
from salus.store import Population, load

PERIOD = date(2026, 1, 1), date(2026, 12, 31)
NULL = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
SOPT = "https://nahdo.org/sopt"


def of(*resources: Resource, period: tuple[date, date] = PERIOD) -> dict[str, str]:
    """The attributes of the one patient among the resources."""
    with population(resources) as opened:
        (row,) = attributes(opened, period).to_pylist()
    return row


def each(attribute: str, *resources: Resource) -> list[str]:
    """One attribute of every patient among the resources, in order of id."""
    with population(resources) as opened:
        return [str(value) for value in attributes(opened, PERIOD)[attribute].to_pylist()]


def told(**text: Any) -> Resource:
    return {"text": text["text"]} if "text" in text else {"coding": [text]}


def test_every_attribute_is_there_and_unknown_when_nothing_is_recorded() -> None:
    assert of(patient()) == {"subject_id": "p"} | {a.name: "unknown" for a in ATTRIBUTES}


def test_a_population_without_patients_has_no_rows_and_all_columns() -> None:
    with population([{"resourceType": "Organization", "id": "o"}]) as opened:
        table = attributes(opened, PERIOD)
    assert table.num_rows == 0
    assert table.column_names == ["subject_id", *(a.name for a in ATTRIBUTES)]


def test_another_thread_finds_the_same_while_this_one_goes_on() -> None:
    people = [patient(id=f"p{n}", extension=[us_core(RACE, ("ombCategory", "2106-3"))]) for n in range(9)]
    with population(people) as opened:
        work = attributes_beside(opened, PERIOD)
        with ThreadPoolExecutor(1) as pool:
            arrow_is_there = Event()
            found = pool.submit(work, arrow_is_there.wait)
            for _ in range(50):
                opened.con.execute("CREATE OR REPLACE TEMP TABLE equity_part AS SELECT 1 AS mine")
            assert not found.done()
            arrow_is_there.set()
        assert found.result().equals(attributes(opened, PERIOD))
    assert found.result()["race"].to_pylist() == ["White"] * 9


def test_race() -> None:
    cases: list[tuple[list[tuple[str, Any]], str]] = [
        ([("ombCategory", "2106-3"), ("text", "White")], "White"),
        ([("ombCategory", "2106-3"), ("ombCategory", "2028-9"), ("text", "mixed")], "Asian; White"),
        ([("ombCategory", "2028-9"), ("detailed", "2054-5")], "Asian"),
        ([("detailed", "2034-7"), ("detailed", "2036-2")], "Asian"),
        ([("text", "Black or African American")], "Black or African American"),
        ([("ombCategory", {"system": NULL, "code": "ASKU"}), ("text", "Other")], "declined"),
        ([("ombCategory", {"system": NULL, "code": "UNK"}), ("text", "Other")], "unknown"),
        ([("ombCategory", {"system": NULL, "code": "UNK"}), ("ombCategory", "2106-3")], "White"),
        ([("ombCategory", "2135-2"), ("text", "Other")], "Hispanic or Latino"),
        ([], "unknown"),
    ]
    people = [patient(f"p{i:02}", extension=[us_core(RACE, *parts)]) for i, (parts, _) in enumerate(cases)]
    assert each("race", *people) == [race for _, race in cases]


def test_ethnicity_is_read_from_its_own_extension() -> None:
    extensions = [us_core(ETHNICITY, ("ombCategory", "2186-5")), us_core(RACE, ("ombCategory", "2106-3"))]
    found = of(patient(extension=extensions))
    assert (found["ethnicity"], found["race"]) == ("Not Hispanic or Latino", "White")


def test_sex() -> None:
    people = [patient(f"p{i}", gender=g) for i, g in enumerate(("female", "male", "other", "unknown"))]
    assert each("sex", *people) == ["Female", "Male", "Other", "unknown"]


def test_age_band() -> None:
    bands = {
        "2008-12-31": "18-44",  # 18 on the last day of the period
        "2009-01-01": "0-17",
        "1961-12-31": "65-74",
        "1951-12-31": "75+",
        "1900": "75+",
        "1962": "45-64",
        "1961": "65-74",
        "1981": "45-64",
        "2026-12-31": "0-17",
        "2027-01-01": "unknown",  # not born in the period
    }
    people = [patient(f"p{i:02}", birthDate=born) for i, born in enumerate(bands)]
    assert each("age_band", *people) == list(bands.values())


def test_a_birthday_on_29_february_comes_on_1_march() -> None:
    born = patient(birthDate="2008-02-29")
    assert of(born, period=(date(2025, 3, 1), date(2026, 2, 28)))["age_band"] == "0-17"
    assert of(born, period=(date(2025, 3, 1), date(2026, 3, 1)))["age_band"] == "18-44"


def test_a_partial_birth_date_that_could_mean_two_bands_is_unknown() -> None:
    assert of(patient(birthDate="2008"), period=(date(2026, 1, 1), date(2026, 6, 30)))["age_band"] == "unknown"


def test_the_preferred_language_counts_else_the_only_one() -> None:
    english, spanish = ({"language": told(system="urn:ietf:bcp:47", code=c)} for c in ("en-US", "es"))
    assert of(patient(communication=[english]))["language"] == "English"
    assert of(patient(communication=[english, spanish]))["language"] == "unknown"
    assert of(patient(communication=[english, spanish | {"preferred": True}]))["language"] == "Spanish"


def test_the_zip_code_of_the_home_address_counts() -> None:
    old = {"postalCode": "02108", "use": "old"}
    left = {"postalCode": "02109", "use": "home", "period": {"end": "2025-12-31"}}
    work, home = {"postalCode": "02110", "use": "work"}, {"postalCode": "02111-1234", "use": "home"}
    assert of(patient(address=[old, left, work, home]))["zip"] == "02111"
    assert of(patient(address=[old, work]))["zip"] == "02110"
    assert of(patient(address=[{"postalCode": "00000"}]))["zip"] == "unknown"
    assert of(patient(address=[{"postalCode": "EC1A 1BB"}]))["zip"] == "unknown"


# --- payer ---


def payer(*records: Resource) -> tuple[str, str]:
    found = of(patient(), *records)
    return found["payer"], found["uninsured"]


def test_a_coverage_of_the_period_counts_by_its_type() -> None:
    private = told(system=SOPT, code="512", display="Commercial Managed Care - PPO")
    assert payer(coverage("c", "2024-01-01", None, type=private)) == ("Private", "no")


def test_a_coverage_without_a_telling_type_counts_by_its_payer() -> None:
    by_name = coverage("c", "2026-01-01", None, payor=[{"display": "Medicaid"}])
    assert payer(by_name) == ("Medicaid", "no")
    organization = {"resourceType": "Organization", "id": "o", "name": "Blue Cross Blue Shield"}
    by_reference = coverage("c", "2026-01-01", None, payor=[{"reference": "Organization/o"}])
    assert payer(by_reference, organization) == ("Private", "no")
    assert payer(coverage("c", "2026-01-01", None)) == ("Insured, kind not known", "no")


def test_self_pay_is_uninsured() -> None:
    self_pay = coverage("c", "2026-01-01", "2026-12-31", type=told(text="Self-Pay / Uninsured"))
    assert payer(self_pay) == ("Uninsured", "yes")


def test_without_any_record_nobody_is_called_uninsured() -> None:
    assert payer() == ("unknown", "unknown")


def test_which_coverages_count() -> None:
    cases = [
        ("2026-12-31", None, "active", True),
        ("2027-01-01", None, "active", False),
        ("2020-01-01", "2026-01-01", "active", True),
        ("2020-01-01", "2025-12-31", "active", False),
        ("2026-01-01", "2026-12-31", "cancelled", True),  # over by now, but it was in force
        ("2026-01-01", None, "cancelled", False),
        ("2026-01-01", None, "entered-in-error", False),
        (None, None, "active", True),
        (None, None, "cancelled", False),
    ]
    records = [patient(f"p{i}") for i in range(len(cases))]
    for i, (start, end, status, _) in enumerate(cases):
        records.append(coverage(f"c{i}", start, end, f"p{i}", status=status, type=told(text="Medicare")))
    assert each("payer", *records) == ["Medicare" if counts else "unknown" for *_, counts in cases]


def test_of_several_coverages_the_latest_in_force_counts() -> None:
    first = coverage("a", "2026-01-01", "2026-06-30", type=told(text="Medicaid"))
    later = coverage("b", "2026-07-01", "2027-06-30", type=told(text="private"))
    assert payer(first, later) == ("Private", "no")


def test_medicare_with_medicaid_is_dual_and_medicare_comes_before_a_supplement() -> None:
    medicare, medicaid, private = (
        coverage(name, "2026-01-01", None, type=told(text=name)) for name in ("medicare", "medicaid", "private")
    )
    assert payer(medicare, medicaid) == ("Dual eligible", "no")
    assert payer(private, medicare) == ("Medicare", "no")


def test_claims_count_when_no_coverage_does_the_latest_first() -> None:
    records = [
        claim("a", "2026-02-01", {"display": "Humana"}),
        claim("b", "2026-03-01", {"display": "NO_INSURANCE"}),
        claim("c", "2027-01-01", {"display": "Medicare"}),
    ]
    assert payer(*records) == ("Uninsured", "yes")
    assert payer(*records, coverage("d", "2026-01-01", None, type=told(text="Medicaid"))) == (
        "Medicaid",
        "no",
    )


def test_claims_older_than_two_years_before_the_period_say_nothing() -> None:
    assert payer(claim("a", "2024-01-01", {"display": "Humana"})) == ("Private", "no")
    assert payer(claim("a", "2023-12-31", {"display": "Humana"})) == ("unknown", "unknown")


def test_cancelled_claims_do_not_count() -> None:
    assert payer(claim("a", "2026-01-01", {"display": "Humana"}, status="cancelled")) == (
        "unknown",
        "unknown",
    )


def test_a_coverage_contained_in_a_claim_is_read_from_the_record_as_it_came() -> None:
    contained = {"resourceType": "Coverage", "id": "coverage", "type": {"text": "no_insurance"}}
    strange = {"resourceType": "Coverage", "id": "other", "type": {"text": "Medicare"}}
    record = claim(
        "a", "2026-05-01", {"reference": "#coverage"}, "ExplanationOfBenefit", contained=[strange, contained]
    )
    assert payer(record) == ("Uninsured", "yes")
    coded = contained | {"type": told(system=SOPT, code="211")}
    named = claim("a", "2026-05-01", {"reference": "#coverage", "display": "Acme"}, contained=[coded])
    assert payer(named) == ("Medicaid", "no")
    by_payor = {"resourceType": "Coverage", "id": "coverage", "payor": [{"display": "Cigna Health"}]}
    assert payer(claim("a", "2026-05-01", {"reference": "#coverage"}, contained=[by_payor])) == (
        "Private",
        "no",
    )


def test_a_claim_may_refer_to_a_coverage_that_stands_on_its_own() -> None:
    ended = coverage("c", "2025-01-01", "2025-12-31", type=told(text="Medicaid"))
    assert payer(ended, claim("a", "2025-06-01", {"reference": "Coverage/c"})) == ("Medicaid", "no")


def test_a_claim_tells_the_kind_of_an_insurance_that_the_coverage_leaves_open() -> None:
    kindless = coverage("c", "2026-01-01", None)
    assert payer(kindless, claim("a", "2026-06-01", {"display": "Medicare"})) == ("Medicare", "no")
    uninsured_before = claim("a", "2024-06-01", {"display": "NO_INSURANCE"})
    assert payer(kindless, uninsured_before) == ("Insured, kind not known", "no")


def test_people_are_kept_apart_and_in_order_and_nothing_is_left_behind() -> None:
    medicare = coverage("c", "2026-01-01", None, of="b", type=told(text="Medicare"))
    with population([patient("b", gender="male"), patient("a", gender="female"), medicare]) as opened:
        attributes(opened, PERIOD)  # types what it needs
        before = tables(opened)
        rows = [(r["subject_id"], r["sex"], r["payer"]) for r in attributes(opened, PERIOD).to_pylist()]
        assert tables(opened) == before
    assert rows == [("a", "Female", "unknown"), ("b", "Male", "Medicare")]


def tables(opened: Population) -> list[tuple[str]]:
    made: list[tuple[str]] = opened.con.execute("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
    return made


def test_demographics_of_public_records_by_an_independent_count(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    """1,144 synthetic people of Kansas: the first race category, gender and language, counted from the JSON
    itself.
    """
    load([shared_data("fhir/bulk-demographics-1144.tar.xz")], tmp_path / "population.duckdb")
    with Population.open(tmp_path / "population.duckdb") as opened:
        table = attributes(opened, PERIOD)
        records = [json.loads(text) for (text,) in opened.con.execute('SELECT json FROM raw."Patient"').fetchall()]
    races = Counter(displayed_race(record) for record in records)
    assert table.num_rows == 1144
    assert Counter(table["race"].to_pylist()) == races
    assert Counter(table["sex"].to_pylist()) == Counter(record["gender"].capitalize() for record in records)
    english = [r for r in records if r["communication"][0]["language"]["text"].startswith("English")]
    assert table["language"].to_pylist().count("English") == len(english)
    assert set(table["payer"].to_pylist()) == {"unknown"}


def displayed_race(record: Resource) -> str:
    """The display of the one race coding; here a display never contradicts its code, save for the unknown."""
    (race,) = (e for e in record["extension"] if e["url"] == RACE)
    display = next(str(part["valueCoding"]["display"]) for part in race["extension"] if part["url"] == "ombCategory")
    return "unknown" if display == "Unknown" else display


# --- site ---

CLINIC = {"resourceType": "Organization", "id": "clinic", "name": " Harbour Clinic "}
HOSPITAL = {"resourceType": "Organization", "id": "hospital", "name": "Hill Hospital"}


def visit(id: str, day: str, at: Resource | None, **elements: Any) -> Resource:
    made: Resource = {"resourceType": "Encounter", "id": id, "status": "finished", "period": {"start": day, "end": day}}
    made |= {"subject": {"reference": "Patient/p"}} | ({"serviceProvider": at} if at else {})
    return made | elements


def to(organization: Resource) -> Resource:
    return {"reference": f"Organization/{organization['id']}"}


def the_site(*records: Resource, **elements: Any) -> str:
    return of(patient(**elements), CLINIC, HOSPITAL, *records)["site"]


def test_the_site_is_the_organization_of_most_visits_of_the_period() -> None:
    clinic = [visit(day, day, to(CLINIC)) for day in ("2026-02-01", "2026-03-01")]
    assert the_site(*clinic, visit("h", "2026-11-01", to(HOSPITAL))) == "Harbour Clinic"
    before = [visit(day, day, to(HOSPITAL)) for day in ("2025-02-01", "2025-03-01", "2025-04-01")]
    assert the_site(*clinic, *before) == "Harbour Clinic"
    missed = [visit(f"m{n}", "2026-05-01", to(HOSPITAL), status="cancelled") for n in range(3)]
    assert the_site(*clinic, *missed) == "Harbour Clinic"


def test_of_as_many_visits_the_last_decides() -> None:
    assert the_site(visit("a", "2026-02-01", to(CLINIC)), visit("b", "2026-03-01", to(HOSPITAL))) == "Hill Hospital"
    assert the_site(visit("a", "2026-04-01", to(CLINIC)), visit("b", "2026-03-01", to(HOSPITAL))) == "Harbour Clinic"


def test_a_stay_that_began_before_the_period_counts() -> None:
    stay = visit("s", "2025-12-20", to(HOSPITAL), period={"start": "2025-12-20", "end": "2026-01-03"})
    assert the_site(stay) == "Hill Hospital"


def test_without_a_visit_the_organization_that_keeps_the_record_stands_in() -> None:
    assert the_site(managingOrganization=to(CLINIC)) == "Harbour Clinic"
    assert the_site(visit("v", "2026-02-01", None), managingOrganization=to(CLINIC)) == "Harbour Clinic"
    assert the_site(visit("v", "2026-02-01", to(HOSPITAL)), managingOrganization=to(CLINIC)) == "Hill Hospital"
    assert the_site() == "unknown"


def test_a_site_is_called_by_its_name_else_as_the_visit_says_else_by_its_id() -> None:
    assert the_site(visit("v", "2026-02-01", {"reference": "Organization/x", "display": "Mill"})) == "Mill"
    assert the_site(visit("v", "2026-02-01", {"reference": "Organization/x"})) == "x"
    assert the_site(visit("v", "2026-02-01", {"display": "Mill"})) == "Mill"
    assert the_site(visit("v", "2026-02-01", {"reference": "https://ehr.example/Organization/clinic"})) == (
        "Harbour Clinic"
    )


def test_two_sites_of_one_name_are_told_apart() -> None:
    other = CLINIC | {"id": "other", "name": "Harbour Clinic"}
    people = [patient("a"), patient("b"), patient("c"), CLINIC, other]
    visits = [
        visit(who, "2026-02-01", to(at), subject={"reference": f"Patient/{who}"})
        for who, at in (("a", CLINIC), ("b", other), ("c", CLINIC))
    ]
    found = ["Harbour Clinic (clinic)", "Harbour Clinic (other)", "Harbour Clinic (clinic)"]
    assert each("site", *people, *visits) == found
