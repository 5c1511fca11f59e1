"""The results folder appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from salus.errors import SalusError, UsageError
from salus.measure.folder import results_folder


def fill(folder: Path, text: str = "{}") -> None:
    for name in ("run.json", "determinations.parquet"):
        (folder / name).write_text(text)


def test_a_new_folder(tmp_path: Path) -> None:
    with results_folder(tmp_path / "deep" / "out") as folder:
        fill(folder)
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["out"]


@pytest.mark.parametrize("before", ["nothing", "results", "empty"])
def test_a_failure_leaves_everything_as_it_was(tmp_path: Path, before: str) -> None:
    out = tmp_path / "out"
    if before != "nothing":
        out.mkdir()
    if before == "results":
        fill(out, "old")

    def fail() -> None:
        with results_folder(out) as folder:
            fill(folder)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ([] if before == "nothing" else ["out"])
    assert before != "results" or (out / "run.json").read_text() == "old"


def test_older_results_are_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    fill(out, "old")
    (out / "extra.html").write_text("made from the old results")
    with results_folder(out) as folder:
        fill(folder, "new")
    assert sorted(path.name for path in out.iterdir()) == ["determinations.parquet", "run.json"]
    assert (out / "run.json").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_is_not_results_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "run.json").write_text("mine")
    with pytest.raises(UsageError, match="is not a results folder"), results_folder(out):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"), results_folder(tmp_path / "file"):
        pass


def test_what_a_killed_run_left_goes_with_the_next_and_older_results_come_back(tmp_path: Path) -> None:
    out, old = tmp_path / "out", tmp_path / ".out.old"
    (tmp_path / ".out.writing").mkdir()
    old.mkdir()
    fill(old, "old")
    with results_folder(out) as folder:
        assert (out / "run.json").read_text() == "old"
        fill(folder, "new")
    assert (out / "run.json").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_one_run_at_a_time_writes_into_a_folder(tmp_path: Path) -> None:
    with results_folder(tmp_path / "out") as folder:
        fill(folder)
        with pytest.raises(SalusError, match="another evaluation into"), results_folder(tmp_path / "out"):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
