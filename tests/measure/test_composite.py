"""Composite measures, by the tables of the Quality Measure IG ("Composite Measures") and worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from salus.equity.counting import count_cells
from salus.equity.means import mean_table
from salus.equity.results import Results
from salus.errors import SalusError, UsageError
from salus.measure.components import with_components
from salus.measure.content import Content
from salus.measure.definition import parse_measure
from salus.measure.explain.opened import opened
from salus.measure.flow import POPULATIONS
from salus.measure.run import Evaluation, Job, Tools, evaluate

Make = Callable[..., Any]
Json = dict[str, Any]
QM = "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-"
PERIOD = (date(2026, 1, 1), date(2026, 12, 31))
CODES = ("initial-population", "denominator", "denominator-exclusion", "denominator-exception", "numerator")
LETTERS = {"T": "pdn", "F": "pd", "-": "", "x": "pdx", "e": "pde", "N": "pden"}
"""A person in a component: met, missed, not in it; excluded; excepted; would be excepted, but met it."""

IG_TABLE = """
    T T T T F T T F T T
    T T T - F T - T F T
    T T T - T T - F T T
    F T T - T T - T - T
    F T T - T - - F - F
    T T F - T - - T - F
    - - - T T - T F - T
    F T T T T F T T - T
    F T F F F F T T T T
    T T T T F T T T T T
