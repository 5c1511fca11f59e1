"""The report: one file, no network, warnings first, nothing hidden in its source, hostile names harmless."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import vl_convert
from made_results import determination, grouped, measure_entry, planted, write_results
from rich.console import Console

from salus.cli.report import report_command
from salus.equity.results import Results
from salus.errors import SalusError, UsageError
from salus.publish.report import Options, render, write_report


def page(folder: Path, **options: Any) -> str:
    return render(Results.open(folder), Options(**options))


def body(text: str) -> str:
    """The page without scripts that are not ours."""
    return text.partition("<body>")[2].partition("<!-- Vega")[0]


def specs(text: str) -> list[dict[str, Any]]:
    return [json.loads(s) for s in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.S)]


def drawn(text: str) -> list[dict[str, Any]]:
    """Every row of every picture."""
    return [row for spec in specs(text) for row in spec["data"]["values"]]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page(planted(tmp_path_factory.mktemp("planted")))


def test_the_planted_gap_leads_in_plain_words(report: str) -> None:
    first = body(report).partition('<ol class="gaps">')[2].partition("</li>")[0]
    assert "Controlling High Blood Pressure" in first
    assert "Payer: Uninsured" in first
    assert re.search(r"Uninsured 4\d%, Private 6\d%: \d\d points lower \(95% interval", first)
    assert re.search(r"At the rate of Private, \d+ more people would have met the measure", first)


def test_a_measure_where_lower_is_better_speaks_of_fewer(report: str) -> None:
    card = body(report).partition("Diabetes: Poor Glycemic Status (above 9%)</h2>")[2].partition("</article>")[0]
    assert "Lower is better" in card
    assert re.search(r"points higher .* fewer people would have fared badly", card)


def test_an_empty_denominator_is_no_zero(report: str) -> None:
    card = body(report).partition(">Breast Cancer Screening</h2>")[2].partition("</article>")[0]
    assert "No one counts: the denominator is empty" in card
    assert "%" not in card


def test_measures_that_are_no_rates_are_named(report: str) -> None:
    assert "Title of Visits (cohort)" in body(report)


def test_it_calls_no_network(report: str) -> None:
    assert "default-src 'none'" in report
    ours = re.sub(r"<script>.*?</script>", "", report, flags=re.S)
    assert not re.search(r"\s(src|href|action)\s*=\s*(?![\"']?#)", ours)
    assert "url(" not in ours
    assert "vegaEmbed" in report


def test_the_page_is_well_formed_and_accessible(report: str) -> None:
    outline = Outline()
    outline.feed(body(report))
    assert outline.open == []
    assert outline.ids == sorted(set(outline.ids), key=outline.ids.index)
    assert outline.pictures
    assert all(label.startswith("Dot plot of the rate by ") for label in outline.pictures)
    assert outline.headers
    assert outline.headers <= {"row", "col"}
    assert '<html lang="en">' in report


class Outline(HTMLParser):
    """Tags left open, ids, labels of pictures, scopes of table headers."""

    VOID = frozenset({"meta", "br", "link", "path", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.pictures: list[str] = []
        self.headers: set[str | None] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if given.get("role") == "img":
            self.pictures.append(str(given.get("aria-label")))
        if tag == "th":
            self.headers.add(given.get("scope"))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_pictures_hold_what_the_table_says_and_the_unknown_group(report: str) -> None:
    rows = {row["name"]: row for row in drawn(report) if row["name"] in ("Uninsured", "Not known", "Private")}
    assert set(rows) == {"Uninsured", "Not known", "Private"}
    assert rows["Private"]["kind"] == "reference"
    assert f">{rows['Private']['interval']}<" in report


def test_every_picture_is_a_vega_lite_specification(report: str) -> None:
    assert specs(report)
    for spec in specs(report):
        names = {mark["type"] for mark in marks(vl_convert.vegalite_to_vega(spec))}
        assert {"rule", "symbol", "text"} <= names


def marks(vega: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every mark of a Vega specification, those in groups too."""
    for mark in vega.get("marks", ()):
        yield mark
        yield from marks(mark)


def test_no_small_cell_is_anywhere_in_the_source(tmp_path: Path) -> None:
    """Black: 7 of 53. None of 7, 46 or the rate may be told, in the page, its pictures or their words."""
    folder = grouped(tmp_path, {"White": (601, 1009), "Black": (7, 53), "Asian": (23, 61), "Other": (127, 251)})
    text = body(page(folder))
    black = [row for row in drawn(text) if row["name"] == "Black"]
    assert black
    assert all(set(row) == {"group", "name", "kind", "note"} for row in black)
    assert {row["kind"] for row in black} == {"too few to say"}
    assert "13.2%" not in text
    assert not re.search(r"\b(7|46) of 53\b", text)
    assert "Black: too small to show" in text
    assert "&lt;11" in text
    assert "0.1320" not in text


