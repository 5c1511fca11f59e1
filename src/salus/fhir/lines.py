"""NDJSON a block of lines at a time: where every line of a block is a resource, the block is given whole.

A `Block` costs a tenth of what its lines cost one by one. What does not pass (a line that is no resource, a blank one,
a Bundle, bytes that are not UTF-8) is given as lines, to be looked at one by one, so that nothing is read differently.

Leaves to others: what is wrong with a line, and Bundles (`salus.fhir.reading`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import BinaryIO

import msgspec
import msgspec.structs
import numpy as np
import numpy.typing as npt

from salus.fhir.sources import BROKEN, TooMuch

SIZE = 2 << 20
"""How much is read at once; a block that is not read whole costs the slow way for so much."""

LONGEST = 1 << 30
"""Bytes: no document, a line or a whole file, is as long; it would not fit into memory."""
TOO_LONG = "a document is too long to be read (1 GB)"

_OPENS, _CLOSES = b"{}"


class Head(msgspec.Struct, gc=False):
    """What a resource says of itself, and whether it contains others."""

    resourceType: str
    id: str | None = None
    contained: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Within(msgspec.Struct, frozen=True):
    """The Bundle that all resources of a block come in: its ordinal, whether it is a collection; each one's place in it
    and fullUrl.
    """

    bundle: int
    collection: bool
    entries: list[int]
    urls: list[str | None]


class Block(msgspec.Struct, frozen=True):
    """Resources that stand one to a line, or in one Bundle: their JSON in `data`, valid and in UTF-8; that of the
    resource on line `lines[i]` of the file is what is between `starts[i]` and `ends[i]`. `holds_others`: whether any of
    them contains others.
    """

    file: str
    data: bytes
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    types: list[str]
    ids: list[str | None]
    holds_others: bool = False
    within: Within | None = None

    def only(self, kept: list[bool]) -> Block:
        """The block with the resources that are kept."""
        among = np.array(kept, bool)
        within = self.within and msgspec.structs.replace(
            self.within,
            entries=list(compress(self.within.entries, kept)),
            urls=list(compress(self.within.urls, kept)),
        )
        return msgspec.structs.replace(
            self,
            starts=self.starts[among],
            ends=self.ends[among],
            lines=self.lines[among],
            types=list(compress(self.types, kept)),
            ids=list(compress(self.ids, kept)),
            within=within,
        )


_heads = msgspec.json.Decoder(Head).decode_lines


def blocks(file: str, stream: BinaryIO, line: int) -> Iterator[Block | list[tuple[int, bytes]]]:
    """The rest of a stream, from the given line number on: blocks, or lines that are not blank with their numbers.

    Whatever the stream raises comes after all whole lines before it.
    """
    for data in _whole_lines(stream):
        if data.isspace():
            line += data.count(b"\n")
            continue
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n")
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
        if data[-1:] != b"\n":
            ends = np.append(ends, len(data))
        yield _block(file, data, ends, line) or list(_lines(data, line))
        line += len(ends)


def _whole_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of a stream in pieces of about SIZE, cut between lines; also those before it breaks off."""
    held: list[bytes] = []
    size = 0
    try:
        while piece := stream.read1(SIZE):  # type: ignore[attr-defined]
            size += len(piece)
            cut = piece.rfind(b"\n") + 1 if size >= SIZE else 0
            if cut:
                yield b"".join([*held, piece[:cut]])
                held, size, piece = [], len(piece) - cut, piece[cut:]
            held.append(piece)
            if size >= LONGEST:
                raise TooMuch(TOO_LONG)
    except BROKEN:
        if whole := b"".join(held).rpartition(b"\n")[0]:
            yield whole
        raise
    if last := b"".join(held):
        yield last


def _block(file: str, data: bytes, ends: npt.NDArray[np.int64], line: int) -> Block | None:
    """None where some line is not, or may not be, one resource that can be taken as it is."""
    heads = _resources(data)
    if heads is None or len(heads) != len(ends):
        return None
    # The decoder does not care for lines. Where each begins as an object and ends as one, no document goes over a line
    # (in JSON no object follows another but at the top), and with as many documents as lines each is one.
    starts = np.concatenate(([0], ends[:-1] + 1))
    text = np.frombuffer(data, np.uint8)
    if (ends == starts).any() or (text[starts] != _OPENS).any() or (text[ends - 1] != _CLOSES).any():
        return None
    return _of_resources(file, data, starts, ends, np.arange(line, line + len(ends)), heads)


def of_bundle(file: str, line: int, texts: Sequence[msgspec.Raw], within: Within) -> Block | None:
    """The resources of a Bundle that is valid JSON in UTF-8 on one line; None where one is not, or is a Bundle."""
    data = b"\n".join(texts)
    heads = _resources(data)
    if heads is None or len(heads) != len(texts):
        return None
    sizes = np.array([len(memoryview(text)) for text in texts], np.int64)
    starts = np.cumsum(sizes + 1) - (sizes + 1)
    return _of_resources(file, data, starts, starts + sizes, np.full(len(texts), line), heads, within)


def _of_resources(
    file: str,
    data: bytes,
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    lines: npt.NDArray[np.int64],
    heads: list[Head],
    within: Within | None = None,
) -> Block | None:
    types = [head.resourceType for head in heads]
    if "Bundle" in types:
        return None
    holds_others = any(head.contained is not msgspec.UNSET for head in heads)
    return Block(file, data, starts, ends, lines, types, [head.id for head in heads], holds_others, within)


def _resources(data: bytes) -> list[Head] | None:
    try:
        if not data.isascii():
            data.decode()
        return _heads(data)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError):
        return None


def _lines(data: bytes, first: int) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(data.split(b"\n"), first):
        if line and not line.isspace():
            yield number, line
