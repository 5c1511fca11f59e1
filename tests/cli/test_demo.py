"""The demo, end to end: the planted gaps are found and told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from salus.catalog.synth import Truth
from salus.catalog.synth.found import find
from salus.cli.demo import COMMUNITY, RESULTS, demo_command
from salus.equity.results import Results

PEOPLE, SEED = 3000, 3


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "output"
    demo_command(out, PEOPLE, SEED)
    return out


def test_the_planted_gap_is_found(demo: Path) -> None:
    found = {
        each.planted.effect.measure: each for each in find(Truth.read(demo / COMMUNITY), Results.open(demo / RESULTS))
    }
    pressure = found["blood-pressure"]
    assert pressure.gap is not None
    assert pressure.gap == pytest.approx(pressure.planted.seen)
    assert pressure.low is not None
    assert pressure.high is not None
    assert pressure.low <= -0.20 <= pressure.high < 0
    assert pressure.verdict == "worse"
    assert pressure.sure
    assert pressure.covered


def test_the_report_stands_alone(demo: Path) -> None:
    report = (demo / "report.html").read_text(encoding="utf-8")
    assert "Blood pressure under control" in report
    assert 'src="http' not in report


def test_every_gap_of_care_that_the_scorecard_is_sure_of_was_planted(demo: Path) -> None:
    """Who is uninsured, and how long, differs by the community's own making; what is done for people, as planted."""
    told = json.loads((demo / "scorecard.json").read_text(encoding="utf-8"))
    assert {each["id"]: each["state"] for each in told["clauses"]}["care"] == "measured"
    planted = {each.measure for each in Truth.read(demo / COMMUNITY).planted}
    sure = {gap["measure"] for gap in told["gaps"] if gap["sure"] != "not sure"}
    of_care = sure - {"SalusUninsured", "SalusMonthsUninsured"}
    assert of_care
    assert of_care <= planted


def test_a_demo_can_be_made_again_in_its_place(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo_command(demo, 400, 1)
    said = capsys.readouterr().out
    assert "Planted" in said
    assert "Found" in said
