"""What Salus checks of itself: each check can hold, fail, and have nothing to look at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_results import grouped

from salus.catalog.mission import CHECKS, Clause, Mission
from salus.equity.results import Results
from salus.mission.checks import Check
from salus.mission.scorecard import Kept, scorecard
from salus.publish.audit import FILE, record
from salus.publish.policy import PROFILES
from salus.publish.release import Order, publish

ABOUT = {"versions": {"salus": "0.1.0"}, "content": {"measures": {"M 1.0.0": "ab" * 32}}}


def kept(*folders: Path, checks: tuple[str, ...] = CHECKS) -> Kept:
    clause = Clause("ethics", "Ethics", checks=checks)
    (found,) = scorecard(folders, Mission(Path("m"), "Ours", (clause,), {"ethics": 1}), []).clauses
    return found


def one(name: str, *folders: Path) -> Check:
    return kept(*folders, checks=(name,)).checks[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return grouped(tmp_path / "results", {"White": (150, 200), "Asian": (120, 200)}, **ABOUT)


def test_nothing_to_check_is_not_measured(tmp_path: Path) -> None:
    assert kept(grouped(tmp_path / "r", {"White": (1, 2)}), checks=("audit", "trend")).state == "not measured yet"


def test_a_whole_log_holds_and_an_edited_one_is_named(folder: Path) -> None:
    log = record("evaluate", folder)
    record("report", folder)
    assert one("audit", folder).state == "holds"
    assert kept(folder).state == "checked"
    log.write_text(log.read_text(encoding="utf-8").replace("evaluate", "evalvate"), encoding="utf-8")
    assert one("audit", folder).state == "fails"
    assert f"{FILE}:2" in one("audit", folder).said


def test_a_manifest_without_hashes_fails(folder: Path, tmp_path: Path) -> None:
    assert one("manifest", folder).state == "holds"
    bare = grouped(tmp_path / "bare", {"White": (1, 2)}, period={"start": "2025-01-01", "end": "2025-12-31"})
    assert one("manifest", folder, bare).said.startswith("1 of 2 runs say")
    assert one("manifest", folder, bare).state == "fails"


def test_a_certificate_holds_for_the_files_it_was_given_for(folder: Path, tmp_path: Path) -> None:
    assert one("certificate", folder).state == "not there"
    release = tmp_path / "release"
    publish(Results.open(folder), release, Order(policy=PROFILES["cms11"]))
    assert one("certificate", release).state == "holds"
    assert one("manifest", release).state == "not there"
    with (release / "equity.csv").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert "equity.csv is not what the certificate was given for" in one("certificate", release).said
    (release / "certificate.json").write_text(json.dumps({}), encoding="utf-8")
    assert one("certificate", release).state == "fails"


def test_trends_are_counted(folder: Path, tmp_path: Path) -> None:
    assert one("trend", folder).state == "not there"
    before = grouped(tmp_path / "old", {"White": (50, 200)}, period={"start": "2025-01-01", "end": "2025-12-31"})
    assert one("trend", folder, before).said == "1 of 1 measure, 0 with a control chart; 1 moved."
