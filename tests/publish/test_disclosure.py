"""What is hidden, what that costs, and whether an attacker with the totals gets it back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_results import determination, grouped, measure_entry, write_results
from scipy.optimize import linprog

from salus.equity.compare import equity_table
from salus.equity.results import Results
from salus.publish.disclosure import Line, protect
from salus.publish.policy import at
from salus.publish.tables import States, hide

Known = tuple[int, int | None, str, int]
Lines = dict[tuple[str, str], Line]


def lines(folder: Path, threshold: int = 11) -> Lines:
    return {(li.attribute, li.value): li for li in protect(equity_table(Results.open(folder)), threshold)}


def shown(found: Lines, value: str) -> tuple[int | None, int | None]:
    line = found["race", value]
    return line.numerator, line.denominator


def test_nothing_is_hidden_where_nothing_is_small(tmp_path: Path) -> None:
    found = lines(grouped(tmp_path, {"White": (60, 100), "Black": (20, 50), "Asian": (0, 30), "x": (40, 40)}))
    assert [shown(found, v) for v in ("White", "Black", "Asian", "x")] == [
        (60, 100),
        (20, 50),
        (0, 30),
        (40, 40),
    ]
    assert found["race", "Black"].verdict == "worse"


def test_a_small_numerator_takes_the_rate_and_the_next_smallest_with_it(tmp_path: Path) -> None:
    found = lines(grouped(tmp_path, {"White": (60, 100), "Black": (4, 50), "Asian": (20, 60), "Other": (15, 40)}))
    assert [shown(found, v) for v in ("White", "Asian")] == [(60, 100), (20, 60)]
    assert [shown(found, v) for v in ("Black", "Other")] == [(None, 50), (None, 40)]
    black, other = found["race", "Black"], found["race", "Other"]
    assert (black.numerator_state, other.numerator_state) == ("small", "complementary")
    assert (black.verdict, other.verdict) == ("too small to show", "not shown")
    names = ("rate", "low", "high", "difference", "difference_low", "ratio", "ratio_high", "p", "q", "people")
    assert {line.figures[name] for line in (black, other) for name in names} == {None}


def test_a_small_denominator_hides_the_whole_group(tmp_path: Path) -> None:
    found = lines(grouped(tmp_path, {"White": (60, 100), "Black": (0, 7), "Asian": (20, 60), "Other": (15, 40)}))
    assert shown(found, "Black") == (None, None)
    assert shown(found, "Other") == (None, None)
    assert shown(found, "Asian") == (20, 60)


def test_a_rest_of_few_is_as_telling_as_a_few(tmp_path: Path) -> None:
    """48 of 50 says that two people missed out."""
    found = lines(grouped(tmp_path, {"White": (60, 100), "Black": (48, 50), "Asian": (30, 60)}))
    assert shown(found, "Black") == (None, 50)
    assert found["race", "Black"].numerator_state == "complementary"


def test_a_single_hidden_group_is_never_left_to_the_total(tmp_path: Path) -> None:
    found = lines(grouped(tmp_path, {"yes": (4, 50), "no": (100, 200)}))
    assert [shown(found, v) for v in ("yes", "no")] == [(None, 50), (None, 200)]
    assert found["overall", "everyone"].numerator == 104


def test_two_small_ones_whose_sum_tells_too_much_take_a_third(tmp_path: Path) -> None:
    """1 and 1 add up to 2: each would be known to be 1."""
    found = lines(grouped(tmp_path, {"White": (60, 100), "Black": (1, 50), "Asian": (1, 60), "Other": (20, 40)}))
    assert found["race", "Other"].numerator_state == "complementary"
    assert shown(found, "White") == (60, 100)


def test_when_all_is_hidden_and_the_total_still_tells_the_marks_go_too(tmp_path: Path) -> None:
    """9 of 50 and 8 of 60 in a total of 17: "<11" twice would say 7 to 10 each."""
    found = lines(grouped(tmp_path, {"Black": (9, 50), "Asian": (8, 60)}))
    states = {found["race", v].numerator_state for v in ("Black", "Asian")}
    assert states == {"complementary"}


def test_a_small_total_is_hidden_itself(tmp_path: Path) -> None:
    found = lines(grouped(tmp_path, {"Black": (2, 3), "Asian": (1, 4), "x": (0, 0)}))
    everyone = found["overall", "everyone"]
    assert (everyone.numerator, everyone.denominator, everyone.figures["rate"]) == (None, None, None)


def test_zero_is_no_small_count_and_hidden_is_no_zero(tmp_path: Path) -> None:
    found = lines(grouped(tmp_path, {"White": (60, 100), "Black": (0, 50)}))
    assert shown(found, "Black") == (0, 50)
    assert 0 not in {li.numerator for li in lines(grouped(tmp_path / "b", {"a": (3, 50), "b": (9, 60)})).values()}


def test_gaps_to_a_hidden_reference_are_hidden(tmp_path: Path) -> None:
    found = lines(grouped(tmp_path, {"White": (3, 100), "Black": (20, 50), "Asian": (25, 60), "Other": (11, 40)}))
    asian = found["race", "Asian"]
    assert (asian.numerator, asian.reference) == (25, "White")
    assert (asian.figures["difference"], asian.figures["people"], asian.figures["q"]) == (None, None, None)
    assert asian.figures["rate"] == pytest.approx(25 / 60)
    assert asian.verdict == "not compared"


def test_the_missing_share_goes_with_a_hidden_unknown_group(tmp_path: Path) -> None:
    small = lines(grouped(tmp_path, {"White": (60, 100), "Black": (20, 50), "unknown": (2, 5)}))
    assert small["race", "White"].figures["missing_share"] is None
    large = lines(grouped(tmp_path / "large", {"White": (60, 100), "Black": (20, 50), "unknown": (20, 50)}))
    assert large["race", "White"].figures["missing_share"] == pytest.approx(0.25)


def test_what_another_attribute_repeats_is_hidden_there_too(tmp_path: Path) -> None:
    """Uninsured (4 of 50) is hidden by payer, and `insured` repeats it as "no"."""
    groups = {"Uninsured": (4, 50), "Private": (100, 200), "Medicaid": (40, 70), "Medicare": (15, 40)}
    payers = [p for p, (_, n) in groups.items() for _ in range(n)]
    met = [i < x for x, n in groups.values() for i in range(n)]
    subjects = [f"p{i}" for i in range(len(payers))]
    attributes = {
        "subject_id": subjects,
        "payer": payers,
        "insured": ["no" if p == "Uninsured" else "yes" for p in payers],
        "medicare": ["yes" if p == "Medicare" else "no" for p in payers],
    }
    rows = [determination("M", s, numerator=m) for s, m in zip(subjects, met, strict=True)]
    found = lines(write_results(tmp_path, rows, attributes, [measure_entry("M")]))
    assert found["insured", "no"].hidden
    assert found["insured", "yes"].hidden
    # the smaller Medicare would have to be hidden in `medicare` too: Medicaid, which nothing repeats, is taken
    assert not found["medicare", "yes"].hidden
    assert found["payer", "Medicaid"].hidden
    assert not found["payer", "Medicare"].hidden


def test_the_threshold_can_be_lowered_for_use_inside(tmp_path: Path) -> None:
    folder = grouped(tmp_path, {"White": (60, 100), "Black": (1, 5)})
    assert shown(lines(folder, 1), "Black") == (1, 5)
    assert shown(lines(folder, 5), "Black") == (None, 5)


ENDLESS = 10**6  # what an attacker knows of the size of a hidden group


@pytest.mark.parametrize("seed", range(60))
def test_an_attacker_with_the_totals_bounds_no_small_count(tmp_path: Path, seed: int) -> None:
    """Linear programmes over all that is shown: each small count stays possible from 1 to 10 (or to its
    group).
    """
    rng = np.random.default_rng(seed)
    sizes = [60, *rng.choice([0, 3, 9, 15, 40, 120, 400], rng.integers(1, 6))]
    groups = {f"g{i}": (int(rng.binomial(n, rng.choice([0.02, 0.3, 0.97]))), int(n)) for i, n in enumerate(sizes)}
    found = lines(grouped(tmp_path, groups))
    everyone = found["overall", "everyone"]
    members = [(groups[v], line) for (attribute, v), line in found.items() if attribute == "race"]
    if everyone.denominator is not None:
        check(
            [(n, line.denominator, line.denominator_state, ENDLESS) for (_, n), line in members],
            everyone.denominator,
        )
    if everyone.numerator is not None:
        cells = [(x, li.numerator, li.numerator_state, li.denominator or ENDLESS) for (x, _), li in members]
        check(cells, everyone.numerator)
        rests = [
            (n - x, None if li.numerator is None else n - x, "complementary", n)
            for (x, n), li in members
            if li.denominator is not None
        ]
        if len(rests) == len(members):
            check(rests, sum(n for (_, n), _ in members) - everyone.numerator)


def check(cells: list[Known], total: int) -> None:
    """cells: truth, what is shown, its mark, the most it can be."""
    hidden = [(truth, mark, most) for truth, figure, mark, most in cells if figure is None]
    rest = total - sum(figure for _, figure, _, _ in cells if figure is not None)
    bounds = [(1, 10) if mark == "small" else (0, most) for _, mark, most in hidden]
    for place, (truth, _, most) in enumerate(hidden):
        if 0 < truth < 11:
            goal = np.eye(len(hidden))[place]
            low, high = (
                sign * linprog(sign * goal, A_eq=np.ones((1, len(hidden))), b_eq=[rest], bounds=bounds).fun
                for sign in (1, -1)
            )
            assert low <= 1 + 1e-6
            assert high >= min(10, most) - 1e-6


def test_totals_are_at_stake_only_where_nothing_else_is_enough() -> None:
    """Few of all missed out in M1, which its total tells; M2's few are hidden with one more of the same attribute."""
    everyone = "overall", "everyone"
    told = {
        ("M1", "", "race", "a"): (45, 50), ("M1", "", "race", "b"): (50, 50), ("M1", "", *everyone): (95, 100),
        ("M2", "", "race", "a"): (4, 50), ("M2", "", "race", "b"): (30, 60), ("M2", "", "race", "c"): (40, 90),
        ("M2", "", "sex", "f"): (50, 120), ("M2", "", "sex", "m"): (24, 80), ("M2", "", *everyone): (74, 200),
    }  # fmt: skip
    states = hide(told, at(11), marks=False)
    hidden = {key for key, state in states.items() if state != States()}
    assert ("M1", "", *everyone) in hidden
    assert ("M2", "", *everyone) not in hidden
    assert {key[3] for key in hidden if key[0] == "M2"} <= {"a", "b", "c"}
