"""What stands beside the rates in a report: periods, crossings, sites, means; and the sentences on a gap."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from made_results import determination, grouped, measure_entry, planted, write_results

from salus.equity.compare import equity_table
from salus.equity.means import SCHEMA
from salus.equity.results import Results
from salus.publish import pictures, views, words
from salus.publish.disclosure import Line, protect
from salus.publish.evidence import Asked, gather, notes
from salus.publish.policy import at
from salus.publish.report import Options, render
from salus.publish.tables import Key, States, hide


def lines(folder: Path, threshold: int = 1) -> dict[str, Line]:
    return {line.value: line for line in protect(equity_table(Results.open(folder)), threshold)}


def year(folder: Path, last: int, met: int) -> Results:
    groups: dict[str | None, tuple[int, int]] = {"White": (700, 1000), "Black": (met, 400)}
    return Results.open(grouped(folder / str(last), groups, period={"start": f"{last}-01-01", "end": f"{last}-12-31"}))


def test_a_gap_is_followed_through_periods_and_a_change_by_chance_is_none(tmp_path: Path) -> None:
    now = lines(year(tmp_path, 2026, 140).folder)["Black"]
    before = [
        (f"{y}-12-31", list(lines(year(tmp_path, y, met).folder).values())) for y, met in ((2024, 240), (2025, 143))
    ]
    (course,) = views.courses([now], before, "2026-12-31")
    assert [point.period for point in course.points] == ["2024-12-31", "2025-12-31", "2026-12-31"]
    assert course.points[0].difference == pytest.approx(-0.1)
    assert course.said == "The gap has become wider by 25 points."
    (still,) = views.courses([now], before[1:], "2026-12-31")
    assert still.said == "No change that chance does not explain."
    assert views.courses([now], [("2025-12-31", [])], "2026-12-31") == []
    drawn = str(pictures.course(course))
    assert "The gap of Black, against White in 3 periods" in drawn
    assert drawn.count("<circle") == 3


def test_the_report_draws_periods_and_tells_them_in_a_table(tmp_path: Path) -> None:
    before = (year(tmp_path, 2025, 250), year(tmp_path, 2024, 260))
    text = render(year(tmp_path, 2026, 140), Options(earlier=before))
    table = text.partition("The gap of Black, against White by period")[2].partition("</table>")[0]
    assert re.findall(r"31 December (\d{4})", table) == ["2024", "2025", "2026"]
    assert "The gap through periods" not in render(year(tmp_path / "alone", 2026, 140), Options())


def crossed(folder: Path, few: int = 4) -> Results:
    """Four races, insured and not; `few` uninsured Black people."""
    people = [("White", "no", i % 3 > 0) for i in range(300)] + [("White", "yes", i % 2 > 0) for i in range(90)]
    people += [("Black", "no", i % 2 > 0) for i in range(80)] + [("Black", "yes", i % 2 > 0) for i in range(few)]
    people += [(race, u, i % 2 > 0) for race in ("Asian", "Other") for u in ("no", "yes") for i in range(120)]
    rows = [determination("M", f"p{i}", numerator=met) for i, (_, _, met) in enumerate(people)]
    columns = {"subject_id": [f"p{i}" for i in range(len(people))]}
    columns |= {"race": [r for r, _, _ in people], "uninsured": [u for _, u, _ in people]}
    return Results.open(write_results(folder, rows, columns, [measure_entry("M")]))


def test_crossings_are_a_map_with_the_rate_in_each_tile(tmp_path: Path) -> None:
    evidence = gather(crossed(tmp_path, 40), Asked(cross=[("race", "uninsured")]))
    family = [line for line in evidence.lines if line.attribute == "race × uninsured"]
    found = views.heat(family, 0.6)
    assert found is not None
    assert (found.down, found.across) == (("Asian", "Black", "Other", "White"), ("Insured", "Uninsured"))
    tile = found.tiles["White", "Insured"]
    assert tile.text == "67%"
    assert tile.shade is not None
    assert tile.shade > 0 > (found.tiles["White", "Uninsured"].shade or 0)
    assert views.heat(family, None) is None


def test_a_hidden_crossing_is_not_given_back_by_the_groups_it_adds_up_to(tmp_path: Path) -> None:
    """Four uninsured Black people: the Black people less the insured ones would tell."""
    evidence = gather(crossed(tmp_path), Asked(threshold=11, cross=[("race", "uninsured")]))
    shown = {(li.attribute, li.value): li for li in evidence.lines}
    small = shown["race × uninsured", "Black × yes"]
    assert small.denominator is None
    beside = [shown["race × uninsured", "Black × no"], shown["race", "Black"]]
    races = ("Asian", "Other", "White")
    across = [*(shown["race × uninsured", f"{race} × yes"] for race in races), shown["uninsured", "yes"]]
    assert any(line.denominator is None for line in beside)
    assert any(line.denominator is None for line in across)
    text = render(crossed(tmp_path / "page"), Options(cross=(("race", "uninsured"),)))
    assert "Race × Insurance" in text
    assert ">hidden<" in text


def test_crossings_are_hidden_rather_than_the_groups_they_are_made_of() -> None:
    rows: dict[Key, tuple[int, int]] = {("M", "0", "overall", "everyone"): (300, 600)}
    cells = {("a", "x"): (3, 200), ("a", "y"): (97, 200), ("b", "x"): (100, 100), ("b", "y"): (100, 100)}
    for (one, other), count in cells.items():
        rows["M", "0", "p × q", f"{one} × {other}"] = count
    for place, name in enumerate("pq"):
        for value in sorted({pair[place] for pair in cells}):
            of = [count for pair, count in cells.items() if pair[place] == value]
            rows["M", "0", name, value] = sum(x for x, _ in of), sum(n for _, n in of)
    states = hide(rows, at(11), False)
    assert {key[3] for key, state in states.items() if state != States()} == {f"{a} × {b}" for a, b in cells}


def test_sites_are_a_funnel_with_those_outside_named(tmp_path: Path) -> None:
    rates: dict[str | None, tuple[int, int]] = {f"s{i}": (200 + 3 * i, 400) for i in range(9)}
    found = views.sites(
        [li for v, li in lines(grouped(tmp_path, rates | {"low <b>": (90, 400)})).items() if v != "everyone"]
    )
    assert found is not None
    assert [site.name for site in found.sites if site.verdict != "within"] == ["low <b>"]
    drawn = str(pictures.funnel(found))
    assert "10 groups of race, 1 outside the limits" in drawn
    assert "low &lt;b&gt;" in drawn
    assert "<b>" not in drawn
    assert views.sites([li for v, li in lines(grouped(tmp_path / "few", {"a": (5, 20), "b": (9, 30)})).items()]) is None


def test_means_of_few_people_and_the_numbers_beside_them_are_hidden() -> None:
    row = dict.fromkeys(SCHEMA.names) | {"measure": "T", "group_id": "0", "kind": "mean", "verdict": "reference"}
    groups = (("race", "a", 50, 31.26), ("race", "b", 4, 99.9), ("sex", "F", 54, 36.0))
    rows = [
        row | {"attribute": a, "value": v, "people": n, "figure": f, "low": f - 1, "high": f + 1}
        for a, v, n, f in groups
    ]
    (found,) = views.means(pa.Table.from_pylist(rows, schema=SCHEMA), {"T": "Time"}, 11)
    assert [(r.figure, r.people) for r in found.rows] == [("31.3", "hidden"), ("hidden", "hidden"), ("36", "54")]
    assert "99" not in str(found)


def test_a_gap_is_said_with_how_sure_between_whom_with_what_and_whoever_is_not_known(tmp_path: Path) -> None:
    evidence = gather(Results.open(planted(tmp_path)), Asked(by=("uninsured", "age_band", "sex")))
    line = next(li for li in evidence.lines if (li.measure, li.value) == ("BloodPressure", "yes"))
    key = (line.measure, line.group_id, line.attribute, line.value)
    said = " ".join(notes(line, evidence.parts[key]))
    assert said.startswith("Very sure: of gaps this clear, less than 1 in 1,000 come of chance.")
    assert re.search(r"Between people alike in age and sex it is −\d+ points \(−\d+ to −\d+\)\.", said)
    assert "None of it goes with age." in said
    assert re.search(r"Whoever the \d% not known are, it lies between −\d+ and [−+]?\d+\.", said)


def test_parts_in_words() -> None:
    rows = [
        {"by": "payer", "goes_with": -0.034},
        {"by": "age_band", "goes_with": 0.001},
        {"by": "site", "goes_with": 0.02},
    ]
    assert (
        words.goes_with(rows) == "Of it, −3 points go with payer and +2 points go with site. None of it goes with age."
    )
    assert words.goes_with([]) == ""
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert (words.amount(1234.5), words.amount(-0.02154), words.amount(3.0, signed=True)) == ("1,234", "−0.0215", "+3")


def test_no_measure_leads_more_than_twice() -> None:
    ranked = [SimpleNamespace(measure=name, place=place) for place, name in enumerate("AABABCD")]
    assert [told.place for told in views.leading(ranked, 4)] == [0, 1, 2, 4]
