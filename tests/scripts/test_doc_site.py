"""The documentation as a site: every page is in it, every link leads somewhere, nothing is asked of a network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import doc_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site") / "site"
    assert doc_site.build(doc_site.ROOT, out) == []
    return out


def test_every_page_is_there_and_in_the_menu_of_the_first(site: Path) -> None:
    first = (site / "index.html").read_text(encoding="utf-8")
    docs = doc_site.ROOT / "docs"
    for path in [*docs.rglob("*.md"), *docs.rglob("*.ipynb")]:
        target = path.relative_to(docs).with_suffix(".html")
        assert (site / target).is_file()
        assert f'href="{target.as_posix()}"' in first


def test_every_link_of_the_site_leads_to_a_file(site: Path) -> None:
    for page in site.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#:]+)(?:#[^"]*)?"', page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_nothing_is_fetched(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r'<(script|link|iframe)\b|<img[^>]+src="https?:', text), page.name
        assert "default-src 'none'" in text


@pytest.mark.parametrize("link", ["docs/none.md", "docs/a.md#nowhere", "#nowhere"])
def test_a_link_that_leads_nowhere_is_named_and_nothing_is_written(tmp_path: Path, link: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.md").write_text("# A page\n\n## Here\n", encoding="utf-8")
    (tmp_path / "README.md").write_text(f"# Salus\n\n[fine](docs/a.md#here) [x]({link})\n", encoding="utf-8")
    assert doc_site.build(tmp_path, tmp_path / "site") == [f"README.md: {link}"]
    assert not (tmp_path / "site").exists()


def test_html_in_a_page_is_text(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# Salus\n\n<script>alert(1)</script>\n", encoding="utf-8")
    assert doc_site.build(tmp_path, tmp_path / "site") == []
    assert "<script" not in (tmp_path / "site/index.html").read_text(encoding="utf-8")
