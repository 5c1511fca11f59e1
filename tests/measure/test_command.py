"""`salus evaluate` refuses wrong commands before anything starts, and prints a line per group."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from salus.cli.evaluate import evaluate_command
from salus.cli.evaluation_lines import show
from salus.errors import UsageError
from salus.measure.run import Evaluation

PERIOD = (date(2026, 1, 1), date(2026, 12, 31))


@pytest.fixture
def command(tmp_path: Path) -> dict[str, Any]:
    for name in ("population.duckdb", "content.json"):
        (tmp_path / name).write_text("{}")
    return {
        "population": tmp_path / "population.duckdb",
        "content": [tmp_path / "content.json"],
        "measures": [],
        "period": PERIOD,
        "out": tmp_path / "results",
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"engine": "abacus"}, "there is no engine 'abacus'; choose duckdb or oracle"),
        ({"period": PERIOD[::-1]}, r"the period starts \(2026-12-31\) after it ends"),
        ({"content": [Path("nowhere")]}, "nowhere is not there"),
        ({"population": Path("nothing.duckdb")}, "nothing.duckdb is not there"),
    ],
)
def test_wrong_commands(change: dict[str, Any], words: str, command: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=words):
        evaluate_command(**(command | change))
    assert not command["out"].exists()


def test_results_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def group(id_: str, score: dict[str, Any], *scorings: str) -> dict[str, Any]:
        codes = [("initial-population", 5), ("denominator", 4), ("numerator", 2)]
        counts = [{"code": {"coding": [{"code": code}]}, "count": count} for code, count in codes]
        scoring = [{"valueCodeableConcept": {"coding": [{"code": extra}]}} for extra in scorings]
        return {"id": id_, "population": counts, "measureScore": score, "extension": scoring}

    groups = [group("G", {"value": 0.5}, "proportion"), group("H", {}), group("I", {"value": 12.5}, "ratio")]
    report = {"measure": "http://x/Measure/M|1", "group": groups}
    show(Evaluation(Path("out"), (report,), ("take care",), {"engine": 1.25}))
    printed = capsys.readouterr()
    lines = [line.split() for line in printed.out.splitlines()]
    assert any({"M", "G", "5", "4", "2", "50.0%"} <= set(line) for line in lines)
    assert any({"M", "H", "-"} <= set(line) for line in lines)
    assert any({"M", "I", "12.5"} <= set(line) for line in lines)
    assert "out written in 1.2 s" in printed.out
    assert printed.err == "warning: take care\n"
