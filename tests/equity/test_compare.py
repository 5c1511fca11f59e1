"""The equity table: what counts, whom each group is compared with, and what is never left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from made_results import determination, grouped, measure_entry, planted, write_results

from salus.equity import intervals
from salus.equity.compare import SCHEMA, Settings, equity_table, write_table
from salus.equity.results import Results
from salus.errors import SalusError, UsageError


def rows(folder: Path, *by: str, **settings: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """(attribute, group) -> row, of a folder with one measure."""
    table = equity_table(Results.open(folder), by, Settings(**settings))
    assert table.schema == SCHEMA
    return {(row["attribute"], row["value"]): row for row in table.to_pylist()}


def test_every_figure_of_a_small_table_by_hand(tmp_path: Path) -> None:
    found = rows(grouped(tmp_path, {"White": (60, 100), "Black": (20, 50), None: (9, 20)}))
    everyone, black = found["overall", "everyone"], found["race", "Black"]
    assert (everyone["numerator"], everyone["denominator"], everyone["rate"]) == (89, 170, 89 / 170)
    assert black["reference"] == "White"
    assert black["difference"] == pytest.approx(-0.2)
    assert black["ratio"] == pytest.approx(2 / 3)
    assert black["people"] == pytest.approx(10)  # 50 people, 20 points short of the reference
    low, high = intervals.difference(20, 50, 60, 100)
    assert (black["difference_low"], black["difference_high"]) == (pytest.approx(low), pytest.approx(high))
    assert (black["people_low"], black["people_high"]) == (
        pytest.approx(-50 * high),
        pytest.approx(-50 * low),
    )
    assert black["p"] == pytest.approx(float(intervals.equal_p(20, 50, 60, 100)))
    assert black["missing_share"] == pytest.approx(20 / 170)
    assert (black["verdict"], found["race", "White"]["verdict"]) == ("worse", "reference")


def test_what_counts_is_denominator_without_exclusions_and_exceptions(tmp_path: Path) -> None:
    facts: list[dict[str, bool]] = [
        {"numerator": True},
        {},
        {"numerator": True, "numerator_exclusion": True},
        {"denominator_exclusion": True, "numerator": True},
        {"denominator_exception": True},
        {"denominator": False, "numerator": True},
    ]
    determinations = [determination("M", f"p{i}", **fact) for i, fact in enumerate(facts)]
    determinations[1]["denominator_exclusion"] = None  # a measure without exclusions
    attributes = {"subject_id": [f"p{i}" for i in range(6)], "sex": ["Female"] * 6}
    write_results(tmp_path, determinations, attributes, [measure_entry("M")])
    found = rows(tmp_path)["sex", "Female"]
    assert (found["numerator"], found["denominator"]) == (1, 3)


def test_the_reference_is_the_largest_known_group_and_never_unknown(tmp_path: Path) -> None:
    groups = {"unknown": (50, 300), "declined": (20, 200), "Asian": (30, 60), "White": (20, 50)}
    found = rows(grouped(tmp_path, groups))
    assert {row["reference"] for (attribute, _), row in found.items() if attribute == "race"} == {"Asian"}
    assert found["race", "unknown"]["verdict"] == "worse"
    assert found["race", "unknown"]["difference"] is not None


def test_a_reference_can_be_chosen(tmp_path: Path) -> None:
    folder = grouped(tmp_path, {"White": (60, 100), "Black": (20, 50)})
    found = rows(folder, references={"race": "Black"})
    assert found["race", "White"]["verdict"] == "better"
    assert found["race", "White"]["people"] == pytest.approx(-20)
    with pytest.raises(UsageError, match="no group 'Green' in race; there are: Black, White"):
        rows(folder, references={"race": "Green"})


def test_missing_people_and_blank_values_are_a_group(tmp_path: Path) -> None:
    """One has a null, one a blank, one has no row among the attributes."""
    attributes = {"subject_id": ["a", "b", "c"], "race": ["White", None, "  "]}
    determinations = [determination("M", s, numerator=True) for s in "abcd"]
    write_results(tmp_path, determinations, attributes, [measure_entry("M")])
    assert rows(tmp_path)["race", "unknown"]["denominator"] == 3


def test_too_few_is_a_verdict_and_the_group_stays(tmp_path: Path) -> None:
    found = rows(grouped(tmp_path, {"White": (60, 100), "Black": (0, 10)}))["race", "Black"]
    assert (found["verdict"], found["reliability"], found["denominator"]) == ("too few to say", "too few", 10)
    assert found["difference"] == pytest.approx(-0.6)
    assert found["p"] is None
    assert found["people"] is None
    at_ten = rows(tmp_path, minimum=10)["race", "Black"]
    assert at_ten["verdict"] == "worse"


def test_a_reference_too_small_to_lean_on_compares_nobody(tmp_path: Path) -> None:
    found = rows(grouped(tmp_path, {"White": (5, 8), "Black": (2, 5), "unknown": (30, 90)}))
    assert found["race", "unknown"]["verdict"] == "too few to say"


def test_nobody_is_said_and_not_written_as_zero(tmp_path: Path) -> None:
    determinations = [determination("M", s, denominator=False) for s in "ab"]
    attributes = {"subject_id": ["a", "b"], "race": ["White", "Black"]}
    write_results(tmp_path, determinations, attributes, [measure_entry("M")])
    found = rows(tmp_path)
    assert {row["verdict"] for row in found.values()} == {"no one"}
    assert {row["rate"] for row in found.values()} == {None}
    assert {row["missing_share"] for row in found.values()} == {None}
    assert set(found) == {("overall", "everyone"), ("race", "White"), ("race", "Black")}


def test_a_group_nobody_of_which_counts_stays_visible(tmp_path: Path) -> None:
    determinations = [determination("M", f"p{i}", numerator=i < 10) for i in range(20)]
    attributes = {"subject_id": [f"p{i}" for i in range(21)], "race": ["White"] * 20 + ["Asian"]}
    write_results(tmp_path, determinations, attributes, [measure_entry("M")])
    assert rows(tmp_path)["race", "Asian"]["verdict"] == "no one"


def test_the_sign_follows_the_improvement_notation(tmp_path: Path) -> None:
    groups = {"White": (20, 100), "Black": (30, 60)}
    lower = rows(grouped(tmp_path / "lower", groups, "decrease"))["race", "Black"]
    assert (lower["verdict"], lower["people"]) == ("worse", pytest.approx(18))  # 18 fewer
    higher = rows(grouped(tmp_path / "higher", groups))["race", "Black"]
    assert (higher["verdict"], higher["people"]) == ("better", pytest.approx(-18))
    unsaid = rows(grouped(tmp_path / "unsaid", groups, None))["race", "Black"]
    assert (unsaid["verdict"], unsaid["people"]) == ("higher", None)


def test_false_discovery_control_is_on_and_can_be_turned_off(tmp_path: Path) -> None:
    """A p of 0.03 stands alone, not among twenty."""
    groups = {"White": (100, 200)} | {f"g{i:02}": (25, 50) for i in range(19)} | {"Black": (17, 51)}
    folder = grouped(tmp_path, groups)
    controlled, raw = rows(folder)["race", "Black"], rows(folder, control=False)["race", "Black"]
    assert 0.01 < controlled["p"] < 0.05
    assert controlled["q"] == pytest.approx(controlled["p"] * 20)
    assert (controlled["verdict"], raw["verdict"]) == ("no clear difference", "worse")
    assert raw["q"] == raw["p"]


def test_no_false_alarm_when_groups_are_equal(tmp_path: Path) -> None:
    found = rows(grouped(tmp_path, {"White": (50, 100), "Black": (50, 100)}))["race", "White"]
    assert (found["difference"], found["ratio"], found["p"]) == (0.0, 1.0, 1.0)
    assert found["verdict"] == "no clear difference"


def test_measures_groups_and_attributes_are_kept_apart(tmp_path: Path) -> None:
    determinations = [
        determination(measure, f"p{i}", group, numerator=measure == "A")
        for measure, group in (("A", "0"), ("A", "1"), ("B", "0"), ("C", "0"))
        for i in range(12)
    ]
    attributes = {"subject_id": [f"p{i}" for i in range(12)], 'odd "name"': ["it's"] * 12}
    measures = [measure_entry("A"), measure_entry("B"), measure_entry("C", scoring="cohort")]
    write_results(tmp_path, determinations, attributes, measures)
    table = equity_table(Results.open(tmp_path)).to_pylist()
    assert {(r["measure"], r["group_id"]) for r in table} == {("A", "0"), ("A", "1"), ("B", "0")}
    assert {r["rate"] for r in table if r["measure"] == "A"} == {1.0}
    assert {(r["attribute"], r["value"]) for r in table} == {("overall", "everyone"), ('odd "name"', "it's")}


def test_unknown_attributes_are_refused_with_the_known_ones(tmp_path: Path) -> None:
    folder = grouped(tmp_path, {"White": (1, 2)})
    with pytest.raises(UsageError, match="no attribute religion; there are: race"):
        rows(folder, "race", "religion")


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        Settings(level=95)
    with pytest.raises(UsageError, match="at least 1"):
        Settings(minimum=0)


def test_what_is_no_results_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SalusError, match=r"has no determinations\.parquet, attributes\.parquet, run\.json"):
        Results.open(tmp_path)
    folder = grouped(tmp_path / "r", {"White": (1, 2)})
    (folder / "run.json").write_text("{")
    with pytest.raises(SalusError, match=r"run\.json cannot be read"):
        Results.open(folder)


@pytest.mark.parametrize("name", ["determinations.parquet", "attributes.parquet"])
def test_a_damaged_table_is_named_and_what_it_lacks(tmp_path: Path, name: str) -> None:
    folder = grouped(tmp_path, {"White": (1, 2)})
    pq.write_table(pq.read_table(folder / name).drop_columns(["subject_id"]), folder / name)
    with pytest.raises(SalusError, match=f"{name} has no column subject_id"):
        Results.open(folder)
    (folder / name).write_bytes(b"PAR1 and then nothing")
    with pytest.raises(SalusError, match=f"{name} cannot be read as Parquet"):
        Results.open(folder)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ({"measures": "M"}, "measures is no list"),
        ({"measures": ["M"]}, "entry 1 of measures is no object with name"),
        ({"measures": [{"name": "M"}, {}]}, "entry 2 of measures is no object with name"),
        ({"measures": [{"name": "M", "groups": {"id": "0"}}]}, r"measure 1 \(M\): groups is no list"),
        ({"measures": [{"name": "M", "groups": [{}]}]}, r"measure 1 \(M\): entry 1 of groups is no object with id"),
        (
            {"measures": [{"name": "M", "groups": [{"id": "0", "observations": [7]}]}]},
            r"measure 1 \(M\), group 0: entry 1 of observations is no object",
        ),
        ({"warnings": 5}, "warnings is no list"),
        ({"missing_valuesets": {"url": "a"}}, "missing_valuesets is no list"),
    ],
)
def test_a_run_that_says_something_else_than_it_should_is_named(tmp_path: Path, run: dict[str, Any], said: str) -> None:
    folder = grouped(tmp_path, {"White": (1, 2)})
    (folder / "run.json").write_text(json.dumps(run))
    with pytest.raises(SalusError, match=rf"run\.json: {said}"):
        Results.open(folder)


def test_two_rows_for_a_subject_are_refused(tmp_path: Path) -> None:
    attributes = {"subject_id": ["a", "a"], "race": ["White", "Black"]}
    write_results(tmp_path, [determination("M", "a")], attributes, [measure_entry("M")])
    with pytest.raises(SalusError, match="more than one row"):
        rows(tmp_path)


def test_groups_add_up_and_the_planted_gap_is_found(tmp_path: Path) -> None:
    table = equity_table(Results.open(planted(tmp_path))).to_pylist()
    for measure in ("BloodPressure", "PoorGlucose"):
        mine = [r for r in table if r["measure"] == measure]
        total = next(r["denominator"] for r in mine if r["attribute"] == "overall")
        sums = {a: sum(r["denominator"] for r in mine if r["attribute"] == a) for a in {r["attribute"] for r in mine}}
        assert set(sums.values()) == {total}
        verdicts = {r["value"]: r["verdict"] for r in mine if r["attribute"] == "uninsured"}
        assert (verdicts["yes"], verdicts["no"]) == ("worse", "reference")
        assert "better" not in {r["verdict"] for r in mine if r["attribute"] in ("sex", "age_band", "zip")}


def test_files_are_written_whole_and_leave_nothing_beside(tmp_path: Path) -> None:
    folder = grouped(tmp_path, {"White": (60, 100), "Black": (0, 30)})
    before = {path.name for path in folder.iterdir()}
    table = equity_table(Results.open(folder))
    parquet, csv = write_table(table, folder)
    assert pq.read_table(parquet).equals(table)
    assert csv.read_text().splitlines()[0].startswith('"measure","group_id","attribute","value","numerator"')
    assert {path.name for path in folder.iterdir()} - before == {"equity.parquet", "equity.csv"}


def test_null_means_null_and_nothing_is_nan(tmp_path: Path) -> None:
    table = equity_table(Results.open(grouped(tmp_path, {"White": (0, 40), "Black": (12, 30), "x": (0, 2)})))
    for row in table.to_pylist():
        assert not any(isinstance(v, float) and np.isnan(v) for v in row.values())
    ratios = {r["value"]: (r["ratio"], r["ratio_high"]) for r in table.to_pylist()}
    assert ratios["Black"] == (None, np.inf)