"""
"""Ten people (columns) in ten measures (rows): 59 of 79 opportunities, and shares that average 76.5%."""


def coded(code: str) -> Json:
    return {"coding": [{"code": code}]}


def extension(name: str, key: str, value: Any) -> Json:
    return {"url": QM + name, key: value}


def component(name: str, group: str = "", weight: float | None = None, version: str = "|1") -> Json:
    said = [extension("groupId", "valueString", group)] if group else []
    said += [extension("weight", "valueDecimal", weight)] if weight is not None else []
    found = {"type": "composed-of", "resource": f"http://example.org/Measure/{name}{version}"}
    return found | ({"extension": said} if said else {})


@pytest.fixture
def run(
    measure_json: Make, elm: Make, write: Make, fake_engine: Make, open_patients: Make, tmp_path: Path
) -> Callable[..., Evaluation]:
    """Evaluate a composite over components told as letters, a person each; `falls` names those to be lowered."""

    def make(
        composite: Json, letters: Mapping[str, str], falls: Sequence[str] = (), asked: Sequence[str] = ("Whole",)
    ) -> Evaluation:
        measures, answers = [], {}
        for name, row in letters.items():
            direction = "decrease" if name in falls else "increase"
            each = measure_json(name, codes=CODES, improvementNotation=coded(direction))
            for population, letter in zip(each["group"][0]["population"], "pdxen", strict=True):
                population["criteria"]["expression"] = define = f"{name} {letter}"
                answers[define] = [letter in LETTERS[mark] for mark in row]
            measures.append(each)
        people = [chr(ord("a") + place) for place in range(max(map(len, letters.values())))]
        content = write(composite, *measures, *(elm(name) for name in letters))
        tools = Tools(open_population=open_patients(*people), engine=fake_engine(answers))
        return evaluate(Job(tmp_path / "p.duckdb", (content,), PERIOD, tmp_path / "results", tuple(asked)), tools)

    return make


def whole(method: str, *parts: Json, **fields: Any) -> Json:
    return {
        "resourceType": "Measure",
        "name": "Whole",
        "url": "http://example.org/Measure/Whole",
        "version": "1",
        "scoring": coded("composite"),
        "compositeScoring": coded(method),
        "relatedArtifact": [{"type": "citation", "label": "x"}, *parts],
        **fields,
    }


def members(done: Evaluation, measure: str = "Whole") -> list[tuple[str, str, str]]:
    """Subject, unit and the first letters of the populations it is in."""
    short = dict(zip(POPULATIONS, ("p", "d", "x", "e", "n", "-", "m", "y"), strict=True))
    rows = pq.read_table(done.out / "determinations.parquet").to_pylist()
    return [
        (row["subject_id"], row["unit_id"], "".join(short[name] for name in POPULATIONS if row[name]))
        for row in rows
        if row["measure"] == measure
    ]


def score(done: Evaluation, measure: str = "Whole") -> float | None:
    report = next(each for each in done.reports if f"/{measure}|" in each["measure"])
    value = report["group"][-1]["measureScore"].get("value")
    return None if value is None else float(value)


def ig_table() -> dict[str, str]:
    return {f"M{place}": row.replace(" ", "") for place, row in enumerate(map(str.strip, IG_TABLE.strip().split("\n")))}


@pytest.mark.parametrize(("method", "expected"), [("opportunity", 59 / 79), ("linear", 0.764762)])
def test_the_table_of_the_guide(method: str, expected: float, run: Make) -> None:
    letters = ig_table()
    done = run(whole(method, *map(component, letters)), letters)
    assert score(done) == pytest.approx(expected, abs=1e-6)


def test_all_or_nothing_of_people(run: Make) -> None:
    """a meets both, b one, c the only one there is for them; d is excluded from one; e is excepted from one and
    misses the other; f is excepted from one and meets the other; g is excepted from the only one; h is in none."""
    letters = {"One": "TTT" + "TFTe-", "Two": "TF-" + "xeN--"}
    done = run(whole("all-or-nothing", component("One"), component("Two")), letters)
    assert [mine for _, _, mine in members(done)] == ["pdn", "pd", "pdn", "pdx", "pde", "pdn", "pde", ""]
    assert score(done) == 3 / 4
    group = next(each for each in done.reports if "/Whole|" in each["measure"])["group"][0]
    assert group["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "composite"
    assert [(each["code"]["coding"][0]["code"], each["count"]) for each in group["population"]] == [
        *[("initial-population", 7), ("denominator", 7), ("denominator-exclusion", 1)],
        *[("denominator-exception", 2), ("numerator", 3)],
    ]


def test_opportunities_are_people_in_components(run: Make) -> None:
    done = run(whole("opportunity", component("One"), component("Two")), {"One": "Txe-", "Two": "F-N-"})
    assert members(done) == [
        *[("a", "One/0", "pdn"), ("a", "Two/0", "pd")],
        ("b", "One/0", "pdx"),
        *[("c", "One/0", "pde"), ("c", "Two/0", "pdn")],
        ("d", "d", ""),
    ]
    assert score(done) == pytest.approx(2 / 3)
    about = json.loads((done.out / "run.json").read_text())["measures"]
    (group,) = next(each for each in about if each["name"] == "Whole")["groups"]
    assert (group["scoring"], group["unit"], group["score"]) == ("proportion", "opportunity", 2 / 3)
    assert [each["measure"] for each in group["composite"]["components"]] == ["One", "Two"]


def test_linear_is_a_mean_of_shares(run: Make) -> None:
    """a has both of two, b one of two, c one of one; d is excluded from the only one, e excepted."""
    done = run(whole("linear", component("One"), component("Two")), {"One": "TTTxe", "Two": "TF---"})
    assert [mine for _, _, mine in members(done)] == ["pm", "pm", "pm", "pmy", "pm"]
    assert score(done) == pytest.approx(2.5 / 3)
    rows = pq.read_table(done.out / "determinations.parquet").to_pylist()
    assert [row["observations"] for row in rows if row["measure"] == "Whole"] == [[1.0], [0.5], [1.0], [], [None]]


def test_weighted_is_a_mean_of_scores(run: Make) -> None:
    """1/2 and 1/4 with weights 3 and 1; nobody is in the third, which then weighs nothing."""
    parts = [component("One", weight=3), component("Two"), component("Three", weight=9)]
    done = run(whole("weighted", *parts), {"One": "TF--", "Two": "TFFF", "Three": "----"})
    assert score(done) == pytest.approx((3 * 0.5 + 0.25) / 4)


@pytest.mark.parametrize(
    ("method", "expected"), [("opportunity", 5 / 6), ("linear", 5 / 6), ("weighted", 5 / 6), ("all-or-nothing", 0.5)]
)
def test_a_component_to_be_lowered_is_met_by_who_is_not_in_it(method: str, expected: float, run: Make) -> None:
    """Section "Improvement Notation": of such a component those count who are not in its numerator."""
    letters = {"One": "TT", "Two": "TF", "Harm": "FF"}
    parts = [component(name) for name in letters]
    assert score(run(whole(method, *parts), letters, falls=["Harm"])) == pytest.approx(expected)


def test_of_a_composite_to_be_lowered_components_that_fall_stay(run: Make) -> None:
    composite = whole("opportunity", component("Harm"), component("Loss"), improvementNotation=coded("decrease"))
    assert score(run(composite, {"Harm": "TF", "Loss": "FF"}, falls=["Harm", "Loss"])) == 1 / 4


def test_equity_reads_composites_as_what_they_come_to(run: Make) -> None:
    done = run(whole("opportunity", component("One"), component("Two")), {"One": "TT", "Two": "FT"})
    cells = [cell for cell in count_cells(Results.open(done.out)) if cell.measure == "Whole"]
    assert [(cell.x, cell.n) for cell in cells] == [(3, 4)]


def test_equity_has_means_of_shares(run: Make) -> None:
    done = run(whole("linear", component("One"), component("Two")), {"One": "TT", "Two": "FT"})
    (row,) = mean_table(Results.open(done.out)).to_pylist()
    assert (row["measure"], row["figure"], row["people"]) == ("Whole", 0.75, 2)


def test_a_composite_in_a_group_of_its_measure(measure_json: Make, run: Make) -> None:
    """Groups of one measure, and beside them the composite of them (requirement 5.10)."""
    own = [extension("component", "valueRelatedArtifact", component("Both", group=each)) for each in ("A", "B")]
    method = extension("compositeScoring", "valueCodeableConcept", coded("all-or-nothing"))
    both = measure_json("Both", codes=CODES, group={"id": "A"})
    both["group"] += [both["group"][0] | {"id": "B"}, {"id": "C", "extension": [method, *own]}]
    measure = parse_measure(both)
    assert [(group.id, group.scoring) for group in measure.groups][2] == ("C", "proportion")
    assert [group.id for group in measure.with_logic] == ["A", "B"]
    assert measure.criteria() == CODES
    ((found,), _) = with_components([measure], [measure], asked=True)
    composite = found.groups[2].composite
    assert composite is not None
    assert [each.key for each in composite.components] == ["Both/A", "Both/B"]
    assert [each.code for each in found.groups[2].populations] == list(CODES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"compositeScoring": None}, "composite scoring 'is not given' is not one of all-or-nothing, opportunity"),
        ({"relatedArtifact": [component("One")]}, "two components or more, and this has 1"),
        (
            {"relatedArtifact": [component("One"), component("None")]},
            "its component http://example.org/Measure/None|1 is not in the content",
        ),
        ({"relatedArtifact": [component("One"), component("One")]}, "is one that it already has"),
        ({"relatedArtifact": [component("One"), component("Two", "G")]}, "Two|1, group G is no group of its measure"),
        ({"relatedArtifact": [component("One"), component("Two", weight=-1)]}, "weighs -1, which is no number from 0"),
        ({"extension": [extension("populationBasis", "valueCode", "Encounter")]}, "of people, and its basis is Enc"),
        ({"relatedArtifact": [component("One"), component("Whole", version="")]}, "is a composite, and composites"),
    ],
)
def test_what_makes_no_composite_is_said(change: Json, words: str, run: Make) -> None:
    with pytest.raises(SalusError) as told:
        run(whole("opportunity", component("One"), component("Two")) | change, {"One": "T", "Two": "T"})
    assert words in str(told.value)


def test_another_scoring_makes_no_composite(measure_json: Make, write: Make) -> None:
    parts = [measure_json("One"), measure_json("Two", codes=CODES[:1], scoring=coded("cohort"))]
    content = Content.load([write(whole("linear", component("One"), component("Two")), *parts)])
    there = content.measures()
    with pytest.raises(SalusError, match=r"Two\|1 is a cohort, and composites are made of proportions"):
        with_components(there, there, asked=True)


def test_a_composite_that_nobody_asked_for_is_left_out(run: Make) -> None:
    done = run(whole("opportunity", component("One"), component("None")), {"One": "TF"}, asked=())
    assert [each["measure"] for each in done.reports] == ["http://example.org/Measure/One|1"]
    said = "measure Whole: its component http://example.org/Measure/None|1 is not in the content"
    assert f"left out: {said}" in done.warnings


def test_a_component_in_another_version_is_taken_with_a_note(run: Make) -> None:
    done = run(whole("opportunity", component("One", version="|7"), component("Two")), {"One": "T", "Two": "F"})
    assert score(done) == 0.5
    assert any("One|7 is not there in that version; 1 is taken" in each for each in done.warnings)


def test_a_composite_is_explained_by_its_components(run: Make) -> None:
    done = run(whole("opportunity", component("One"), component("Two")), {"One": "T", "Two": "F"})
    (done.out.parent / "p.duckdb").touch()
    with pytest.raises(UsageError, match=r"no logic of its own; explain what it is of: .*One.*Two"):
        opened(done.out, "Whole").__enter__()
