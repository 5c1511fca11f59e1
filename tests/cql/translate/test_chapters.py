"""CQL in, ELM out: the chapters of the language, as read from `chapters/*.txt`.

A file is blocks between blank lines. A block that begins with `given` holds the definitions before every expression
that follows, and the model they use; a block of `--` lines says why. In any other block the lines that stand at the
margin are an expression and the indented ones its ELM, as `elm_dump` writes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from elm_dump import elm_of

CHAPTERS = Path(__file__).resolve().parent / "chapters"


def cases() -> Iterator[tuple[str, str, str, str]]:
    """Chapter and expression, the model, the whole text, the ELM."""
    for path in sorted(CHAPTERS.glob("*.txt")):
        model, given = "", ""
        for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
            lines = block.split("\n")
            if lines[0].startswith("given"):
                model, given = lines[0].removeprefix("given").strip(), "\n".join(lines[1:])
            elif not lines[0].startswith("--"):
                written = "\n".join(line for line in lines if not line.startswith(" "))
                elm = " ".join(line.strip() for line in lines if line.startswith(" "))
                yield f"{path.stem}: {written}", model, f"{given}\ndefine X: {written}", elm


CASES = list(cases())


@pytest.mark.parametrize(("model", "text", "elm"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_chapter_says_what_it_means(model: str, text: str, elm: str) -> None:
    assert elm_of(text, model=model) == elm
