"""A whole evaluation with an engine that is told what to answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from salus.errors import SalusError, UsageError
from salus.measure.content import Content
from salus.measure.run import Evaluation, Job, Tools, evaluate
from salus.measure.scoring import SCHEMA

Make = Callable[..., Any]
PERIOD = (date(2026, 1, 1), date(2026, 12, 31))
ANSWERS = {
    "initial-population": [True, True, False],
    "denominator": [True, True, True],
    "numerator": [True, None, True],
    "SDE Sex": ["F", "M", None],
}


@pytest.fixture
def content(measure_json: Make, elm: Make, write: Make) -> Path:
    data = [{"id": "sde-sex", "criteria": {"expression": "SDE Sex"}}]
    measures = [measure_json("A", supplementalData=data), measure_json("B", group={"id": "G"})]
    path: Path = write(*measures, elm("A"), elm("B"))
    return path


@pytest.fixture
def job(content: Path, tmp_path: Path) -> Callable[..., Job]:
    def make(**fields: Any) -> Job:
        return Job(tmp_path / "population.duckdb", (content,), PERIOD, tmp_path / "results", **fields)

    return make


@pytest.fixture
def tools(fake_engine: Make, open_patients: Make) -> Tools:
    own = pa.table({"subject_id": ["p1", "p2", "p3"], "race": ["x", "y", "z"]})
    return Tools(
        open_population=open_patients("p1", "p2", "p3"),
        engine=fake_engine(ANSWERS),
        attributes=lambda population, period: lambda wait: own,
        now=lambda: datetime(2027, 1, 1, tzinfo=UTC),
    )


def reports(done: Evaluation) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (done.out / "measure-reports.ndjson").read_bytes().splitlines()]


def test_everything_is_written(job: Make, tools: Tools) -> None:
    done = evaluate(job(), tools)
    determinations = pq.read_table(done.out / "determinations.parquet")
    assert determinations.schema.remove_metadata().equals(SCHEMA)
    rows = determinations.to_pylist()
    assert [(row["measure"], row["group_id"], row["subject_id"]) for row in rows] == [
        (measure, group, subject) for measure, group in (("A", "0"), ("B", "G")) for subject in ("p1", "p2", "p3")
    ]
    assert [(row["denominator"], row["numerator"]) for row in rows[:3]] == [
        (True, True),
        (True, False),
        (False, False),
    ]
    attributes = pq.read_table(done.out / "attributes.parquet")
    assert attributes.to_pydict() == {
        "subject_id": ["p1", "p2", "p3"],
        "race": ["x", "y", "z"],
        "sde_sex": ["F", "M", "unknown"],
    }
    assert [report["group"][0]["measureScore"] for report in reports(done)] == [
        {"value": 0.5},
        {"value": 0.5},
    ]
    assert list(done.reports) == reports(done)


def test_run_json_says_what_was_done(job: Make, tools: Tools) -> None:
    run = json.loads((evaluate(job(), tools).out / "run.json").read_text())
    assert run["period"] == {"start": "2026-01-01", "end": "2026-12-31"}
    assert (run["engine"], run["started"]) == ("duckdb", "2027-01-01T00:00:00+00:00")
    assert run["population"]["patients"] == 3
    assert run["population"]["quarantined"] == 0
    assert run["warnings"] == ["the engine has something to say"]
    assert run["missing_valuesets"] == []
    assert {"content", "engine", "determinations", "attributes", "reports", "engine_steps"} == set(run["timings"])
    assert set(run["versions"]) == {"salus", "duckdb", "python"}
    assert set(run["content"]["measures"]) == {"A|1", "B|1"}
    first = run["measures"][0]
    assert (first["name"], first["scoring"], first["improvement"]) == ("A", "proportion", "increase")
    assert first["library"] == {"name": "A", "version": "1"}
    assert first["groups"][0]["counts"] == {"initial_population": 2, "denominator": 2, "numerator": 1}


def test_one_measure_asks_for_its_own_defines_only(job: Make, tools: Tools) -> None:
    evaluate(job(measures=("B",)), tools)
    asked = [(each.library, each.define) for each in tools.engine.asked]  # type: ignore[attr-defined]
    assert asked == [("B", "initial-population"), ("B", "denominator"), ("B", "numerator")]


def test_individual_reports_are_written_on_request(job: Make, tools: Tools) -> None:
    found = reports(evaluate(job(individual=True, measures=("A",)), tools))
    assert [report["type"] for report in found] == ["summary", "individual", "individual", "individual"]


def test_without_attributes_of_salus(job: Make, tools: Tools) -> None:
    plain = Tools(tools.open_population, tools.engine)
    done = evaluate(job(measures=("B",)), plain)
    assert pq.read_table(done.out / "attributes.parquet").column_names == ["subject_id"]


def test_a_failing_engine_leaves_nothing(job: Make, tools: Tools, tmp_path: Path) -> None:
    def fail(*asked: Any) -> Any:
        raise SalusError("no")

    with pytest.raises(SalusError, match="no"):
        evaluate(job(), Tools(tools.open_population, fail))
    assert [path.name for path in tmp_path.iterdir()] == ["content.ndjson"]


def test_a_wrong_name_stops_before_anything_starts(job: Make, tools: Tools, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no measure 'C'"):
        evaluate(job(measures=("C",)), tools)
    assert not (tmp_path / "results").exists()


def test_a_measure_that_is_not_supported_stops_the_run(
    measure_json: Make, write: Make, job: Make, tools: Tools
) -> None:
    cohort = measure_json("C", codes=("initial-population", "denominator"), scoring={"coding": [{"code": "cohort"}]})
    write(cohort)
    with pytest.raises(SalusError, match="not supported: C, group 0: denominator in a cohort"):
        evaluate(job(), tools)


def test_missing_value_sets_are_told(job: Make, tools: Tools) -> None:
    def engine(population: Any, content: Any, wanted: Any, period: Any) -> Any:
        content.value_set("http://gone", None, "A 1")
        return tools.engine(population, content, wanted, period)

    asking = Tools(tools.open_population, engine, tools.attributes, tools.now)
    with pytest.raises(SalusError, match=r"value set http://gone is not in the content \(asked for by A 1\)"):
        evaluate(job(), asking)
    run = json.loads((evaluate(job(allow_missing_valuesets=True), asking).out / "run.json").read_text())
    assert run["missing_valuesets"] == [{"url": "http://gone", "asked_by": "A 1"}]
    assert any("http://gone" in warning for warning in run["warnings"])


def test_risk_adjustment_data_are_written(measure_json: Make, write: Make, job: Make, tools: Tools, elm: Make) -> None:
    usage = [{"coding": [{"code": "risk-adjustment-factor"}]}]
    data = [{"id": "risk-sex", "criteria": {"expression": "SDE Sex"}, "usage": usage}]
    write(measure_json("A", supplementalData=data), elm("A"))
    done = evaluate(job(), tools)
    assert pq.read_table(done.out / "risk-adjustment.parquet").to_pylist() == [
        {"measure": "A", "element": "risk-sex", "subject_id": "p1", "value": "F"},
        {"measure": "A", "element": "risk-sex", "subject_id": "p2", "value": "M"},
    ]


def test_content_read_before_is_used_again(job: Make, tools: Tools, content: Path) -> None:
    known = Content.load([content])
    content.unlink()
    assert evaluate(job(), tools, known).reports[0]["measure"].endswith("/A|1")


def test_every_published_measure_runs_through(
    shared_data: Callable[[str], Path], tmp_path: Path, open_patients: Make, episodes: Make, fake_engine: Make
) -> None:
    """All 41 with an engine that gives every list two encounters of one patient, and every truth value and number 1."""
    measures = Content.load([shared_data("ecqm/content")]).measures()
    listed = {
        name
        for measure in measures
        for group in measure.groups
        for name in [each.expression for each in group.criteria]
        if group.basis != "boolean"
    }

    def engine(population: Any, content: Any, wanted: Any, period: Any) -> Any:
        tables = {
            each: episodes((1, "x", 1), (1, "y", 1))
            if each.over
            else episodes((1, "x"), (1, "y"))
            if each.define in listed
            else pa.table({"pid": [1, 2], "value": [True, False]})
            for each in wanted
        }
        return fake_engine({}).outcome(tables)

    job = Job(tmp_path / "p.duckdb", (shared_data("ecqm/content"),), PERIOD, tmp_path / "results", individual=True)
    done = evaluate(job, Tools(open_patients("a", "b"), engine))
    rows = pq.read_table(done.out / "determinations.parquet")
    assert rows.schema.remove_metadata().equals(SCHEMA)
    assert len(done.reports) == 41
    assert len(pc.unique(pc.binary_join_element_wise(rows["measure"], rows["group_id"], "/"))) == 52
    assert any("CMS871HHHyperFHIR, group Group_1: observation" in warning for warning in done.warnings)
