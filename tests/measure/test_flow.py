"""Membership by scoring: by hand, by rule, and against what the published decks expect."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from salus.measure.definition import parse_measure
from salus.measure.flow import PERMITTED, columns_of, counted, membership

IP, DENOM, DENEX, DENEXCEP, NUMER, NUMEX = PERMITTED["proportion"]
_, MPOP, MPEX = PERMITTED["continuous-variable"]


def unit(scoring: str, *true: str) -> set[str]:
    """The populations a single unit is in, when the criteria named hold for it."""
    criteria = {name: np.array([name in true]) for name in PERMITTED[scoring]}
    return {name for name, inside in membership(scoring, criteria).items() if inside[0]}


@pytest.mark.parametrize(
    ("true", "member"),
    [
        ((DENOM, NUMER), ()),
        ((IP, NUMER), (IP,)),
        ((IP, DENOM, DENEX, NUMER, DENEXCEP), (IP, DENOM, DENEX)),
        ((IP, DENOM, NUMER, DENEXCEP), (IP, DENOM, NUMER)),
        ((IP, DENOM, DENEXCEP), (IP, DENOM, DENEXCEP)),
        ((IP, DENOM, NUMER, NUMEX), (IP, DENOM, NUMER, NUMEX)),
        ((IP, DENOM, NUMEX), (IP, DENOM)),
    ],
)
def test_proportion(true: tuple[str, ...], member: tuple[str, ...]) -> None:
    assert unit("proportion", *true) == set(member)


@pytest.mark.parametrize(
    ("true", "member"),
    [
        ((DENOM, NUMER), ()),
        ((IP, NUMER), (IP, NUMER)),
        ((IP, DENOM, DENEX, NUMER), (IP, DENOM, DENEX, NUMER)),
        ((IP, DENOM, DENEX, NUMER, NUMEX), (IP, DENOM, DENEX, NUMER, NUMEX)),
        ((IP, DENEX, NUMEX), (IP,)),
    ],
)
def test_ratio(true: tuple[str, ...], member: tuple[str, ...]) -> None:
    assert unit("ratio", *true) == set(member)


@pytest.mark.parametrize(
    ("true", "member"),
    [((MPOP, MPEX), ()), ((IP, MPEX), (IP,)), ((IP, MPOP), (IP, MPOP)), ((IP, MPOP, MPEX), (IP, MPOP, MPEX))],
)
def test_continuous_variable(true: tuple[str, ...], member: tuple[str, ...]) -> None:
    assert unit("continuous-variable", *true) == set(member)


def test_cohort() -> None:
    assert (unit("cohort", IP), unit("cohort")) == ({IP}, set())


def test_every_combination_keeps_the_rules_of_a_proportion() -> None:
    names = PERMITTED["proportion"]
    for values in itertools.product([False, True], repeat=len(names)):
        inside = unit("proportion", *(name for name, value in zip(names, values, strict=True) if value))
        m = {name: name in inside for name in names}
        assert m[IP] or not m[DENOM]
        assert m[DENOM] or not (m[DENEX] or m[NUMER])
        assert m[DENEX] + m[NUMER] + m[DENEXCEP] <= m[DENOM]
        assert m[NUMER] or not m[NUMEX]


def test_who_counts_is_not_excluded() -> None:
    flags = {DENOM: np.array([True, True, False]), DENEX: np.array([False, True, False])}
    assert counted(DENOM, flags).tolist() == [True, False, False]
    assert counted(DENOM, {DENOM: flags[DENOM]}).tolist() == [True, True, False]


def test_columns_are_those_of_the_criteria(measure_json: Callable[..., Any]) -> None:
    codes = ("numerator", "initial-population", "denominator", "measure-observation")
    assert columns_of(parse_measure(measure_json(codes=codes)).groups[0]) == (IP, DENOM, NUMER)


CONTRADICTIONS = {
    # The criteria of numerator and denominator exclusion are one define, and the numerator exclusion is asked for
    # without a numerator; two cases of the same kind (1d194a14, d8bb870a) expect it as the rules have it.
    ("CMS1017FHIRHHFI", "60c584aa-4271-4485-bf76-ab79f77fd91f"),
}


def test_the_decks_keep_the_same_rules(shared_data: Callable[[str], Path]) -> None:
    """Every expected count of every group is one that the flow of its scoring can give."""
    lines = shared_data("ecqm/content/Measure.ndjson").read_bytes().splitlines()
    measures = {measure.name: measure for measure in map(parse_measure, map(json.loads, lines))}
    seen: Counter[str] = Counter()
    wrong = set()
    for deck in sorted(shared_data("ecqm/decks").glob("*.ndjson")):
        for line in deck.read_bytes().splitlines():
            report = json.loads(line)["entry"][-1]["resource"]
            measure = measures.get(deck.stem) or measures.get(report["measure"].rpartition("/")[2])
            for group, expected in zip(measure.groups if measure else (), report["group"], strict=False):
                seen[group.scoring] += 1
                wrong |= set() if possible(group.scoring, expected) else {(deck.stem, report["id"])}
    assert seen == {"proportion": 1385, "continuous-variable": 564, "ratio": 34, "cohort": 5}
    assert wrong == CONTRADICTIONS


def possible(scoring: str, group: dict[str, Any]) -> bool:
    """Whether the counts nest as the populations do."""
    n = Counter({each["code"]["coding"][0]["code"]: each["count"] for each in group["population"]})
    below = n["denominator-exclusion"] + n["denominator-exception"] + (scoring == "proportion") * n["numerator"]
    sides = n["initial-population"] >= n["denominator"] >= below and n["initial-population"] >= n["numerator"]
    variable = n["initial-population"] >= n["measure-population"] >= n["measure-population-exclusion"]
    return sides and variable and n["numerator"] >= n["numerator-exclusion"]
