"""The pages as a reader meets them: on a desk and a phone, with a keyboard and with a screen reader.

Runs where chromium is; what axe-core says is asked where npm can fetch it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from few_people import record
from made_results import planted

import browser
import salus
from salus.cli.explain import Asked, explain_command

pytestmark = pytest.mark.skipif(browser.chromium() is None, reason="there is no chromium")
PAGES = ("report", "scorecard", "release", "explanation")
MEASURE = "SalusBloodPressureControl"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of each kind, with gaps, hidden groups, several periods and clauses that are not measured."""
    folder = tmp_path_factory.mktemp("pages")
    folders = [
        planted(folder / str(year), 1500, year, period={"start": f"{year}-01-01", "end": f"{year}-12-31"})
        for year in (2026, 2025)
    ]
    results = salus.results(folders[0])
    return {
        "report": results.report(folder / "report.html"),
        "scorecard": salus.scorecard(*folders).write(folder / "scorecard.html"),
        "release": results.publish(folder / "release") / "report.html",
        "explanation": explanation(folder),
    }


def explanation(folder: Path) -> Path:
    lines = [json.dumps(each) for number in range(8) for each in record(number)]
    (folder / "records.ndjson").write_text("\n".join(lines), encoding="utf-8")
    people = salus.load(folder / "records.ndjson", into=folder / "population.duckdb")
    salus.evaluate(people, 2026, folder / "results", measures=MEASURE)
    explain_command(Asked(folder / "results", MEASURE, "patient-3", html=folder / "explanation.html"))
    return folder / "explanation.html"


@pytest.fixture(scope="module")
def shown() -> Iterator[browser.Browser]:
    with browser.started() as running:
        yield running


@pytest.mark.parametrize("width", browser.WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_scrolls_sideways(name: str, width: int, pages: dict[str, Path], shown: browser.Browser) -> None:
    shown.open(pages[name], width)
    assert browser.too_wide(shown) == []
    shown.value("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert browser.too_wide(shown) == []


@pytest.mark.parametrize("width", browser.WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_grave(name: str, width: int, pages: dict[str, Path], shown: browser.Browser) -> None:
    script = browser.axe(Path(sys.prefix) / "axe-core")
    if script is None:
        pytest.skip("axe-core is not there: npm or the network is lacking")
    shown.open(pages[name], width)
    shown.value("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert [each for each in shown.findings(script) if each["impact"] in browser.GRAVE] == []


@pytest.mark.parametrize("name", PAGES)
def test_the_keyboard_goes_through_the_page_in_its_order(
    name: str, pages: dict[str, Path], shown: browser.Browser
) -> None:
    shown.open(pages[name], 1280)
    visited = shown.tabs()
    places = [each["place"] for each in visited]
    assert places == sorted(places)
    assert all(each["seen"] for each in visited)
    wanted = (
        "[...document.querySelectorAll('a[href], summary, [tabindex=\"0\"]')].filter(e => e.checkVisibility()).length"
    )
    assert len(visited) == shown.value(wanted) > 0


def test_what_is_too_wide_is_named(tmp_path: Path, shown: browser.Browser) -> None:
    wide = '<div style="overflow-x:auto"><p style="width:900px">boxed</p></div><p class="far" style="width:900px">x</p>'
    page = tmp_path / "wide.html"
    page.write_text(f'<!doctype html><meta name="viewport" content="width=device-width">{wide}', encoding="utf-8")
    shown.open(page, 390)
    assert [each.split()[0] for each in browser.too_wide(shown)] == ["P.far"]


@pytest.mark.parametrize("name", ["report", "release"])
def test_a_picture_says_in_words_what_it_shows(name: str, pages: dict[str, Path], shown: browser.Browser) -> None:
    """Also when it is drawn, which gives its place a name and a role of the drawing's own."""
    shown.open(pages[name], 390)
    pictures = shown.value(
        "[...document.querySelectorAll('.chart')].map(e => [e.getAttribute('role'), e.getAttribute('aria-label')])"
    )
    assert pictures
    assert all(role == "img" and words.startswith("Dot plot of the rate by ") for role, words in pictures)