def test_small_cells_can_be_shown_inside_the_house_and_the_page_says_so(tmp_path: Path) -> None:
    folder = grouped(tmp_path, {"White": (601, 1009), "Black": (7, 53)})
    text = body(page(folder, threshold=1))
    assert "13.2%" in text
    assert "For use inside the house only" in text
    assert "For use inside the house only" not in body(page(folder))


def test_warnings_come_before_findings(tmp_path: Path) -> None:
    run = {
        "missing_valuesets": [{"url": "http://x/ValueSet/1", "asked_by": "CMS165"}],
        "warnings": [f"warning {i}" for i in range(7)],
        "population": {"quarantined": 12},
    }
    text = body(page(grouped(tmp_path, {"White": (60, 100)}, **run)))
    assert "1 value set was missing: these results are incomplete" in text
    assert "http://x/ValueSet/1 (asked for by CMS165)" in text
    assert "12 records could not be read" in text
    assert "4 more" in text
    assert text.index("value set was missing") < text.index("could not be read") < text.index("What stands out")


HOSTILE = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'


def test_hostile_names_are_only_names(tmp_path: Path) -> None:
    subjects = [f"p{i}" for i in range(60)]
    attributes = {"subject_id": subjects, HOSTILE: [HOSTILE] * 30 + ["fine"] * 30}
    rows = [determination(HOSTILE, s, numerator=i % 2 == 0) for i, s in enumerate(subjects)]
    entry = measure_entry(HOSTILE, title=HOSTILE, description=HOSTILE, rationale=HOSTILE, version=HOSTILE)
    folder = write_results(
        tmp_path, rows, attributes, [entry], warnings=[HOSTILE], missing_valuesets=[HOSTILE],
        versions={HOSTILE: HOSTILE}, period=[HOSTILE, HOSTILE],
    )  # fmt: skip
    text = page(folder)
    assert "<script>alert" not in text
    assert "<img" not in body(text)
    outline = Outline()
    outline.feed(body(text))
    assert outline.open == []
    assert HOSTILE in {row["name"] for row in drawn(text)}  # escaped in the page, whole in the picture's data


def test_a_direction_set_for_this_report_is_said(tmp_path: Path) -> None:
    folder = grouped(tmp_path, {"White": (20, 100), "Black": (30, 60)})
    text = body(render(Results.open(folder, {"M": "decrease"}), Options()))
    assert "Lower is better (set so for this report; the measure says: higher is better)" in text


def test_no_credible_gap_is_said_and_not_taken_for_equality(tmp_path: Path) -> None:
    text = body(page(grouped(tmp_path, {"White": (50, 100), "Black": (26, 50)})))
    assert "No gap to the worse is certain enough to name" in text
    assert "not the same as no gap" in text


def test_long_attributes_show_their_largest_groups_and_count_the_rest(tmp_path: Path) -> None:
    groups: dict[str | None, tuple[int, int]] = {f"0{i:04}": (30 + i, 60 + 2 * i) for i in range(30)}
    text = body(page(grouped(tmp_path, groups | {None: (20, 40)})))
    assert "18 smaller groups are not shown here" in text
    assert len({row["name"] for row in drawn(text)}) == 13  # twelve and the unknown one


def test_names_cut_to_the_same_lines_stay_apart(tmp_path: Path) -> None:
    long = "A very long name of a group of people that goes on and on until it ends in "
    rows = drawn(page(grouped(tmp_path, {long + "one": (30, 60), long + "two": (40, 90)})))
    assert len({row["group"] for row in rows}) == 2


def test_a_run_that_says_little_still_makes_a_report(tmp_path: Path) -> None:
    folder = grouped(tmp_path, {"White": (30, 60)})
    (folder / "run.json").write_text("{}")
    text = body(page(folder))
    assert "period not stated" in text
    assert "does not say whether higher or lower is better" in text


def test_a_folder_where_the_report_should_be_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salus.publish.report.render", lambda *_: "<!doctype html>")
    (tmp_path / "out").mkdir()
    with pytest.raises(SalusError, match=f"cannot write the report {tmp_path / 'out'}: Is a directory"):
        write_report(Results.open(grouped(tmp_path / "r", {"White": (1, 2)})), tmp_path / "out")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["out", "r"]


def test_counts_in_the_run_manifest_stay_out(tmp_path: Path) -> None:
    run = {
        "engine": "duckdb",
        "population": {"patients": 4711},
        "content": {"measures": {"M 1.0.0": "abc123"}},
    }
    text = body(page(grouped(tmp_path, {"White": (30, 60)}, **run)))
    assert "abc123" in text
    assert "4711" not in text


def test_the_command_writes_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = grouped(tmp_path / "results", {"White": (60, 100), "Black": (20, 50)})
    out = tmp_path / "report.html"
    console = Console(record=True, file=StringIO())
    with pytest.raises(UsageError, match="no attribute religion"):
        report_command(folder, out, ["religion"], console=console)
    assert not out.exists()
    report_command(folder, out, ["race"], references=["race=Black"], show_small=True, console=console)
    assert "Compared with Black" in out.read_text(encoding="utf-8")
    assert "inside the house" in console.export_text()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
