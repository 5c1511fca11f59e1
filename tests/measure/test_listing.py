"""What is kept of content is used while its files are what they were, and only then."""

from __future__ import annotations

import json
import multiprocessing
import os
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salus.errors import SalusError
from salus.measure import heads, listing, reading
from salus.measure.content import Content

Json = dict[str, Any]
Make = Callable[..., Json]
SETS = "http://example.org/ValueSet/"
TOML = """
[measure]
name = "T"
scoring = "proportion"
date = 2026-01-01
[measure.populations]
initial-population = "IP"
denominator = "D"
numerator = "N"
[valueset.tea]
title = "Tea"
codes.loinc = {green = "Green"}
[valueset.mate]
title = "Mate"
codes.loinc = {mate = "Mate"}
"""


def a_set(name: str, *codes: str) -> Json:
    contains = [{"system": "s", "code": code} for code in codes]
    return {"resourceType": "ValueSet", "url": SETS + name, "expansion": {"contains": contains}}


def written(path: Path, *resources: Json) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in resources))
    return path


def codes(content: Content, name: str) -> set[str]:
    return {code for _, code in content.value_set(SETS + name).codes}


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What was just written counts as long there; nothing is kept yet."""
    monkeypatch.setattr(heads, "_SETTLED", -60.0)
    monkeypatch.setenv("SALUS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path, measure_json: Make, library_json: Make) -> Path:
    """Two measures with their libraries and value sets, a file each."""
    folder = tmp_path / "content"
    folder.mkdir()
    for name in ("A", "B"):
        library = library_json(name, cql=f"library {name} version '1'\ndefine X: 1")
        written(folder / f"{name}.ndjson", measure_json(name), library, a_set(name, name.lower()))
    return folder


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are looked through, from now on."""
    seen: list[str] = []
    scan = reading.scan

    def watched(paths: Any, **choices: Any) -> Any:
        for raw in scan(paths, **choices):
            seen.append(Path(raw.file).name)
            yield raw

    monkeypatch.setattr(reading, "scan", watched)
    return seen


def test_only_what_is_asked_for_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Content.load([folder])
    seen = reads(monkeypatch)
    (folder / "B.ndjson").chmod(0o644)  # changes nothing but the time of change
    content = Content.load([folder])
    assert set(seen) == {"A.ndjson", "B.ndjson"}
    seen.clear()
    content = Content.load([folder])
    assert codes(content, "A") == {"a"}
    measures = content.measures(["A"])
    assert [measure.name for measure in measures] == ["A", "B"]
    assert measures == first.measures(["A"])
    assert content.library("A")["identifier"] == {"id": "A", "version": "1"}
    assert content.hashes(measures)["measures"] == first.hashes(measures)["measures"]
    assert seen == []


def test_a_changed_an_added_and_a_removed_file_are_seen(folder: Path) -> None:
    Content.load([folder])
    text = (folder / "A.ndjson").read_text()
    before = (folder / "A.ndjson").stat()
    (folder / "A.ndjson").write_text(text.replace('"code": "a"', '"code": "z"'))
    os.utime(folder / "A.ndjson", ns=(before.st_atime_ns, before.st_mtime_ns))  # as a copy with its times would be
    assert codes(Content.load([folder]), "A") == {"z"}
    written(folder / "C.ndjson", a_set("C", "c"))
    assert codes(Content.load([folder]), "C") == {"c"}
    (folder / "C.ndjson").unlink()
    with pytest.raises(SalusError, match="is not in the content"):
        codes(Content.load([folder]), "C")


def test_another_program_reads_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Content.load([folder])
    seen = reads(monkeypatch)
    monkeypatch.setattr(listing, "program", lambda *packages: "another")
    Content.load([folder])
    assert seen


def test_what_was_just_written_is_not_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "_SETTLED", 3600.0)
    Content.load([folder])
    assert not list((folder.parent / "cache" / "content").rglob("*"))


