"""The inequality table, crossings, pooled rates and bounds, and the list of gaps, from determinations on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_results import determination, grouped, measure_entry, planted, write_results

from salus.equity import contrasts, groups, pooling
from salus.equity.compare import Settings, equity_table
from salus.equity.counting import _blocks, attribute_names, count_cells
from salus.equity.crossings import crossing_tables, main_effects
from salus.equity.gaps import gap_table, sure
from salus.equity.results import Results
from salus.equity.summary import inequality_table
from salus.equity.tally import CROSS
from salus.errors import SalusError, UsageError

DEPRIVED = {"1": (20, 80), "2": (45, 90), "3": (60, 100), "unknown": (5, 10)}


def indices(folder: Path, ordered: dict[str, list[str]] | None = None) -> dict[str, dict[str, Any]]:
    results = Results.open(folder)
    table = inequality_table(results, count_cells(results), 0.95, ordered)
    return {row["index"]: row for row in table.to_pylist()}


def people(folder: Path, rows: list[tuple[str, str, bool]]) -> Path:
    """One measure; (race, sex, met) per person."""
    determinations = [determination("M", f"p{i}", numerator=met) for i, (_, _, met) in enumerate(rows)]
    names = {"subject_id": [f"p{i}" for i in range(len(rows))], "race": [r for r, _, _ in rows]}
    return write_results(folder, determinations, names | {"sex": [s for _, s, _ in rows]}, [measure_entry("M")])


def test_an_attribute_is_summed_up_over_its_known_groups(tmp_path: Path) -> None:
    found = indices(grouped(tmp_path, DEPRIVED))
    gap, spread = found["d"], found["bgsd"]
    assert gap["value"] == pytest.approx(0.35)
    assert (gap["groups"], gap["people"], gap["missing_share"]) == (3, 270, pytest.approx(10 / 280))
    assert 0 < gap["low"] < gap["corrected"] <= gap["value"] < gap["high"]
    rates, share = np.array([0.25, 0.5, 0.6]), np.array([80, 90, 100]) / 270
    assert spread["value"] == pytest.approx(np.sqrt(share @ (rates - share @ rates) ** 2))
    assert "sii" not in found


def test_an_order_of_advantage_gives_the_indices_of_rank(tmp_path: Path) -> None:
    folder = grouped(tmp_path, DEPRIVED)
    found = indices(folder, {"race": []})
    taken = groups.of_counts([20, 45, 60], [80, 90, 100])
    assert found["sii"]["value"] == pytest.approx(float(contrasts.slope_index(taken).value))
    assert found["rii"]["equal"] == 1.0
    assert found["rii"]["low"] > 1.0
    turned = indices(folder, {"race": ["3", "2", "1"]})
    assert turned["aci"]["value"] == pytest.approx(-found["aci"]["value"])
    with pytest.raises(UsageError, match="each of its groups once: 1, 2, 3"):
        indices(folder, {"race": ["1", "2"]})
    with pytest.raises(UsageError, match="no attribute wealth to put in order; there are: race"):
        indices(folder, {"wealth": []})


def test_numbers_are_put_in_order_as_numbers(tmp_path: Path) -> None:
    folder = grouped(tmp_path, {"10": (90, 100), "9": (50, 100), "2": (10, 100)})
    assert indices(folder, {"race": []})["D"]["value"] == pytest.approx(0.8)


def test_equal_groups_have_indices_whose_intervals_hold_equality(tmp_path: Path) -> None:
    for row in indices(grouped(tmp_path, {"a": (30, 100), "b": (33, 100), "c": (14, 50)}), {"race": []}).values():
        assert row["low"] - 1e-12 <= row["equal"] <= row["high"]


def test_crossings_are_groups_of_groups(tmp_path: Path) -> None:
    rows = [("White", "F", True)] * 30 + [("White", "M", False)] * 20 + [("Black", "F", False)] * 15
    folder = people(tmp_path, [*rows, ("Black", "unknown", True)])
    table = equity_table(Results.open(folder), ["race"], crossings=[("race", "sex")]).to_pylist()
    found = {r["value"]: r for r in table if r["attribute"] == f"race{CROSS}sex"}
    assert set(found) == {"White × F", "White × M", "Black × F", "Black × unknown"}
    assert {r["reference"] for r in found.values()} == {"White × F"}
    assert (found["Black × F"]["numerator"], found["Black × F"]["denominator"]) == (0, 15)
    assert found["Black × F"]["missing_share"] == pytest.approx(1 / 66)
    assert {r["attribute"] for r in table} == {"overall", "race", "race × sex"}
    with pytest.raises(UsageError, match="no attribute wealth"):
        equity_table(Results.open(folder), crossings=[("race", "wealth")])


def test_every_crossing_is_read_off_some_block_that_holds_it() -> None:
    crossings = [("a",), ("b",), ("a", "b"), ("b", "c"), ("a", "d")]
    blocks = _blocks(crossings, {"a": 100, "b": 150, "c": 2, "d": 3})
    assert sorted(c for answered in blocks.values() for c in answered) == sorted(crossings)
    assert all(set(c) <= set(block) for block, answered in blocks.items() for c in answered)
    assert len(blocks) == 3


def test_small_groups_borrow_and_say_how_much_is_their_own(tmp_path: Path) -> None:
    table = equity_table(Results.open(grouped(tmp_path, {"a": (50, 100), "b": (70, 100), "c": (0, 4)}))).to_pylist()
    rows = {r["value"]: r for r in table}
    expected = pooling.borrowed([[50, 70, 0]], [[100, 100, 4]])
    assert rows["c"]["pooled"] == pytest.approx(float(expected.rate[0, 2]))
    assert rows["c"]["rate"] < rows["c"]["pooled_low"] < rows["c"]["pooled"] < rows["c"]["pooled_high"] < 1
    assert rows["c"]["signal"] < rows["a"]["signal"]
    assert rows["everyone"]["pooled"] is None


def test_bounds_hold_the_gap_whoever_the_unknown_are(tmp_path: Path) -> None:
    """Every way to give the six unknown a group is tried; the two extremes are the bounds."""
    table = equity_table(Results.open(grouped(tmp_path, {"a": (12, 20), "b": (6, 15), "unknown": (4, 6)}))).to_pylist()
    row = next(r for r in table if r["value"] == "b")
    gaps = [
        (6 + met) / (15 + met + missed) - (12 + 4 - met) / (20 + 6 - met - missed)
        for met in range(5)
        for missed in range(3)
    ]
    assert (row["bound_low"], row["bound_high"]) == (pytest.approx(min(gaps)), pytest.approx(max(gaps)))
    assert row["bound_low"] < row["difference"] < row["bound_high"]
    assert next(r for r in table if r["value"] == "unknown")["bound_low"] is None
    assert next(r for r in table if r["value"] == "a")["bound_low"] is None


def test_gaps_are_listed_by_the_people_they_are_surely_about(tmp_path: Path) -> None:
    counts = {"ref": (800, 1000), "large": (500, 800), "small": (10, 60), "hint": (38, 50), "better": (99, 100)}
    table = equity_table(Results.open(grouped(tmp_path, counts | {"tiny": (0, 5)})))
    found = gap_table(table).to_pylist()
    assert [row["value"] for row in found] == ["large", "small", "hint"]
    assert [row["rank"] for row in found] == [1, 2, 3]
    assert [row["sure"] for row in found] == ["very sure", "very sure", "not sure"]
    assert found[0]["people_low"] > found[1]["people_low"] > 0


def test_words_for_being_sure() -> None:
    assert [sure(q, 0.95) for q in (0.0001, 0.005, 0.03, 0.2)] == [*("very sure", "sure", "fairly sure", "not sure")]


def test_a_measure_that_does_not_say_what_is_good_has_gaps_both_ways(tmp_path: Path) -> None:
    folder = grouped(tmp_path, {"a": (500, 1000), "b": (90, 100), "c": (5, 100)}, None)
    found = gap_table(equity_table(Results.open(folder))).to_pylist()
    assert {row["value"] for row in found} == {"b", "c"}


def test_nothing_to_sum_up_is_an_empty_table(tmp_path: Path) -> None:
    assert indices(grouped(tmp_path, {"a": (5, 20), "unknown": (1, 9)})) == {}
    results = Results.open(planted(tmp_path / "planted"))
    assert gap_table(equity_table(results, settings=Settings(minimum=10**6))).num_rows == 0


def in_places(folder: Path, table: str) -> Results:
    """Two people in 02139, one in 10001, one nowhere known; the table of areas beside them."""
    zips = ["02139", "02139", "10001", "unknown"]
    determinations = [determination("M", f"p{i}", numerator=i == 0) for i in range(4)]
    attributes = {"subject_id": [f"p{i}" for i in range(4)], "zip": zips}
    write_results(folder, determinations, attributes, [measure_entry("M")])
    (folder / "areas.csv").write_text(table)
    return replace(Results.open(folder), areas=folder / "areas.csv")


def test_a_table_of_areas_gives_attributes_by_zip_code(tmp_path: Path) -> None:
    """A ZIP code that lost its leading zero in a spreadsheet is found; a place without a row is unknown."""
    results = in_places(tmp_path, "zip,deprivation,rural\n2139,1,no\n94110,3,yes\n")
    assert attribute_names(results) == ["zip", "deprivation", "rural"]
    cells = {(c.attribute, c.value): c.n for c in count_cells(results, ["deprivation"], [("deprivation", "rural")])}
    assert cells["deprivation", "1"] == 2
    assert cells["deprivation", "unknown"] == 2
    assert cells["deprivation × rural", "1 × no"] == 2


@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        ("zip,income\n10001,1\n10001,2\n", SalusError, "more than one row for zip 10001"),
        ("code,income\n10001,1\n", UsageError, "must have a column zip"),
        ("zip,subject_id\n10001,1\n", UsageError, "an attribute already: subject_id"),
    ],
)
def test_a_table_of_areas_that_does_not_fit_is_refused(
    tmp_path: Path, table: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        count_cells(in_places(tmp_path, table))
    with pytest.raises(UsageError, match="no table of areas"):
        count_cells(replace(in_places(tmp_path, table), areas=tmp_path / "nowhere.csv"))


def test_a_crossing_that_is_more_than_its_attributes_is_told_from_one_that_is_not(tmp_path: Path) -> None:
    """Nine crossings of 400 people: odds that add up, and the same with one crossing far below."""
    found = {}
    for name, low in (("additive", 0.0), ("crossed", -1.5)):
        rows = []
        for a in range(3):
            for b in range(3):
                odds = -0.5 + 0.5 * a + 0.4 * b + (low if a == b == 2 else 0.0)
                met = round(400 / (1 + np.exp(-odds)))
                rows += [(f"a{a}", f"b{b}", i < met) for i in range(400)]
        cells = count_cells(Results.open(people(tmp_path / name, rows)), [], [("race", "sex")])
        found[name] = {r["index"]: r for r in crossing_tables(cells, 0.95)[0].to_pylist()}
    additive, crossed = found["additive"], found["crossed"]
    assert additive["pcv"]["value"] > 0.99 > 0.9 > crossed["pcv"]["value"]
    assert (additive["vpc"]["groups"], additive["vpc"]["people"]) == (9, 3600)
    assert 0 < additive["vpc_response"]["value"] < additive["vpc"]["value"] < 0.2
    assert additive["mor"]["value"] > 1.2


def test_crossings_too_few_to_model_have_no_rows(tmp_path: Path) -> None:
    rows = [("White", "F", True)] * 30 + [("Black", "M", False)] * 20
    cells = count_cells(Results.open(people(tmp_path, rows)), [], [("race", "sex")])
    assert crossing_tables(cells, 0.95)[0].num_rows == 0
    assert main_effects(["a × c", "b × c", "a × d"]).tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 1]]
