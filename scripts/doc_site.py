"""docs/*.md and notebooks -> site/: the documentation as plain HTML, every link checked; nothing asks a network.

Run by `make docs`. README is the first page. A page that no group names stands under "More", so that none is lost.
Leaves to others: writing the pages that follow from the code (`make_docs.py`).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "site"
GROUPS = {
    "Begin": ("README.md", "docs/tutorials/*.md", "docs/tutorials/*.ipynb"),
    "Use": (
        *("docs/cli.md", "docs/python.md", "docs/catalog.md", "docs/authoring.md", "docs/tables.md", "docs/synth.md"),
        *("docs/attributes.md", "docs/explain.md", "docs/bulk-data.md"),
    ),
    "Trust": (
        *("docs/conformance.md", "docs/agreement.md", "docs/translation.md", "docs/disclosure.md"),
        *("docs/calibration.md", "docs/planted.md", "docs/reliability.md", "docs/performance.md"),
    ),
    "The language": ("docs/language.md", "docs/language/*.md"),
    "Why": ("docs/DECISIONS.md", "docs/SPEC_CLARIFICATIONS.md", "docs/ADJUDICATIONS.md", "CONTRIBUTING.md"),
}
MORE = "docs/**/*.md"
STYLE = Path(__file__).with_suffix(".css")


@dataclass
class Page:
    """A Markdown file, where it goes in the site, and its tokens."""

    source: PurePosixPath
    text: str
    tokens: list[Token] = field(default_factory=list)

    @property
    def target(self) -> PurePosixPath:
        """README is index.html; what is in docs/ stands without it."""
        if self.source.name == "README.md":
            return PurePosixPath("index.html")
        parts = self.source.parts[1:] if self.source.parts[0] == "docs" else self.source.parts
        return PurePosixPath(*parts).with_suffix(".html")

    @cached_property
    def title(self) -> str:
        """Its first heading."""
        found = re.search(r"^# (.+)$", self.text, re.MULTILINE)
        return found[1].strip("` ") if found else self.source.stem

    @cached_property
    def anchors(self) -> set[str]:
        """What a link can lead to."""
        return {str(t.attrs["id"]) for t in self.tokens if t.type == "heading_open"}


def pages(root: Path) -> dict[str, list[Page]]:
    """Every page by its group, each once; "More" has those that no group names."""
    seen: set[Path] = set()
    found: dict[str, list[Page]] = {}
    for group, patterns in {**GROUPS, "More": (MORE,)}.items():
        for pattern in patterns:
            for path in sorted(set(root.glob(pattern)) - seen):
                seen.add(path)
                found.setdefault(group, []).append(_page(root, path))
    return found


def _page(root: Path, path: Path) -> Page:
    page = Page(PurePosixPath(path.relative_to(root).as_posix()), _text(path))
    page.tokens = _parser().parse(page.text)
    used: dict[str, int] = {}
    for opening, inline in zip(page.tokens, page.tokens[1:], strict=False):
        if opening.type == "heading_open":
            named = slug(inline.content)
            opening.attrs["id"] = named + (f"-{used[named]}" if named in used else "")
            used[named] = used.get(named, 0) + 1
    return page


def _text(path: Path) -> str:
    """A page as Markdown; a notebook is its cells, the code fenced."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(text)["cells"]]
    return "\n\n".join(f"```python\n{said}\n```" if kind == "code" else said for kind, said in cells)


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def build(root: Path, site: Path) -> list[str]:
    """Write the site; what is wrong with its links, as "page: link". Nothing is written when something is."""
    groups = pages(root)
    every = {page.source: page for members in groups.values() for page in members}
    copied: dict[Path, PurePosixPath] = {}
    wrong = [fault for page in every.values() for fault in _linked(page, every, root, copied)]
    if wrong:
        return wrong
    shutil.rmtree(site, ignore_errors=True)
    for page in every.values():
        target = site / page.target
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_html(page, groups), encoding="utf-8")
    for source, place in copied.items():
        (site / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, site / place)
    return []


# --- links ---


def _linked(
    page: Page, every: Mapping[PurePosixPath, Page], root: Path, copied: dict[Path, PurePosixPath]
) -> Iterator[str]:
    """Turn every link so that it leads from page to page of the site; tell those that lead nowhere."""
    for token in _inline(page.tokens):
        name = {"link_open": "href", "image": "src"}.get(token.type)
        link = str(token.attrs.get(name, "")) if name else ""
        if not name or urlsplit(link).scheme:
            continue
        turned = _turned(link, page, every, root, copied)
        if turned is None:
            yield f"{page.source}: {link}"
        else:
            token.attrs[name] = turned


def _turned(
    link: str, page: Page, every: Mapping[PurePosixPath, Page], root: Path, copied: dict[Path, PurePosixPath]
) -> str | None:
    path, _, anchor = unquote(link).partition("#")
    aim = PurePosixPath(normpath(page.source.parent / path)) if path else page.source
    if aim in every:
        if anchor and anchor not in every[aim].anchors:
            return None
        there = relpath(every[aim].target, page.target.parent)
        return (there if path else "") + (f"#{anchor}" if anchor else "")
    if not (root / aim).is_file():
        return None
    place = PurePosixPath(*aim.parts[1:]) if aim.parts[0] == "docs" else aim
    copied[root / aim] = place
    return relpath(place, page.target.parent)


def _inline(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _inline(token.children or ())


# --- HTML ---


def _html(page: Page, groups: Mapping[str, Sequence[Page]]) -> str:
    body = _parser().renderer.render(page.tokens, _parser().options, {})
    body = re.sub(r"<table>.*?</table>", _scrolling, body, flags=re.DOTALL)
    body = body.replace("<th></th>", "<td></td>").replace("<pre>", '<pre tabindex="0">')
    menu = "".join(_menu(name, members, page) for name, members in groups.items())
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:"
    style = STYLE.read_text(encoding="utf-8")
    title = escape(page.title if page.title == "Salus" else f"{page.title} · Salus")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><style>{style}</style></head><body>'
        '<a class="skip" href="#main">Skip to the text</a><div class="page">'
        f'<nav aria-label="Pages"><details><summary>Pages</summary>{menu}</details></nav>'
        f'<main id="main">{body}</main></div></body></html>\n'
    )


def _scrolling(table: re.Match[str]) -> str:
    return f'<div class="scroll" tabindex="0" role="group" aria-label="Table">{table[0]}</div>'


def _menu(name: str, members: Sequence[Page], here: Page) -> str:
    current = ' aria-current="page"'
    links = (
        f'<li><a href="{escape(relpath(page.target, here.target.parent))}"'
        f"{current if page is here else ''}>{escape(page.title)}</a></li>"
        for page in members
    )
    return f"<h2>{escape(name)}</h2><ul>{''.join(links)}</ul>"


def main() -> int:
    """Build the site; 1 when a link leads nowhere."""
    wrong = build(ROOT, SITE)
    for fault in wrong:
        print(f"leads nowhere: {fault}")
    if not wrong:
        print(f"site/ written: open {SITE / 'index.html'}")
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
