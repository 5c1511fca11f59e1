"""The audit chain: any entry edited, dropped or moved is found; writers at once keep one chain."""

from __future__ import annotations

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from salus.cli.audit import show_command, verify_command
from salus.errors import SalusError, UsageError
from salus.publish import audit

SIZE = 8


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chain")
    for number in range(SIZE):
        made = audit.record(
            "load", folder / "population.duckdb", {"files": [folder / f"f{number}.ndjson"]}, turn=number
        )
    return made


def tampered(log: Path, lines: list[bytes]) -> audit.Checked:
    other = log.with_name("tampered.jsonl")
    other.write_bytes(b"".join(lines))
    return audit.verify(other)


def test_a_chain_that_was_left_alone_holds(log: Path) -> None:
    checked = audit.verify(log)
    assert (checked.entries, checked.broken) == (SIZE, None)
    assert audit.entries(log)[0]["before"] == audit.FIRST


@given(place=st.integers(0, SIZE - 2), what=st.sampled_from(["who", "when", "action", "made", "number"]))
def test_an_edited_entry_is_found(log: Path, place: int, what: str) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    entry = json.loads(lines[place]) | {what: "someone else"}
    lines[place] = json.dumps(entry, sort_keys=True).encode() + b"\n"
    broken = tampered(log, lines).broken
    assert broken is not None
    assert f":{place + 1 + (what != 'number')}:" in broken  # the hash of the next one tells


@given(place=st.integers(0, SIZE - 2))
def test_a_dropped_entry_is_found(log: Path, place: int) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    broken = tampered(log, lines[:place] + lines[place + 1 :]).broken
    assert broken is not None
    assert f"entry {place + 1} is not there" in broken


@given(order=st.permutations(range(SIZE)))
def test_a_changed_order_is_found(log: Path, order: list[int]) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    first = next((i for i, place in enumerate(order) if i != place), None)
    broken = tampered(log, [lines[i] for i in order]).broken
    assert (broken is None) == (first is None)
    assert first is None or f":{first + 1}:" in str(broken)


def test_a_line_cut_short_is_found_and_nothing_is_added_to_it(tmp_path: Path) -> None:
    made = audit.record("load", tmp_path / "p")
    made.write_bytes(made.read_bytes()[:-5])
    with pytest.raises(SalusError, match="damaged at its end"):
        audit.record("load", tmp_path / "p")
    assert audit.verify(made).broken


def test_writers_at_once_keep_one_chain(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from salus.publish.audit import record\n"
    code += "for i in range(20): record('run', Path(sys.argv[1]) / 'x', turn=i)"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    checked = audit.verify(tmp_path / audit.FILE)
    assert (checked.entries, checked.broken) == (60, None)


def test_the_log_can_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(audit.PLACE, str(tmp_path / "far" / "log.jsonl"))
    assert audit.record("load", tmp_path / "p") == tmp_path / "far" / "log.jsonl"


def test_files_are_named_with_their_hashes(tmp_path: Path) -> None:
    (tmp_path / "in.ndjson").write_text("secret of a row")
    into = audit.Known(tmp_path / "p", "contents", "c0ffee")
    made = audit.record("load", into, {"files": [tmp_path / "in.ndjson"]})
    entry = audit.entries(made)[0]
    assert entry["made"] == {"path": str(tmp_path / "p"), "contents": "c0ffee"}
    assert len(entry["read"]["files"][0]["sha256"]) == 64
    assert "secret" not in made.read_text()


def test_the_commands_verify_and_show(tmp_path: Path) -> None:
    console = Console(record=True, file=StringIO(), width=200)
    audit.record("evaluate", tmp_path / "results", {"population": tmp_path / "p.duckdb"})
    made = audit.record("publish", tmp_path / "release")
    verify_command(tmp_path, console)
    show_command(made, console=console)
    text = console.export_text()
    assert "2 entries hold together" in text
    assert "evaluate" in text
    assert "p.duckdb" in text
    made.write_text(made.read_text().replace("evaluate", "load"))
    with pytest.raises(SalusError, match=r"audit.jsonl:2: entry 2 does not follow"):
        verify_command(tmp_path / "results", console)
    with pytest.raises(UsageError, match="no audit log"):
        verify_command(tmp_path / "nowhere" / "x", console)
