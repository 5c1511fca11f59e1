"""A case is a miss when any population differs, and the page counts misses, also those of decks that did not run."""

from __future__ import annotations

from collections import Counter
from typing import Any

import conformance


def bundle(numerator: int) -> dict[str, Any]:
    counts = {"initial-population": 1, "numerator": numerator}
    populations = [{"code": {"coding": [{"code": code}]}, "count": n} for code, n in counts.items()]
    report = {
        "resourceType": "MeasureReport",
        "extension": [{"url": "about", "valueMarkdown": "BP 139/89"}],
        "group": [{"population": populations}],
    }
    return {"entry": [{"resource": {"resourceType": "Patient", "id": "ada"}}, {"resource": report}]}


def test_a_case_keeps_records_and_expectation_apart() -> None:
    case = conformance.read_case(bundle(1))
    assert (case.patient, case.about, len(case.records)) == ("ada", "BP 139/89", 1)
    assert case.expected == Counter({(0, "initial-population"): 1, (0, "numerator"): 1})


def test_misses_name_what_differs() -> None:
    case = conformance.read_case(bundle(1))
    exact = {"ada": Counter({(0, "initial-population"): 1, (0, "numerator"): 1})}
    assert list(conformance.misses([case], exact)) == []
    assert list(conformance.misses([case], {"ada": Counter({(0, "initial-population"): 1})})) == [
        (case, "numerator 1, found 0")
    ]
    assert list(conformance.misses([case], {})) == [(case, "initial-population 1, found 0; numerator 1, found 0")]


def test_too_much_is_a_miss_too() -> None:
    case = conformance.read_case(bundle(0))
    found = {"ada": Counter({(0, "initial-population"): 1, (0, "numerator"): 1})}
    assert list(conformance.misses([case], found)) == [(case, "numerator 0, found 1")]


def test_the_page_counts_what_did_not_run_apart() -> None:
    case = conformance.read_case(bundle(1))
    outcomes = [
        conformance.Outcome("A", 3, ((case, "numerator 1, found 0"),)),
        conformance.Outcome("B", 2, problem="episodes"),
    ]
    text = "\n".join(conformance.page(outcomes))
    assert "2 of 3 cases of 1 decks are exact" in text
    assert "1 decks with 2 cases are not evaluated yet" in text
