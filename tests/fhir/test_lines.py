"""Blocks of lines hold the resources that are read one by one, and leave to that whatever is no plain resource."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salus.fhir import lines
from salus.fhir.lines import Block
from salus.fhir.reading import Raw, scan, scan_blocks
from salus.fhir.sources import Walk


class Found(NamedTuple):
    """What is the same of a resource, however it came; `data` without white space."""

    line: int
    entry: int | None
    type: str
    id: str | None
    data: bytes
    error: str | None


def found(one: Raw | Block) -> Iterator[Found]:
    if isinstance(one, Raw):
        yield Found(one.line, one.entry, one.type, one.id, one.data.strip(), one.error)
        return
    entries = one.within.entries if one.within else [None] * len(one.ids)
    places = zip(one.lines, one.starts, one.ends, strict=True)
    for (line, start, end), entry, kind, name in zip(places, entries, one.types, one.ids, strict=True):
        yield Found(int(line), entry, kind, name, one.data[start:end].strip(), None)


def by_blocks(path: Path) -> tuple[list[Found], int]:
    """All resources of a file, and how many of them came in blocks."""
    walk = Walk([path])
    pieces = list(scan_blocks(walk, skipped=lambda name: None))
    return [each for one in pieces for each in found(one)], sum(
        len(one.ends) for one in pieces if isinstance(one, Block)
    )


def one_by_one(path: Path) -> list[Found]:
    return [each for raw in scan([path]) for each in found(raw)]


GOOD = [
    b'{"resourceType":"Patient","id":"p"}',
    b'{"id": "o", "resourceType": "Observation", "note": [{"text": "a\\nb { } \\u00e9"}]}',
    '{"resourceType":"Patient","name":[{"text":"Zoë"}]}'.encode(),
]
OTHER = [
    b"",
    b"  \t",
    b'{"resourceType":"Patient","id":"p"} ',
    b"{",
    b"}",
    b"null",
    b'["x"]',
    b'{"resourceType":"Patient"}{"resourceType":"Patient"}',
    b'{"resourceType":"Patient","id":7}',
    b'{"resourceType":"Patient","x":NaN}',
    b'{"resourceType":"Patient","name":"\xff"}',
    b'{"resourceType":"Patient","x":[{}',
    b'{"resourceType":"Patient"}]}',
    b' {"resourceType":"Patient","id":"indented"}',
    b'{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Patient","id":"e"}}]}',
]


@given(
    st.lists(st.sampled_from([*GOOD * 3, *OTHER]), max_size=9),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
    st.integers(20, 200),
)
def test_blocks_hold_what_is_read_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, content: list[bytes], end: bytes, ended: bool, size: int
) -> None:
    path = tmp_path_factory.mktemp("lines") / "a.ndjson"
    path.write_bytes(end.join([GOOD[0], *content]) + (end if ended else b""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "SIZE", size)
        assert by_blocks(path)[0] == one_by_one(path)


def test_good_lines_come_in_blocks(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"\n".join(GOOD * 100))
    resources, whole = by_blocks(tmp_path / "a.ndjson")
    assert len(resources) == whole + 2 == 300
    assert [each.line for each in resources] == list(range(1, 301))


def test_what_comes_before_a_break_is_read(tmp_path: Path) -> None:
    packed = gzip.compress(b"\n".join(b'{"resourceType":"Patient","id":"%d"}' % n for n in range(200_000)), 1)
    (tmp_path / "a.ndjson.gz").write_bytes(packed[: len(packed) // 2])
    resources, whole = by_blocks(tmp_path / "a.ndjson.gz")
    *read, broken = resources
    assert [each.id for each in read] == [str(n) for n in range(len(read))]
    assert whole == len(read) - 2 > 90_000
    assert broken.error is not None
    assert broken.line == len(read) + 1


def test_public_records(shared_data: Callable[[str], Path]) -> None:
    path = shared_data("ecqm/content/Measure.ndjson")
    resources, _ = by_blocks(path)
    assert resources == one_by_one(path)
    assert len(resources) == 41
    assert all(json.loads(each.data)["resourceType"] == each.type for each in resources)


@pytest.mark.parametrize("odd", [None, b'{"fullUrl":"urn:uuid:1"}', b'{"resource":{"id":"x"}}', b"7"])
@pytest.mark.parametrize("kind", ["collection", "transaction"])
def test_many_resources_of_a_bundle_come_in_a_block(tmp_path: Path, kind: str, odd: bytes | None) -> None:
    entries = [b'{"fullUrl":"urn:uuid:%d","resource":%s}' % (n, GOOD[n % len(GOOD)]) for n in range(40)]
    if odd is not None:
        entries.insert(20, odd)
    path = tmp_path / "bundle.json"
    path.write_bytes(b'{"resourceType":"Bundle","type":"%s","entry":[%s]}' % (kind.encode(), b",".join(entries)))
    together, in_blocks = by_blocks(path)
    assert together == one_by_one(path)
    assert in_blocks == (40 if odd in (None, b'{"fullUrl":"urn:uuid:1"}') else 0)
    for one in scan_blocks(Walk([path]), skipped=lambda name: None):
        if isinstance(one, Block):
            assert one.within is not None
            assert one.within.collection == (kind == "collection")
            assert one.within.urls == [f"urn:uuid:{n}" for n in range(40)]


def test_a_bundle_that_deletes_is_taken_entry_by_entry(tmp_path: Path) -> None:
    entries = [b'{"resource":%s}' % GOOD[0]] * 20 + [b'{"request":{"method":"DELETE","url":"Patient/p"}}']
    path = tmp_path / "bundle.json"
    path.write_bytes(b'{"resourceType":"Bundle","type":"transaction","entry":[%s]}' % b",".join(entries))
    found = list(scan_blocks(Walk([path]), skipped=lambda name: None))
    assert [one.deleted for one in found if isinstance(one, Raw)] == [False] * 20 + [True]
