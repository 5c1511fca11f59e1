"""The official CQL suite on both engines: no fewer tests pass than once did (docs/conformance.md names the others)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from salus.conformance import judge, read_suite
from salus.conformance.evaluators import ENGINES
from salus.conformance.front_end import translated

FLOOR = 1_804
EVERY = (
    12  # the SQL engine plans each test by itself, which takes time: every so many are tried here, all by the script
)
FLOOR_OF_SAMPLE = 0.95


def test_the_oracle_passes_no_fewer(shared_data: Callable[[str], Path]) -> None:
    cases = read_suite(shared_data("cql-tests"))
    with ENGINES["oracle"]() as evaluate:
        passed = sum(verdict.passed for verdict in judge(cases, translated, evaluate))
    assert len(cases) == 1_823
    assert passed >= FLOOR


def test_duckdb_passes_what_it_did(shared_data: Callable[[str], Path]) -> None:
    cases = read_suite(shared_data("cql-tests"))[::EVERY]
    with ENGINES["duckdb"]() as evaluate:
        verdicts = list(judge(cases, translated, evaluate))
    assert sum(verdict.passed for verdict in verdicts) / len(verdicts) >= FLOOR_OF_SAMPLE


@pytest.mark.parametrize("engine", ENGINES)
def test_an_error_of_the_evaluation_is_one_of_the_test(engine: str, tmp_path: Path) -> None:
    xml = """<tests xmlns="http://hl7.org/fhirpath/tests" name="T"><group name="G">
      <test name="a"><expression invalid="execution">singleton from {1, 2}</expression></test>
      <test name="b"><expression invalid="semantic">1 + 'a'</expression></test>
      <test name="c"><expression invalid="syntax">1 +</expression></test>
      <test name="d"><expression>1 + 1</expression><output>2</output></test>
      <test name="e"><expression>1 + 1</expression><output>3</output></test></group></tests>"""
    (tmp_path / "T.xml").write_text(xml, encoding="utf-8")
    with ENGINES[engine]() as evaluate:
        verdicts = list(judge(read_suite(tmp_path), translated, evaluate))
    assert [verdict.outcome for verdict in verdicts] == ["passed"] * 4 + ["failed"]
