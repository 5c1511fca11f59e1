"""The scorecard: every clause is there, figures and gaps are those of the equity table, periods make a trend."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from made_results import determination, grouped, measure_entry, planted, write_results

from salus.catalog.mission import Clause, Mission
from salus.equity.compare import Settings, equity_table
from salus.equity.results import Results
from salus.errors import SalusError, UsageError
from salus.mission.files import write
from salus.mission.page import top
from salus.mission.scorecard import Order, Scorecard, scorecard
from salus.publish.policy import PROFILES
from salus.publish.release import Order as ReleaseOrder
from salus.publish.release import publish


def mission(*clauses: Clause) -> Mission:
    return Mission(Path("mission.toml"), "Ours", clauses, dict.fromkeys((clause.id for clause in clauses), 1))


CARE = Clause("care", "Care", measures=("BloodPressure", "PoorGlucose", "ToCome"))
ALL = Clause("equity", "Equity", every=True, by=("race", "payer", "religion"))
NONE = Clause("access", "Access")
OURS = mission(CARE, ALL, NONE)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("results") / "r2026", people=2000)


@pytest.fixture(scope="module")
def card(results: Path) -> Scorecard:
    return scorecard([results], OURS, ["ToCome"])


def yearly(folder: Path, counts: Mapping[int, tuple[int, int]], improvement: str = "increase") -> list[Path]:
    """A results folder a year: measure M, by one race."""
    made = []
    for year, count in counts.items():
        period = {"start": f"{year}-01-01", "end": f"{year}-12-31"}
        made.append(grouped(folder / str(year), {"White": count}, improvement, period=period))
    return made


def test_every_clause_is_there_in_its_state(card: Scorecard) -> None:
    assert [(kept.clause.id, kept.state) for kept in card.clauses] == [
        ("care", "measured"),
        ("equity", "measured"),
        ("access", "not measured yet"),
    ]
    assert card.clauses[0].lacking == ("ToCome",)
    assert [each.reading.measure.name for each in card.unmapped] == ["NoOne", "Visits"]


def test_figures_are_those_of_the_equity_table(card: Scorecard, results: Path) -> None:
    rows = equity_table(Results.open(results), ["race"], Settings()).to_pylist()
    overall = {row["measure"]: row for row in rows if row["attribute"] == "overall"}
    for each in card.clauses[0].measures:
        given, row = each.reading.estimate, overall[each.reading.measure.name]
        assert given is not None
        assert (given.numerator, given.denominator) == (row["numerator"], row["denominator"])
        assert (given.value, given.low, given.high) == (row["rate"], row["low"], row["high"])


def test_a_measure_that_counts_no_one_has_no_rate(card: Scorecard) -> None:
    (no_one,) = (each.reading for each in card.measures if each.reading.measure.name == "NoOne")
    assert (no_one.estimate, no_one.figure) == (None, "no one counts")


def test_the_planted_gap_comes_first_and_once(card: Scorecard) -> None:
    first = card.gaps[0]
    assert first.claimed
    assert "Uninsured" in first.who
    assert first.people is not None
    assert first.least is not None
    assert first.people > first.least > 0
    of = [(g.measure, g.who) for g in card.gaps if "Uninsured" in g.who and g.measure == "BloodPressure"]
    assert len(of) == 1  # payer Uninsured and uninsured yes are the same people
    claims = [gap.claimed for gap in card.gaps]
    assert claims == sorted(claims, reverse=True)


def test_no_measure_fills_the_page(card: Scorecard) -> None:
    measures = [gap.measure for gap in top(card.gaps)]
    assert measures
    assert max(measures.count(name) for name in measures) <= 2


def test_a_clause_about_everything_says_what_nobody_recorded(card: Scorecard) -> None:
    breadth = card.clauses[1].breadth
    assert breadth is not None
    assert [name for name, _ in breadth.compared] == ["race", "payer"]
    assert breadth.absent == ("religion",)
    assert {gap.attribute for gap in card.clauses[1].gaps} <= {"race", "payer"}


def test_a_clause_keeps_to_its_attributes(results: Path) -> None:
    clause = Clause("care", "Care", measures=("BloodPressure",), by=("sex",))
    (kept,) = scorecard([results], mission(clause), []).clauses
    assert {gap.attribute for gap in kept.gaps} <= {"sex"}
    assert {gap.attribute for each in kept.measures for gap in each.reading.gaps} <= {"sex"}


def test_a_measure_of_an_attribute_tells_no_gap_by_it(tmp_path: Path) -> None:
    results = planted(tmp_path, people=2000)
    run = json.loads((results / "run.json").read_text())
    run["measures"][0]["not_by"] = ["payer", "uninsured"]
    (results / "run.json").write_text(json.dumps(run))
    there = {(gap.measure, gap.attribute) for gap in scorecard([results], OURS, ["ToCome"]).gaps}
    assert not there & {("BloodPressure", "payer"), ("BloodPressure", "uninsured")}
    assert ("PoorGlucose", "payer") in there


def test_two_periods_are_set_side_by_side(tmp_path: Path) -> None:
    folders = yearly(tmp_path, {2026: (180, 200), 2025: (120, 200)})
    (followed,) = scorecard(folders, mission(NONE), []).measures
    assert followed.reading.source.period == ("2026-01-01", "2026-12-31")
    assert followed.trend is not None
    assert [point.estimate.value for point in followed.trend.points] == [0.6, 0.9]
    assert followed.trend.way == "better"
    assert followed.trend.said.startswith("better: +30.0 points (")


def test_which_way_is_better_is_the_measures_to_say(tmp_path: Path) -> None:
    folders = yearly(tmp_path, {2025: (120, 200), 2026: (180, 200)}, "decrease")
    (followed,) = scorecard(folders, mission(NONE), []).measures
    assert followed.trend is not None
    assert followed.trend.way == "worse"


def test_a_small_change_is_not_called_one(tmp_path: Path) -> None:
    folders = yearly(tmp_path, {2025: (120, 200), 2026: (122, 200)})
    (followed,) = scorecard(folders, mission(NONE), []).measures
    assert followed.trend is not None
    assert followed.trend.way == "not clear"


def test_ten_periods_make_a_control_chart(tmp_path: Path) -> None:
    counts = dict.fromkeys(range(2015, 2026), (100, 200)) | {2026: (160, 200)}
    (followed,) = scorecard(yearly(tmp_path, counts), mission(NONE), []).measures
    assert followed.trend is not None
    assert followed.trend.chart is not None
    assert followed.trend.way == "better"
    assert "what is to be expected" in followed.trend.said


def test_a_period_of_another_length_is_left_out_and_said(tmp_path: Path) -> None:
    month = grouped(tmp_path / "m", {"White": (5, 200)}, period={"start": "2024-12-01", "end": "2024-12-31"})
    folders = [*yearly(tmp_path, {2025: (120, 200), 2026: (180, 200)}), month]
    (followed,) = scorecard(folders, mission(NONE), []).measures
    assert followed.trend is not None
    assert len(followed.trend.points) == 2
    assert followed.trend.notes == ("1 of another length, or overlapping, left out",)


def test_the_same_measure_and_period_twice_is_an_error(tmp_path: Path) -> None:
    one, other = (grouped(tmp_path / name, {"White": (10, 20)}) for name in "ab")
    with pytest.raises(UsageError, match=r"M of 2026-01-01 to 2026-12-31 is in both .*a and .*b"):
        scorecard([one, other], mission(NONE), [])


def test_a_folder_that_is_neither(tmp_path: Path) -> None:
    with pytest.raises(SalusError, match="is no results folder"):
        scorecard([tmp_path], mission(NONE), [])


def continuous(folder: Path, method: str, values: Sequence[float], races: Sequence[str] = (), **facts: Any) -> Path:
    rows = [
        determination("Cost", f"p{i}", denominator=None, numerator=None, measure_population=True, observations=[value])
        for i, value in enumerate(values)
    ]
    rows.append(determination("Cost", "out", measure_population=False, initial_population=False))
    group = {"id": "0", "observations": [{"id": "o", "method": method}], "score": sum(values)}
    group["counts"] = {"measure_population": len(values)}
    entry = measure_entry("Cost", "decrease", scoring="continuous-variable", groups=[group]) | facts
    attributes = {"subject_id": [row["subject_id"] for row in rows]}
    return write_results(folder, rows, attributes | ({"race": [*races, "unknown"]} if races else {}), [entry])


@pytest.mark.parametrize(("method", "kind", "value"), [("average", "mean", 20.0), ("median", "time", 15.0)])
def test_a_number_has_an_interval_of_its_own(tmp_path: Path, method: str, kind: str, value: float) -> None:
    values = [10.0, 12.0, 14.0, 15.0, 16.0, 18.0, 55.0]
    (followed,) = scorecard([continuous(tmp_path / "r", method, values)], mission(NONE), []).measures
    given = followed.reading.estimate
    assert given is not None
    assert (given.kind, given.value, given.denominator) == (kind, value, 7)
    assert given.low is not None
    assert given.low < value


def test_a_mean_has_gaps_on_its_own_scale(tmp_path: Path) -> None:
    values = [float(i % 5) for i in range(60)] + [i % 5 + 3.0 for i in range(30)]
    races = ["White"] * 60 + ["Black"] * 30
    folder = continuous(tmp_path / "r", "average", values, races)
    card = scorecard([folder], mission(NONE), [])
    (gap,) = card.gaps
    assert (gap.who, gap.difference, gap.people, gap.sure) == ("Race: Black", 3.0, None, "very sure")
    assert gap.sentence.startswith("Black 5, White 2: +3 (+2.")
    assert "no gap is certain" not in write(card, tmp_path / "s.html")[0].read_text()
    alike = continuous(tmp_path / "a", "average", [float(i % 5) for i in range(90)], races)
    (followed,) = scorecard([alike], mission(NONE), []).measures
    assert (followed.reading.compared, [each.claimed for each in followed.reading.gaps]) == (True, [])
    (total,) = scorecard([continuous(tmp_path / "t", "sum", values, races)], mission(NONE), []).measures
    assert (total.reading.compared, total.reading.gaps) == (False, ())


def test_a_sum_is_told_without_an_interval(tmp_path: Path) -> None:
    (followed,) = scorecard([continuous(tmp_path / "r", "sum", [1_000.0, 2_000.0])], mission(NONE), []).measures
    assert (followed.reading.figure, followed.reading.interval) == ("3,000", "")


def test_a_cohort_is_a_share_of_people(tmp_path: Path) -> None:
    rows = [determination("Who", f"p{i}", initial_population=i < 3, denominator=None) for i in range(4)]
    entry = measure_entry("Who", None, scoring="cohort")
    folder = write_results(tmp_path / "r", rows, {"subject_id": [f"p{i}" for i in range(4)]}, [entry])
    (followed,) = scorecard([folder], mission(NONE), []).measures
    assert followed.reading.figure == "75.0%"


# --- what is written ---


def test_the_page_stands_alone_and_leads_to_its_sources(card: Scorecard, tmp_path: Path) -> None:
    page, data, table = write(card, tmp_path / "scorecard.html")
    text = page.read_text(encoding="utf-8")
    assert "For use inside the house only" in text
    assert 'src="http' not in text
    assert "<script" not in text
    for clause in OURS.clauses:
        assert f'id="clause-{clause.id}"' in text
    assert "There is no measure for this clause yet." in text
    assert "9f2c9f2c" in text  # the hash of the measure
    assert "r2026/run.json" in text
    told = json.loads(data.read_text(encoding="utf-8"))
    assert [each["state"] for each in told["clauses"]] == ["measured", "measured", "not measured yet"]
    assert told["inside"] is True
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    first = next(row for row in rows if row["measure"] == "BloodPressure")
    assert (first["clause"], first["worst_sure"]) in (("care", "sure"), ("care", "very sure"))
    assert [row["clause"] for row in rows if row["state"] == "not measured yet"] == ["access"]


def test_texts_of_measures_are_escaped(tmp_path: Path) -> None:
    rows = [determination("M", f"p{i}") for i in range(20)]
    entry = measure_entry("M", title="<script>alert(1)</script>")
    folder = write_results(tmp_path / "r", rows, {"subject_id": [f"p{i}" for i in range(20)]}, [entry])
    page, _, _ = write(scorecard([folder], mission(NONE), []), tmp_path / "s.html")
    assert "<script" not in page.read_text(encoding="utf-8")


def test_a_scorecard_of_a_release_tells_nothing_that_the_release_does_not(results: Path, tmp_path: Path) -> None:
    release = tmp_path / "release"
    publish(Results.open(results), release, ReleaseOrder(("race", "payer"), policy=PROFILES["cms11"]))
    card = scorecard([release], OURS, ["ToCome"], Order())
    assert not card.inside
    page, data, _ = write(card, tmp_path / "s.html")
    assert "Made of a release" in page.read_text(encoding="utf-8")
    told = json.loads(data.read_text(encoding="utf-8"))
    with (release / "equity.csv").open(encoding="utf-8", newline="") as file:
        shown = {(row["measure"], row["attribute"], row["value"]): row["denominator"] for row in csv.DictReader(file)}
    for gap in told["gaps"]:
        assert shown[gap["measure"], gap["attribute"], gap["value"]] != ""
    for each in told["measures"]:
        assert each["title"] == Results.open(results).measure(each["measure"]).title
        if each["estimate"]:
            assert str(int(each["estimate"]["denominator"])) == shown[each["measure"], "overall", "everyone"]


def test_a_release_that_hides_nothing_is_for_inside_the_house(tmp_path: Path) -> None:
    folder = grouped(tmp_path / "r", {"White": (10, 20)})
    publish(Results.open(folder), tmp_path / "release", ReleaseOrder(policy=PROFILES["none"]))
    assert scorecard([tmp_path / "release"], mission(NONE), []).inside


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("content", ["a"], "content is no object"),
        ("content", {"measures": ["a"]}, "content.measures is no object"),
        ("period", {"start": "2026-01-01", "end": "the end"}, "2026-01-01 to the end, is not of days"),
        ("period", {"start": "2026-12-31", "end": "2026-01-01"}, "starts (2026-12-31) after it ends"),
        ("measures", [{"name": "M", "groups": 3}], "groups is no list"),
    ],
)
def test_a_manifest_of_another_shape_is_named(tmp_path: Path, key: str, value: object, said: str) -> None:
    folder = grouped(tmp_path / "results", {"White": (150, 200), "Asian": (100, 200)})
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (folder / "run.json").write_text(json.dumps(run | {key: value}), encoding="utf-8")
    with pytest.raises(SalusError, match=re.escape(said)):
        scorecard([folder], mission(), [])
