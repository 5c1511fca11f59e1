"""`salus load https://...` as a person meets it: the population it makes, what it says, what is left behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import Server, lines, new_key, patients, pem, public, serving

from salus.cli import main as cli
from salus.fhir.bulk.web import WallClock
from salus.store import Population
from salus.store.exports import last

Told = tuple[int, str, str]
Run = Callable[..., Told]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, into: Path) -> Run:
    """Runs `salus load` into the population; returns exit code, stdout, stderr."""
    monkeypatch.setattr(WallClock, "sleep", lambda self, seconds: None)

    def running(server: Server, *options: str) -> Told:
        with pytest.raises(SystemExit) as left:
            cli.main(["load", server.base, "--into", str(into), *options])
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out, " ".join(said.err.split())

    return running


@pytest.fixture
def into(tmp_path: Path) -> Iterator[Path]:
    """Where the population is to be; nothing else but the audit log may be left beside it."""
    folder = tmp_path / "house"
    folder.mkdir()
    yield folder / "population.duckdb"
    assert {path.name for path in folder.iterdir()} <= {"population.duckdb", "audit.jsonl"}


def ids(into: Path, table: str = "Patient") -> list[str]:
    with Population.open(into, read_only=True) as population:
        return [name for (name,) in population.con.execute(f'SELECT id FROM "{table}" ORDER BY id').fetchall()]


def deletion(*targets: str) -> dict[str, Any]:
    entries = [{"request": {"method": "DELETE", "url": target}} for target in targets]
    meta = {"lastUpdated": "2026-02-01T00:00:00Z"}
    bundle = {"resourceType": "Bundle", "type": "transaction", "meta": meta, "entry": entries}
    return {"kind": "deleted", "type": "Bundle", "lines": [json.dumps(bundle)]}


def failure(severity: str, words: str) -> dict[str, Any]:
    issue = {"severity": severity, "code": "exception", "diagnostics": words}
    line = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]})
    return {"kind": "error", "type": "OperationOutcome", "lines": [line]}


def test_a_population_from_a_server(run: Run, into: Path) -> None:
    with serving(files=[patients(3)]) as server:
        code, out, err = run(server, "--group", "g1")
        assert (code, err) == (0, "")
        assert "3 patients" in out
        assert len(server.seen("DELETE /jobs/1")) == 1
    assert ids(into) == ["p0", "p1", "p2"]


def test_with_a_key(run: Run, into: Path, tmp_path: Path) -> None:
    key = new_key()
    (tmp_path / "private.pem").write_bytes(pem(key))
    with serving(files=[patients(2)], public=public(key), now=0) as server:
        options = ("--patient", "--types", "Patient,Observation", "--client-id", "salus")
        assert run(server, *options, "--key", str(tmp_path / "private.pem"))[0] == 0
        assert server.seen("POST /token")[0]["scope"] == "system/Patient.rs system/Observation.rs"
        assert server.seen("GET /fhir/Patient")[0]["path"] == "/fhir/Patient/$export?_type=Patient,Observation"
    assert ids(into) == ["p0", "p1"]


def test_a_second_load_brings_what_changed_and_takes_what_was_deleted(run: Run, into: Path) -> None:
    with serving(files=[patients(3)], transaction_time="2026-01-01T00:00:00Z") as server:
        assert run(server, "--group", "g1")[0] == 0
        new = {"type": "Patient", "lines": lines("Patient", "p7")}
        server.plan(files=[new, deletion("Patient/p1")], transaction_time="2026-02-02T00:00:00Z")
        assert run(server, "--group", "g1", "--since", "last")[0] == 0
        assert server.seen("GET /fhir/Group")[-1]["path"].endswith("?_since=2026-01-01T00:00:00Z")
        assert ids(into) == ["p0", "p2", "p7"]
        assert last(into, f"{server.base}/Group/g1/$export") == "2026-02-02T00:00:00Z"
        assert last(into, f"{server.base}/Group/g2/$export") is None


def test_nothing_new_is_said(run: Run, into: Path) -> None:
    with serving(files=[patients(3)]) as server:
        run(server)
        server.plan(files=[], transaction_time="2026-02-02T00:00:00Z")
        code, _, err = run(server, "--since", "last")
        assert (code, err) == (0, "The server has nothing as of 2026-02-02T00:00:00Z.")
        assert last(into, f"{server.base}/$export") == "2026-02-02T00:00:00Z"
    assert ids(into) == ["p0", "p1", "p2"]


def test_errors_of_the_server_are_shown_and_the_next_load_asks_again(run: Run, into: Path) -> None:
    with serving(files=[patients(1), failure("error", "Claim could not be exported")]) as server:
        code, _, err = run(server)
        assert code == 0
        assert "the server says: error (exception): Claim could not be exported" in err
        assert "the export was not whole" in err
        assert last(into, f"{server.base}/$export") is None
        code, _, err = run(server, "--since", "last")
        assert code == 2
        assert "does not hold a whole export" in err


def test_warnings_of_the_server_are_shown_in_numbers_when_there_are_many(run: Run, into: Path) -> None:
    warnings = [failure("warning", f"w{number}") for number in range(25)]
    with serving(files=[patients(1), *warnings]) as server:
        code, _, err = run(server)
        assert code == 0
        assert "w19" in err
        assert "w20" not in err
        assert "and 5 more (warning)" in err
        assert last(into, f"{server.base}/$export") is not None


def test_a_run_that_failed_keeps_its_downloads_and_the_next_goes_on(run: Run, into: Path) -> None:
    cut = {"at": "GET /files/0", "do": "cut", "bytes": 40, "times": 99}
    with serving(files=[patients(3)], faults=[cut], ranges=False) as server:
        code, _, err = run(server)
        assert code == 1
        assert "file 1 (Patient output): no answer from" in err
        assert not into.exists()
        server.plan(faults=[])
        assert run(server)[0] == 0
        assert len(server.seen("GET /fhir/$export")) == 1
    assert ids(into) == ["p0", "p1", "p2"]


def test_a_server_that_cannot_be_told_of_the_end_is_no_failure(run: Run, into: Path) -> None:
    fault = {"at": "DELETE /jobs/", "do": "status", "status": 500}
    with serving(files=[patients(1)], faults=[fault]) as server:
        code, _, err = run(server)
    assert code == 0
    assert "was not told that its export is no longer needed" in err
    assert ids(into) == ["p0"]


def test_a_server_that_wants_to_know_who_asks(run: Run, into: Path) -> None:
    with serving(files=[patients(1)], public=public(new_key())) as server:
        code, _, err = run(server)
    assert code == 1
    assert "who are you (it wants to know who asks: --client-id and --key)" in err
    (folder,) = into.parent.iterdir()
    assert folder.name == ".population.duckdb.bulk"
    for each in sorted(folder.rglob("*"), reverse=True):
        each.rmdir() if each.is_dir() else each.unlink()
    folder.rmdir()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["records.ndjson", "--group", "g1"], "want the address of a server"),
        (["https://a.org/fhir", "records.ndjson"], "one server, or files"),
        (["https://a.org/fhir", "--group", "g1", "--patient"], "only one of them"),
        (["https://a.org/fhir", "--types", "Patiens"], "--types Patiens"),
        (["https://a.org/fhir", "--since", "yesterday"], "--since yesterday"),
        (["https://a.org/fhir", "--since", "last"], "does not hold a whole export"),
        (["https://a.org/fhir", "--since", "last", "--replace"], "nothing but what changed"),
        (["https://a.org/fhir", "--client-id", "salus"], "both, or neither"),
        (["https://a.org/fhir", "--client-id", "salus", "--key", "nowhere.pem"], "nowhere.pem"),
    ],
)
def test_commands_that_are_wrong_ask_nothing(
    arguments: list[str], message: str, into: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["load", *arguments, "--into", str(into)])
    assert left.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("server", ["http://fhir.example.org/r4", "https://me:secret@fhir.example.org/r4"])
def test_addresses_that_are_refused(server: str, into: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["load", server, "--into", str(into)])
    assert left.value.code == 1
    assert "secret" not in capsys.readouterr().err
