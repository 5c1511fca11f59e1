"""Units as integers: every table of counts is what counting one by one gives."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from made_results import determination, measure_entry, write_results

from salus.equity import counting
from salus.equity.compare import equity_table
from salus.equity.counting import count_cells, read_units, tally
from salus.equity.means import mean_table
from salus.equity.results import Results
from salus.equity.tally import CROSS, EVERYONE, OVERALL, UNKNOWN

NAMES = ("race", "sex", "site")


def drawn(folder: Path, people: int = 300, seed: int = 3) -> tuple[Results, list[dict[str, object]]]:
    """Two measures, people without attributes and attributes without people; and the rows by hand."""
    rng = np.random.default_rng(seed)
    choices = {"race": ["a", "b", "", None, "declined"], "sex": ["F", "M"], "site": [f"s{i}" for i in range(9)]}
    who = {name: [values[i] for i in rng.integers(0, len(values), people)] for name, values in choices.items()}
    attributes = {"subject_id": [f"p{i}" for i in range(people)]} | who
    rows, units = [], []
    for measure in ("A", "B"):
        for i in rng.integers(0, people + 20, 400).tolist():
            facts = {"denominator": bool(rng.random() < 0.8), "denominator_exclusion": bool(rng.random() < 0.1)}
            met = bool(rng.random() < 0.5)
            rows.append(determination(measure, f"p{i}", numerator=met, **facts))
            groups = {name: (values[i] or UNKNOWN) if i < people else UNKNOWN for name, values in who.items()}
            if facts["denominator"] and not facts["denominator_exclusion"]:
                units.append({"measure": measure, "met": met, **groups})
    write_results(folder, rows, attributes, [measure_entry("A"), measure_entry("B")])
    return Results.open(folder), units


@pytest.mark.parametrize("largest", [1, 30, 20_000])
def test_cells_are_what_counting_one_by_one_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest: int
) -> None:
    """Whether crossings are read off one block, off several, or counted alone as too large for any."""
    monkeypatch.setattr(counting, "_LARGEST_BLOCK", largest)
    results, units = drawn(tmp_path)
    crossings = [*combinations(NAMES, 2), NAMES]
    found = count_cells(results, crossings=crossings)
    for cell in found:
        parts = () if cell.attribute == OVERALL else cell.attribute.split(CROSS)
        values = () if cell.value == EVERYONE else cell.value.split(CROSS)
        of = [
            unit["met"]
            for unit in units
            if unit["measure"] == cell.measure and all(unit[p] == v for p, v in zip(parts, values, strict=True))
        ]
        assert (cell.x, cell.n) == (sum(map(bool, of)), len(of)), cell
    for name in [*NAMES, *(CROSS.join(crossing) for crossing in crossings)]:
        columns = found.attributes[name]
        assert (found.n[:, columns].sum(axis=1) == found.n[:, 0]).all()


def test_a_table_has_an_axis_per_attribute_in_the_order_asked_for(tmp_path: Path) -> None:
    results, units = drawn(tmp_path)
    read = read_units(results)
    read.prepare([NAMES])
    table = read.table(("site", "race"))
    assert table.shape == (2, len(read.values["site"]), len(read.values["race"]), 2)
    site, race = read.values["site"].index("s3"), read.values["race"].index("a")
    met = [u["met"] for u in units if (u["measure"], u["site"], u["race"]) == ("B", "s3", "a")]
    assert table[1, site, race].tolist() == [met.count(False), met.count(True)]
    assert np.array_equal(table.sum(axis=1), read.table(("race",)))


def test_a_tally_goes_through_its_cells_in_reading_order(tmp_path: Path) -> None:
    found = tally(read_units(drawn(tmp_path)[0]), ["race"])
    cells = list(found)
    assert len(found) == len(cells)
    assert [cell.value for cell in cells[:5]] == [EVERYONE, "a", "b", "declined", UNKNOWN]
    assert found.known.tolist() == [False, True, True, False, False]
    turned = found.counted([0] * len(cells), [cell.n for cell in cells])
    assert turned.x.sum() == 0
    assert np.array_equal(turned.n, found.n)


def test_results_without_a_rate_are_an_empty_tally(tmp_path: Path) -> None:
    write_results(tmp_path, [], {"subject_id": [], "race": []}, [measure_entry("A")])
    assert list(count_cells(Results.open(tmp_path))) == []


def test_groups_of_one_measure_are_each_what_they_say(tmp_path: Path) -> None:
    """A measure may have a mean, a rate to be raised and a rate to be lowered in its groups."""
    groups = [
        {"id": "mean", "scoring": "continuous-variable", "observations": [{"id": "o", "method": "average"}]},
        {"id": "up", "scoring": "proportion", "improvement": "increase"},
        {"id": "down", "scoring": "proportion", "improvement": "decrease"},
    ]
    seen = {"denominator": False, "measure_population": True, "observations": [2.0]}
    rows = [determination("M", "p0", "mean", **seen)]  # type: ignore[arg-type]
    rows += [determination("M", "p0", group, numerator=True) for group in ("up", "down")]
    entry = measure_entry("M", "decrease", scoring="continuous-variable", groups=groups)
    results = Results.open(write_results(tmp_path, rows, {"subject_id": ["p0"]}, [entry]))
    assert count_cells(results).rows == (("M", "down"), ("M", "up"))
    assert [row["group_id"] for row in mean_table(results).to_pylist()] == ["mean"]
    ways = {row["group_id"]: row["improvement"] for row in equity_table(results).to_pylist()}
    assert ways == {"up": "increase", "down": "decrease"}
    turned = Results.open(tmp_path, {"M": "increase"})
    assert turned.measure("M", "down").improvement == "increase"
