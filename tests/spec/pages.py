"""The pages of the manual as they are written: Markdown, in which tables hold records, expressions and answers.

A page is a file `NN_chapter/NN_family.md`: a title, prose, and sections (`## ...`). Its tables are told by their first
heading:

| first heading | the table holds |
|---|---|
| `patient` | a row per patient; each other column, `name Type`, is a define of that name |
| a resource type | a row per resource, named by id; `patient` and elements as the other columns |
| `ValueSet` | a row per value set and its codes |
| `expression` | a row per expression, and what it is for each patient |

A block marked `cql` declares what the expressions of its section use (of every section, when it stands before the
first); one marked `cql expression` is an expression too long for a table, followed by a table of its answers. One
marked `json` holds records that no table can, one to a line.
Leaves to others: what is in the cells (`cells`), running them (`running`) and setting them in the manual (`make_docs`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
RAW = "json"
"""The heading of records as they are."""
ANSWERS = ("expression",)
NOTES = ("warning", "error", "refused by duckdb")


@dataclass(frozen=True)
class Table:
    """Headings and rows of cells, as text; `line` is where it begins."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    line: int


@dataclass(frozen=True)
class Case:
    """An expression and what it must be: per patient, or the note (a warning, an error) it must leave."""

    expression: str
    answers: dict[str, str]
    notes: dict[str, str]
    line: int


@dataclass
class Section:
    """A stretch of a page under one heading. The first, without a title, holds what all sections share."""

    title: str
    line: int
    records: list[Table] = field(default_factory=list)
    declarations: list[str] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)


@dataclass(eq=False)
class Page:
    """A file of the manual."""

    path: Path
    text: str
    title: str
    sections: list[Section]

    @property
    def name(self) -> str:
        """`chapter/family`."""
        return f"{self.path.parent.name}/{self.path.stem}"

    @property
    def shared(self) -> Section:
        return self.sections[0]


def paths() -> list[Path]:
    """Every page, in the order of the manual."""
    return sorted(HERE.glob("[0-9][0-9]_*/[0-9][0-9]_*.md"))


@cache
def page(path: Path) -> Page:
    """A page, read. Raises ValueError, with the line, for a table that is not in shape."""
    text = path.read_text(encoding="utf-8")
    reading = _Reading(path, text.splitlines())
    return Page(path, text, reading.title, reading.sections)


class _Reading:
    def __init__(self, path: Path, lines: Sequence[str]) -> None:
        self.path, self.title, self.sections = path, "", [Section("", 1)]
        self._lines, self._at, self._pending = lines, 0, ""
        while self._at < len(lines):
            self._step(lines[self._at])
        if self._pending:
            raise ValueError(f"{path}: an expression has no table of answers after it")

    def _step(self, line: str) -> None:
        if line.startswith("## "):
            self.sections.append(Section(line[3:].strip(), self._at + 1))
        elif line.startswith("# "):
            self.title = line[2:].strip()
        elif line.startswith("```cql"):
            self._block(line.removeprefix("```cql").strip())
        elif line == "```json":
            start = self._at + 1
            rows = tuple((text,) for text in self._fenced().splitlines())
            self.sections[-1].records.append(Table((RAW,), rows, start))
        elif line.startswith("|"):
            self._table()
            return
        self._at += 1

    def _block(self, kind: str) -> None:
        text = self._fenced()
        if kind == "expression":
            self._pending = text
        else:
            self.sections[-1].declarations.append(text)

    def _fenced(self) -> str:
        """What stands in the block that begins here."""
        end = self._lines.index("```", self._at)
        text = "\n".join(self._lines[self._at + 1 : end])
        self._at = end
        return text

    def _table(self) -> None:
        start = self._at
        while self._at < len(self._lines) and self._lines[self._at].startswith("|"):
            self._at += 1
        rows = [_cells(line) for line in self._lines[start : self._at]]
        headings, body = rows[0], rows[2:]
        if any(len(row) != len(headings) for row in rows):
            raise ValueError(f"{self.path}:{start + 1}: the rows of the table are not of one length")
        self._place(Table(headings, tuple(body), start + 1))

    def _place(self, table: Table) -> None:
        section = self.sections[-1]
        if self._pending:
            whole = Table(
                ("expression", *table.headings), tuple((self._pending, *row) for row in table.rows), table.line
            )
            section.cases += _cases(whole)
            self._pending = ""
        elif table.headings[0] == "expression":
            section.cases += _cases(table)
        elif table.headings[0] == "patient" or table.headings[0][:1].isupper():
            section.records.append(table)


def _cells(line: str) -> tuple[str, ...]:
    """The cells of a row; `\\|` is a bar."""
    return tuple(cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1])


def _cases(table: Table) -> Iterator[Case]:
    for offset, row in enumerate(table.rows):
        given = dict(zip(table.headings[1:], row[1:], strict=True))
        notes = {name: given.pop(name) for name in NOTES if name in given}
        answers = {name: cell for name, cell in given.items() if cell}
        yield Case(row[0].strip("`"), answers, {k: v for k, v in notes.items() if v}, table.line + 2 + offset)
