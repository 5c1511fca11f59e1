"""Resources out of files: JSON and NDJSON of resources and of Bundles, plain, compressed or in archives.

`read` gives every resource as a Python dict; `scan` gives the same resources as bytes, for those who load
many. Whether a file is one JSON document or one per line is told by its content. A Bundle of any type is
unpacked (entries of nested Bundles too); an entry without a resource (a response) is not a record, and a
deletion is one only for who asks for deletions. Nothing raises for one bad line, entry or file: it becomes
a record whose `error` says what is wrong, never what the data said.

Leaves to others: containers (`salus.fhir.sources`), and every meaning of a resource.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from salus.fhir.lines import LONGEST, TOO_LONG, Block, Head, Within, blocks, of_bundle
from salus.fhir.sources import BROKEN, Failure, Source, TooMuch, Walk

Skipped = Callable[[str], None]

_BOM = b"\xef\xbb\xbf"
MOST_BLANK = 10_000_000
"""Blank lines one after another, looked through for what may follow."""
_DATA_SUFFIXES = (".json", ".ndjson", ".jsonl")
_MANY = 16
"""Entries in a Bundle; a block of fewer costs more than they do one by one."""
_NOT_JSON_SUFFIX = ".toml"  # opens with a bracket, too
_NOT_JSON = "is not valid JSON"
_NO_TYPE = "is not a FHIR resource (a JSON object with a resourceType, and texts as type and id)"
_NO_ENTRIES = "is a Bundle whose entries are not a list"
_NO_TARGET = "is a deletion that does not say of what (a request.url of the form Type/id)"
_NO_ENTRY = "is not a Bundle entry (a JSON object, its fullUrl a text)"


@dataclass(frozen=True, slots=True)
class Record:
    """One resource and where it came from, or one thing that could not be read.

    file: path, with `!member` for what came out of an archive. line: from 1; 1 for a file that is one
    document. entry: position in its Bundle from 0, None outside Bundles. full_url: the Bundle entry's
    fullUrl. bundle: ordinal of the Bundle it came in, counted over the whole reading; None outside Bundles.
    """

    file: str
    line: int
    entry: int | None
    full_url: str | None
    resource: dict[str, Any] | None
    error: str | None
    bundle: int | None


class Raw(NamedTuple):
    """The same as `Record`, unparsed: `data` is the resource's JSON as it came (where that was several lines, without
    white space), `type` and `id` its own claim; `collection`: whether its Bundle says it is one. `deleted`: the entry
    says that this resource is no more (then `data` is empty), `at` since when, as a FHIR instant, where it says so.
    """

    file: str
    line: int
    entry: int | None
    full_url: str | None
    bundle: int | None
    type: str
    id: str | None
    data: bytes
    error: str | None = None
    collection: bool = False
    deleted: bool = False
    at: str | None = None


_Piece = Block | tuple[int, bytes | Failure]
"""What a stream gives: documents with the line each begins on, blocks of them, or at the end why there are no more."""


class _Entry(msgspec.Struct, gc=False):
    fullUrl: str | None = None
    resource: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    request: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    response: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Bundle(Head):
    """Its head and entries in one reading, where all of them are right."""

    entry: list[_Entry] | None = None
    type: Any = None
    meta: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _LooseBundle(msgspec.Struct):
    entry: list[msgspec.Raw] | None = None
    type: Any = None
    meta: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_TARGET = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/([^/?#]+)(?:/_history/[^/?#]+)?$")

_BUNDLE = b'{"resourceType":"Bundle"'
_Entries = tuple[Sequence[_Entry | str], bool, bytes]
"""The entries of a Bundle, or what is wrong with one; whether it is a collection; its meta."""

_bundle = msgspec.json.Decoder(_Bundle).decode
_loose_bundle = msgspec.json.Decoder(_LooseBundle).decode
_entry = msgspec.json.Decoder(_Entry).decode
_head = msgspec.json.Decoder(Head).decode


def read(paths: Sequence[Path], *, skipped: Skipped | None = None) -> Iterator[Record]:
    """Every resource in the files, folders and archives; `skipped` is told the name of each file that holds
    no JSON.

    Raises SalusError at once when a path does not exist.
    """
    for raw in scan(paths, skipped=skipped, untyped=True):
        resource, error = _parse(raw.data) if raw.data else (None, raw.error)
        if resource is not None and not raw.type:
            error = _NO_TYPE
        yield Record(raw.file, raw.line, raw.entry, raw.full_url, resource, error, raw.bundle)


def scan(
    paths: Sequence[Path] | Walk,
    *,
    skipped: Skipped | None = None,
    untyped: bool = False,
    texts: tuple[str, ...] = (),
) -> Iterator[Raw]:
    """As `read`, with the resources as bytes; a walk given in place of paths knows how far it is.

    With `untyped`, JSON objects without a resourceType (ELM documents) are given too, with the type "". Files whose
    names end in one of `texts` (`.cql`) are given whole, with that ending as their type.
    """
    walk = paths if isinstance(paths, Walk) else Walk(paths, hashed=False)
    found = _scan(walk, skipped or (lambda name: None), _documents, _Unpacker(untyped), texts)
    return cast(Iterator[Raw], found)  # documents do not come in blocks


def scan_blocks(walk: Walk, *, skipped: Skipped) -> Iterator[Raw | Block]:
    """As `scan`, for those who load a great many: resources that stand one to a line, or many in a Bundle, come in
    blocks, and Bundle entries that say a resource was deleted come too.
    """
    return _scan(walk, skipped, _pieces, _Unpacker(loading=True))


def _scan(
    walk: Walk,
    skipped: Skipped,
    pieces: Callable[[Source], Iterator[_Piece]],
    unpack: _Unpacker,
    texts: tuple[str, ...] = (),
) -> Iterator[Raw | Block]:
    for source in walk:
        if isinstance(source, Failure):
            yield _failed(source.name, 1, source.reason)
        elif source.name.lower().endswith(texts):
            yield _text(source, texts)
        elif _is_json(source):
            for piece in pieces(source):
                if isinstance(piece, Block):
                    walk.meter.unpacked += len(piece.data)
                    yield piece
                else:
                    yield from unpack(source.name, *piece)
            walk.meter.unpacked += unpack.taken_bytes()
        elif source.broken:
            yield _failed(source.name, 1, source.broken)
        elif source.head:
            skipped(source.name)


def _text(source: Source, endings: tuple[str, ...]) -> Raw:
    ending = next(each for each in endings if source.name.lower().endswith(each))
    try:
        return Raw(source.name, 1, None, None, None, ending, None, source.stream.read())
    except BROKEN as problem:
        return _failed(source.name, 1, f"breaks off: {problem or type(problem).__name__}")


def _failed(file: str, line: int, error: str, entry: int | None = None, bundle: int | None = None) -> Raw:
    return Raw(file, line, entry, None, bundle, "", None, b"", error)


def _parse(data: bytes) -> tuple[dict[str, Any] | None, str | None]:
    """The object, and what is wrong with it when it is none."""
    try:
        value = msgspec.json.decode(data)
        return (value, None) if isinstance(value, dict) else (None, _NO_TYPE)
    except (msgspec.DecodeError, RecursionError):
        return None, _NOT_JSON


def _is_json(source: Source) -> bool:
    """JSON by its first character, or by its name when it claims to be: then what is wrong with it is reported."""
    start = source.head.removeprefix(_BOM).lstrip()
    if start[:1] in (b"{", b"["):
        return not source.name.lower().endswith(_NOT_JSON_SUFFIX)
    name = source.name.lower().removesuffix(".gz").removesuffix(".xz").removesuffix(".bz2")
    return bool(start) and name.endswith(_DATA_SUFFIXES)


def _documents(source: Source) -> Iterator[_Piece]:
    """The JSON documents of a stream with the line each begins on; a stream that breaks off ends in a Failure."""
    line = 0
    try:
        for line, data in _start(source):
            yield line, data
        rest = _numbered(source, line + 1)
        for line, data in rest:
            yield line, data
    except BROKEN as problem:
        yield line + 1, _broken_off(source, problem)


def _pieces(source: Source) -> Iterator[_Piece]:
    """As `_documents`, with all but the first two in blocks where they can be."""
    line = 0
    try:
        for line, data in _start(source):
            yield line, data
        for piece in blocks(source.name, source.stream, line + 1):
            if isinstance(piece, Block):
                line = int(piece.lines[-1])
                yield piece
                continue
            for line, data in piece:
                yield line, data
    except BROKEN as problem:
        yield line + 1, _broken_off(source, problem)


def _broken_off(source: Source, problem: Exception) -> Failure:
    return Failure(source.name, f"breaks off: {problem or type(problem).__name__}")


def _start(source: Source) -> list[tuple[int, bytes]]:
    """The first two documents, or the only one, which is all of the stream; or those before it breaks off."""
    start: list[tuple[int, bytes]] = []
    with suppress(*BROKEN):  # whoever reads on meets it again
        for item in islice(_numbered(source), 2):
            start.append(item)  # noqa: PERF402 - one by one, for what comes before a break is kept
    if _one_per_line(start, source.name):
        return start
    rest = source.stream.read(LONGEST)
    if len(rest) == LONGEST:
        raise TooMuch(TOO_LONG)
    return [(start[0][0], b"".join([*(data for _, data in start), rest]))]


def _numbered(source: Source, first: int = 1) -> Iterator[tuple[int, bytes]]:
    """The lines from here on that are not blank; `first` is the number of the next."""
    blank = 0
    for number, line in enumerate(iter(lambda: source.stream.readline(LONGEST), b""), first):
        if len(line) == LONGEST:
            raise TooMuch(TOO_LONG)
        data = line.removeprefix(_BOM) if number == 1 else line
        if not data.isspace():
            blank = 0
            yield number, data
        elif (blank := blank + 1) > MOST_BLANK:
            raise TooMuch("there is nothing but blank lines")


def _one_per_line(start: list[tuple[int, bytes]], name: str) -> bool:
    """Whether documents stand one to a line, from the first two lines that are not blank.

    A first line that is a whole document settles it. One that is not may be damaged; then the second decides,
    which inside one document may be a whole JSON object as well (an entry of a Bundle) but not a whole
    resource. Where both are damaged, a name that says lines is believed, if both begin as objects and the
    first does not end in the middle of one.
    """
    if len(start) < 2:
        return True
    (_, first), (_, second) = start
    if _resource_type(first) is not None or _resource_type(second):
        return True
    begun = all(line.lstrip()[:1] == b"{" for line in (first, second))
    return begun and first.rstrip()[-1:] not in b"[{,:" and name.lower().endswith((".ndjson", ".jsonl"))


def _resource_type(data: bytes) -> str | None:
    """The resourceType of a document; "" for other JSON; None when the bytes are not a JSON document."""
    try:
        return _head(data).resourceType
    except msgspec.ValidationError:
        return ""
    except (msgspec.DecodeError, RecursionError):
        return None


class _Unpacker:
    """Documents -> resources; counts the Bundles. For `loading`, in blocks where that pays, and deletions too."""

    def __init__(self, untyped: bool = False, loading: bool = False) -> None:
        self._bundles = 0
        self._bytes = 0
        self._untyped = untyped
        self._loading = loading

    def __call__(self, file: str, line: int, data: bytes | Failure) -> Iterable[Raw | Block]:
        if isinstance(data, Failure):
            return (_failed(file, line, data.reason),)
        self._bytes += len(data)
        try:
            if not data.isascii():
                data.decode()
            data = data.strip()
            if b"\n" in data:
                data = msgspec.json.format(data, indent=-1)
        except UnicodeDecodeError:
            return (_failed(file, line, "is not UTF-8 text"),)
        except (msgspec.DecodeError, RecursionError):
            return (_failed(file, line, _NOT_JSON),)
        return self._resource(file, line, None, None, None, data)

    def taken_bytes(self) -> int:
        """How much JSON it has been given since it was last asked."""
        taken, self._bytes = self._bytes, 0
        return taken

    def _resource(
        self,
        file: str,
        line: int,
        entry: int | None,
        url: str | None,
        bundle: int | None,
        data: bytes,
        collection: bool = False,
    ) -> Iterable[Raw | Block]:
        whole = _whole(data) if (usual := data.startswith(_BUNDLE)) else None  # most Bundles need no look before
        if whole:
            return self._unpacked(file, line, entry, data, whole)
        try:
            head = _head(data)
        except msgspec.ValidationError:
            if self._untyped and data.startswith(b"{"):
                return (Raw(file, line, entry, url, bundle, "", None, data),)
            return (_failed(file, line, _NO_TYPE, entry, bundle),)
        except (msgspec.DecodeError, RecursionError):
            return (_failed(file, line, _NOT_JSON, entry, bundle),)
        if head.resourceType == "Bundle":
            whole = None if usual else _whole(data)
            return self._unpacked(file, line, entry, data, whole or _loose(data))
        return (Raw(file, line, entry, url, bundle, head.resourceType, head.id, data, None, collection),)

    def _unpacked(self, file: str, line: int, place: int | None, data: bytes, of: _Entries) -> Iterator[Raw | Block]:
        bundle = self._bundles
        self._bundles += 1
        entries, collection, meta = of
        if self._loading and len(entries) >= _MANY and not any(isinstance(entry, str) for entry in entries):
            block = _block(file, line, cast(Sequence[_Entry], entries), Within(bundle, collection, [], []))
            if block is not None:
                yield block
                return
        for position, entry in enumerate(entries):
            if isinstance(entry, str):
                in_bundle = entry is not _NO_ENTRIES
                yield _failed(file, line, entry, position if in_bundle else place, bundle if in_bundle else None)
            elif target := _deletion(entry):
                if self._loading:
                    yield _deleted(target, _when(entry, meta), file, line, position, bundle)
            elif isinstance(entry.resource, msgspec.Raw):
                found = bytes(entry.resource)
                yield from self._resource(file, line, position, entry.fullUrl, bundle, found, collection)


def _block(file: str, line: int, entries: Sequence[_Entry], within: Within) -> Block | None:
    """The resources of a Bundle as a block, their places noted in `within`; None where some entry is to be looked at by
    itself. Gone through list by list, which takes a third of the time that entry by entry does."""
    if b"DELETE" in b"".join([entry.request for entry in entries if isinstance(entry.request, msgspec.Raw)]):
        return None
    within.entries.extend([place for place, entry in enumerate(entries) if entry.resource is not msgspec.UNSET])
    within.urls.extend([entry.fullUrl for entry in entries if entry.resource is not msgspec.UNSET])
    return of_bundle(file, line, [entry.resource for entry in entries if entry.resource is not msgspec.UNSET], within)


def _whole(data: bytes) -> _Entries | None:
    """What is in a Bundle with which nothing is wrong; None where something is, or it is no Bundle."""
    try:
        found = _bundle(data)
    except (msgspec.DecodeError, RecursionError):
        return None
    if found.resourceType != "Bundle":
        return None
    return found.entry or [], found.type == "collection", _bytes(found.meta)


def _loose(data: bytes) -> _Entries:
    """The same of any Bundle, its entries read one by one, each with what is wrong with it."""
    try:
        loose = _loose_bundle(data)
        entries = [_entry_or_error(entry) for entry in loose.entry or []]
        return entries, loose.type == "collection", _bytes(loose.meta)
    except (msgspec.DecodeError, RecursionError):
        return [_NO_ENTRIES], False, b""


def _bytes(part: msgspec.Raw | msgspec.UnsetType) -> bytes:
    return bytes(part) if isinstance(part, msgspec.Raw) else b""


def _entry_or_error(data: msgspec.Raw) -> _Entry | str:
    try:
        return _entry(data)
    except (msgspec.DecodeError, RecursionError):
        return _NO_ENTRY


def _deletion(entry: _Entry) -> str | None:
    """What an entry asks to be deleted ("?" where it does not say), None for other entries (FHIR R4,
    Bundle.entry.request; Bulk Data Access IG 2.0.0, export manifest, `deleted`)."""
    request = _bytes(entry.request)
    if b"DELETE" not in request:
        return None
    found, _ = _parse(request)
    if found is None or found.get("method") != "DELETE":
        return None
    return str(found.get("url") or "?")


def _when(entry: _Entry, meta: bytes) -> str | None:
    """When the deletion was made: the entry's response says, as in a history Bundle; else the Bundle's meta."""
    for part, name in ((_bytes(entry.response), "lastModified"), (meta, "lastUpdated")):
        found, _ = _parse(part) if part else (None, None)
        if found is not None and isinstance(found.get(name), str):
            return str(found[name])
    return None


def _deleted(target: str, at: str | None, file: str, line: int, entry: int, bundle: int) -> Raw:
    named = _TARGET.search(target)
    if named is None:
        return _failed(file, line, _NO_TARGET, entry, bundle)
    return Raw(file, line, entry, None, bundle, named[1], named[2], b"", None, False, True, at)
