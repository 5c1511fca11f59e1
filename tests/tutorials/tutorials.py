"""Tutorials as tests: a page's files are written, its commands and its Python run, and what it shows must come out.

In docs/tutorials/*.md, in the order they stand:

    ```toml file=mine.toml     written (or, with append=, added to) under that name
    ```console                 each line after `$ ` runs in a shell; the lines below it must come out, in that order
    ```python                  run; all of a page share their names
    ```text                    must come out of the Python before it

Of a line that is shown, `...` stands for anything, and runs of blanks for one.
Lines that are not shown may come between. A notebook (.ipynb) is its code cells. Leaves to others: the pages.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_WRITTEN = re.compile(r"\b(file|append)=(\S+)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what stands behind it, its text and the line it begins at."""

    language: str
    about: str
    text: str
    line: int


@dataclass
class Run:
    """A page being run in a folder of its own."""

    page: Path
    folder: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "tutorial"})
    said: str = ""

    def take(self, block: Block) -> None:
        """Do what a block asks for. AssertionError names page, line and what did not come out."""
        where = f"{self.page.name}:{block.line}"
        written = _WRITTEN.search(block.about)
        if written:
            with (self.folder / written[2]).open("w" if written[1] == "file" else "a", encoding="utf-8") as file:
                file.write(block.text)
        elif block.language == "console":
            for command, shown in commands(block.text):
                compare(shown, self._shell(command, where), f"{where}: $ {command}")
        elif block.language == "python":
            self.said = self._python(block.text, where)
        elif block.language == "text":
            compare(block.text, self.said, where)

    def _shell(self, command: str, where: str) -> str:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        told = {**os.environ, "PATH": path, "COLUMNS": "160", "SALUS_DEBUG": "1"}
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=told, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, f"{where}: $ {command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def _python(self, text: str, where: str) -> str:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.chdir(self.folder):
            exec(compile(text, where, "exec"), self.names)
        return out.getvalue()


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page or the code cells of a notebook, in order."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        for number, cell in enumerate(json.loads(text)["cells"], 1):
            if cell["cell_type"] == "code":
                yield Block("python", "", "".join(cell["source"]), number)
        return
    for found in _FENCE.finditer(text):
        yield Block(found[1], found[2], found[3], text.count("\n", 0, found.start()) + 1)


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with what is shown below it; a line that ends with a backslash goes on."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        end = next(n for n, line in enumerate(lines, 1) if not line.endswith("\\"))
        yield "\n".join(lines[:end]), "\n".join(lines[end:])


def compare(shown: str, said: str, where: str) -> None:
    """Every line shown comes out, in that order."""
    rest = [_plain(line) for line in said.splitlines()]
    for line in filter(None, map(_plain, shown.splitlines())):
        pattern = ".*".join(map(re.escape, re.split(r" *\.\.\. *", line)))
        place = next((n for n, told in enumerate(rest) if re.fullmatch(pattern, told)), None)
        assert place is not None, f"{where}: this did not come out: {line}\n--- what did:\n{said}"
        rest = rest[place + 1 :]


def _plain(line: str) -> str:
    """Without the lines of a table and with single blanks."""
    return " ".join(re.sub("[│┃]", " ", line).split())


def run(page: Path, folder: Path) -> Mapping[str, Any]:
    """Run a page; the names its Python leaves."""
    going = Run(page, folder)
    for block in blocks(page):
        going.take(block)
    return going.names
