"""Gaps between like people, what gaps go with, crossings beyond their attributes, and sites: from determinations on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_results import determination, measure_entry, write_results

from salus.equity import decompose
from salus.equity.compare import Settings, equity_table, standard_of
from salus.equity.counting import count_cells, read_units, tally
from salus.equity.crossings import crossing_tables
from salus.equity.parts import METHOD_TOGETHER, part_table, split_table, usual_parts
from salus.equity.results import MeasureInfo, Results
from salus.equity.sites import limits, site_table
from salus.equity.standardise import direct_proportion

Person = tuple[dict[str, str], bool]


def made(folder: Path, people: list[Person], names: tuple[str, ...]) -> Results:
    """One measure; the groups of each person, and whether it is met."""
    rows = [determination("M", f"p{i}", numerator=met) for i, (_, met) in enumerate(people)]
    columns = {name: [groups[name] for groups, _ in people] for name in names}
    subjects = {"subject_id": [f"p{i}" for i in range(len(people))]}
    return Results.open(write_results(folder, rows, subjects | columns, [measure_entry("M")]))


def block(met: int, n: int, **groups: str) -> list[Person]:
    return [(groups, i < met) for i in range(n)]


def composed(folder: Path, apart: float = 0.0) -> Results:
    """Group b is younger; the young fare worse whoever they are, and b by `apart` more."""
    people = []
    for race, young in (("a", 200), ("b", 600)):
        own = apart if race == "b" else 0.0
        people += block(round(young * (0.4 - own)), young, race=race, age_band="18-44", sex="F", payer="x")
        old = 800 - young + 400 * (race == "a")
        people += block(round(old * (0.8 - own)), old, race=race, age_band="45-64", sex="F", payer="x")
    return made(folder, people, ("race", "age_band", "sex", "payer"))


def of_b(results: Results, settings: Settings | None = None) -> dict[str, Any]:
    rows = equity_table(results, ["race"], settings).to_pylist()
    return next(row for row in rows if row["value"] == "b")


def test_a_gap_that_is_all_age_goes_away_between_people_of_an_age(tmp_path: Path) -> None:
    found = of_b(composed(tmp_path))
    assert found["difference"] == pytest.approx(0.5 - 880 / 1200)
    assert found["adjusted"] == pytest.approx(0.0, abs=1e-12)
    assert found["adjusted_low"] < 0 < found["adjusted_high"]
    assert (found["adjusted_support"], found["adjusted_by"]) == (1.0, "age_band, sex")


def test_a_gap_between_like_people_stays_and_is_what_direct_standardisation_gives(tmp_path: Path) -> None:
    found = of_b(composed(tmp_path, 0.1))
    standard = [800, 1200]
    one, other = (direct_proportion(*of, standard) for of in (([180, 140], [600, 200]), ([80, 800], [200, 1000])))
    assert found["adjusted"] == pytest.approx(-0.1)
    assert found["adjusted"] == pytest.approx(float(one.value - other.value))
    below = np.hypot(one.value - one.low, other.high - other.value)
    assert found["adjusted_low"] == pytest.approx(float(one.value - other.value - below))


def test_only_strata_with_both_groups_are_compared_and_how_many_that_are_is_said(tmp_path: Path) -> None:
    people = block(50, 100, race="a", age_band="18-44") + block(90, 200, race="a", age_band="45-64")
    people += block(20, 50, race="b", age_band="18-44") + block(10, 150, race="b", age_band="75+")
    found = of_b(made(tmp_path, people, ("race", "age_band")))
    assert found["adjusted"] == pytest.approx(0.4 - 0.5)
    assert found["adjusted_support"] == pytest.approx(0.25)


def test_what_is_held_equal_can_be_chosen_and_nothing_is_made_up(tmp_path: Path) -> None:
    results = composed(tmp_path)
    assert of_b(results, Settings(standard=("payer",)))["adjusted_by"] == "payer"
    assert of_b(results, Settings(standard=()))["adjusted"] is None
    by_age = equity_table(results, ["age_band"]).to_pylist()
    assert {row["adjusted_by"] for row in by_age if row["adjusted"] is not None} == {"sex"}
    assert standard_of(results, Settings()) == ("age_band", "sex")


def test_a_gap_is_split_over_what_it_goes_with(tmp_path: Path) -> None:
    results = composed(tmp_path, 0.1)
    units = read_units(results)
    cells = tally(units, ["race"])
    table = equity_table(results, ["race"])
    rows = part_table(table, units, cells, ("payer", "age_band", "race"), results).to_pylist()
    by_age = next(row for row in rows if row["by"] == "age_band")
    expected = decompose.across_sites([[180, 140], [80, 800]], [[600, 200], [200, 1000]])
    assert expected is not None
    assert by_age["goes_with"] == pytest.approx(expected.across.value)
    assert by_age["remains"] == pytest.approx(-0.1)
    assert by_age["goes_with"] + by_age["remains"] == pytest.approx(by_age["difference"])
    assert by_age["goes_with_low"] < by_age["goes_with"] < by_age["goes_with_high"] < 0
    assert next(row for row in rows if row["by"] == "payer")["goes_with"] == pytest.approx(0.0)
    assert "race" not in {row["by"] for row in rows}
    together = {row["by"]: row for row in rows if row["method"] == METHOD_TOGETHER}
    assert together["payer + age_band"]["remains"] == pytest.approx(-0.1, abs=1e-9)
    assert together["age_band"]["goes_with"] == pytest.approx(together["payer + age_band"]["goes_with"])
    assert usual_parts(["uninsured", "age_band"]) == ("uninsured", "age_band")
    assert part_table(table, units, cells, (), results).num_rows == 0


def test_what_a_measure_counts_itself_neither_splits_nor_adjusts_its_gaps(tmp_path: Path) -> None:
    results = composed(tmp_path, 0.1)
    results = replace(results, measures={"M": MeasureInfo("M", improvement="increase", not_by=("age_band",))})
    made = split_table(results, ["race"], Settings(), ())
    assert "worse" in made.table["verdict"].to_pylist()
    assert set(made.parts["by"].to_pylist()) == {"payer"}
    assert made.table["adjusted"].null_count == made.table.num_rows


def test_what_characteristics_explain_together_is_oaxaca_and_blinders_on_people() -> None:
    """Counts by stratum give what rows of people do, whichever level is left out."""
    rng = np.random.default_rng(5)
    n = rng.integers(5, 60, (2, 6)).astype(float)
    x = np.rint(n * rng.uniform(0.2, 0.9, (2, 6)))
    found = decompose.explained(x, n, (2, 3))
    groups = []
    for row in (0, 1):
        strata = np.repeat(np.arange(6), n[row].astype(int))
        met = np.concatenate([np.arange(int(size)) < int(hit) for hit, size in zip(x[row], n[row], strict=True)])
        first, second = np.unravel_index(strata, (2, 3))
        columns = np.column_stack([np.ones(len(met)), first == 1, second == 1, second == 2]).astype(float)
        groups.append((met.astype(float), columns))
    whole = decompose.oaxaca_blinder(*groups)
    explained, *_ = whole.twofold(decompose.pooled(*groups, with_group=True))
    assert found.difference == pytest.approx(whole.difference)
    assert [part.value for part in found.parts] == pytest.approx([explained[1], explained[2:].sum()])
    assert found.explained.value + found.rest.value == pytest.approx(found.difference)


def test_explained_parts_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(11)
    shares = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])
    rates = np.array([[0.3, 0.45, 0.6], [0.4, 0.55, 0.7]])
    truth = float((shares[0] - shares[1]) @ rates[0])
    held = 0
    for _ in range(400):
        n = np.stack([rng.multinomial(400, share) for share in shares])
        found = decompose.explained(rng.binomial(n, rates), n, (3,)).parts[0]
        held += found.low <= truth <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_a_crossing_below_what_its_attributes_say_is_named(tmp_path: Path) -> None:
    people = []
    for a in range(3):
        for b in range(3):
            odds = -0.5 + 0.5 * a + 0.4 * b - (1.5 if a == b == 2 else 0.0)
            people += block(round(400 / (1 + np.exp(-odds))), 400, race=f"a{a}", sex=f"b{b}")
    cells = count_cells(made(tmp_path, people, ("race", "sex")), [], [("race", "sex")])
    _, strata = crossing_tables(cells, 0.95)
    rows = {row["value"]: row for row in strata.to_pylist()}
    assert len(rows) == 9
    low = rows["a2 × b2"]
    assert low["verdict"] == "lower"
    assert low["rate"] < low["modelled"] < low["expected"]
    assert low["beyond"] == pytest.approx(low["modelled"] - low["expected"])
    assert low["beyond_low"] < low["beyond"] < low["beyond_high"] < 0


def test_a_group_that_all_or_none_of_meets_the_measure_does_not_keep_the_others_from_being_modelled(
    tmp_path: Path,
) -> None:
    people = []
    for a in range(3):
        for b in range(3):
            people += block(40 + 30 * a + 20 * b, 200, race=f"a{a}", sex=f"b{b}")
    people += block(0, 3, race="a9", sex="b0") + block(0, 1, race="a9", sex="b1")
    cells = count_cells(made(tmp_path, people, ("race", "sex")), [], [("race", "sex")])
    indices, strata = crossing_tables(cells, 0.95)
    assert strata.num_rows == 9
    assert not any("a9" in value for value in strata["value"].to_pylist())
    assert indices.num_rows >= 3


def sites(folder: Path, rates: list[float], n: int = 400) -> list[dict[str, Any]]:
    people = [p for i, rate in enumerate(rates) for p in block(round(n * rate), n, site=f"s{i}")]
    return site_table(count_cells(made(folder, people, ("site",)))).to_pylist()


def test_a_site_apart_is_seen_and_sites_that_all_vary_are_allowed_for(tmp_path: Path) -> None:
    alone = sites(tmp_path / "alone", [0.5] * 9 + [0.3])
    assert [row["value"] for row in alone if row["verdict"] != "within"] == ["s9"]
    assert alone[9]["verdict"] == "below"
    assert alone[0]["target"] == pytest.approx(0.48)
    varied = sites(tmp_path / "varied", [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.3])
    assert varied[0]["overdispersion"] > 5
    assert {row["verdict"] for row in varied} == {"within"}
    assert abs(varied[0]["z_adjusted"]) < abs(varied[0]["z"])
    assert sites(tmp_path / "few", [0.5, 0.4, 0.3]) == []


def test_limits_hold_their_share_of_sites_that_do_not_differ() -> None:
    rng = np.random.default_rng(2)
    n = np.full(20_000, 300.0)
    low, high = limits(n, 0.3, 0.0, 0.95)
    rate = rng.binomial(300, 0.3, 20_000) / 300
    assert np.mean((rate < low) | (rate > high)) == pytest.approx(0.05, abs=0.01)
