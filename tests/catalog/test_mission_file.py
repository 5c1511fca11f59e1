"""The mission file: the default is whole, and every fault is said at its place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from salus.catalog import measure_names
from salus.catalog.entries import entries
from salus.catalog.mission import DEFAULT, read_mission
from salus.errors import UsageError

CLAUSES = (
    *("wellness", "care", "access", "compassion", "value", "equity", "underserved", "advance", "discovery-clinical"),
    *("discovery-population", "discovery-basic", "education", "attract", "develop", "support", "community"),
    *("nondiscrimination", "accommodation", "ethics", "local", "global"),
)


def test_the_default_has_every_clause_of_the_mission_and_knows_its_measures() -> None:
    mission = read_mission()
    assert tuple(clause.id for clause in mission.clauses) == CLAUSES
    assert all(clause.asks and clause.whom and clause.since == date(2026, 1, 1) for clause in mission.clauses)
    mission.check(measure_names())


def test_the_default_has_every_measure_of_the_catalog_once_and_under_its_own_clause() -> None:
    placed = [(name, clause.id) for clause in read_mission().clauses for name in clause.measures]
    assert sorted(placed) == sorted((each.name, each.clause) for each in entries())


def written(folder: Path, text: str) -> Path:
    path = folder / "mission.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    text = '[[clause]]\nid = "a"\nwords = "A promise"\nmeasures = ["M"]\nby = ["race"]\n'
    mission = read_mission(written(tmp_path, f'title = "Ours"\n{text}[[clause]]\nid="b"\nwords="B"\nmeasures="all"'))
    first, second = mission.clauses
    assert (mission.title, first.measures, first.by, first.every) == ("Ours", ("M",), ("race",), False)
    assert (second.every, second.measures, second.since) == (True, (), None)


GOOD = '[[clause]]\nid = "a"\nwords = "A"\n'
FAULTS = {
    "no clauses": 'title = "x"',
    "is no TOML: ": "[[clause",
    "mission.toml:4: clause a is there already, at line 1": GOOD + GOOD,
    "mission.toml:1: clause a: measure is not known; did you mean measures?": GOOD + 'measure = ["M"]',
    "clause a, measures: M is there twice": GOOD + 'measures = ["M", "M"]',
    'clause a, measures: a list of names is wanted, ["one", "two"], or "all", not \'M\'': GOOD + 'measures = "M"',
    "clause a, by: a list of names is wanted": GOOD + "by = [1]",
    "clause a, since: a day is written 2026-01-01": GOOD + 'since = "2026-01-01"',
    "clause a, checks: magic is not known; there are: manifest": GOOD + 'checks = ["magic"]',
    "clause a, asks: a text is wanted, not 3": GOOD + "asks = 3",
    "clause a has no words": '[[clause]]\nid = "a"',
    "clause ? has no id": '[[clause]]\nwords = "A"',
    "titel is not known; did you mean title?": 'titel = "x"\n' + GOOD,
    "a clause is a table": "clause = [1]",
}


@pytest.mark.parametrize(("said", "text"), FAULTS.items())
def test_faults_are_said_at_their_place(tmp_path: Path, said: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_mission(written(tmp_path, text))
    assert said in str(caught.value)


def test_a_measure_that_nobody_knows_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    mission = read_mission(written(tmp_path, GOOD + 'measures = ["SalusBloodPresure"]'))
    with pytest.raises(UsageError, match=r"toml:1: clause a, measures: there is no measure SalusBloodPresure; did you"):
        mission.check(["SalusBloodPressure"])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_mission(tmp_path / "none.toml")
    assert DEFAULT.is_file()
