"""The demo, end to end: every person is where the truth says, and the planted gap is found."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from salus.catalog.synth import Scenario
from salus.catalog.synth.dice import Dice
from salus.catalog.synth.people import Story, draw_person, draw_story
from salus.cli.demo import demo_command, find

PEOPLE, SEED = 1500, 3
POPULATIONS = ("initial_population", "denominator", "denominator_exclusion", "numerator")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "output"
    demo_command(out, PEOPLE, SEED)
    return out


def stories() -> dict[str, Story]:
    found = {}
    for number in range(1, PEOPLE + 1):
        dice = Dice(SEED, number)
        person = draw_person(dice, number, Scenario())
        found[person.key] = draw_story(dice, person, Scenario())
    return found


def member_of(story: Story) -> tuple[bool, bool, bool, bool]:
    return story.denominator, story.denominator, story.excluded, story.controlled and not story.excluded


def test_every_person_is_where_the_truth_says(demo: Path) -> None:
    rows = pq.read_table(demo / "results/determinations.parquet").to_pylist()
    told = {row["subject_id"]: tuple(row[name] for name in POPULATIONS) for row in rows}
    assert told == {key: member_of(story) for key, story in stories().items()}


def test_the_planted_gap_is_found(demo: Path) -> None:
    found = find(demo / "results")
    assert found.low <= -0.20 <= found.high < 0
    assert found.verdict == "worse"


def test_the_report_stands_alone(demo: Path) -> None:
    report = (demo / "report.html").read_text(encoding="utf-8")
    assert "Blood pressure under control" in report
    assert 'src="http' not in report


def test_a_demo_can_be_made_again_in_its_place(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo_command(demo, 400, 1)
    said = capsys.readouterr().out
    assert "Planted" in said
    assert "Found" in said
