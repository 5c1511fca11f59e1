"""Salus from Python: the whole way on a few people, the same answers as the commands, quick to import, shown well."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from few_people import record

import salus
from salus.api import shown
from salus.cli.evaluate import evaluate_command
from salus.errors import SalusError, UsageError

PEOPLE = 60


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> salus.Population:
    folder = tmp_path_factory.mktemp("people")
    lines = [json.dumps(each) for number in range(PEOPLE) for each in record(number)]
    (folder / "records.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return salus.load(folder / "records.ndjson", into=folder / "population.duckdb")


@pytest.fixture(scope="module")
def results(people: salus.Population) -> salus.Results:
    return salus.evaluate(people, 2026, people.path.with_name("results"), measures="SalusBloodPressureControl")


def test_a_population_says_what_is_inside(people: salus.Population) -> None:
    assert people.contents().patients == PEOPLE
    assert f"{PEOPLE} patients" in repr(people)
    assert "Observation" in people._repr_html_()
    assert repr(salus.population(people.path)) == repr(people)


def test_the_answers_are_those_of_the_command(people: salus.Population, results: salus.Results, tmp_path: Path) -> None:
    from salus.catalog import content_paths

    names, period = ["SalusBloodPressureControl"], salus.api.steps.days(2026)
    evaluate_command(people.path, content_paths(), names, period, tmp_path / "results")
    assert results.determinations == salus.results(tmp_path / "results").determinations
    assert results.attributes.num_rows == PEOPLE


def test_scores_and_gaps_are_tables(results: salus.Results) -> None:
    met = sum(row["numerator"] for row in results.determinations.to_pylist())
    (score,) = results.scores.to_pylist()
    assert (score["denominator"], score["numerator"], score["score"]) == (PEOPLE, met, met / PEOPLE)
    compared = results.equity(by=["uninsured"])
    (gap,) = compared.gaps.to_pylist()
    assert (gap["value"], gap["reference"], gap["sure"]) == ("yes", "no", "very sure")
    assert "Insurance: Uninsured" in repr(compared)
    assert "<table" in compared._repr_html_()


def test_options_reach_the_comparison(results: salus.Results) -> None:
    level = results.equity(["uninsured"], level=0.9, references={"uninsured": "yes"}).table
    assert set(level["level"].to_pylist()) == {0.9}
    crossed = results.equity(["sex"], cross=[("sex", "uninsured")]).table["attribute"].to_pylist()
    assert "sex × uninsured" in crossed
    turned = results.equity(["uninsured"], improvement={"SalusBloodPressureControl": "decrease"})
    assert turned.gaps.num_rows == 0
    with pytest.raises(UsageError, match="no attribute colour"):
        results.equity(["colour"])


def test_what_is_written_stands_in_the_audit_log(results: salus.Results, tmp_path: Path) -> None:
    assert results.report(tmp_path / "report.html").is_file()
    results.equity(["sex"]).write(tmp_path)
    card = salus.scorecard(results)
    assert card.write(tmp_path / "card.html").is_file()
    assert results.publish(tmp_path / "release").joinpath("certificate.json").is_file()
    lines = (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["action"] for line in lines] == ["report", "equity", "scorecard", "publish"]


def test_a_population_is_known_by_what_was_loaded(tmp_path: Path) -> None:
    records = tmp_path / "records.ndjson"
    records.write_text('{"resourceType": "Patient", "id": "p"}\n')
    people = salus.load(records, tmp_path / "people.duckdb")
    for place in ("first", "second"):  # the first types what no measure asked for before
        salus.evaluate(people, 2026, measures=["SalusBloodPressureControl"], out=tmp_path / place)
    loaded, *evaluated = map(json.loads, (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines())
    told = {"path": str(records), "blake3": blake3(records.read_bytes()).hexdigest()}
    assert loaded["read"]["files"] == [told]
    assert {each["read"]["population"]["contents"] for each in evaluated} == {loaded["made"]["contents"]}
    records.write_text('{"resourceType": "Patient", "id": "q"}\n')
    salus.load(records, people.path)
    *_, again = map(json.loads, (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines())
    assert again["made"]["contents"] != loaded["made"]["contents"]


def test_a_scorecard_shows_every_clause(results: salus.Results) -> None:
    card = salus.scorecard(results)
    assert "3 of 21 clauses measured" in repr(card)
    assert "Blood pressure under control" in card._repr_html_()
    assert card.as_dict()["clauses"][0]["id"] == "wellness"
    assert card.page().startswith("<!doctype html>")
    with pytest.raises(UsageError, match="name at least one"):
        salus.scorecard()


def test_results_without_a_place_vanish_with_the_object(people: salus.Population) -> None:
    passing = salus.evaluate(people, ("2026-01-01", "2026-06-30"), measures=["SalusBloodPressureControl"])
    folder = passing.folder
    assert passing.run["period"] == {"start": "2026-01-01", "end": "2026-06-30"}
    del passing
    assert not folder.exists()


@pytest.mark.parametrize("period", ["2026", ("2026-01-01",), ("soon", "later"), None])
def test_a_period_that_is_none(people: salus.Population, period: Any) -> None:
    with pytest.raises(UsageError, match="a period is a year"):
        salus.evaluate(people, period)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        salus.population(tmp_path / "none.duckdb")
    with pytest.raises(UsageError, match="is not there"):
        salus.load(tmp_path / "none", into=tmp_path / "p.duckdb")
    with pytest.raises(SalusError, match="no results folder"):
        salus.results(tmp_path)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        salus.nothing  # noqa: B018


def test_importing_salus_imports_nothing_heavy() -> None:
    code = "import salus, sys; print([n for n in ('duckdb', 'numpy', 'pyarrow', 'rich', 'typer') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert set(salus.__all__) <= set(dir(salus))


def test_what_is_shown_is_escaped() -> None:
    one = shown.Shown("<b>", ("a", "n"), [("<i>", "1")], "<p>", frozenset({"n"}))
    assert "<i>" not in one.html()
    assert "&lt;b&gt;" in one.html()
    assert one.text().splitlines()[0] == "<b>"
