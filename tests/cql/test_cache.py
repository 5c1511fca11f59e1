"""Translations are kept between runs, found by all they depend on, and never trusted when damaged."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from salus.cache import Cache, cache_folder
from salus.cql import translate
from salus.cql import translations as module
from salus.cql.header import Head
from salus.cql.source import Source
from salus.cql.translations import Translations

KEY = "a" * 64


class Texts:
    """Texts by name, each without a version."""

    def __init__(self, **texts: str) -> None:
        self.by_name = texts

    def versions(self, name: str) -> list[str | None]:
        return [None] if name in self.by_name else []

    def text(self, name: str, version: str | None) -> Source:
        return Source(self.by_name[name], name)

    def head(self, name: str, version: str | None) -> Head:
        return Head.of(self.text(name, version), Cache(cache_folder()))

    def names(self) -> list[str]:
        return list(self.by_name)


def files(folder: Path) -> set[Path]:
    """The files of a cache, but for those of a folder of their own: the heads of the libraries."""
    return {path for path in folder.rglob("*") if path.is_file() and "headers" not in path.parts}


def test_what_is_put_can_be_got(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "deep" / "in")
    assert cache.get(KEY) is None
    cache.put(KEY, b"data")
    assert cache.get(KEY) == b"data"


@pytest.mark.parametrize("damage", [b"", b"x", b"0" * 64 + b"data"])
def test_what_is_damaged_is_not_there(tmp_path: Path, damage: bytes) -> None:
    cache = Cache(tmp_path)
    cache.put(KEY, b"data")
    (path,) = files(tmp_path)
    path.write_bytes(damage)
    assert cache.get(KEY) is None


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file")
    cache.put(KEY, b"data")
    assert cache.get(KEY) is None


def test_writers_do_not_disturb_each_other(tmp_path: Path) -> None:
    cache, data = Cache(tmp_path), [bytes([n]) * 100_000 for n in range(8)]
    threads = [threading.Thread(target=cache.put, args=(KEY, each)) for each in data]
    for thread in threads:
        thread.start()
    seen = [cache.get(KEY) for _ in range(50)]
    for thread in threads:
        thread.join()
    assert all(each is None or each in data for each in [*seen, cache.get(KEY)])
    assert len(files(tmp_path)) == 1


def test_what_was_not_used_for_long_is_forgotten(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put(KEY, b"old")
    (path,) = files(tmp_path)
    os.utime(path, (0, 0))
    cache.put(KEY[:-1] + "b", b"new")
    assert cache.get(KEY) is None


def test_the_folder_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALUS_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("SALUS_CACHE")
    assert "salus" in cache_folder().name


def test_a_translation_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = Texts(A="library A\ninclude B\ndefine X: B.Y\ndefine Z: nowhere", B="library B\ndefine Y: 1")
    first = Translations(texts, Cache(tmp_path)).of("A", None)
    monkeypatch.setattr(translate, "translate_scope", None)  # a second translation would fail
    second = Translations(texts, Cache(tmp_path)).of("A", None)
    assert second == first
    assert [each.line for each in second.errors] == [4]


@pytest.mark.parametrize(
    "changed",
    [
        Texts(A="library A\ninclude B\ndefine X: B.Y", B="library B\ndefine Y: '1'"),
        Texts(A="library A\ninclude B\ndefine X: B.Y"),
        Texts(A="library A\ninclude B\ndefine X: B.Y\n", B="library B\ndefine Y: 1"),
    ],
)
def test_a_changed_text_or_include_is_translated_anew(tmp_path: Path, changed: Texts) -> None:
    texts = Texts(A="library A\ninclude B\ndefine X: B.Y", B="library B\ndefine Y: 1")
    Translations(texts, Cache(tmp_path)).of("A", None)
    before = files(tmp_path)
    Translations(changed, Cache(tmp_path)).of("A", None)
    assert len(files(tmp_path) - before) == 1


def test_another_translator_does_not_use_what_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = Texts(A="library A\ndefine X: 1")
    Translations(texts, Cache(tmp_path)).of("A", None)
    before = files(tmp_path)
    monkeypatch.setattr(module, "translator", lambda: "another")
    Translations(texts, Cache(tmp_path)).of("A", None)
    assert len(files(tmp_path) - before) == 1


def test_libraries_that_include_each_other_are_told(tmp_path: Path) -> None:
    texts = Texts(A="library A\ninclude B\ndefine X: B.Y", B="library B\ninclude A\ndefine Y: 1")
    made = Translations(texts, Cache(tmp_path))
    assert made.of("A", None).errors or made.of("B", None).errors
