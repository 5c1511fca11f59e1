"""Published libraries, each broken in one place: the first fault told is on that line."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from salus.cql.source import Source
from salus.cql.tokens import Tokens, tokenize
from salus.cql.translate import Finder
from salus.cql.translate import translate as translate_with
from salus.measure.content import Content
from salus.measure.texts import LibraryTexts

Change = Callable[[Tokens, int], str | None]
DECLARED = ("define", "function", "parameter", "valueset", "codesystem", "code", "concept")


def closing_bracket_left_out(tokens: Tokens, at: int) -> str | None:
    return "" if tokens.kinds[at] == "]" else None


def operator_twice(tokens: Tokens, at: int) -> str | None:
    return f"{tokens.word(at)} {tokens.word(at)}" if tokens.kinds[at] in ("and", "or", "=", "in", "~") else None


def unknown_name(tokens: Tokens, at: int) -> str | None:
    refers = tokens.kinds[at] == "QUOTED" and tokens.kinds[at - 1] not in DECLARED
    return f'{tokens.word(at)[:-1]} zq"' if refers and tokens.kinds[at + 1] not in (":", "codesystem") else None


def unknown_function(tokens: Tokens, at: int) -> str | None:
    called = tokens.kinds[at - 1] == "." and tokens.kinds[at] == "IDENTIFIER" and tokens.kinds[at + 1] == "("
    return f"{tokens.word(at)}zq" if called else None


def keyword_misspelt(tokens: Tokens, at: int) -> str | None:
    word = tokens.word(at)
    return word[:2] + word[3:] if tokens.kinds[at] in ("where", "return", "such that", "during") else None


CHANGES = (closing_bracket_left_out, operator_twice, unknown_name, unknown_function, keyword_misspelt)


def broken(source: Source, change: Change, seed: int) -> tuple[Source, int] | None:
    """The text with one token changed, and the line of the change; None where there is nothing to change."""
    tokens = tokenize(source.text)
    order = list(range(1, len(tokens.kinds) - 1))
    random.Random(seed).shuffle(order)
    for at in order:
        if (new := change(tokens, at)) is not None:
            text = source.text[: tokens.starts[at]] + new + source.text[tokens.ends[at] :]
            return Source(text, source.name), source.position(tokens.starts[at])[0]
    return None


@pytest.fixture(scope="module")
def texts(shared_data: Callable[[str], Path]) -> LibraryTexts:
    return Content.load([shared_data("ecqm/content/Library.ndjson")]).libraries.texts


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_fault_is_told_on_its_line(texts: LibraryTexts, change: Change) -> None:
    finder, tried = Finder(texts), 0
    for seed, each in enumerate(texts.all()[::6]):
        made = broken(each.source, change, seed)
        if made is None:
            continue
        source, line = made
        tried += 1
        first = translate_with(source, finder).errors[0]
        assert first.line == line or f"line {line}," in first.message, f"expected at line {line}: {first}"
    assert tried > 5
