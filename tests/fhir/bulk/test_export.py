"""Exports from a server that speaks the protocol, and from one that fails in the middle of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from serving import Puller, Server, lines, patients, serving

from salus.errors import SalusError
from salus.fhir.bulk.export import Exported

FILES = [patients(3), {"type": "Observation", "lines": lines("Observation", "o1", "o2")}]
BIG = {"type": "Observation", "lines": lines("Observation", *(f"o{number}" for number in range(2000)))}
ONE_FILE = "GET /files/0"


def pull(server: Server, folder: Path, **request: Any) -> Exported:
    with Puller(server, folder).export(**request) as export:
        return export.run()


def texts(exported: Exported) -> list[str]:
    return [path.read_text() for path in exported.files]


def whole(*files: dict[str, Any]) -> list[str]:
    return ["".join(f"{line}\n" for line in file["lines"]) for file in files]


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        ({"group": "g 1"}, "/fhir/Group/g%201/$export"),
        ({"patients": True}, "/fhir/Patient/$export"),
        ({}, "/fhir/$export"),
        (
            {"types": ("Patient", "Observation"), "since": "2026-01-01T00:00:00+01:00"},
            "/fhir/$export?_type=Patient,Observation&_since=2026-01-01T00:00:00%2B01:00",
        ),
    ],
)
def test_the_whole_way(folder: Path, request_: dict[str, Any], path: str) -> None:
    with serving(files=FILES) as server:
        exported = pull(server, folder, **request_)
        assert texts(exported) == whole(*FILES)
        assert exported.transaction_time == "2026-01-01T00:00:00Z"
        assert [one["path"] for one in server.seen("GET /fhir")] == [path]


def test_what_is_downloaded_is_for_the_owner_alone(folder: Path) -> None:
    with serving(files=FILES) as server:
        pull(server, folder)
    assert folder.stat().st_mode & 0o077 == 0


def test_finishing_clears_the_folder_and_the_job(folder: Path) -> None:
    with serving(files=FILES) as server, Puller(server, folder).export() as export:
        export.run()
        export.finish()
        assert not folder.exists()
        assert len(server.seen("DELETE /jobs/1")) == 1


def test_waits_as_long_as_the_server_wants_seconds_or_date(folder: Path) -> None:
    later = {"Retry-After": "Fri, 15 Jan 2027 08:02:00 GMT"}  # two minutes after serving.NOW
    for headers, expected in (({"Retry-After": "7"}, 7.0), (later, 120.0), ({}, 1.0), ({"Retry-After": "soon"}, 1.0)):
        with serving(files=FILES, poll_headers=headers) as server:
            puller = Puller(server, folder)
            with puller.export() as export:
                export.run()
                export.finish()
            assert puller.clock.slept == [expected]


def test_without_a_wish_of_the_server_each_wait_is_twice_the_one_before(folder: Path) -> None:
    with serving(files=FILES, polls=9, poll_headers={}) as server:
        puller = Puller(server, folder)
        with puller.export() as export:
            export.run()
        assert puller.clock.slept == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize("at", ["GET /fhir/$export", "GET /jobs/", ONE_FILE])
@pytest.mark.parametrize("status", [429, 503])
def test_what_passes_by_itself_is_waited_for(folder: Path, at: str, status: int) -> None:
    fault = {"at": at, "do": "status", "status": status, "headers": {"Retry-After": "11"}, "times": 2}
    with serving(files=FILES, faults=[fault], polls=0) as server:
        puller = Puller(server, folder)
        with puller.export() as export:
            assert texts(export.run()) == whole(*FILES)
        assert puller.clock.slept == [11, 11]


def test_what_does_not_pass_ends_in_a_message(folder: Path) -> None:
    fault = {"at": "GET /fhir/$export", "do": "status", "status": 503, "times": 99}
    with serving(files=FILES, faults=[fault]) as server:
        with pytest.raises(SalusError, match=r"/fhir/\$export answered 503"):
            pull(server, folder)
        assert len(server.seen("GET /fhir/$export")) == 6


def outcome(code: str, text: str) -> dict[str, Any]:
    issue = {"severity": "error", "code": code, "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def test_a_refused_export_says_what_the_server_says(folder: Path) -> None:
    fault = {
        "at": "GET /fhir/$export",
        "do": "status",
        "status": 400,
        "body": outcome("invalid", "no\x1b[31m such _type"),
    }
    with (
        serving(faults=[fault]) as server,
        pytest.raises(SalusError, match=r"400: error \(invalid\): no \[31m such _type"),
    ):
        pull(server, folder)


def test_an_export_that_failed_on_the_server_is_begun_anew_the_next_time(folder: Path) -> None:
    fault = {"at": "GET /jobs/1", "do": "status", "status": 500, "body": outcome("exception", "out of memory")}
    with serving(files=FILES, faults=[fault]) as server:
        with pytest.raises(SalusError, match=r"the export failed on the server.*out of memory"):
            pull(server, folder)
        assert texts(pull(server, folder)) == whole(*FILES)
        assert len(server.seen("GET /fhir/$export")) == 2


def test_a_transient_failure_is_not_the_end(folder: Path) -> None:
    fault = {"at": "GET /jobs/1", "do": "status", "status": 500, "body": outcome("transient", "later")}
    with serving(files=FILES, faults=[fault]) as server:
        assert texts(pull(server, folder)) == whole(*FILES)


@pytest.mark.parametrize(
    ("changes", "ranged"),
    [
        ({}, True),
        ({"etag": False}, True),
        ({"gzip": True}, True),
        ({"gzip": True, "etag": False}, False),
        ({"etag": False, "lengths": False}, False),
    ],
)
def test_a_cut_file_is_gone_on_with(folder: Path, changes: dict[str, Any], ranged: bool) -> None:
    size = 300 if changes.get("gzip") else 10_000
    fault = {"at": ONE_FILE, "do": "cut", "bytes": size}
    if not changes.get("lengths", True):
        fault = {"at": ONE_FILE, "do": "short"}
    with serving(files=[BIG], faults=[fault], **changes) as server:
        exported = pull(server, folder)
        asked = [one["headers"].get("Range") for one in server.seen(ONE_FILE)]
    assert len(asked) == 2
    assert (asked[1] is not None) == ranged
    if not changes.get("gzip"):
        assert texts(exported) == whole(BIG)


def test_a_server_that_takes_no_ranges_gives_it_from_the_start(folder: Path) -> None:
    fault = {"at": ONE_FILE, "do": "cut", "bytes": 10_000}
    with serving(files=[BIG], faults=[fault], ranges=False) as server:
        assert texts(pull(server, folder)) == whole(BIG)


def test_an_interrupted_run_goes_on_without_a_new_export(folder: Path) -> None:
    """The second file is cut again and again at the same place, until the first run gives up."""
    fault = {"at": "GET /files/1", "do": "cut", "bytes": 0, "times": 6}
    first = {"at": "GET /files/1", "do": "cut", "bytes": 5_000}
    with serving(files=[patients(3), BIG], faults=[first, fault]) as server:
        with pytest.raises(
            SalusError, match=r"file 2 \(Observation output\): no answer from .*the connection broke off"
        ):
            pull(server, folder)
        assert texts(pull(server, folder)) == whole(patients(3), BIG)
        assert len(server.seen("GET /fhir/$export")) == 1
        assert server.seen("GET /files/1")[-1]["headers"]["Range"] == "bytes=5000-"


def test_whole_files_are_not_fetched_again(folder: Path) -> None:
    with serving(files=FILES) as server:
        pull(server, folder).files[1].unlink()
        assert texts(pull(server, folder)) == whole(*FILES)
        assert len(server.seen("GET /fhir/$export")) == 1
        assert [len(server.seen(f"GET /files/{number}")) for number in (0, 1)] == [1, 2]


def test_a_run_that_has_everything_asks_nothing(folder: Path) -> None:
    with serving(files=FILES) as server:
        pull(server, folder)
        before = len(server.seen())
        assert texts(pull(server, folder)) == whole(*FILES)
        assert len(server.seen()) == before


def test_a_job_the_server_forgot_is_begun_anew_and_nothing_of_the_old_is_kept(folder: Path) -> None:
    fault = {"at": "GET /files/1", "do": "status", "status": 403}
    with serving(files=FILES, faults=[fault]) as server:
        with pytest.raises(SalusError, match=r"file 2 \(Observation output\).*answered 403"):
            pull(server, folder)
        job = {"at": "GET /jobs/1", "do": "status", "status": 404}
        server.plan(faults=[job], files=[patients(4), FILES[1]], transaction_time="2026-02-02T00:00:00Z")
        exported = pull(server, folder)
        assert texts(exported) == whole(patients(4), FILES[1])
        assert exported.transaction_time == "2026-02-02T00:00:00Z"
        assert len(server.seen("GET /fhir/$export")) == 2


def test_a_file_that_is_gone_makes_the_next_run_begin_anew(folder: Path) -> None:
    fault = {"at": "GET /files/1", "do": "status", "status": 404}
    with serving(files=FILES, faults=[fault]) as server:
        with pytest.raises(SalusError, match=r"file 2 .*answered 404"):
            pull(server, folder)
        assert texts(pull(server, folder)) == whole(*FILES)
        assert len(server.seen("GET /fhir/$export")) == 2


def test_a_truncated_file_that_claims_to_be_whole_is_found_out(folder: Path) -> None:
    short = {"at": ONE_FILE, "do": "short", "times": 2}
    files = [{**patients(5), "count": None}]
    with serving(files=files, faults=[short]) as server:
        with pytest.raises(SalusError, match=r"file 1 \(Patient output\) from .* breaks off in line"):
            pull(server, folder)
        assert texts(pull(server, folder)) == whole(patients(5))


def test_a_count_that_is_not_met_stops_the_run_after_a_second_try(folder: Path) -> None:
    with serving(files=[{**patients(5), "count": 6}]) as server:
        with pytest.raises(SalusError, match="has 5 lines where the server's manifest counts 6"):
            pull(server, folder)
        assert len(server.seen(ONE_FILE)) == 2
        assert not list(folder.rglob("*.ndjson"))


def test_errors_of_the_export_are_told_and_deletions_are_among_the_files(folder: Path) -> None:
    gone = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"request": {"method": "DELETE", "url": "Patient/p9"}}],
    }
    files = [
        patients(1),
        {"kind": "deleted", "type": "Bundle", "lines": [json.dumps(gone)]},
        {
            "kind": "error",
            "type": "OperationOutcome",
            "lines": [json.dumps(outcome("exception", "Claim: no")), '{"resourceType":"Patient"}'],
        },
    ]
    with serving(files=files) as server:
        exported = pull(server, folder)
    assert texts(exported) == whole(*files[:2])
    assert [str(issue) for issue in exported.issues] == [
        "error (exception): Claim: no",
        "error: line 2 of an error file is not an OperationOutcome",
    ]
    assert not exported.whole


def test_a_manifest_in_pages_is_read_to_the_end(folder: Path) -> None:
    with serving(files=[patients(2)]) as server:
        address = f"http://127.0.0.1:{server.ports[0]}"
        page = {"transactionTime": "2026-01-01T00:00:00Z", "output": [{"type": "Patient", "url": f"{address}/files/0"}]}
        fault = {"at": "GET /jobs/page", "do": "status", "status": 200, "body": page}
        server.plan(faults=[fault], manifest={"link": [{"relation": "next", "url": "/jobs/page"}]})
        assert texts(pull(server, folder)) == whole(patients(2), patients(2))


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"transactionTime": None}, "has no transactionTime"),
        ({"output": {}}, ""),
        ({"output": "many"}, "an element output that is not a list"),
        ({"output": [{"type": "Patient"}]}, r"has no address at output\[0\].url"),
        ({"output": [{"url": "/a", "count": "3"}]}, r"has no number at output\[0\].count"),
    ],
)
def test_a_manifest_that_is_none_is_refused(folder: Path, manifest: dict[str, Any], message: str) -> None:
    with serving(manifest=manifest, polls=0) as server:
        if not message:
            assert pull(server, folder).files == ()
            return
        with pytest.raises(SalusError, match=message):
            pull(server, folder)


def test_the_same_export_twice_at_a_time_is_refused(folder: Path) -> None:
    with (
        serving(files=FILES) as server,
        Puller(server, folder).export(),
        pytest.raises(SalusError, match="another run"),
    ):
        pull(server, folder)


def test_hostile_names_stay_in_the_folder(folder: Path) -> None:
    url = "http://127.0.0.1:{}/files/0.ndjson/%2e%2e%2f%2e%2e%2ftmp%2fx?name=../../etc/passwd"
    files = [
        {**patients(1), "type": "../../../outside", "url": url},
        {**patients(1), "kind": "deleted", "type": "/etc/cron.d/x"},
    ]
    with serving(files=files, faults=[]) as server:
        exported = pull(server, folder)
    assert [path.name for path in exported.files] == ["00000-output.ndjson", "00001-deleted.ndjson"]
    assert {path.parent.parent for path in exported.files} == {folder}
    assert {path.name for path in folder.parent.iterdir()} == {folder.name}


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://192.0.2.1/x", "https://u:p@127.0.0.1/x", "http://[::"]
)
def test_addresses_nothing_is_asked_of(folder: Path, url: str) -> None:
    with serving(manifest={"output": [{"type": "Patient", "url": url}]}) as server:
        with pytest.raises(
            SalusError, match=r"is not a web address|names an address that is none|is not encrypted|a name or password"
        ) as told:
            pull(server, folder)
        assert "u:p" not in str(told.value)


def test_a_server_that_is_not_there_is_said_to_be(folder: Path) -> None:
    with serving() as server:
        gone = Server([server.ports[0], 0])
    with pytest.raises(SalusError, match=r"no answer from .*does not take connections"):
        pull(gone, folder)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with serving() as server, pytest.raises(SalusError, match=r"cannot write the downloads into .*file"):
        pull(server, tmp_path / "file")
