"""`salus scorecard` and `salus mission` as a person types them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "equity"))

from made_results import grouped

from salus.cli.main import main


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(each) for each in arguments])
    return int(left.value.code or 0)


def test_the_default_mission_has_all_its_clauses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = grouped(tmp_path / "results", {"White": (150, 200), "Asian": (100, 200)})
    assert run("scorecard", folder, "--out", tmp_path / "s" / "card.html") == 0
    said = capsys.readouterr().out
    assert "for use inside the house" in said
    told = json.loads((tmp_path / "s" / "card.json").read_text(encoding="utf-8"))
    assert len(told["clauses"]) == 21
    assert told["unmapped"] == [["M", "0"]]
    log = (tmp_path / "s" / "audit.jsonl").read_text(encoding="utf-8")
    assert '"action": "scorecard"' in log


def test_a_mission_of_ones_own_begins_with_the_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = grouped(tmp_path / "results", {"White": (150, 200), "Asian": (100, 200)})
    assert run("mission") == 0
    own = tmp_path / "mission.toml"
    first, rest = capsys.readouterr().out.split("measures = [", 1)
    own.write_text(f'{first}measures = ["M"]{rest.partition("]")[2]}', encoding="utf-8")
    assert run("scorecard", folder, "--mission", own, "--out", tmp_path / "card.html", "--by", "race") == 0
    told = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    assert (told["clauses"][0]["state"], told["clauses"][0]["measured"]) == ("measured", [["M", "0"]])


def test_faults_end_with_the_code_of_a_wrong_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = grouped(tmp_path / "results", {"White": (1, 2)})
    own = tmp_path / "mission.toml"
    own.write_text('[[clause]]\nid = "a"\nwords = "A"\nmeasures = ["N"]\n', encoding="utf-8")
    assert run("scorecard", folder, "--mission", own, "--out", tmp_path / "c.html") == 2
    assert f"{own}:1: clause a, measures: there is no measure N" in capsys.readouterr().err
    assert run("scorecard", folder, "--out", tmp_path / "card.pdf") == 2
    assert not (tmp_path / "c.html").exists()
