"""Every measure of the catalog says of its own test people what it should, on both engines; and its people are enough:
one in each population, every clause seen true and seen false but for those that cannot be.
"""

from __future__ import annotations

import pytest

from salus.catalog import content_paths
from salus.catalog.entries import Entry, entries
from salus.cli.evaluate import ENGINES, tools
from salus.measure.content import Content
from salus.measure.table import table_measures
from salus.measure.testing.cases import Suite, suites
from salus.measure.testing.running import SuiteRun, run_suite, run_table_suite

ENOUGH = 0.85


@pytest.fixture(scope="module")
def content() -> Content:
    return Content.load(content_paths())


def run(entry: Entry, content: Content) -> tuple[Suite, SuiteRun]:
    (suite,) = suites([entry.folder])
    (measure,) = (each for each in content.measures() if each.name == entry.name)
    assert measure.period is not None
    return suite, run_suite(suite, content, measure, measure.period, {name: tools(name) for name in ENGINES})


@pytest.mark.parametrize("entry", [each for each in entries() if not each.of_table], ids=lambda each: each.name)
def test_measure(entry: Entry, content: Content) -> None:
    suite, tested = run(entry, content)
    assert [(each.case.name, each.engine, each.problems) for each in tested.verdicts if each.problems] == []
    assert {each.engine for each in tested.verdicts} == set(ENGINES)
    placed = {name for case in suite.cases for names in case.expected.values() for name in names}
    asked = {code for _, rows in entry.rates() for code in rows if not code.endswith("observation")}
    assert placed == asked, "a population has no test patient"
    assert tested.coverage.seen >= ENOUGH * tested.coverage.there, tested.coverage.gaps


@pytest.mark.parametrize("entry", [each for each in entries() if each.of_table], ids=lambda each: each.name)
def test_measure_of_a_table(entry: Entry) -> None:
    (suite,), (measure,) = suites([entry.folder]), table_measures([entry.folder])
    assert measure.definition.period is not None
    tested = run_table_suite(suite, measure, measure.definition.period)
    assert [(each.case.name, each.problems) for each in tested.verdicts if each.problems] == []
