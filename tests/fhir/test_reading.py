"""Resources come out of every kind of file they are put into, and nothing bad stops the reading."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from salus.errors import SalusError
from salus.fhir.reading import Record, read, scan, scan_blocks
from salus.fhir.sources import Walk

Json = dict[str, Any]


def patient(name: str) -> Json:
    return {"resourceType": "Patient", "id": name}


def bundle(*resources: Json, kind: str = "collection") -> Json:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": one} for one in resources]}


def lines(*documents: Json) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def ids(*paths: Path) -> list[str]:
    return [record.resource["id"] for record in read(paths) if record.resource and not record.error]


def errors(*paths: Path) -> list[tuple[int, int | None, str | None]]:
    return [(record.line, record.entry, record.error) for record in read(paths) if record.error]


@pytest.mark.parametrize("name", ["a.json", "a.ndjson", "a.txt", "a"])
@pytest.mark.parametrize(
    "content",
    [
        json.dumps(bundle(patient("p"), patient("q"))).encode(),
        json.dumps(bundle(patient("p"), patient("q")), indent=2).encode(),
        b"\xef\xbb\xbf" + json.dumps(bundle(patient("p"), patient("q")), indent=1).encode(),
        lines(patient("p"), patient("q")),
        b"\n  \n" + lines(patient("p")) + b"\r\n" + lines(patient("q")),
        lines(patient("p")) + json.dumps(patient("q")).encode(),
        b'{"resourceType":"Bundle","entry":[\n{"resource":{"resourceType":"Patient","id":"p"}},\n'
        b'{"resource":{"resourceType":"Patient","id":"q"}}\n]}',
        b'{"resourceType":"Bundle","entry":[\n{"resource":{"resourceType":"Patient","id":"p"}}\n,\n'
        b'{"resource":{"resourceType":"Patient","id":"q"}}]}',
    ],
)
def test_documents_and_lines_are_told_apart_by_content(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert ids(tmp_path / name) == ["p", "q"]


def test_a_record_says_where_it_is_from(tmp_path: Path) -> None:
    file = tmp_path / "x.ndjson"
    entry = {"fullUrl": "urn:uuid:1", "resource": patient("b")}
    file.write_bytes(lines(patient("a"), {"resourceType": "Bundle", "entry": [{}, entry]}, bundle(patient("c"))))
    assert list(read([file])) == [
        Record(str(file), 1, None, None, patient("a"), None, None),
        Record(str(file), 2, 1, "urn:uuid:1", patient("b"), None, 0),
        Record(str(file), 3, 0, None, patient("c"), None, 1),
    ]


@pytest.mark.parametrize("kind", ["transaction", "batch", "searchset", "history", "document", "message"])
def test_bundles_of_every_type_are_unpacked(tmp_path: Path, kind: str) -> None:
    inner = bundle(patient("c"), kind="searchset")
    (tmp_path / "b.json").write_bytes(lines(bundle(patient("a"), inner, patient("d"), kind=kind)))
    assert ids(tmp_path / "b.json") == ["a", "c", "d"]


def test_entries_without_a_resource_are_no_records(tmp_path: Path) -> None:
    entries = [{"request": {"method": "DELETE", "url": "Patient/1"}}, {"response": {"status": "200"}}, {}]
    (tmp_path / "b.json").write_bytes(lines({"resourceType": "Bundle", "entry": entries}, {"resourceType": "Bundle"}))
    assert list(read([tmp_path / "b.json"])) == []


def tar(mode: str, members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


MEMBERS = {"./one.json": lines(patient("p")), "sub/two.ndjson": lines(patient("q"), patient("r"))}


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.tar", lambda: tar("w", MEMBERS)),
        ("a.tar.gz", lambda: tar("w:gz", MEMBERS)),
        ("a.tgz", lambda: tar("w:gz", MEMBERS)),
        ("a.tar.xz", lambda: tar("w:xz", MEMBERS)),
        ("a.tar.bz2", lambda: tar("w:bz2", MEMBERS)),
        ("a.zip", lambda: zipped(MEMBERS)),
        ("misnamed.json", lambda: tar("w:gz", MEMBERS)),
        ("in.tar", lambda: tar("w", {"z.zip": zipped(MEMBERS)})),
        ("in.zip", lambda: zipped({"t.tar.gz": tar("w:gz", MEMBERS)})),
        ("gz.tar", lambda: tar("w", {k + ".gz": gzip.compress(v) for k, v in MEMBERS.items()})),
    ],
)
def test_archives_are_streamed(tmp_path: Path, name: str, pack: Callable[[], bytes]) -> None:
    (tmp_path / name).write_bytes(pack())
    assert ids(tmp_path / name) == ["p", "q", "r"]
    files = [record.file for record in read([tmp_path / name])]
    assert files[0].startswith(f"{tmp_path / name}!")
    assert "one.json" in files[0]
    assert "./" not in files[0]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
def test_compressed_files(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "x.ndjson.packed").write_bytes(pack(lines(patient("p"), patient("q"))))
    assert ids(tmp_path / "x.ndjson.packed") == ["p", "q"]


def test_folders_are_walked_in_order_without_the_junk_of_file_managers(tmp_path: Path) -> None:
    for name in ("b.json", "a/2.json", "a/10.json", "__MACOSX/a.json", "a/._2.json", ".DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(lines(patient(name.replace("/", "-"))))
    assert ids(tmp_path) == ["a-10.json", "a-2.json", "b.json"]
    packed = {"__MACOSX/x/._1.json": b"{}", "x/._1.json": b"{}", "x/1.json": lines(patient("p"))}
    (tmp_path / "junk.zip").write_bytes(zipped(packed))
    assert ids(tmp_path / "junk.zip") == ["p"]


def test_what_is_not_json_is_skipped_and_said(tmp_path: Path) -> None:
    for name, content in {"a.csv": "x,y", "README.md": "# hi", "i.html": "<p>", "e.json": "", "p.json": "{}"}.items():
        (tmp_path / name).write_text(content)
    skipped: list[str] = []
    records = list(read([tmp_path], skipped=skipped.append))
    assert [Path(name).name for name in skipped] == ["README.md", "a.csv", "i.html"]
    assert [(Path(record.file).name, bool(record.error)) for record in records] == [("p.json", True)]


def test_one_bad_line_is_one_error(tmp_path: Path) -> None:
    bad = [b'{"resourceType":"Patient","id":', b"[1]", b"7", b'{"a":1}', b'{"resourceType":"Patient","id":7}']
    bad += [b'{"resourceType":"Patient","id":"caf\xe9"}', b'{"resourceType":"Bundle","entry":{}}']
    good = lines(patient("p")).strip()
    (tmp_path / "x.ndjson").write_bytes(b"\n".join([good, *bad, good]))
    found = errors(tmp_path / "x.ndjson")
    assert [line for line, _, _ in found] == [2, 3, 4, 5, 6, 7, 8]
    assert ids(tmp_path / "x.ndjson") == ["p", "p"]
    assert "UTF-8" in str(found[5][2])


def test_errors_do_not_repeat_what_the_data_said(tmp_path: Path) -> None:
    (tmp_path / "x.ndjson").write_bytes(lines(patient("p")) + b'{"resourceType":"Secret Name\n{"name":"Secret"}\n')
    assert not any("Secret" in str(error) for _, _, error in errors(tmp_path / "x.ndjson"))


@pytest.mark.parametrize("name", ["x.ndjson", "x.json"])
def test_a_damaged_first_line_does_not_hide_the_others(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b'{"resourceType":"Pat\n' + lines(patient("p"), patient("q")))
    assert ids(tmp_path / name) == ["p", "q"]
    assert [line for line, _, _ in errors(tmp_path / name)] == [1]


def test_damaged_lines_are_counted_one_by_one_where_the_name_says_lines(tmp_path: Path) -> None:
    (tmp_path / "x.ndjson").write_bytes(b'{"resourceType":"Pat\n{"a\n' + lines(patient("q")))
    assert [line for line, _, _ in errors(tmp_path / "x.ndjson")] == [1, 2]
    assert ids(tmp_path / "x.ndjson") == ["q"]


def test_a_bad_entry_does_not_take_its_bundle_with_it(tmp_path: Path) -> None:
    entries: list[object] = [{"resource": patient("p")}, 7, {"fullUrl": 7, "resource": patient("x")}]
    entries += [{"resource": {"id": "no type"}}, {"resource": patient("q")}]
    (tmp_path / "b.json").write_bytes(lines({"resourceType": "Bundle", "entry": entries}))
    assert ids(tmp_path / "b.json") == ["p", "q"]
    assert [entry for _, entry, _ in errors(tmp_path / "b.json")] == [1, 2, 3]


@pytest.mark.parametrize(
    "opens",
    [
        '{"resourceType":"Bundle","type":"batch",',
        '{"resourceType": "Bundle", "type": "batch", ',
        '{"id":"b","resourceType":"Bundle",',
        '{"resourceType":"Bundle","id":5,',  # no resource
        '{"resourceType":"Bundle","resourceType":"Patient",',  # what is said last counts
        '{"resourceType":"BundleOfJoy",',
    ],
)
@pytest.mark.parametrize("entry", ['{"resource":{"resourceType":"Patient","id":"p"}}', '{"fullUrl":7}', "7"])
def test_however_a_bundle_begins_it_is_read_alike(tmp_path: Path, opens: str, entry: str) -> None:
    text = f'{opens}"entry":[{entry}]}}'
    (tmp_path / "as-it-is.json").write_text(text)
    (tmp_path / "spaced.json").write_text(" " + text.replace("{", "{ ", 1))
    found = [(record.entry, record.resource, record.error) for record in read([tmp_path])]
    assert found[: len(found) // 2] == found[len(found) // 2 :]
    assert found


def test_a_json_object_that_is_no_resource_is_given_with_its_error(tmp_path: Path) -> None:
    (tmp_path / "elm.json").write_bytes(lines({"library": {"identifier": {}}}))
    (record,) = read([tmp_path / "elm.json"])
    assert record.resource == {"library": {"identifier": {}}}
    assert record.error


def test_damaged_containers_are_one_error_each_and_the_rest_is_read(tmp_path: Path) -> None:
    whole = gzip.compress(lines(*(patient(os.urandom(16).hex()) for _ in range(9000))))
    (tmp_path / "a.ndjson.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b.zip").write_bytes(zipped(MEMBERS)[:-30])
    (tmp_path / "c.tar.xz").write_bytes(tar("w:xz", MEMBERS)[:-40])
    (tmp_path / "d.tar").write_bytes(tar("w", {"bad.gz": gzip.compress(b"x" * 99)[:20], **MEMBERS}))
    (tmp_path / "e.zst").write_bytes(b"\x28\xb5\x2f\xfd....")
    (tmp_path / "f.json").write_bytes(lines(patient("last")))
    found = [Path(record.file.split("!")[0]).name for record in read([tmp_path]) if record.error]
    assert found == ["a.ndjson.gz", "b.zip", "c.tar.xz", "d.tar", "e.zst"]
    assert ids(tmp_path / "d.tar") == ["p", "q", "r"]
    assert ids(tmp_path)[-1] == "last"


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress], ids=["gzip", "xz", "bzip2"])
def test_what_stands_before_a_break_is_read(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """The second line breaks off; from bzip2 nothing comes before its block is whole."""
    file = tmp_path / "cut.ndjson.packed"
    file.write_bytes(pack(lines(patient("first")) + os.urandom(3000).hex().encode())[:-40])
    for found in (list(read([file])), list(scan_blocks(Walk([file]), skipped=lambda name: None))):
        assert [one.error is None for one in found] == ([False] if pack is bz2.compress else [True, False])
        assert "Compressed file ended" in str(found[-1].error)


def test_a_member_whose_checksum_is_wrong_is_said_to_be_damaged(tmp_path: Path) -> None:
    """Zip tells of it once; it must not get lost among the first lines."""
    data = bytearray(zipped({"a.ndjson": lines(patient("p"))}))
    at = data.index(b"a.ndjson")
    data[at - 16 : at - 12] = b"\0\0\0\0"  # the checksum in the member's own header
    data[data.rindex(b"a.ndjson") - 30 : data.rindex(b"a.ndjson") - 26] = b"\0\0\0\0"  # and in the directory
    (tmp_path / "a.zip").write_bytes(data)
    ((_, _, error),) = errors(tmp_path / "a.zip")
    assert error == "cannot be read: Bad CRC-32 for file 'a.ndjson'"


def test_what_unpacks_to_hundreds_of_times_its_size_is_not_unpacked_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salus.fhir.sources.PLENTY", 1 << 20)
    blank = b"\n" * (8 << 20)
    (tmp_path / "bomb.zip").write_bytes(
        zipped({"a.ndjson": lines(patient("p")), "b.ndjson": lines(patient("q")) + blank})
    )
    (tmp_path / "fine.ndjson").write_bytes(lines(patient("r")) + blank)
    assert ids(tmp_path) == ["p", "q", "r"]
    assert [error for _, _, error in errors(tmp_path)] == ["breaks off: it unpacks to more than 500 times its size"]


def test_blank_lines_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salus.fhir.reading.MOST_BLANK", 5)
    (tmp_path / "a.ndjson").write_bytes(lines(patient("p")) + b"\n" * 5 + lines(patient("q")))
    (tmp_path / "b.ndjson").write_bytes(lines(patient("r"), patient("s")) + b"\n" * 6 + lines(patient("t")))
    assert ids(tmp_path) == ["p", "q", "r", "s"]
    assert errors(tmp_path) == [(3, None, "breaks off: there is nothing but blank lines")]


def test_containers_in_one_another_have_an_end(tmp_path: Path) -> None:
    data = deep = lines(patient("p"))
    for _ in range(8):
        data = gzip.compress(data)
    for _ in range(9):
        deep = gzip.compress(deep)
    (tmp_path / "a.gz").write_bytes(data)
    (tmp_path / "b.gz").write_bytes(deep)
    assert ids(tmp_path) == ["p"]
    assert [error for _, _, error in errors(tmp_path)] == ["cannot be read: more than 8 containers are in one another"]


@pytest.mark.parametrize("after", [b"x" * 500 + b"\n", b"x" * 500], ids=["in the middle", "at the end"])
def test_a_document_too_long_for_the_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bytes
) -> None:
    for module in ("reading", "lines"):
        monkeypatch.setattr(f"salus.fhir.{module}.LONGEST", 100)
    file = tmp_path / "a.ndjson"
    file.write_bytes(lines(patient("p"), patient("q"), patient("r")) + after)
    for found in (list(read([file])), list(scan_blocks(Walk([file]), skipped=lambda name: None))):
        assert "too long to be read" in str(found[-1].error)


def test_a_path_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(SalusError, match="nowhere"):
        read([tmp_path / "nowhere"]).__next__()


def test_bytes_are_kept_without_white_space_and_with_every_digit(tmp_path: Path) -> None:
    (tmp_path / "o.json").write_text(
        '{\n "resourceType" : "Observation",\n "valueQuantity" : { "value" : 7.10 },\n "note": "a  b" }'
    )
    (raw,) = scan([tmp_path / "o.json"])
    assert raw.data == b'{"resourceType":"Observation","valueQuantity":{"value":7.10},"note":"a  b"}'


def test_the_meter_ends_at_the_total(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(tar("w:gz", MEMBERS))
    (tmp_path / "b.json").write_bytes(lines(patient("p")))
    walk = Walk([tmp_path])
    list(scan(walk))
    meter = walk.meter
    assert meter.done == meter.total > 0
    assert meter.unpacked == sum(map(len, MEMBERS.values())) + (tmp_path / "b.json").stat().st_size


def test_a_copy_is_passed_over_even_where_files_are_not_hashed(tmp_path: Path) -> None:
    for name, who in (("a.json", "p"), ("b.json", "p"), ("c.json", "longer")):
        (tmp_path / name).write_bytes(lines(patient(who)))
    walk = Walk([tmp_path], hashed=False)
    assert [raw.id for raw in scan(walk)] == ["p", "longer"]
    assert [Path(name).name for name in walk.unchanged] == ["b.json"]
    assert [given.hash is None for given in walk.given] == [False, True]


@pytest.mark.parametrize(
    ("file", "resources"), [("fhir/bulk-demographics-1144.tar.xz", 7661), ("fhir/tacoma-exm.tar.xz", 12963)]
)
def test_public_archives(shared_data: Callable[[str], Path], file: str, resources: int) -> None:
    assert sum(not raw.error for raw in scan([shared_data(file)])) == resources
