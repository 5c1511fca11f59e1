"""How an answer shows itself: a headline and a table, as HTML for a notebook or as text for a terminal.

Leaves to others: what is in them (`kinds`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDTH = 100
_TABLE = "border-collapse:collapse;font-variant-numeric:tabular-nums"
_CELL = "text-align:{};padding:3px 14px 3px 0;vertical-align:top"


@dataclass(frozen=True)
class Shown:
    """A headline, the rows of a table under headings, and a note. Columns named in `numbers` stand to the right."""

    headline: str
    headings: tuple[str, ...] = ()
    rows: Sequence[Sequence[str]] = ()
    note: str = ""
    numbers: frozenset[str] = frozenset()

    def html(self) -> str:
        """For a notebook."""
        parts = [f"<p><b>{escape(self.headline)}</b></p>"]
        if self.rows:
            heads = "".join(self._cell("th", name, name) for name in self.headings)
            lines = ("".join(map(self._cell, ["td"] * len(row), row, self.headings)) for row in self.rows)
            body = "".join(f"<tr>{line}</tr>" for line in lines)
            parts.append(f'<table style="{_TABLE}"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>')
        if self.note:
            parts.append(f"<p>{escape(self.note)}</p>")
        return "".join(parts)

    def _cell(self, tag: str, text: str, heading: str) -> str:
        side = "right" if heading in self.numbers else "left"
        scope = ' scope="col"' if tag == "th" else ""
        return f'<{tag}{scope} style="{_CELL.format(side)}">{escape(text)}</{tag}>'

    def text(self) -> str:
        """For a terminal."""
        console = Console(file=StringIO(), width=_WIDTH, color_system=None, highlight=False)
        console.print(Text(self.headline))
        if self.rows:
            table = Table(box=None, pad_edge=False)
            for name in self.headings:
                table.add_column(name, justify="right" if name in self.numbers else "left", overflow="fold")
            for row in self.rows:
                table.add_row(*map(Text, row))
            console.print(table)
        if self.note:
            console.print(Text(self.note))
        assert isinstance(console.file, StringIO)
        return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


class Showing:
    """Whoever can say what of it is `shown` is shown by a notebook and by a terminal."""

    def shown(self) -> Shown:
        """What there is to see."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return self.shown().html()

    def __repr__(self) -> str:
        return self.shown().text()
