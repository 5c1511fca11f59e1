"""An explanation as one HTML file that opens without a network and runs no script: why one person is where they are.

It holds a person's records and says so at the top; nothing in it is hidden, for it is made on request, for those who
look after them. Leaves to others: the explanation (`measure.explain`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from salus import __version__
from salus.files import write_atomically
from salus.measure.explain.model import Definition, Explanation, Truth
from salus.measure.explain.reasons import spelled
from salus.publish import pages

_CLASSES: dict[Truth, str] = {True: "true", False: "false", None: "unknown"}


def write_page(found: Explanation, out: Path) -> Path:
    """Write the page at `out`, whole or not at all."""
    page = render(found)
    write_atomically(out, lambda path: path.write_text(page, encoding="utf-8"))
    return out


def render(found: Explanation) -> str:
    """The page as text."""
    css = pages.resource("explanation.css")
    page = pages.template("explanation.html.j2")
    return page.render(found=found, css=css, version=__version__, state=_CLASSES.get, painted=painted, spelled=spelled)


def painted(definition: Definition) -> Iterator[tuple[str, str]]:
    """A definition's text in pieces, each with its state ("" for none)."""
    place = 0
    for span in definition.spans:
        yield definition.text[place : span.start], ""
        yield definition.text[span.start : span.end], span.state
        place = span.end
    yield definition.text[place:], ""
