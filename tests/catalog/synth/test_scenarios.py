"""Scenario files: those that ship can be read, and a fault is said with the file and the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from salus.catalog.synth.scenario import Scenario, shipped
from salus.errors import UsageError

GOOD = """
[[effects]]
measure = "statin"
step = "prescribed"
who = { race = "Asian" }
against = { race = "White" }
difference = -0.1
"""


def test_those_that_ship_can_be_read() -> None:
    assert shipped() == ["intervention", "null", "standard"]
    assert not Scenario.named("null").effects
    assert any(len(effect.who) == 2 for effect in Scenario.named("standard").effects)
    starts = {(effect.who["site"], effect.start) for effect in Scenario.named("intervention").effects if effect.start}
    assert len({start for _, start in starts}) > 2


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("year = 2030\n[community]\nhispanic = 0.5\n" + GOOD)
    scenario = Scenario.named(str(path))
    assert (scenario.name, scenario.year, scenario.community.hispanic) == ("mine", 2030, 0.5)
    assert scenario.effects[0].size == -0.1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (GOOD.replace("statin", "spleen"), r"effects\[0\].measure: no measure 'spleen'; there are blood-pressure"),
        (
            GOOD.replace("prescribed", "ordered"),
            r"effects\[0\].step: statin has no step 'ordered'; there are prescribed",
        ),
        (GOOD.replace('"Asian"', '"asian"'), r"effects\[0\].who.race: no group 'asian'; there are White"),
        (GOOD.replace("{ race =", "{ colour ="), r"effects\[0\].who: no attribute 'colour'"),
        (GOOD.replace("who =", "whom ="), r"effects\[0\]: no key 'whom'"),
        (GOOD.replace("difference = -0.1", ""), "say either difference"),
        (GOOD.replace("difference = -0.1", "odds = 0"), r"effects\[0\].odds: a number is needed above 0, not 0"),
        (
            GOOD.replace("difference = -0.1", 'difference = "much"'),
            r"effects\[0\].difference: a number is needed, not 'much'",
        ),
        (
            GOOD.replace("effects", "interventions"),
            r"interventions\[0\].start: a month from 1 to 12 is needed, not None",
        ),
        ("year = 26", "year: a year from 1990 to 2099 is needed, not 26"),
        ("[record]\nmissing_race = -1", "record.missing_race: a number of 0 or more is needed"),
        ("[record]\nmissing_race = nan", "record.missing_race: a number of 0 or more is needed, not nan"),
        ("[record]\nmissing_race = 6", "record.missing_race: a share, of at most 1, is needed, not 6"),
        (GOOD.replace("difference = -0.1", "odds = inf"), r"effects\[0\].odds: a number is needed above 0, not inf"),
        (
            GOOD.replace("difference = -0.1", "difference = nan"),
            r"effects\[0\].difference: a number is needed, not nan",
        ),
        (
            GOOD.replace("effects", "interventions") + "start = true",
            r"interventions\[0\].start: a month from 1 to 12 is needed, not True",
        ),
        ("effects = 3", r"effects: a list of tables is needed \(\[\[effects\]\]\), not 3"),
        (GOOD.replace("[[effects]]", "[interventions]"), "interventions: a list of tables is needed"),
        ("[mess]\nmold = 1", "mess: no key 'mold'"),
        ("measure =", "not TOML"),
    ],
)
def test_faults_name_the_file_and_the_key(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=complaint) as caught:
        Scenario.named(str(path))
    assert "wrong.toml" in str(caught.value)


def test_a_name_that_is_none() -> None:
    with pytest.raises(UsageError, match="no scenario utopia; there are intervention, null, standard"):
        Scenario.named("utopia")