@pytest.mark.parametrize("damage", [b"", b"no", None])
def test_a_damaged_index_is_made_anew(folder: Path, damage: bytes | None) -> None:
    Content.load([folder])
    (kept,) = (path for path in (folder.parent / "cache" / "content").rglob("*") if path.is_file())
    if damage is None:  # whole, but of another form
        listing.Cache(folder.parent / "cache" / "content").put(kept.name, b"\x93\x01\x02\x03")
    else:
        kept.write_bytes(damage)
    assert codes(Content.load([folder]), "B") == {"b"}
    assert len(kept.read_bytes()) > 100


def test_a_file_that_changes_after_it_was_listed_is_told(folder: Path) -> None:
    Content.load([folder])
    content = Content.load([folder])
    (folder / "A.ndjson").write_text("other")
    with pytest.raises(SalusError, match=r"A\.ndjson was changed while it was read"):
        codes(content, "A")
    assert codes(content, "B") == {"b"}


def test_what_is_wrong_elsewhere_is_said_each_time(folder: Path, library_json: Make) -> None:
    library = library_json("C") | {"content": [{"contentType": "text/cql", "data": "a"}]}
    written(folder / "C.ndjson", library, {"resourceType": "ValueSet", "url": 5}, {"resourceType": "Measure"})
    found = []
    for _ in range(2):
        content = Content.load([folder])
        content.measures(["A"])
        found.append(content.warnings)
    assert found[0] == found[1]
    assert [text for text in found[0] if "C.ndjson:1 cannot be read" in text]
    assert [text for text in found[0] if "a ValueSet resource cannot be read" in text]
    assert [text for text in found[0] if "left out, as nobody asked for it" in text]
    (folder / "D.ndjson").write_text("{bad json\n")
    assert all([w for w in Content.load([folder]).warnings if "not valid JSON" in w] for _ in range(2))


def test_what_does_not_stand_in_a_file_as_it_is_is_read_out_of_it_again(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": a_set("P", "p")}, {"resource": a_set("Q", "q")}]}
    (folder / "bundle.json").write_text(json.dumps(bundle, indent=2))
    (folder / "T.toml").write_text(TOML)
    with tarfile.open(folder / "Z.tar.gz", "w:gz") as archive:
        for name in "RS":
            archive.add(written(tmp_path / f"{name}.json", a_set(name, name.lower())))
    first = Content.load([folder])
    seen = reads(monkeypatch)
    content = Content.load([folder])
    assert seen == []
    assert [codes(content, name) for name in "QSA"] == [{"q"}, {"s"}, {"a"}]
    (tea,) = content.value_set("https://salus.example/fhir/ValueSet/mate").codes
    assert tea[1] == "mate"
    measures = content.measures()
    assert measures == first.measures()
    assert content.hashes(measures)["measures"] == first.hashes(measures)["measures"]
    assert set(seen) >= {"bundle.json", "T.toml"}
    assert "A.ndjson" not in seen


def test_a_pipe_is_read_once_and_nothing_is_kept_of_it(tmp_path: Path, folder: Path) -> None:
    pipe = tmp_path / "pipe.ndjson"
    os.mkfifo(pipe)
    text = json.dumps(a_set("P", "p")) + "\n" + json.dumps(a_set("Q", "q")) + "\n"
    writer = threading.Thread(target=pipe.write_text, args=(text,))
    writer.start()
    content = Content.load([pipe, folder])
    writer.join()
    assert [codes(content, name) for name in "PQA"] == [{"p"}, {"q"}, {"a"}]
    assert not list((tmp_path / "cache" / "content").rglob("*"))


def test_a_fault_in_what_an_author_writes_ends_every_run(folder: Path) -> None:
    (folder / "T.toml").write_text(TOML.replace("scoring", "scorning"))
    for _ in range(2):
        with pytest.raises(SalusError, match="scorning"):
            Content.load([folder])


def _load(folder: Path) -> set[str]:
    heads._SETTLED = -60.0  # type: ignore[misc]
    return codes(Content.load([folder]), "A")


def test_processes_at_once_do_no_harm(folder: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert pool.map(_load, [folder] * 8) == [{"a"}] * 8
